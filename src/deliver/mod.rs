//! Where a text goes: the clipboard, the cursor, and a notification. Each sink tells what it did, or why not and
//! what to do about it.
//!
//! Every delivery is bounded in time, and none of them fails a dictation: the answer carries the
//! text whatever happens here. Which sinks are used is the daemon's decision.

mod card;
mod clipboard;
mod copy;
mod cursor;
mod desktop;
mod display;
pub mod environment;
mod joint;
mod keys;
mod leftover;
mod notice;
mod notifications;
mod notifier;
mod order;
mod paste;
mod popup;
mod problem;
mod sinks;
mod window;

pub use copy::{Clipboard, ClipboardReader, NoText};
pub use cursor::way_to_the_cursor;
pub use joint::{Join, Presses};
pub use notice::Notice;
pub use notifications::notification_service;
pub use notifier::Notifier;
pub use order::Wanted;
pub use sinks::{Secret, Sinks};
pub(crate) use window::Lock;
pub use window::{Around, Field, Focus, Focused, Observer, PasteKeys, Widget, Window};
