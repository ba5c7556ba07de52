//! A combination of keys as the portal is told of it. Pure.

use super::codes;
use crate::chord::{Chord, Key, Modifier};

/// One change of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stroke {
    /// By its place: the kernel's code (input-event-codes.h), and whether it goes down.
    Code(i32, bool),
    /// By its meaning: xkb's number for it, and whether it goes down.
    Symbol(i32, bool),
}

/// Modifiers are in one place on all layouts; V is elsewhere on Dvorak.
fn stroke(modifier: Modifier, down: bool) -> Stroke {
    Stroke::Code(codes::of_modifier(modifier).into(), down)
}

fn symbol(key: Key, down: bool) -> Stroke {
    Stroke::Symbol(codes::keysym(key).into(), down)
}

/// What presses the combination.
pub(crate) fn down(chord: &Chord) -> Vec<Stroke> {
    let modifiers = chord.modifiers.iter().map(|modifier| stroke(*modifier, true));
    modifiers.chain([symbol(chord.key, true)]).collect()
}

/// What lets go of it, in the other order.
pub(crate) fn up(chord: &Chord) -> Vec<Stroke> {
    let modifiers = chord.modifiers.iter().rev().map(|modifier| stroke(*modifier, false));
    [symbol(chord.key, false)].into_iter().chain(modifiers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_down_comes_up_in_the_other_order() {
        let chord = Chord::ctrl_shift_v();
        let v = i32::from(b'v');
        let pressed = [Stroke::Code(29, true), Stroke::Code(42, true), Stroke::Symbol(v, true)];
        let released = [Stroke::Symbol(v, false), Stroke::Code(42, false), Stroke::Code(29, false)];
        assert_eq!(down(&chord), pressed);
        assert_eq!(up(&chord), released);
    }

    #[test]
    fn insert_is_known_by_its_number() {
        let chord: Chord = "shift+insert".parse().unwrap();
        assert_eq!(down(&chord), [Stroke::Code(42, true), Stroke::Symbol(0xff63, true)]);
    }
}
