//! Any keymap that a compositor may tell: it is a layout or refused. The keys that write a text on
//! it are keys that people have, and only its modifiers are held for them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use v2m::deliver::fuzzing;

/// The last code of the keys that people type on.
const LAST_KEY: u32 = 135;

fuzz_target!(|layout: &[u8]| {
    let Ok(groups) = fuzzing::strokes(layout, "aA1é~ €") else { return };
    assert!(!groups.is_empty());
    for stroke in groups.into_iter().flatten().flatten() {
        assert!(stroke.key <= LAST_KEY && stroke.hold.len() <= 2, "{stroke:?}");
    }
});
