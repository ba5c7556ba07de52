//! News for the sign on the screen: a program (the owner of `org.v2m.Sign` on the session bus) that
//! shows the states in place of notifications.

use crate::session::{Code, State};
use std::time::Duration;

/// The current content of the sign.
#[derive(Clone, Debug, PartialEq)]
pub struct Sign {
    /// The kind of news.
    pub kind: SignKind,
    /// A short sentence for people. Empty while v2m is idle.
    pub title: String,
    /// The body of the corresponding notification: what to do, and perhaps the text. May be empty.
    pub body: String,
    /// The draft or the text, or the sentence that hides it if the settings keep it off the screen.
    pub text: Option<String>,
    /// The place of the text.
    pub place: Option<SignPlace>,
    /// Further information for the user.
    pub hint: Option<String>,
    /// The code of a problem.
    pub code: Option<Code>,
    /// The length of silence after which the recording stops by itself.
    pub stops_after: Option<Duration>,
    /// With an outcome: the state that continues in the meantime.
    pub then: Option<State>,
}

/// The kind of a [`Sign`]: a state, which stays until the next one, or an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignKind {
    /// A state: v2m is idle.
    Idle,
    /// A state: recording.
    Recording,
    /// A state: a text is being recognised.
    Transcribing,
    /// A state: a language model is working on a text.
    Rewriting,
    /// An outcome: the text was delivered as requested, and the user need not do anything.
    Delivered,
    /// An outcome: the text waits on the clipboard.
    Waiting,
    /// An outcome: something went wrong.
    Problem,
    /// An outcome: an earlier dictation has its text now.
    Recovered,
    /// An outcome: the user has cancelled a dictation.
    Cancelled,
}

impl SignKind {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Recording => "recording",
            Self::Transcribing => "transcribing",
            Self::Rewriting => "rewriting",
            Self::Delivered => "delivered",
            Self::Waiting => "waiting",
            Self::Problem => "problem",
            Self::Recovered => "recovered",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it is a state, which stays until the next one.
    pub fn is_state(self) -> bool {
        match self {
            Self::Idle | Self::Recording | Self::Transcribing | Self::Rewriting => true,
            Self::Delivered | Self::Waiting | Self::Problem | Self::Recovered | Self::Cancelled => {
                false
            }
        }
    }
}

/// The place of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignPlace {
    /// At the cursor.
    Cursor,
    /// On the clipboard.
    Clipboard,
    /// Only in the answer and the store.
    Nowhere,
}

impl SignPlace {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cursor => "cursor",
            Self::Clipboard => "clipboard",
            Self::Nowhere => "nowhere",
        }
    }
}

impl Sign {
    /// Makes the sign of an idle v2m.
    pub fn idle() -> Self {
        Self {
            kind: SignKind::Idle,
            title: String::new(),
            body: String::new(),
            text: None,
            place: None,
            hint: None,
            code: None,
            stops_after: None,
            then: None,
        }
    }
}
