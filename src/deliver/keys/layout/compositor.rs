//! The keyboard's layout as the compositor tells it to every program: no window is needed for it.
//!
//! Which of its groups is in force only the window with the keyboard is told.

use super::Stroke;
use crate::deliver::display::wayland::{CompositorState, WaylandConnection, broken};
use crate::deliver::error::DeliverError;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use wayland_client::protocol::wl_keyboard::{self, KeymapFormat, WlKeyboard};
use wayland_client::protocol::wl_seat::{self, Capability, WlSeat};
use wayland_client::{Connection, Dispatch, QueueHandle, WEnum};

/// Of a layout in text form. Those of four groups take some 100 kB.
const MOST: usize = 4 << 20;

#[derive(Debug, Default)]
struct KeymapListener {
    has_keyboard: bool,
    layout: Option<(OwnedFd, u32)>,
}

/// The layout in xkb's text form. `None`: there is no keyboard. Blocking.
pub(crate) fn layout() -> Result<Option<Vec<u8>>, DeliverError> {
    let mut compositor = WaylandConnection::begin(KeymapListener::default())?;
    let Some(seat) = compositor.bind::<WlSeat>(1) else { return Ok(None) };
    compositor.catch_up()?;
    // To ask a seat for what it never had is an error that ends the connection.
    if !compositor.heard.state.has_keyboard {
        return Ok(None);
    }
    seat.get_keyboard(&compositor.handle(), ());
    compositor.catch_up()?;
    compositor.heard.state.layout.take().map(|(file, size)| read(file, size)).transpose()
}

/// Refuses what takes too many keys. A compositor that finds some 200 kB waiting for a program
/// takes it for dead (libwayland before 1.23) and ends its connection, and the program with it. So
/// a program that hangs must live through all the keys of a text. They are sent at once: what comes
/// in drops takes more of the kernel's room than what comes in a gush.
pub(crate) fn check(strokes: &[Stroke]) -> Result<(), DeliverError> {
    /// Bytes of events that a program may be sent: in the kernel they take twice that.
    const MOST: usize = 48 << 10;
    /// A key's events, pressed and released: 24 bytes each.
    const KEY: usize = 48;
    /// An event that tells the modifiers: 28 bytes, before and after the key.
    const MODIFIERS: usize = 56;
    let bytes = |stroke: &Stroke| match stroke.hold.len() {
        0 => KEY,
        held => KEY + held * (KEY + MODIFIERS),
    };
    if strokes.iter().map(bytes).sum::<usize>() > MOST {
        Err(DeliverError::TooLong)
    } else {
        Ok(())
    }
}

fn read(file: OwnedFd, size: u32) -> Result<Vec<u8>, DeliverError> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size > MOST {
        return Err(DeliverError::NoLayout("it is too large"));
    }
    let mut text = vec![0; size];
    File::from(file).read_exact_at(&mut text, 0).map_err(broken)?;
    Ok(text)
}

impl Dispatch<WlSeat, ()> for CompositorState<KeymapListener> {
    fn event(
        heard: &mut Self,
        _: &WlSeat,
        event: wl_seat::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_seat::Event::Capabilities { capabilities: WEnum::Value(all) } = event {
            heard.state.has_keyboard = all.contains(Capability::Keyboard);
        }
    }
}

impl Dispatch<WlKeyboard, ()> for CompositorState<KeymapListener> {
    fn event(
        heard: &mut Self,
        _: &WlKeyboard,
        event: wl_keyboard::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_keyboard::Event::Keymap { format, fd, size } = event {
            let is_text = format == WEnum::Value(KeymapFormat::XkbV1);
            heard.state.layout = is_text.then_some((fd, size));
        }
    }
}
