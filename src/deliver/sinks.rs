//! Which sink a text goes to, and which one when that one fails.

use super::cursor::Means;
use super::{Clipboard, Cursor, Join, PasteKeys, Window};
use crate::session::{DeliverMode, Delivery};
use std::time::Instant;

/// Where the user wants a text.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Beside the answer and the notification.
    pub mode: DeliverMode,
    /// The keys that paste.
    pub keys: PasteKeys,
    /// The only window it may be put into. `None`: whichever has the keyboard.
    pub window: Option<Window>,
    /// When the key was pressed that ended the recording: it may still be down. `None`: by no key, or long ago.
    pub pressed: Option<Instant>,
    /// How it is joined to what stands at the cursor. `None`: it goes there as it is. On the clipboard a text stands alone.
    pub join: Option<Join>,
}

/// The sinks that hold on to something from one text to the next.
#[derive(Debug, Default)]
pub struct Sinks {
    clipboard: Clipboard,
    cursor: Cursor,
    /// Whether the last text was for the cursor.
    was_at_cursor: bool,
}

/// One that is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sink {
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

    /// Hands `text` over; what each sink did, in the order they were tried. What cannot be typed is pasted, and what cannot be pasted
    /// goes to the clipboard, except where that would show it to somebody else or take away what the user has just copied.
    pub async fn hand_over(&mut self, text: &str, wanted: &Wanted) -> Vec<Delivery> {
        self.was_at_cursor = false;
        let mut deliveries = Vec::new();
        let mut next = Sink::first(wanted.mode);
        while let Some(sink) = next {
            let delivery;
            (delivery, next) = match sink {
                Sink::Clipboard => (self.clipboard.deliver(text).await, None),
                Sink::Cursor(means) => {
                    self.was_at_cursor = true;
                    self.cursor.put(text, means, wanted).await
                }
            };
            deliveries.push(delivery);
        }
        deliveries
    }

    /// Whether the text that was handed over last went into a field that hides what is written in it, as far as programs tell.
    /// Bounded: 300 ms.
    pub async fn hides(&mut self) -> bool {
        self.was_at_cursor && self.cursor.hides().await
    }

    /// Waits until nothing is left to put right. Bounded.
    pub async fn settle(&mut self) {
        self.cursor.settle().await;
    }
}
