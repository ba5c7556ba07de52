//! The keys that paste or write a text, pressed on a keyboard of v2m's own that is there for one text only.
//!
//! Whatever the user holds down on the real one does not mix with it. To paste it has one key; windows are told of its
//! keymap before that key, and of the real keyboard's again before the next real one. To type it has the user's own
//! keymap, so that windows see no other.

mod keymap;

use self::keymap::{code, keymap, mask};
use super::layout::compositor::{check, layout};
use super::layout::{Layout, Locked, OFFSET, Stroke};
use crate::chord::Chord;
use crate::deliver::clipboard::data_control::server::Server;
use crate::deliver::problem::Problem;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use wayland_client::protocol::wl_keyboard::{KeyState, KeymapFormat};
use wayland_protocols_misc::zwp_virtual_keyboard_v1::client::zwp_virtual_keyboard_v1::ZwpVirtualKeyboardV1;

/// One combination of keys, ready to be pressed.
pub(crate) trait Presser {
    /// Presses and releases it.
    fn press(&self) -> Result<(), Problem>;
}

/// A keyboard with the keys of one combination. Unplugged when dropped, which also releases its keys.
#[derive(Debug)]
pub(crate) struct Keyboard {
    keyboard: ZwpVirtualKeyboardV1,
    modifiers: u32,
    key: u32,
}

impl Keyboard {
    /// Plugs it in. Presses nothing yet.
    pub(crate) fn new(server: &Server, chord: &Chord) -> Result<Self, Problem> {
        let keyboard = plug_in(server, keymap(chord.key).as_bytes())?;
        Ok(Self { keyboard, modifiers: mask(chord), key: code(chord.key) })
    }
}

impl Presser for Keyboard {
    /// In one go.
    fn press(&self) -> Result<(), Problem> {
        let time = milliseconds();
        self.keyboard.modifiers(self.modifiers, 0, 0, 0);
        self.keyboard.key(time, self.key, KeyState::Pressed.into());
        self.keyboard.key(time.wrapping_add(1), self.key, KeyState::Released.into());
        self.keyboard.modifiers(0, 0, 0, 0);
        Ok(())
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.keyboard.destroy();
    }
}

/// A keyboard with the user's own keymap, and the keys of a text. Unplugged when dropped, which also releases its keys.
#[derive(Debug)]
pub(crate) struct Typist {
    keyboard: ZwpVirtualKeyboardV1,
    strokes: Vec<Stroke>,
    group: u32,
}

impl Typist {
    /// Finds the keys for `text` and plugs in a keyboard. Presses nothing yet.
    pub(crate) fn new(server: &Server, text: &str) -> Result<Self, Problem> {
        let keymap = layout()?.ok_or(Problem::NoLayout("there is no keyboard"))?;
        let (strokes, group) = find(&Layout::parse(&keymap)?, text)?;
        check(&strokes)?;
        Ok(Self { keyboard: plug_in(server, &keymap)?, strokes, group })
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

/// The keys for `text` in the first group that has them all: ours is a keyboard of its own, with its own group in force and no lock.
fn find(layout: &Layout, text: &str) -> Result<(Vec<Stroke>, u32), Problem> {
    let mut first = None;
    for group in 0..layout.groups() {
        match layout.strokes(text, group, Locked::default()) {
            Ok(strokes) => return Ok((strokes, group)),
            Err(lacks) => first = first.or(Some(lacks)),
        }
    }
    Err(first.map_or(Problem::NoLayout("it is empty"), Problem::Lacks))
}

fn plug_in(server: &Server, keymap: &[u8]) -> Result<ZwpVirtualKeyboardV1, Problem> {
    let (file, size) = shared(keymap).map_err(|e| Problem::Compositor(e.to_string()))?;
    let keyboard = server.create_keyboard().ok_or(Problem::NoWay)?;
    keyboard.keymap(KeymapFormat::XkbV1.into(), file.as_fd(), size);
    Ok(keyboard)
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
