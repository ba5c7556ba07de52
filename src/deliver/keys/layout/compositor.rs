//! Reads the keyboard's layout from the compositor, which sends it to every program, even without a
//! window.
//!
//! The compositor reports the active group only to the window that has the keyboard.

use super::Stroke;
use crate::deliver::display::wayland::{CompositorState, WaylandConnection, broken};
use crate::deliver::error::DeliverError;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use v2m_messages::tr;
use wayland_client::protocol::wl_keyboard::{self, KeymapFormat, WlKeyboard};
use wayland_client::protocol::wl_seat::{self, Capability, WlSeat};
use wayland_client::{Connection, Dispatch, QueueHandle, WEnum};

/// The most bytes of a layout in text form. Layouts of four groups take some 100 kB.
const MOST: usize = 4 << 20;

#[derive(Debug, Default)]
struct KeymapListener {
    has_keyboard: bool,
    layout: Option<(OwnedFd, u32)>,
}

/// Returns the layout in xkb's text form. `None`: there is no keyboard. Blocks.
pub(crate) fn layout() -> Result<Option<Vec<u8>>, DeliverError> {
    let mut compositor = WaylandConnection::begin(KeymapListener::default())?;
    let Some(seat) = compositor.bind::<WlSeat>(1) else { return Ok(None) };
    compositor.catch_up()?;
    // Asking a seat for a keyboard that it never had is an error that ends the connection.
    if !compositor.heard.state.has_keyboard {
        return Ok(None);
    }
    seat.get_keyboard(&compositor.handle(), ());
    compositor.catch_up()?;
    compositor.heard.state.layout.take().map(|(file, size)| read(file, size)).transpose()
}

/// Refuses a text that takes too many keys. If some 200 kB wait for a program, the compositor takes
/// it for dead (libwayland before 1.23) and closes its connection, which ends the program. So a
/// program that hangs must survive all the keys of a text. They are sent in one batch, because
/// single small messages take more room in the kernel.
pub(crate) fn check(strokes: &[Stroke]) -> Result<(), DeliverError> {
    /// The most bytes of events for a program. They take twice that in the kernel.
    const MOST: usize = 48 << 10;
    /// The bytes of a key's press and release: 24 bytes each.
    const KEY: usize = 48;
    /// The bytes of the modifier events before and after a key: 28 bytes each.
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
        return Err(DeliverError::NoLayout(tr!("it is too large")));
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
