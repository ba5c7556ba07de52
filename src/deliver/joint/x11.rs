//! Watches the keys and buttons that the user presses, which the X server reports to any program
//! that asks (XInput 2's raw events).
//!
//! The key's code is used only to leave out keys that write nothing, and is then forgotten.

use super::{Grain, InputWatch, Recorder};
use crate::deliver::error::DeliverError;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use tracing::debug;
use x11rb::connection::Connection;
use x11rb::errors::ReplyError;
use x11rb::protocol::Event;
use x11rb::protocol::xinput::{self, ConnectionExt as _, XIEventMask};
use x11rb::protocol::xproto::{ConnectionExt as _, Keysym};
use x11rb::rust_connection::RustConnection;

/// The requested version of XInput. From 2.1 on, the server reports keys pressed in any window,
/// including keys that another program grabs, as a shortcut's program does.
const VERSION: (u16, u16) = (2, 2);
/// The buttons of a mouse wheel, which do not move the cursor.
const WHEEL: std::ops::RangeInclusive<u32> = 4..=7;
/// The most events that are read. A user who turns the wheel all day must not keep v2m awake.
const MOST: usize = 200;
/// The keysyms of keys that write nothing by themselves (X11's `keysymdef.h`, `XF86keysym.h`): keys
/// that latch or shift to another level, Scroll Lock, Mode_switch and Num Lock, Shift to Hyper,
/// media keys and keys for the machine.
const WRITE_NOTHING: [std::ops::RangeInclusive<Keysym>; 5] =
    [0xfe01..=0xfe13, 0xff14..=0xff14, 0xff7e..=0xff7f, 0xffe1..=0xffee, 0x1008_0000..=0x1008_ffff];

/// Starts a watch. `None`: the server does not report keys.
pub(crate) async fn watch() -> Option<InputWatch> {
    InputWatch::by_thread(Grain::Exact, |recorder, end| {
        if let Err(problem) = work(recorder, &end) {
            debug!(reason = %problem, "the X server does not tell of keys");
        }
    })
    .await
}

fn work(mut recorder: Recorder, end: &OwnedFd) -> Result<(), DeliverError> {
    let (conn, screen) =
        RustConnection::connect(None).map_err(|error| DeliverError::NoServer(error.to_string()))?;
    let root = conn.setup().roots.get(screen).ok_or(DeliverError::NoWay)?.root;
    let told = conn.xinput_xi_query_version(VERSION.0, VERSION.1)?.reply()?;
    if (told.major_version, told.minor_version) < (2, 1) {
        return Err(DeliverError::NoExtension("XInput 2.1"));
    }
    let writing = keys_that_write(&conn)?;
    let mask = XIEventMask::RAW_KEY_PRESS | XIEventMask::RAW_BUTTON_PRESS;
    let device = xinput::Device::ALL_MASTER.into();
    let masks = [xinput::EventMask { deviceid: device, mask: vec![mask] }];
    conn.xinput_xi_select_events(root, &masks)?.check()?;
    let mut is_wanted = recorder.begin();
    let mut left = MOST;
    while is_wanted && left > 0 {
        let Some(event) = conn.poll_for_event()? else {
            is_wanted = wait(&conn, end)?;
            continue;
        };
        left -= 1;
        let counts = match event {
            Event::XinputRawKeyPress(press) => {
                u8::try_from(press.detail).is_ok_and(|code| writing.contains(&code))
            }
            Event::XinputRawButtonPress(press) => !WHEEL.contains(&press.detail),
            _ => false,
        };
        is_wanted = !counts || recorder.active();
    }
    Ok(())
}

/// Reads the codes of the keys that write something, or have another effect in a window.
fn keys_that_write(conn: &RustConnection) -> Result<Vec<u8>, ReplyError> {
    let (first, last) = (conn.setup().min_keycode, conn.setup().max_keycode);
    let mapping = conn.get_keyboard_mapping(first, last - first + 1)?.reply()?;
    let per_key = usize::from(mapping.keysyms_per_keycode).max(1);
    let keys = (first..=last).zip(mapping.keysyms.chunks(per_key));
    let writes = |keysyms: &[Keysym]| {
        let first = keysyms.first().copied().unwrap_or_default();
        !WRITE_NOTHING.iter().any(|keys| keys.contains(&first))
    };
    Ok(keys.filter(|(_, keysyms)| writes(keysyms)).map(|(code, _)| code).collect())
}

/// Waits for the server. Returns false if the watch is no longer wanted.
fn wait(conn: &RustConnection, end: &OwnedFd) -> Result<bool, DeliverError> {
    conn.flush()?;
    let mut files = [PollFd::new(conn.stream(), PollFlags::IN), PollFd::new(&end, PollFlags::IN)];
    match poll(&mut files, None) {
        Ok(_) => Ok(files[1].revents().is_empty()),
        Err(Errno::INTR) => Ok(true),
        Err(error) => Err(DeliverError::Server(error.to_string())),
    }
}
