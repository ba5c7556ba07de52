//! Presses keys through the portal.

use super::{Keys, codes};
use crate::chord::{Chord, Key, Modifier};
use crate::deliver::display::portal::PortalCalls;
use crate::deliver::error::DeliverError;

/// xkb's keysym of U+10FFFF, which is no character and never will be.
const NO_KEY: i32 = 0x0110_ffff;

/// One press or release of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyChange {
    /// A key by its place, the kernel's code (input-event-codes.h), and whether it goes down.
    Code(i32, bool),
    /// A key by its meaning, xkb's keysym, and whether it goes down.
    Symbol(i32, bool),
}

/// Names a modifier by its place, which is the same on all layouts. V, by contrast, is elsewhere on
/// Dvorak.
fn stroke(modifier: Modifier, down: bool) -> KeyChange {
    KeyChange::Code(codes::of_modifier(modifier).into(), down)
}

fn symbol(key: Key, down: bool) -> KeyChange {
    KeyChange::Symbol(codes::keysym(key).into(), down)
}

/// Returns the changes that press the combination.
fn down(chord: &Chord) -> Vec<KeyChange> {
    let modifiers = chord.modifiers.iter().map(|modifier| stroke(*modifier, true));
    modifiers.chain([symbol(chord.key, true)]).collect()
}

/// Returns the changes that release the combination, in reverse order.
fn up(chord: &Chord) -> Vec<KeyChange> {
    let modifiers = chord.modifiers.iter().rev().map(|modifier| stroke(*modifier, false));
    [symbol(chord.key, false)].into_iter().chain(modifiers).collect()
}

/// The keys of a portal's session.
#[derive(Debug)]
pub(crate) struct PortalKeys {
    calls: PortalCalls,
    chord: Option<Chord>,
}

impl PortalKeys {
    /// Wraps this session's keys.
    pub(crate) fn of(calls: PortalCalls) -> Self {
        Self { calls, chord: None }
    }

    /// Makes KDE's portal learn the user's layout. The portal asks for the layout only when the
    /// first key is named by its meaning, and takes that key from the US layout (6.3: Ctrl+V is
    /// Ctrl+K on Dvorak). Nothing is pressed, because this releases a key that no keyboard has.
    pub(crate) async fn learn_layout(&self) -> Result<(), DeliverError> {
        self.strike(KeyChange::Symbol(NO_KEY, false)).await
    }

    async fn strike(&self, stroke: KeyChange) -> Result<(), DeliverError> {
        match stroke {
            KeyChange::Code(code, down) => {
                self.calls.notify("NotifyKeyboardKeycode", code, down).await
            }
            KeyChange::Symbol(symbol, down) => {
                self.calls.notify("NotifyKeyboardKeysym", symbol, down).await
            }
        }
    }
}

impl Keys for PortalKeys {
    async fn find(&mut self, chord: &Chord) -> Result<(), DeliverError> {
        self.chord = Some(chord.clone());
        Ok(())
    }

    /// Presses and releases the combination. Pressed keys are released whatever happens. The caller
    /// must not cancel this.
    async fn press(&mut self) -> Result<(), DeliverError> {
        let chord = self.chord.as_ref().ok_or(DeliverError::NoWay)?;
        let mut outcome = Ok(());
        for stroke in down(chord) {
            outcome = self.strike(stroke).await;
            if outcome.is_err() {
                break;
            }
        }
        // Releasing a key that is not down does no harm.
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
        let pressed =
            [KeyChange::Code(29, true), KeyChange::Code(42, true), KeyChange::Symbol(v, true)];
        let released =
            [KeyChange::Symbol(v, false), KeyChange::Code(42, false), KeyChange::Code(29, false)];
        assert_eq!(down(&chord), pressed);
        assert_eq!(up(&chord), released);
    }

    #[test]
    fn insert_is_known_by_its_number() {
        let chord: Chord = "shift+insert".parse().unwrap();
        assert_eq!(down(&chord), [KeyChange::Code(42, true), KeyChange::Symbol(0xff63, true)]);
    }
}
