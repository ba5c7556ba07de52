//! Pastes or writes a text with v2m's own virtual keyboard, which exists for one text only.
//!
//! Keys that the user holds on the real keyboard do not mix with it. For pasting it has one key.
//! Windows receive its keymap before that key, and the real keyboard's keymap again before the next
//! real key. For typing it has the user's own keymap, so that windows see no other.

mod keymap;

use self::keymap::{code, keymap, mask};
use super::layout::compositor::{check, layout};
use super::layout::{Layout, Locked, OFFSET, Stroke};
use crate::chord::Chord;
use crate::deliver::display::wayland::{WaylandConnection, broken};
use crate::deliver::error::DeliverError;
use crate::deliver::keys::Keys;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use v2m_messages::tr;
use wayland_client::protocol::wl_keyboard::{KeyState, KeymapFormat};
use wayland_client::protocol::wl_seat::WlSeat;
use wayland_client::{EventQueue, delegate_noop};
use wayland_protocols_misc::zwp_virtual_keyboard_v1::client::{
    zwp_virtual_keyboard_manager_v1::ZwpVirtualKeyboardManagerV1,
    zwp_virtual_keyboard_v1::ZwpVirtualKeyboardV1,
};

/// The compositor's virtual keyboards.
#[derive(Debug)]
pub(crate) struct Keyboards {
    manager: ZwpVirtualKeyboardManagerV1,
    seat: WlSeat,
    queue: EventQueue<NoEvents>,
}

/// Neither the manager nor a keyboard has any events.
#[derive(Debug)]
struct NoEvents;

delegate_noop!(NoEvents: ZwpVirtualKeyboardManagerV1);
delegate_noop!(NoEvents: ZwpVirtualKeyboardV1);

impl Keyboards {
    /// Binds the virtual keyboards of this compositor, on this connection. `None`: it offers none.
    pub(crate) fn of<S>(compositor: &WaylandConnection<S>, seat: &WlSeat) -> Option<Self> {
        let queue = compositor.beside();
        let manager = compositor.bind_on(&queue.handle(), 1)?;
        Some(Self { manager, seat: seat.clone(), queue })
    }

    /// Creates a keyboard with this keymap.
    fn plug_in(&self, keymap: &[u8]) -> Result<ZwpVirtualKeyboardV1, DeliverError> {
        let (file, size) = shared(keymap).map_err(broken)?;
        let keyboard = self.manager.create_virtual_keyboard(&self.seat, &self.queue.handle(), ());
        keyboard.keymap(KeymapFormat::XkbV1.into(), file.as_fd(), size);
        Ok(keyboard)
    }
}

/// A keyboard with the keys of one combination. Dropping it unplugs it, which also releases its
/// keys.
#[derive(Debug)]
pub(crate) struct Keyboard<'k> {
    keyboards: &'k Keyboards,
    are_new: bool,
    plugged_in: Option<(ZwpVirtualKeyboardV1, Chord)>,
}

impl<'k> Keyboard<'k> {
    /// Creates a keyboard that is not plugged in yet. `are_new`: there is no other keyboard that
    /// windows listen to.
    pub(crate) fn new(keyboards: &'k Keyboards, are_new: bool) -> Self {
        Self { keyboards, are_new, plugged_in: None }
    }
}

impl Keys for Keyboard<'_> {
    async fn find(&mut self, chord: &Chord) -> Result<(), DeliverError> {
        let keyboard = self.keyboards.plug_in(keymap(chord.key).as_bytes())?;
        self.plugged_in = Some((keyboard, chord.clone()));
        Ok(())
    }

    fn are_new(&self) -> bool {
        self.are_new
    }

    /// Presses and releases the combination in one batch. The compositor processes later requests
    /// after it.
    async fn press(&mut self) -> Result<(), DeliverError> {
        let Some((keyboard, chord)) = &self.plugged_in else { return Err(DeliverError::NoWay) };
        let (time, key) = (milliseconds(), code(chord.key));
        keyboard.modifiers(mask(chord), 0, 0, 0);
        keyboard.key(time, key, KeyState::Pressed.into());
        keyboard.key(time.wrapping_add(1), key, KeyState::Released.into());
        keyboard.modifiers(0, 0, 0, 0);
        Ok(())
    }
}

impl Drop for Keyboard<'_> {
    fn drop(&mut self) {
        if let Some((keyboard, _)) = &self.plugged_in {
            keyboard.destroy();
        }
    }
}

/// A keyboard with the user's own keymap, and the keys of a text. Dropping it unplugs it, which
/// also releases its keys.
#[derive(Debug)]
pub(crate) struct Typist {
    keyboard: ZwpVirtualKeyboardV1,
    strokes: Vec<Stroke>,
    group: u32,
}

impl Typist {
    /// Finds the keys for `text` and plugs in a keyboard. Presses nothing yet.
    pub(crate) fn new(keyboards: &Keyboards, text: &str) -> Result<Self, DeliverError> {
        let keymap = layout()?.ok_or(DeliverError::NoLayout(tr!("there is no keyboard")))?;
        let (strokes, group) = find(&Layout::parse(&keymap)?, text)?;
        check(&strokes)?;
        Ok(Self { keyboard: keyboards.plug_in(&keymap)?, strokes, group })
    }

    /// Presses and releases all keys in one batch.
    pub(crate) fn press(&self) {
        for Stroke { key, mask, .. } in &self.strokes {
            let (time, key) = (milliseconds(), key - OFFSET);
            self.keyboard.modifiers(*mask, 0, 0, self.group);
            self.keyboard.key(time, key, KeyState::Pressed.into());
            self.keyboard.key(time.wrapping_add(1), key, KeyState::Released.into());
        }
        self.keyboard.modifiers(0, 0, 0, self.group);
    }
}

impl Drop for Typist {
    fn drop(&mut self) {
        self.keyboard.destroy();
    }
}

/// Finds the keys for `text` in the first group that has them all. Our keyboard is separate, with
/// its own active group and no locks.
fn find(layout: &Layout, text: &str) -> Result<(Vec<Stroke>, u32), DeliverError> {
    let mut first = None;
    for group in 0..layout.groups() {
        match layout.strokes(text, group, Locked::default()) {
            Ok(strokes) => return Ok((strokes, group)),
            Err(lacks) => first = first.or(Some(lacks)),
        }
    }
    Err(first.map_or(DeliverError::NoLayout(tr!("it is empty")), DeliverError::Lacks))
}

/// Copies `text` into a file in memory that another program can read. Returns it with its length,
/// including the terminating zero byte.
fn shared(text: &[u8]) -> std::io::Result<(File, u32)> {
    let text = text.strip_suffix(&[0]).unwrap_or(text);
    let mut file = File::from(memfd_create("v2m-keymap", MemfdFlags::CLOEXEC)?);
    file.write_all(text)?;
    file.write_all(&[0])?;
    Ok((file, u32::try_from(text.len() + 1).map_err(std::io::Error::other)?))
}

/// Returns the time for key events, in milliseconds from an arbitrary start.
fn milliseconds() -> u32 {
    let now = clock_gettime(ClockId::Monotonic);
    let milliseconds = now.tv_sec.wrapping_mul(1000).wrapping_add(now.tv_nsec / 1_000_000);
    (milliseconds & i64::from(u32::MAX)) as u32
}
