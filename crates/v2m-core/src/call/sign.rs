//! What a sign on the screen is told: a program that shows the states (the owner of `org.v2m.Sign`
//! on the session bus), in place of the notifications that would tell them.

use crate::session::{Code, State};
use std::time::Duration;

/// What the sign shows now.
#[derive(Clone, Debug, PartialEq)]
pub struct Sign {
    /// What kind of news it is.
    pub kind: SignKind,
    /// A short sentence for people. Empty while nothing goes on.
    pub title: String,
    /// What a notification says below it: what to do, and perhaps the text. May be empty.
    pub body: String,
    /// What was said so far, or the text; the sentence that hides it where nobody may see it.
    pub text: Option<String>,
    /// Where the text is.
    pub place: Option<SignPlace>,
    /// What the user should know besides.
    pub hint: Option<String>,
    /// Of a problem.
    pub code: Option<Code>,
    /// After how much silence the recording stops by itself.
    pub stops_after: Option<Duration>,
    /// Of an outcome: what goes on meanwhile.
    pub then: Option<State>,
}

/// What kind of news a [`Sign`] is: a state, which stays until the next one, or an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignKind {
    /// A state: nothing goes on.
    Idle,
    /// A state: something is recorded.
    Recording,
    /// A state: a text is recognised.
    Transcribing,
    /// A state: a language model works on a text.
    Rewriting,
    /// An outcome: the text is where it was wanted, and there is nothing left to do.
    Delivered,
    /// An outcome: the text waits on the clipboard.
    Waiting,
    /// An outcome: something went wrong.
    Problem,
    /// An outcome: an earlier dictation has its text now.
    Recovered,
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
        }
    }

    /// Whether it stays until the next state.
    pub fn is_state(self) -> bool {
        match self {
            Self::Idle | Self::Recording | Self::Transcribing | Self::Rewriting => true,
            Self::Delivered | Self::Waiting | Self::Problem | Self::Recovered => false,
        }
    }
}

/// Where a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignPlace {
    /// At the cursor.
    Cursor,
    /// On the clipboard.
    Clipboard,
    /// In the answer and the store alone.
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
    /// Nothing goes on.
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
