//! Delivers texts: to the clipboard, to the cursor, and in a notification. Each sink reports its
//! result, or the problem and the remedy.
//!
//! Every delivery is bounded in time. A failed delivery does not fail the dictation, because the
//! answer has the text anyway. The daemon decides which sinks are used.
//!
//! | module | what it is for |
//! |---|---|
//! | `sinks` | which sink a text goes to, and which one when that one fails |
//! | `copy` | the clipboard as a sink: a text stays there, and is read from there |
//! | `cursor` | the cursor as a sink: looks at the window, joins the text to the text there, has it
//! pasted or typed, and undoes it |
//! | `paste` | one paste from beginning to end, the same on every desktop, with all its times |
//! | `desktop` | which parts a desktop has, and which of them v2m uses |
//! | `clipboard` | the parts that hold a text: X11, data-control, Mutter, the portal |
//! | `keys` | the parts that press keys: XTEST, virtual keyboards, Mutter, the portal; the keyboard's layout; keys that the user holds |
//! | `window` | which window has the keyboard, what is known about it, whether the screen is locked
//! |
//! | `display` | connections to display servers and to the session bus, and the thread that waits for a display server |
//! | `joint` | the text at the cursor, which the next text is joined to |
//! | `order`, `error` | where the user wants a text; why it is not at the cursor |
//! | `way`, `hint` | which way `deliver.mode` takes here and why; the hint about it that is shown
//! with a text |
//! | `sign` | the form of a notice for a sign on the screen |
//! | `set_up` | starts the set-up from a notification |
//! | `notifier` and the rest | notifications |

mod card;
mod clipboard;
mod copy;
mod cursor;
mod desktop;
mod display;
mod draft;
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
