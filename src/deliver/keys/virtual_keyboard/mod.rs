//! The keys that paste or write a text, pressed on a keyboard of v2m's own that is there for one
//! text only.
//!
//! Whatever the user holds down on the real one does not mix with it. To paste it has one key;
//! windows are told of its keymap before that key, and of the real keyboard's again before the next
//! real one. To type it has the user's own keymap, so that windows see no other.

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

/// Neither the manager nor a keyboard has any.
#[derive(Debug)]
struct NoEvents;

delegate_noop!(NoEvents: ZwpVirtualKeyboardManagerV1);
delegate_noop!(NoEvents: ZwpVirtualKeyboardV1);

impl Keyboards {
    /// Those of this compositor, on this connection. `None`: it lets no program have a keyboard.
    pub(crate) fn of<S>(compositor: &WaylandConnection<S>, seat: &WlSeat) -> Option<Self> {
        let queue = compositor.beside();
        let manager = compositor.bind_on(&queue.handle(), 1)?;
        Some(Self { manager, seat: seat.clone(), queue })
    }

    /// A keyboard with this keymap.
    fn plug_in(&self, keymap: &[u8]) -> Result<ZwpVirtualKeyboardV1, DeliverError> {
        let (file, size) = shared(keymap).map_err(broken)?;
        let keyboard = self.manager.create_virtual_keyboard(&self.seat, &self.queue.handle(), ());
        keyboard.keymap(KeymapFormat::XkbV1.into(), file.as_fd(), size);
        Ok(keyboard)
    }
}

/// A keyboard with the keys of one combination. Unplugged when dropped, which also releases its
/// keys.
#[derive(Debug)]
pub(crate) struct Keyboard<'k> {
    keyboards: &'k Keyboards,
    are_new: bool,
    plugged_in: Option<(ZwpVirtualKeyboardV1, Chord)>,
}

impl<'k> Keyboard<'k> {
    /// Not plugged in yet. `are_new`: there is no other keyboard that windows listen to.
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

    /// In one go. What is sent after it is dealt with after it.
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

/// A keyboard with the user's own keymap, and the keys of a text. Unplugged when dropped, which
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
        let keymap = layout()?.ok_or(DeliverError::NoLayout("there is no keyboard"))?;
        let (strokes, group) = find(&Layout::parse(&keymap)?, text)?;
        check(&strokes)?;
        Ok(Self { keyboard: keyboards.plug_in(&keymap)?, strokes, group })
    }

    /// Presses and releases all keys, in one go.
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

/// The keys for `text` in the first group that has them all: ours is a keyboard of its own, with
/// its own group in force and no lock.
fn find(layout: &Layout, text: &str) -> Result<(Vec<Stroke>, u32), DeliverError> {
    let mut first = None;
    for group in 0..layout.groups() {
        match layout.strokes(text, group, Locked::default()) {
            Ok(strokes) => return Ok((strokes, group)),
            Err(lacks) => first = first.or(Some(lacks)),
        }
    }
    Err(first.map_or(DeliverError::NoLayout("it is empty"), DeliverError::Lacks))
}

/// `text` in memory that another program can read, and its length with the zero that ends it.
fn shared(text: &[u8]) -> std::io::Result<(File, u32)> {
    let text = text.strip_suffix(&[0]).unwrap_or(text);
    let mut file = File::from(memfd_create("v2m-keymap", MemfdFlags::CLOEXEC)?);
    file.write_all(text)?;
    file.write_all(&[0])?;
    Ok((file, u32::try_from(text.len() + 1).map_err(std::io::Error::other)?))
}

/// A clock for keys, in milliseconds of no certain beginning.
fn milliseconds() -> u32 {
    let now = clock_gettime(ClockId::Monotonic);
    let milliseconds = now.tv_sec.wrapping_mul(1000).wrapping_add(now.tv_nsec / 1_000_000);
    (milliseconds & i64::from(u32::MAX)) as u32
}
