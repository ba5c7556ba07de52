//! The messages that the notification shows at each step. `card` decides how they look,
//! `notifications` sends them, and `notifier` decides when.

use super::sinks::Secret;
use crate::session::{Code, Delivery, Failure};
use std::time::Duration;
use v2m_messages::verbatim;

/// A message to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// v2m is recording.
    Recording {
        /// The draft of the text so far.
        so_far: Option<String>,
        /// The duration of silence after which the recording stops by itself.
        stops_after: Option<Duration>,
    },
    /// v2m is recording, and the previous dictation's text has been delivered meanwhile.
    RecordingNext {
        /// The dictated text.
        text: String,
        /// Where the text was delivered.
        place: String,
    },
    /// The recording has ended, and the text is being recognised.
    Transcribing {
        /// The text so far.
        so_far: Option<String>,
    },
    /// A language model is working on the text.
    Rewriting,
    /// The text, its deliveries, and any problems.
    Text {
        /// The dictated text.
        text: String,
        /// The result of each sink, in the order in which they were tried.
        deliveries: Vec<Delivery>,
        /// Other problems.
        problems: Vec<Failure>,
        /// A hint about where the text is, of one or two sentences.
        hint: Option<String>,
    },
    /// A problem, and what to do about it.
    Problem(Failure),
    /// A kept dictation now has a text: it had none, or was transcribed again.
    Recovered {
        /// The dictated text.
        text: String,
        /// Whether the recording was cut off, so that the end is missing.
        cut_off: bool,
        /// How the text was obtained, as one sentence.
        note: Option<String>,
    },
    /// The user has cancelled a dictation. Only a sign shows this.
    Cancelled,
    /// A problem of this kind is fixed. Its notification is closed.
    Mended(Code),
    /// The service has started. Closes a notification that a killed run left behind and that is no
    /// longer true.
    Tidy,
    /// Another notification must be visible. On a desktop that shows one at a time (GNOME), the
    /// state's notification is closed and shown again behind it.
    StepBack,
    /// The state has ended. Its notification is closed; a text's notification stays.
    Closed,
}

impl Notice {
    /// Returns the same notice without the text.
    pub(crate) fn hidden(self, secret: Secret) -> Self {
        let text = || secret.notice().to_owned();
        let hide = |so_far: Option<String>| so_far.map(|_said| text());
        match self {
            Self::Recording { so_far, stops_after } => {
                Self::Recording { so_far: hide(so_far), stops_after }
            }
            Self::RecordingNext { place, .. } => Self::RecordingNext { text: text(), place },
            Self::Transcribing { so_far } => Self::Transcribing { so_far: hide(so_far) },
            Self::Text { deliveries, problems, hint, .. } => {
                Self::Text { text: text(), deliveries, problems, hint }
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

    /// Returns the state's notice without the draft, for a place that anybody may see.
    pub(crate) fn without_draft(self) -> Self {
        match self {
            Self::Recording { stops_after, .. } => Self::Recording { so_far: None, stops_after },
            Self::RecordingNext { .. } => Self::Recording { so_far: None, stops_after: None },
            Self::Transcribing { .. } => Self::Transcribing { so_far: None },
            other => other,
        }
    }

    /// Whether the notice shows dictated text.
    pub(crate) fn shows_text(&self) -> bool {
        match self {
            Self::Recording { so_far, .. } | Self::Transcribing { so_far } => so_far.is_some(),
            Self::Problem(failure) => failure.text.is_some(),
            Self::RecordingNext { .. } | Self::Text { .. } | Self::Recovered { .. } => true,
            Self::Rewriting
            | Self::Cancelled
            | Self::Mended(_)
            | Self::Tidy
            | Self::StepBack
            | Self::Closed => false,
        }
    }

    /// Returns the name in the journal, which must not hold dictated text.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Recording { .. } | Self::RecordingNext { .. } => "recording",
            Self::Transcribing { .. } => "transcribing",
            Self::Rewriting => "rewriting",
            Self::Text { .. } => "text",
            Self::Problem(_) => "problem",
            Self::Recovered { .. } => "recovered",
            Self::Cancelled => "cancelled",
            Self::Mended(_) => "mended",
            Self::Tidy => "tidy",
            Self::StepBack => verbatim!("step back"),
            Self::Closed => "closed",
        }
    }
}
