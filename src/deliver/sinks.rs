//! Which sink a text goes to, and which one when that one fails.

use super::{Clipboard, Cursor, PasteKeys, Window};
use crate::session::{DeliverMode, Delivery};

/// Where the user wants a text.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Beside the answer and the notification.
    pub mode: DeliverMode,
    /// The keys that paste.
    pub keys: PasteKeys,
    /// The only window it may be pasted into. `None`: whichever has the keyboard.
    pub window: Option<Window>,
}

/// The sinks that hold on to something from one text to the next.
#[derive(Debug, Default)]
pub struct Sinks {
    clipboard: Clipboard,
    cursor: Cursor,
}

impl Sinks {
    /// Reaches for nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands `text` over; what each sink did, in the order it was tried. What cannot be pasted goes to the clipboard,
    /// except where that would show it to somebody else or take away what the user has just copied.
    pub async fn hand_over(&mut self, text: &str, wanted: &Wanted) -> Vec<Delivery> {
        match wanted.mode {
            DeliverMode::None => Vec::new(),
            DeliverMode::Clipboard => vec![self.clipboard.deliver(text).await],
            DeliverMode::Paste => {
                let (keys, window) = (&wanted.keys, wanted.window.as_ref());
                let (pasted, instead) = self.cursor.paste(text, keys, window).await;
                let mut deliveries = vec![pasted];
                if instead {
                    deliveries.push(self.clipboard.deliver(text).await);
                }
                deliveries
            }
        }
    }

    /// Waits until nothing is left to put right. Bounded.
    pub async fn settle(&mut self) {
        self.cursor.settle().await;
    }
}
