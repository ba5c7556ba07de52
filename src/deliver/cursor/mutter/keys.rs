//! What a session does with keys.

use super::super::{Problem, codes};
use super::session::Session;
use crate::chord::{Chord, Key, Modifier};

impl Session {
    /// Presses and releases. What was pressed is released whatever happens, and Mutter releases what a session that
    /// ends has left pressed.
    pub(super) async fn press(&self, chord: &Chord) -> Result<(), Problem> {
        let mut outcome = Ok(());
        let mut down = Vec::new();
        for modifier in &chord.modifiers {
            down.push(*modifier);
            outcome = self.key(*modifier, true).await;
            if outcome.is_err() {
                break;
            }
        }
        if outcome.is_ok() {
            outcome = self.strike(chord.key).await;
        }
        for modifier in down.into_iter().rev() {
            outcome = self.key(modifier, false).await.and(outcome);
        }
        outcome
    }

    async fn strike(&self, key: Key) -> Result<(), Problem> {
        // By what it means, not where it is: V is elsewhere on Dvorak.
        let keysym = u32::from(codes::keysym(key));
        let pressed = self.call("NotifyKeyboardKeysym", &(keysym, true)).await;
        let released = self.call("NotifyKeyboardKeysym", &(keysym, false)).await;
        pressed.and(released).map(drop)
    }

    /// Presses each combination of keys, by the kernel's codes, in their order, and releases them in the other one. All of it
    /// is sent in one go, and Mutter is waited for at the end.
    pub(super) async fn strike_codes(&self, strokes: &[Vec<u32>]) -> Result<(), Problem> {
        for codes in strokes {
            let down = codes.iter().map(|code| (*code, true));
            for (code, pressed) in down.chain(codes.iter().rev().map(|code| (*code, false))) {
                self.send("NotifyKeyboardKeycode", &(code, pressed)).await?;
            }
        }
        // Mutter deals with messages in their order, and has an answer for this one: a session that has ended is noticed.
        self.is_on("CapsLockState").await.map(drop)
    }

    async fn key(&self, modifier: Modifier, pressed: bool) -> Result<(), Problem> {
        let code = u32::from(codes::of_modifier(modifier));
        self.call("NotifyKeyboardKeycode", &(code, pressed)).await.map(drop)
    }
}
