//! Keys: which keys paste or write a text, which keys the user still holds, and the ways to press
//! keys.
//!
//! Each way to press a combination is a [`Keys`]. The wait for the user's own keys is in `held`.

pub(crate) mod codes;
pub(crate) mod held;
pub(crate) mod layout;
pub(crate) mod mutter;
pub(crate) mod portal;
pub(crate) mod remote;
pub(crate) mod virtual_keyboard;
pub(crate) mod xtest;

use super::error::DeliverError;
use crate::chord::Chord;

/// A way to press one combination of keys.
pub(crate) trait Keys {
    /// Finds the combination on the keyboard's current layout. Presses nothing yet.
    ///
    /// # Errors
    /// [`DeliverError::NoKey`]: the keyboard lacks one of its keys.
    async fn find(&mut self, chord: &Chord) -> Result<(), DeliverError>;

    /// Whether windows do not listen to these keys yet, because there was no keyboard before.
    fn are_new(&self) -> bool {
        false
    }

    /// Whether the user holds a key that would change the combination. Returns false for ways that
    /// find out only by pressing, and for keyboards that do not mix with the user's.
    fn are_held(&mut self) -> Result<bool, DeliverError> {
        Ok(false)
    }

    /// Whether the keys reach the desktop by another route than the clipboard's content.
    fn are_apart(&self) -> bool {
        false
    }

    /// Presses and releases the combination that was found.
    async fn press(&mut self) -> Result<(), DeliverError>;
}
