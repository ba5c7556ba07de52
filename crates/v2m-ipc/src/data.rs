//! The types of answers' `data` and of events.
//!
//! These types are the wire format: the daemon converts to them, and clients may read as much as
//! they need. Times are in seconds. Memory is in GiB for the machine and in MB for a GPU (10^6 or
//! 2^20, depending on the driver). Shares are percentages 0–100. An unknown value is null, never an
//! invented number.

mod history;
mod status;

pub use history::*;
pub use status::*;

use crate::message::EventName;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The answer to START_RECORDING, CANCEL_RECORDING, PAUSE_DAEMON, RESUME_DAEMON, and to a toggle
/// that starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// `idle`, `recording`, `transcribing`, `processing` or `paused`.
    pub state: String,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The answer to STOP_RECORDING, TRANSCRIBE_FILE, and to a toggle that stops.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// The current state.
    pub state: String,
    /// The text.
    pub text: String,
    /// The text again, under a second name that some clients expect.
    pub transcription: String,
    /// The transcript, if the text rules changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unrefined: Option<String>,
    /// The recording on disk, if it is kept.
    pub audio_path: Option<String>,
    /// The language's ISO 639-1 code.
    pub language: String,
    /// The length of the recording.
    pub seconds: f64,
    /// The pieces of the text, with their positions in the recording.
    pub segments: Vec<Segment>,
    /// The parts that could not be recorded. The recording is silent there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// The preset chosen for the text, if any. If a language model should have used it but did not,
    /// `problems` says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Where the text was delivered, and where that failed.
    pub deliveries: Vec<Delivery>,
    /// Further messages: why the recording ended early, or why no language model rewrote the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// A segment of speech, in seconds from the recording's start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// The start.
    pub start: f64,
    /// The end.
    pub end: f64,
    /// The text.
    pub text: String,
    /// Whether some of its sound could not be recorded, which means that words may be missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gap: bool,
}

/// The preset chosen for a dictation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preset {
    /// The preset's name. `none`: the settings withhold the application's texts from the language
    /// model.
    pub name: String,
    /// Who chose it: `client` (for this dictation), `application` (the settings, for the application
    /// that had the focus when the recording began) or `configuration` (the settings, for all texts).
    pub by: String,
    /// The application's name in the settings, if the preset was chosen for an application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
}

/// A part that could not be recorded, in seconds from the recording's start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// The start.
    pub start: f64,
    /// The end.
    pub end: f64,
}

/// The result of one delivery method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The method's name: `clipboard`, `notification`, …
    pub by: String,
    /// The desktop backend that was used, if there are several: `mutter`, `wayland`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// Whether the delivery succeeded.
    pub ok: bool,
    /// How it was delivered, or why not and what to do about it.
    pub detail: String,
}

/// The answer to LAST_TEXT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastText {
    /// The current state.
    pub state: String,
    /// The text of the last dictation that has one, as it was delivered.
    pub text: String,
}

/// The answer to PROCESS_TEXT, TRANSLATE_TEXT and DELIVER_DICTATION.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The text.
    pub text: String,
    /// The text again, under a second name.
    pub refined_text: String,
    /// The original text, if the client did not send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
    /// The current state.
    pub state: String,
    /// Where the text was delivered besides this answer, and where that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<Delivery>,
}

/// The answer to TEST_RULES.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The text that a dictation of the given text would have become.
    pub text: String,
    /// The ISO 639-1 code of the language with the applied rules.
    pub language: String,
    /// Whether the rules are also applied to dictations.
    pub applied: bool,
    /// The rules that changed something, in order.
    pub steps: Vec<RuleStep>,
}

/// The effect of one text rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleStep {
    /// The rule's name.
    pub rule: String,
    /// The text before it.
    pub before: String,
    /// The text after it.
    pub after: String,
}

/// Names from voice2machine in the answer to GET_CONFIG, for clients that know them. v2m has other
/// names for these settings. UPDATE_CONFIG accepts the old names too.
pub const PREDECESSORS: [&str; 5] =
    ["transcription", "gemini", "notifications", "llm.backend", "llm.ollama"];

/// The answer to GET_CONFIG.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The effective settings with masked secrets, including [`PREDECESSORS`].
    pub config: Value,
}

/// The answer to UPDATE_CONFIG.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigUpdated {
    /// Always `ok`.
    pub status: String,
    /// A sentence for people.
    pub message: String,
    /// Keys (`section.key`) that are in force now.
    pub applied: Vec<String>,
    /// Keys that need a restart of the service.
    pub restart: Vec<String>,
    /// Settings of voice2machine without a counterpart, and settings that the model cannot follow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<IgnoredSetting>,
}

/// A setting of voice2machine without a counterpart, or one that the model cannot follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoredSetting {
    /// Its full name: `gemini.max_tokens`.
    pub key: String,
    /// Why it changes nothing, as a sentence.
    pub reason: String,
    /// Whether nothing is recorded because of it. Absent if false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prevents_recording: bool,
}

/// The answer to SHUTDOWN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShuttingDown {
    /// Always `SHUTTING_DOWN`.
    pub message: String,
}

/// The answer to SUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribed {
    /// The subscribed events.
    pub subscribed: Vec<EventName>,
}

/// A problem of the service, or of a dictation that may have a text nevertheless.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The code for programs.
    pub code: String,
    /// The message for people.
    pub error: String,
}

/// Data beside an error, so that an error never loses the user's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// The text, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The text again, beside a failed PROCESS_TEXT or TRANSLATE_TEXT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refined_text: Option<String>,
    /// The recording, if it was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_path: Option<String>,
    /// Whether nothing was done for the request, so that the client may send it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

/// An event for subscribers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The session's state has changed.
    State {
        /// The current state.
        state: String,
        /// The number of the dictation that is being recorded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        job: Option<u32>,
        /// When the recording was requested: seconds since 1970, UTC.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recording_since: Option<f64>,
        /// How long it has been recording, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        elapsed_s: Option<f64>,
        /// Why the last press, or the last dictation, gave no text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Problem>,
    },
    /// Text of a dictation that is being recorded or transcribed.
    TranscriptionUpdate {
        /// The text so far.
        text: String,
        /// Whether the text is final.
        #[serde(rename = "final")]
        is_final: bool,
        /// The number of the dictation. While one is recorded, the previous one may still be
        /// transcribed.
        #[serde(default)]
        job: u32,
    },
    /// Sent every 2 s while recording.
    Heartbeat {
        /// Seconds since 1970, UTC.
        timestamp: f64,
        /// The current state.
        state: String,
    },
    /// Sent 10 times a second while recording.
    Level {
        /// The root mean square, in dB relative to full scale.
        dbfs: f64,
        /// The highest sample, in dB relative to full scale.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        peak_dbfs: Option<f64>,
    },
    /// The recogniser's state has changed.
    Engine {
        /// The current state.
        state: String,
        /// The backend that computes, once the model is loaded.
        backend: Option<String>,
    },
    /// A text was delivered, or its delivery failed.
    Delivery {
        /// The number of the dictation. Absent for a client's text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        job: Option<u32>,
        /// The result of the delivery method.
        #[serde(flatten)]
        delivery: Delivery,
    },
    /// The transcription of a file made progress. The first event has 0 seconds and comes when the
    /// file's sound has been read; more follow with each piece of text. The progress may go back if
    /// a dictation comes in between or the engine is replaced.
    Progress {
        /// The file's path, as in TRANSCRIBE_FILE.
        file_path: String,
        /// How many seconds of its sound are transcribed.
        seconds: f64,
        /// The length of all its sound in seconds.
        of: f64,
    },
}

impl Event {
    /// The event's name.
    pub fn name(&self) -> EventName {
        match self {
            Self::State { .. } => EventName::State,
            Self::TranscriptionUpdate { .. } => EventName::TranscriptionUpdate,
            Self::Heartbeat { .. } => EventName::Heartbeat,
            Self::Level { .. } => EventName::Level,
            Self::Engine { .. } => EventName::Engine,
            Self::Delivery { .. } => EventName::Delivery,
            Self::Progress { .. } => EventName::Progress,
        }
    }
}
