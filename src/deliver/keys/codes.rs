//! What keys are called by the kernel and by xkb. Pure.

use crate::chord::{Key, Modifier};

/// The kernel's code of a modifier's left key (input-event-codes.h): modifiers are in one place on
/// all layouts.
pub(crate) const fn of_modifier(modifier: Modifier) -> u8 {
    match modifier {
        Modifier::Ctrl => 29,
        Modifier::Shift => 42,
        Modifier::Alt => 56,
        Modifier::Super => 125,
    }
}

/// xkb's number of a key's meaning (X11's keysymdef.h).
pub(crate) fn keysym(key: Key) -> u16 {
    match key {
        // Latin letters are numbered as in ASCII, and a combination has no others.
        Key::Letter(letter) => u8::try_from(letter).map_or(0, u16::from),
        Key::Insert => 0xff63,
    }
}
