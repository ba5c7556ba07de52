//! The kernel's codes and xkb's keysyms of keys. Pure.

use crate::chord::{Key, Modifier};

/// Returns the kernel's code of a modifier's left key (input-event-codes.h). Modifiers are in the
/// same place on all layouts.
pub(crate) const fn of_modifier(modifier: Modifier) -> u8 {
    match modifier {
        Modifier::Ctrl => 29,
        Modifier::Shift => 42,
        Modifier::Alt => 56,
        Modifier::Super => 125,
    }
}

/// Returns xkb's keysym of a key (X11's keysymdef.h).
pub(crate) fn keysym(key: Key) -> u16 {
    match key {
        // Latin letters are numbered as in ASCII, and a combination has no other letters.
        Key::Letter(letter) => u8::try_from(letter).map_or(0, u16::from),
        Key::Insert => 0xff63,
    }
}
