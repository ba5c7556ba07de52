//! Decides whether a request for the text answers the keys that were pressed for it.

use crate::deliver::clipboard::x11::primary::Loan;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use zbus::message::Sequence;

/// The keys that were pressed for a text and the requests for it, ordered by their position on the
/// bus. That order is exact and needs no clock.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// The positions of the last press of the paste key and of the last text given.
    told: Mutex<(Option<Sequence>, Option<Sequence>)>,
    /// The paste key has been sent, though its answer may be outstanding.
    is_pressed: AtomicBool,
    /// After the paste key, a program asked for the primary selection, which carries the text too.
    is_selection_taken: AtomicBool,
}

impl Answers {
    /// Notes that the paste key is about to be sent.
    pub(crate) fn sent(&self) {
        self.is_pressed.store(true, Ordering::Relaxed);
    }

    /// Notes the bus position at which the desktop reported that it has pressed the paste key.
    pub(crate) fn pressed(&self, position: Sequence) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).0 = Some(position);
    }

    /// Notes the bus position of a request that was given the text.
    pub(crate) fn gave(&self, position: Option<Sequence>) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).1 = position;
    }

    /// Notes requests for the primary selection after the paste key. Never returns.
    pub(crate) async fn heed(&self, loan: Option<&Loan>) -> Infallible {
        loop {
            Loan::taken_if(loan).await;
            if self.is_pressed.load(Ordering::Relaxed) {
                self.is_selection_taken.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Whether a window has asked for the text after the paste key.
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
