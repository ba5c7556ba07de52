//! Keys: which ones paste or write a text, which ones the user still holds, and the ways to press
//! them.
//!
//! Each way to press a combination is a [`Keys`]. How long the user's own keys are waited for is in
//! `held`.

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
    /// Finds the combination on the keyboard as it is laid out now. Presses nothing yet.
    ///
    /// # Errors
    /// [`DeliverError::NoKey`]: the keyboard lacks one of its keys.
    async fn find(&mut self, chord: &Chord) -> Result<(), DeliverError>;

    /// Whether windows do not listen to these keys yet: there was no keyboard before.
    fn are_new(&self) -> bool {
        false
    }

    /// Whether the user holds a key that would make another combination of it. Ways that find out
    /// only by pressing, and keyboards with which the user's does not mix, say no.
    fn are_held(&mut self) -> Result<bool, DeliverError> {
        Ok(false)
    }

    /// Whether they come to the desktop by another way than what is on the clipboard.
    fn are_apart(&self) -> bool {
        false
    }

    /// Presses and releases the combination that was found.
    async fn press(&mut self) -> Result<(), DeliverError>;
}
