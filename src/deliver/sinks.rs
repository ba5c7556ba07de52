//! Which sink a text goes to, and which one when that one fails.

use super::cursor::Cursor;
use super::error::DeliverError;
use super::order::{DeliveryOptions, Means};
use super::{Clipboard, ScreenLock};
use crate::session::{DeliverMode, Delivery};
use v2m_ipc::plain;

/// The sinks that hold on to something from one text to the next.
#[derive(Debug, Default)]
pub struct Sinks {
    clipboard: Clipboard,
    cursor: Cursor,
    lock: ScreenLock,
    /// Whether the last text was for the cursor.
    was_at_cursor: bool,
    /// Whether the screen was locked when the last text came.
    was_locked: bool,
}

/// Why the screen must not show a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secret {
    /// It is locked: whoever passes by would read it.
    Locked,
    /// It went into a field that hides what is written in it.
    Password,
}

impl Secret {
    /// What is shown in the text's place.
    pub fn notice(self) -> &'static str {
        match self {
            Self::Locked => "(the screen is locked: the text is not shown)",
            Self::Password => "(a password field: the text is not shown)",
        }
    }
}

/// One that is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sink {
    Clipboard,
    Cursor(Means),
}

impl Sink {
    fn first(mode: DeliverMode) -> Option<Self> {
        match mode {
            DeliverMode::Clipboard => Some(Self::Clipboard),
            DeliverMode::Paste => Some(Self::Cursor(Means::Paste)),
            DeliverMode::Type => Some(Self::Cursor(Means::Type)),
            DeliverMode::None => None,
        }
    }
}

impl Sinks {
    /// Reaches for nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands `text` over; what each sink did, in the order they were tried. What cannot be typed is
    /// pasted, and what cannot be pasted goes to the clipboard, except where that would show it to
    /// somebody else or take away what the user has just copied. While the screen is locked nothing
    /// gets it: whoever sits before it is not known.
    pub async fn hand_over(&mut self, text: &str, wanted: &DeliveryOptions) -> Vec<Delivery> {
        let text = &*plain::text(text);
        self.was_at_cursor = false;
        self.was_locked = self.lock.is_locked().await;
        if self.was_locked {
            return locked(wanted.mode).into_iter().collect();
        }
        let mut deliveries = Vec::new();
        let mut next = Sink::first(wanted.mode);
        while let Some(sink) = next {
            let delivery;
            (delivery, next) = match sink {
                Sink::Clipboard => (self.clipboard.deliver(text, wanted.is_sensitive).await, None),
                Sink::Cursor(means) => {
                    self.was_at_cursor = true;
                    let (delivery, problem) = self.cursor.put(text, means, wanted).await;
                    (delivery, problem.as_ref().and_then(instead))
                }
            };
            deliveries.push(delivery);
        }
        deliveries
    }

    /// Why the text that was handed over last must not be shown, as far as the desktop and programs
    /// tell. `None`: it may be. Bounded: 300 ms.
    pub async fn secret(&mut self) -> Option<Secret> {
        if self.was_locked {
            return Some(Secret::Locked);
        }
        let hides = self.was_at_cursor && self.cursor.hides().await;
        hides.then_some(Secret::Password)
    }

    /// Waits until nothing is left to put right. Bounded.
    pub async fn settle(&mut self) {
        self.cursor.settle().await;
        self.clipboard.leave().await;
    }
}

/// Where a text goes that is not at the cursor for this reason. `None`: nowhere. To the clipboard,
/// except where that would take away what the user has just copied; and what cannot be typed may
/// yet be pasted.
fn instead(problem: &DeliverError) -> Option<Sink> {
    match problem {
        DeliverError::Overtaken | DeliverError::NoText => None,
        // Why it cannot be typed.
        DeliverError::Lacks(_)
        | DeliverError::NotALayout(_)
        | DeliverError::NoLayout(_)
        | DeliverError::TooLong
        | DeliverError::NoTyping => Some(Sink::Cursor(Means::Paste)),
        DeliverError::NoWay
        | DeliverError::NoWindow
        | DeliverError::InPart
        | DeliverError::KeysHeld
        | DeliverError::KeysUnclear
        | DeliverError::HeldInPart
        | DeliverError::NotTaken(_)
        | DeliverError::NoPrimary
        | DeliverError::Moved
        | DeliverError::NoKey(_)
        | DeliverError::NoServer(_)
        | DeliverError::Server(_)
        | DeliverError::NoExtension(_)
        | DeliverError::NoCompositor(_)
        | DeliverError::Compositor(_)
        | DeliverError::NoThread(_)
        | DeliverError::NoBus(_)
        | DeliverError::Refused(_)
        | DeliverError::Asking
        | DeliverError::Denied
        | DeliverError::HalfAllowed
        | DeliverError::PortalGone
        | DeliverError::Hanging => Some(Sink::Clipboard),
    }
}

/// What came of a text while the screen is locked. `None`: it was for nobody but who asked.
fn locked(mode: DeliverMode) -> Option<Delivery> {
    let (by, done) = match mode {
        DeliverMode::Clipboard => ("clipboard", "copied"),
        DeliverMode::Paste => ("paste", "pasted"),
        DeliverMode::Type => ("type", "typed"),
        DeliverMode::None => return None,
    };
    let detail =
        format!("not {done}: the screen is locked; after unlocking, print the text: v2m-send last");
    Some(Delivery { by, backend: None, ok: false, detail })
}
