//! The keys that paste, pressed on a keyboard of v2m's own that is there for one paste only.
//!
//! Whatever the user holds down on the real one does not mix with it. Its windows are told of another keymap before the
//! key, and of the real keyboard's again before the next real one.

use super::super::Problem;
use super::keymap::{code, keymap, mask};
use super::server::Server;
use crate::chord::Chord;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use wayland_client::protocol::wl_keyboard::{KeyState, KeymapFormat};
use wayland_protocols_misc::zwp_virtual_keyboard_v1::client::zwp_virtual_keyboard_v1::ZwpVirtualKeyboardV1;

/// One combination of keys, ready to be pressed.
pub(super) trait Presser {
    /// Presses and releases it.
    fn press(&self) -> Result<(), Problem>;
}

/// A keyboard with the keys of one combination. Unplugged when dropped, which also releases its keys.
#[derive(Debug)]
pub(super) struct Keyboard {
    keyboard: ZwpVirtualKeyboardV1,
    modifiers: u32,
    key: u32,
}

impl Keyboard {
    /// Plugs it in. Presses nothing yet.
    pub(super) fn new(server: &Server, chord: &Chord) -> Result<Self, Problem> {
        let text = keymap(chord.key);
        let (file, size) = shared(&text).map_err(|e| Problem::Compositor(e.to_string()))?;
        let keyboard = server.create_keyboard().ok_or(Problem::NoWay)?;
        keyboard.keymap(KeymapFormat::XkbV1.into(), file.as_fd(), size);
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

/// `text` in memory that another program can read, and its length with the zero that ends it.
fn shared(text: &str) -> std::io::Result<(File, u32)> {
    let mut file = File::from(memfd_create("v2m-keymap", MemfdFlags::CLOEXEC)?);
    file.write_all(text.as_bytes())?;
    file.write_all(&[0])?;
    Ok((file, u32::try_from(text.len() + 1).map_err(std::io::Error::other)?))
}

/// A clock for keys, in milliseconds of no certain beginning.
fn milliseconds() -> u32 {
    let now = clock_gettime(ClockId::Monotonic);
    let milliseconds = now.tv_sec.wrapping_mul(1000).wrapping_add(now.tv_nsec / 1_000_000);
    (milliseconds & i64::from(u32::MAX)) as u32
}
