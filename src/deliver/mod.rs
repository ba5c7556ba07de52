//! Delivers texts: to the clipboard, to the cursor, and in a notification. Each sink reports what
//! it did, or what went wrong and what to do.
//!
//! Every delivery is bounded in time. A failed delivery does not fail the dictation, because the
//! answer has the text anyway. The daemon decides which sinks are used.
//!
//! | module | what it is for |
//! |---|---|
//! | `sinks` | which sink a text goes to, and which one when that one fails |
//! | `copy` | the clipboard as a sink: a text stays there, and is read from there |
//! | `cursor` | the cursor as a sink: looks at the window, joins the text to what stands there, has it pasted or typed, and takes it back |
//! | `paste` | one paste from beginning to end, on every desktop alike, and all its times |
//! | `desktop` | which parts a desktop has, and which of them are taken |
//! | `clipboard` | the parts that hold a text: X11, data-control, Mutter, the portal |
//! | `keys` | the parts that press keys: XTEST, virtual keyboards, Mutter, the portal; the keyboard's layout; keys that the user holds |
//! | `window` | which window has the keyboard, what is known of it, whether the screen is locked |
//! | `display` | connections to display servers and to the session bus, and the thread that waits for a display server |
//! | `joint` | what stands at the cursor, for the next text |
//! | `order`, `error` | where a text is wanted; why it is not at the cursor |
//! | `way`, `hint` | which way `deliver.mode` takes here and why; what of that is shown with a text |
//! | `sign` | what a sign on the screen shows of a notice |
//! | `set_up` | the set-up, started from a notification |
//! | `notifier` and the rest | notifications |

mod card;
mod clipboard;
mod copy;
mod cursor;
mod desktop;
mod display;
pub mod environment;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod hint;
mod joint;
mod keys;
mod leftover;
mod notice;
mod notifications;
mod notifier;
mod order;
mod paste;
mod popup;
mod set_up;
mod sign;
mod sinks;
mod way;
mod window;

pub use copy::{Clipboard, ClipboardReader, NoText};
pub use cursor::{UndoError, UndoOptions, Undone};
pub use joint::{Join, ShortcutPresses};
pub use notice::Notice;
pub use notifications::notification_service;
pub use notifier::Notifier;
pub use order::DeliveryOptions;
pub use sinks::{Secret, Sinks};
pub use way::{Way, way, way_to_the_cursor};
pub use window::{Around, Field, Focus, Focused, Observer, PasteKeys, Widget, Window};
pub(crate) use window::{KnownPrograms, ScreenLock, application, listed_as};
