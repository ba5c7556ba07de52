//! Fuzzes the keymap that a compositor sends. It must become a layout or be refused. The keys that
//! type a text on it must exist on real keyboards, and only the layout's modifiers may be held for
//! them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use v2m::deliver::fuzzing;

/// The highest code of a key that people type on.
const LAST_KEY: u32 = 135;

fuzz_target!(|layout: &[u8]| {
    let Ok(groups) = fuzzing::strokes(layout, "aA1é~ €") else { return };
    assert!(!groups.is_empty());
    for stroke in groups.into_iter().flatten().flatten() {
        assert!(stroke.key <= LAST_KEY && stroke.hold.len() <= 2, "{stroke:?}");
    }
});
