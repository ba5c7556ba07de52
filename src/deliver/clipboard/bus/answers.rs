//! Which requests for a text answer the keys that were pressed for it.

use crate::deliver::clipboard::x11::primary::Loan;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use zbus::message::Sequence;

/// Keys that were pressed for a text, and the requests for it, in the order of all that comes over
/// the bus: exact, whatever the clock says.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// When the key that pastes was pressed last, and when a text was given last.
    told: Mutex<(Option<Sequence>, Option<Sequence>)>,
    /// That key has been sent, though its answer may be outstanding.
    is_pressed: AtomicBool,
    /// After that key a program asked for the primary selection instead, which carries the text as
    /// well.
    is_selection_taken: AtomicBool,
}

impl Answers {
    /// The key that pastes is about to be sent.
    pub(crate) fn sent(&self) {
        self.is_pressed.store(true, Ordering::Relaxed);
    }

    /// The desktop says at this place in the order that it has pressed that key.
    pub(crate) fn pressed(&self, position: Sequence) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).0 = Some(position);
    }

    /// A text was given to somebody who asked for it at this place in the order.
    pub(crate) fn gave(&self, position: Option<Sequence>) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).1 = position;
    }

    /// Notes when a program asks for the primary selection. Does not end.
    pub(crate) async fn heed(&self, loan: Option<&Loan>) -> Infallible {
        loop {
            Loan::taken_if(loan).await;
            if self.is_pressed.load(Ordering::Relaxed) {
                self.is_selection_taken.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Whether a window has asked for the text after the key that pastes.
    pub(crate) fn is_answered(&self) -> bool {
        if self.is_selection_taken.load(Ordering::Relaxed) {
            return true;
        }
        match *self.told.lock().unwrap_or_else(PoisonError::into_inner) {
            (Some(pressed), Some(given)) => given > pressed,
            _ => false,
        }
    }
}
