//! Where a text goes: the clipboard, the cursor, and a notification. Each sink tells what it did, or why not and
//! what to do about it.
//!
//! Every delivery is bounded in time, and none of them fails a dictation: the answer carries the
//! text whatever happens here. Which sinks are used is the daemon's decision.

mod card;
mod clipboard;
mod cursor;
pub mod environment;
mod focus;
mod leftover;
mod lock;
mod notice;
mod notifications;
mod notifier;
mod popup;
mod sinks;

pub use clipboard::{Clipboard, ClipboardReader, NoText};
use cursor::Cursor;
pub use cursor::{Focus, Join, PasteKeys, Presses, Window, way_to_the_cursor};
pub use focus::{Around, Field, Focused, Observer, Widget};
pub(crate) use lock::Lock;
pub use notice::Notice;
pub use notifications::notification_service;
pub use notifier::Notifier;
pub use sinks::{Secret, Sinks, Wanted};
