//! The cursor: the text goes into the window that has the keyboard, by the way that the desktop offers.
//!
//! Every way does the same: it remembers what is on the clipboard, offers the text in its place, presses the keys
//! that paste, and waits for the window to ask for the text. That request is the receipt; without it nothing is claimed,
//! and the text waits on the clipboard. On the receipt the clipboard gets back what it held. Whether to paste at all, and
//! with which keys, is the daemon's decision.

mod content;
mod mutter;

use crate::chord::Chord;
use crate::session::Delivery;
use mutter::Mutter;
use std::time::Duration;
use tracing::{info, warn};

/// Past this the user has pasted by hand, or given up.
const DEADLINE: Duration = Duration::from_secs(3);

/// Why a text is not at the cursor.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("there was no text")]
    NoText,
    #[error(
        "this desktop has no way that v2m knows to paste for another program. See `v2m doctor`"
    )]
    NoWay,
    #[error(
        "the screen is locked; the text is kept with the recording, and the last answer holds it"
    )]
    Locked,
    #[error(
        "no window took it; press {0} where it belongs. If that always happens in one program, it \
         pastes by other keys: see deliver.paste_key"
    )]
    NotTaken(String),
    #[error("something else was copied meanwhile, and stays on the clipboard")]
    Overtaken,
    #[error(
        "the session bus cannot be reached ({0}). After logging in to the desktop: systemctl --user restart v2m.service"
    )]
    NoBus(zbus::Error),
    #[error("the desktop refused it ({0})")]
    Refused(zbus::Error),
    #[error("the desktop has not answered for {} s", DEADLINE.as_secs())]
    Hanging,
}

impl Problem {
    /// Whether the text may go to the clipboard instead.
    fn leaves_the_clipboard(&self) -> bool {
        match self {
            // Who sits there may be somebody else, and unlocking fields can be pasted into.
            Self::Locked => false,
            Self::Overtaken | Self::NoText => false,
            Self::NoWay | Self::NotTaken(_) | Self::NoBus(_) | Self::Refused(_) | Self::Hanging => {
                true
            }
        }
    }
}

/// Whether the window asked for the text after the keys were pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Receipt {
    Taken,
    NotTaken,
}

/// The way to the window that has the keyboard. Reached for at each delivery, so a desktop that comes later is found.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    mutter: Option<Mutter>,
}

impl Cursor {
    /// Pastes `text` into the window that has the keyboard; also whether it should go to the clipboard instead.
    /// Answers within three seconds. The clipboard is given back in the background; see [`Self::settle`].
    pub(super) async fn paste(&mut self, text: &str, chord: &Chord) -> (Delivery, bool) {
        let outcome = match tokio::time::timeout(DEADLINE, self.put(text, chord)).await {
            Ok(outcome) => outcome,
            Err(_late) => {
                // A bus that hung may have lost its order.
                self.mutter = None;
                Err(Problem::Hanging)
            }
        };
        let by = "paste";
        match outcome {
            Ok(()) => (Delivery { by, ok: true, detail: "pasted".to_owned() }, false),
            Err(problem) => {
                warn!(reason = %problem, "the text could not be pasted");
                let detail = format!("not pasted: {problem}");
                (Delivery { by, ok: false, detail }, problem.leaves_the_clipboard())
            }
        }
    }

    /// Waits until the clipboard has been given back. Bounded.
    pub(super) async fn settle(&mut self) {
        if let Some(mutter) = &mut self.mutter {
            mutter.settle().await;
        }
    }

    async fn put(&mut self, text: &str, chord: &Chord) -> Result<(), Problem> {
        if text.is_empty() {
            return Err(Problem::NoText);
        }
        let mutter = match self.mutter.take() {
            Some(mutter) if mutter.is_there().await => mutter,
            _ => Mutter::connect(None).await?.ok_or(Problem::NoWay)?,
        };
        let mutter = self.mutter.insert(mutter);
        if mutter.is_locked().await? {
            return Err(Problem::Locked);
        }
        match mutter.paste(text, chord).await? {
            Receipt::Taken => Ok(()),
            Receipt::NotTaken => Err(Problem::NotTaken(chord.to_string())),
        }
    }
}

/// The way that this desktop offers, for `v2m doctor`. Bounded.
///
/// # Errors
/// Why there is none, in words.
pub async fn way_to_the_cursor() -> Result<&'static str, String> {
    let found = tokio::time::timeout(DEADLINE, Mutter::connect(None)).await;
    let found = found.unwrap_or(Err(Problem::Hanging)).and_then(|way| way.ok_or(Problem::NoWay));
    match found {
        Ok(_) => {
            info!(backend = Mutter::NAME, "the way to the cursor");
            Ok(Mutter::NAME)
        }
        Err(problem) => Err(problem.to_string()),
    }
}
