//! What the notification is told at each step. How that looks is `card`'s, sending it
//! `notifications`', when it is sent `notifier`'s.

use super::sinks::Secret;
use crate::session::{Code, Delivery, Failure};

/// What the user is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// v2m hears.
    Recording {
        /// What of it is text already.
        so_far: Option<String>,
    },
    /// v2m hears, and meanwhile the text of the dictation before has arrived.
    RecordingNext {
        /// What was said.
        text: String,
        /// Where it went.
        place: String,
    },
    /// Capture has ended; the text is on its way.
    Transcribing {
        /// The text so far.
        so_far: Option<String>,
    },
    /// A language model has the text.
    Rewriting,
    /// The text, where it went, and what went wrong on the way.
    Text {
        /// What was said.
        text: String,
        /// What each way of delivering did, in the order they were tried.
        deliveries: Vec<Delivery>,
        /// What else went wrong.
        problems: Vec<Failure>,
    },
    /// What went wrong and what to do.
    Problem(Failure),
    /// A dictation that had no text, or was to have another one, now transcribed.
    Recovered {
        /// What was said.
        text: String,
        /// Whether the recording was cut off: what was said after that is missing.
        cut_off: bool,
        /// How it came to its text, a sentence.
        note: Option<String>,
    },
    /// A problem of this kind is mended: a notification that tells of it is taken away.
    Mended(Code),
    /// An earlier run may have been killed: what it left on the desktop and is not true any more is
    /// taken away.
    Tidy,
    /// Another notification is to be seen: where the desktop shows one at a time and hides the
    /// others (GNOME), what goes on is taken away, and shown again behind it.
    StepBack,
    /// Nothing is going on any more: a notification that says so is taken away. A text stays.
    Closed,
}

impl Notice {
    /// The same without what was said.
    pub(crate) fn hidden(self, secret: Secret) -> Self {
        let text = || secret.notice().to_owned();
        let hide = |so_far: Option<String>| so_far.map(|_said| text());
        match self {
            Self::Recording { so_far } => Self::Recording { so_far: hide(so_far) },
            Self::RecordingNext { place, .. } => Self::RecordingNext { text: text(), place },
            Self::Transcribing { so_far } => Self::Transcribing { so_far: hide(so_far) },
            Self::Text { deliveries, problems, .. } => {
                Self::Text { text: text(), deliveries, problems }
            }
            Self::Problem(failure) => {
                let shown = hide(failure.text.clone());
                Self::Problem(Failure { text: shown, ..failure })
            }
            Self::Recovered { cut_off, note, .. } => {
                Self::Recovered { text: text(), cut_off, note }
            }
            other => other,
        }
    }

    /// Whether it shows what was said.
    pub(crate) fn shows_text(&self) -> bool {
        match self {
            Self::Recording { so_far } | Self::Transcribing { so_far } => so_far.is_some(),
            Self::Problem(failure) => failure.text.is_some(),
            Self::RecordingNext { .. } | Self::Text { .. } | Self::Recovered { .. } => true,
            Self::Rewriting | Self::Mended(_) | Self::Tidy | Self::StepBack | Self::Closed => false,
        }
    }

    /// The name in the journal, which must not hold what was said.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Recording { .. } | Self::RecordingNext { .. } => "recording",
            Self::Transcribing { .. } => "transcribing",
            Self::Rewriting => "rewriting",
            Self::Text { .. } => "text",
            Self::Problem(_) => "problem",
            Self::Recovered { .. } => "recovered",
            Self::Mended(_) => "mended",
            Self::Tidy => "tidy",
            Self::StepBack => "step back",
            Self::Closed => "closed",
        }
    }
}
