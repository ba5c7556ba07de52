//! Options for delivering a text, and the order for a text that goes to the cursor. Pure.

use super::error::DeliverError;
use super::joint::Join;
use super::window::{Focused, PasteKeys, Press, Window};
use crate::session::DeliverMode;
use std::time::Instant;

/// The options for delivering a text.
#[derive(Clone, Debug, Default)]
pub struct DeliveryOptions {
    /// The sink, in addition to the answer and the notification.
    pub mode: DeliverMode,
    /// The keys that paste.
    pub keys: PasteKeys,
    /// The only window that may get the text. `None`: any window that has the keyboard.
    pub window: Option<Window>,
    /// When the user pressed the key that ended the recording, which may still be held. `None`: no
    /// key was pressed, or long ago.
    pub pressed: Option<Instant>,
    /// How the text is joined to the text at the cursor. `None`: it is not joined. Texts for the
    /// clipboard are never joined.
    pub join: Option<Join>,
    /// The number of the continuous dictation that the text belongs to. All its sentences must go
    /// to the same place as the first one, as far as the desktop reports it.
    pub talk: Option<u32>,
    /// Whether v2m asks its GNOME Shell extension which program has the keyboard, if no program
    /// reports it.
    pub asks_shell: bool,
    /// Whether clipboard managers are asked not to remember the text.
    pub is_sensitive: bool,
    /// Whether v2m watches the user's activity after the text even if no text may be joined to it,
    /// because keys may undo it.
    pub is_watched: bool,
}

/// The way to put a text into a window, or to take it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    /// The window pastes it.
    Paste,
    /// v2m types each character.
    Type,
    /// No text: the window undoes its last step (Ctrl+Z).
    Undo,
}

/// One text for the cursor.
#[derive(Clone, Debug)]
pub(crate) struct Insertion {
    pub(crate) text: String,
    pub(crate) means: Means,
    pub(crate) keys: PasteKeys,
    /// The only window that may get the text. `None`: any window that has the keyboard.
    pub(crate) only: Option<Window>,
    /// The programs' report about the keyboard focus.
    pub(crate) focused: Focused,
    /// Whether clipboard managers are asked not to remember the text.
    pub(crate) is_sensitive: bool,
}

impl Insertion {
    /// Returns the keys for pasting the text: see [`PasteKeys::press`].
    pub(crate) fn press(&self, window: Option<&Window>) -> Press {
        self.keys.press(window, &self.focused)
    }

    /// Refuses a window that must not get the text. An unknown window is accepted.
    pub(crate) fn check(&self, now: Option<&Window>) -> Result<(), DeliverError> {
        match (&self.only, now) {
            (Some(only), Some(now)) if only.id != now.id => Err(DeliverError::Moved),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(id: u32, class: &str) -> Window {
        Window { id, class: class.to_owned() }
    }

    #[test]
    fn a_text_goes_only_into_the_window_it_is_meant_for() {
        let (text, means) = ("text".into(), Means::Paste);
        let (only, focused) = (Some(window(1, "a")), Focused::default());
        let mut order = Insertion {
            text,
            means,
            keys: PasteKeys::default(),
            only,
            focused,
            is_sensitive: false,
        };
        assert!(order.check(Some(&window(1, "another title"))).is_ok());
        assert!(matches!(order.check(Some(&window(2, "a"))), Err(DeliverError::Moved)));
        assert!(order.check(None).is_ok());
        order.only = None;
        assert!(order.check(Some(&window(2, "a"))).is_ok());
    }
}
