//! Chooses the sink for a text, and another one if it fails.

use super::cursor::{Cursor, UndoError, UndoOptions, Undone};
use super::error::DeliverError;
use super::hint::Hints;
use super::order::{DeliveryOptions, Means};
use super::{Clipboard, ScreenLock};
use crate::session::{DeliverMode, Delivery};
use v2m_ipc::plain;
use v2m_messages::tr;

/// The sinks, with the state that they keep from one text to the next.
#[derive(Debug, Default)]
pub struct Sinks {
    clipboard: Clipboard,
    cursor: Cursor,
    lock: ScreenLock,
    hints: Hints,
    /// Why the last text went to the clipboard although the cursor was preferred.
    lack: Option<DeliverError>,
    /// Whether the last text was for the cursor.
    was_at_cursor: bool,
    /// Whether the screen was locked when the last text was delivered.
    was_locked: bool,
}

/// The reason why the screen must not show a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secret {
    /// The screen is locked, and anybody could read it.
    Locked,
    /// The text went into a password field.
    Password,
}

impl Secret {
    /// Returns the text that is shown instead.
    pub fn notice(self) -> &'static str {
        match self {
            Self::Locked => tr!("(the screen is locked: the text is not shown)"),
            Self::Password => tr!("(a password field: the text is not shown)"),
        }
    }
}

/// A sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sink {
    Clipboard,
    Cursor(Means),
}

impl Sink {
    fn first(mode: DeliverMode) -> Option<Self> {
        match mode {
            DeliverMode::Clipboard => Some(Self::Clipboard),
            DeliverMode::Auto | DeliverMode::Paste => Some(Self::Cursor(Means::Paste)),
            DeliverMode::Type => Some(Self::Cursor(Means::Type)),
            DeliverMode::None => None,
        }
    }
}

impl Sinks {
    /// Connects to nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Delivers `text`. Returns the result of each sink, in the order in which they were tried.
    ///
    /// A text that cannot be typed is pasted. A text that cannot be pasted goes to the clipboard,
    /// unless that would show it to somebody else or overwrite what the user has just copied. If
    /// nothing can be put at the cursor, this is not a failure for [`DeliverMode::Auto`]. While the
    /// screen is locked, no sink gets the text, because anybody may be at the machine.
    pub async fn hand_over(&mut self, text: &str, wanted: &DeliveryOptions) -> Vec<Delivery> {
        let text = &*plain::text(text);
        self.was_at_cursor = false;
        self.lack = None;
        self.was_locked = self.lock.is_locked().await;
        if self.was_locked {
            return locked(wanted.mode).into_iter().collect();
        }
        let mut deliveries = Vec::new();
        let mut next = Sink::first(wanted.mode);
        while let Some(sink) = next {
            let delivery;
            (delivery, next) = match sink {
                Sink::Clipboard => (self.copy(text, wanted.is_sensitive).await, None),
                Sink::Cursor(means) => match self.cursor.put(text, means, wanted).await {
                    (_, Some(lack)) if wanted.mode == DeliverMode::Auto && lack.is_lack() => {
                        self.lack = Some(lack);
                        next = Some(Sink::Clipboard);
                        continue;
                    }
                    (delivery, problem) => {
                        self.was_at_cursor = true;
                        (delivery, problem.as_ref().and_then(instead))
                    }
                },
            };
            deliveries.push(delivery);
        }
        deliveries
    }

    async fn copy(&mut self, text: &str, is_sensitive: bool) -> Delivery {
        let is_password = self.was_at_cursor && self.cursor.is_password();
        let mut delivery = self.clipboard.deliver(text, is_sensitive || is_password).await;
        // After a failed delivery, the failure is more important than this.
        self.lack = self.lack.take().filter(|_| delivery.ok);
        if let Some(lack) = &self.lack {
            delivery.detail += &format!("; {lack}");
        }
        delivery
    }

    /// Returns the hint for the last text's notification: why the text is on the clipboard and not
    /// at the cursor, or how to change that. `None`: there is none, or it was already shown. Looks
    /// for a file. Takes 1 s at most.
    pub async fn hint(&mut self) -> Option<String> {
        self.hints.about(self.lack.as_ref()?).await
    }

    /// Notes that the user has seen this [`Self::hint`]. Takes 1 s at most.
    pub async fn hint_was_shown(&mut self, hint: String) {
        self.hints.told(hint).await;
    }

    /// Returns why the last text must not be shown, as far as the desktop and programs report it.
    /// `None`: it may be shown. Takes 300 ms at most.
    pub async fn secret(&mut self) -> Option<Secret> {
        if self.was_locked {
            return Some(Secret::Locked);
        }
        let hides = self.was_at_cursor && self.cursor.hides().await;
        hides.then_some(Secret::Password)
    }

    /// Takes back the last text at the cursor. Bounded in time.
    ///
    /// # Errors
    /// The reason why the text was not taken back.
    pub async fn undo(&mut self, wanted: &UndoOptions) -> Result<Undone, UndoError> {
        if self.lock.is_locked().await {
            return Err(UndoError::Locked);
        }
        self.cursor.undo(wanted).await
    }

    /// Waits until the clipboard is restored. Bounded in time.
    pub async fn settle(&mut self) {
        self.cursor.settle().await;
        self.clipboard.leave().await;
    }
}

/// Returns the sink for a text that did not reach the cursor for this reason. It is the clipboard,
/// unless that would overwrite what the user has just copied (`None`). A text that cannot be typed
/// may still be pasted.
fn instead(problem: &DeliverError) -> Option<Sink> {
    match problem {
        DeliverError::Overtaken | DeliverError::NoText => None,
        // Reasons why a text cannot be typed.
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
        | DeliverError::WouldAsk
        | DeliverError::Unavailable(_)
        | DeliverError::PortalGone
        | DeliverError::Hanging => Some(Sink::Clipboard),
    }
}

/// Returns the result for a text while the screen is locked. `None`: only the client's answer
/// contains the text.
fn locked(mode: DeliverMode) -> Option<Delivery> {
    let (by, detail) = match mode {
        DeliverMode::Clipboard => (
            "clipboard",
            tr!("not copied: the screen is locked; after unlocking, print the text: v2m-send last"),
        ),
        DeliverMode::Auto | DeliverMode::Paste => (
            "paste",
            tr!("not pasted: the screen is locked; after unlocking, print the text: v2m-send last"),
        ),
        DeliverMode::Type => (
            "type",
            tr!("not typed: the screen is locked; after unlocking, print the text: v2m-send last"),
        ),
        DeliverMode::None => return None,
    };
    Some(Delivery { by, backend: None, ok: false, detail: detail.to_owned() })
}
