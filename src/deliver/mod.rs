//! Where a text goes: the clipboard, the cursor, and a notification. Each sink tells what it did,
//! or why not and what to do about it.
//!
//! Every delivery is bounded in time, and none of them fails a dictation: the answer carries the
//! text whatever happens here. Which sinks are used is the daemon's decision.
//!
//! | module | what it is for |
//! |---|---|
//! | `sinks` | which sink a text goes to, and which one when that one fails |
//! | `copy` | the clipboard as a sink: a text stays there, and is read from there |
//! | `cursor` | the cursor as a sink: looks at the window, joins the text to what stands there, has it pasted or typed |
//! | `paste` | one paste from beginning to end, on every desktop alike, and all its times |
//! | `desktop` | which parts a desktop has, and which of them are taken |
//! | `clipboard` | the parts that hold a text: X11, data-control, Mutter, the portal |
//! | `keys` | the parts that press keys: XTEST, virtual keyboards, Mutter, the portal; the keyboard's layout; keys that the user holds |
//! | `window` | which window has the keyboard, what is known of it, whether the screen is locked |
//! | `display` | connections to display servers and to the session bus, and the thread that waits for a display server |
//! | `joint` | what stands at the cursor, for the next text |
//! | `order`, `problem` | where a text is wanted; why it is not at the cursor |
//! | `notifier` and the rest | notifications |

mod card;
mod clipboard;
mod copy;
mod cursor;
mod desktop;
mod display;
pub mod environment;
#[cfg(fuzzing)]
pub mod fuzzing;
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
