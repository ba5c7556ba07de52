//! Keys pressed through the portal.

use super::{Keys, codes};
use crate::chord::{Chord, Key, Modifier};
use crate::deliver::display::portal::Calls;
use crate::deliver::problem::Problem;

/// xkb's number of U+10FFFF, which is no character and never will be.
const NO_KEY: i32 = 0x0110_ffff;

/// One change of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stroke {
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
fn down(chord: &Chord) -> Vec<Stroke> {
    let modifiers = chord.modifiers.iter().map(|modifier| stroke(*modifier, true));
    modifiers.chain([symbol(chord.key, true)]).collect()
}

/// What lets go of it, in the other order.
fn up(chord: &Chord) -> Vec<Stroke> {
    let modifiers = chord.modifiers.iter().rev().map(|modifier| stroke(*modifier, false));
    [symbol(chord.key, false)].into_iter().chain(modifiers).collect()
}

/// The keys of a portal's session.
#[derive(Debug)]
pub(crate) struct PortalKeys {
    calls: Calls,
    chord: Option<Chord>,
}

impl PortalKeys {
    /// Those of this session.
    pub(crate) fn of(calls: Calls) -> Self {
        Self { calls, chord: None }
    }

    /// Has KDE's portal learn the user's layout: it asks for that only when the first key is named
    /// by its meaning, and takes that one from the US layout (6.3: Ctrl+V is Ctrl+K on Dvorak).
    /// Nothing is pressed: a key that no keyboard has is released.
    pub(crate) async fn learn_layout(&self) -> Result<(), Problem> {
        self.strike(Stroke::Symbol(NO_KEY, false)).await
    }

    async fn strike(&self, stroke: Stroke) -> Result<(), Problem> {
        match stroke {
            Stroke::Code(code, down) => {
                self.calls.notify("NotifyKeyboardKeycode", code, down).await
            }
            Stroke::Symbol(symbol, down) => {
                self.calls.notify("NotifyKeyboardKeysym", symbol, down).await
            }
        }
    }
}

impl Keys for PortalKeys {
    async fn find(&mut self, chord: &Chord) -> Result<(), Problem> {
        self.chord = Some(chord.clone());
        Ok(())
    }

    /// What was pressed is released whatever happens; the caller must not give up in between.
    async fn press(&mut self) -> Result<(), Problem> {
        let chord = self.chord.as_ref().ok_or(Problem::NoWay)?;
        let mut outcome = Ok(());
        for stroke in down(chord) {
            outcome = self.strike(stroke).await;
            if outcome.is_err() {
                break;
            }
        }
        // One that is not down is not hurt by being released.
        for stroke in up(chord) {
            outcome = self.strike(stroke).await.and(outcome);
        }
        outcome
    }
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
