//! The shapes of answers' `data` and of events.
//!
//! They are the wire's own: the daemon converts to them, clients may read as much as they need.
//! Times are seconds, memory is GiB for the machine and MB (10^6 or 2^20, as the driver says) for a
//! GPU, shares are percentages 0–100. What is unknown is null, never a made-up number.

use crate::message::EventName;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// To START_RECORDING, CANCEL_RECORDING, PAUSE_DAEMON, RESUME_DAEMON, and to a toggle that starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// `idle`, `recording`, `transcribing`, `processing` or `paused`.
    pub state: String,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// To STOP_RECORDING, TRANSCRIBE_FILE, and to a toggle that stops.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// The state now.
    pub state: String,
    /// The text.
    pub text: String,
    /// The text again: clients of both traditions find it.
    pub transcription: String,
    /// What was heard, where the text rules made something else of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unrefined: Option<String>,
    /// The recording on disk, if it is kept.
    pub audio_path: Option<String>,
    /// ISO 639-1 code.
    pub language: String,
    /// Length of the recording.
    pub seconds: f64,
    /// Where in the recording each piece was said.
    pub segments: Vec<Segment>,
    /// What could not be recorded; the recording has silence there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// Where the text went, and where it did not.
    pub deliveries: Vec<Delivery>,
    /// What else there is to tell: why the recording ended early, why no language model rewrote
    /// the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// A stretch of speech, in seconds from the recording's start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Start.
    pub start: f64,
    /// End.
    pub end: f64,
    /// Text.
    pub text: String,
    /// Whether some of its sound could not be recorded, so that words may be missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gap: bool,
}

/// A stretch that could not be recorded, in seconds from the recording's start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// Start.
    pub start: f64,
    /// End.
    pub end: f64,
}

/// What one way of delivering did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// `clipboard`, `notification`, …
    pub by: String,
    /// Which of the desktop's ways was used, where there are several: `mutter`, `wayland`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// Whether it arrived.
    pub ok: bool,
    /// How it arrived, or why not and what to do about it.
    pub detail: String,
}

/// To LAST_TEXT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastText {
    /// The state now.
    pub state: String,
    /// The text of the last dictation that has one, as it was delivered.
    pub text: String,
}

/// To PROCESS_TEXT and TRANSLATE_TEXT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The text.
    pub text: String,
    /// The text again.
    pub refined_text: String,
    /// The text before, where the client did not send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
    /// The state now.
    pub state: String,
    /// Where the text went beside this answer, and where it did not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<Delivery>,
}

/// To TEST_RULES.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// What a dictation of that text would have become.
    pub text: String,
    /// Whose rules were applied, ISO 639-1 code.
    pub language: String,
    /// Whether dictations are treated so.
    pub applied: bool,
    /// The rules that changed something, in their order.
    pub steps: Vec<RuleStep>,
}

/// What one rule did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleStep {
    /// The rule's name.
    pub rule: String,
    /// The text before it.
    pub before: String,
    /// The text after it.
    pub after: String,
}

/// Names in the answer to GET_CONFIG that voice2machine gave to what v2m has under names of its
/// own, for clients that know those. UPDATE_CONFIG takes them too.
pub const PREDECESSORS: [&str; 5] =
    ["transcription", "gemini", "notifications", "llm.backend", "llm.ollama"];

/// To GET_CONFIG.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The effective settings, secrets masked; [`PREDECESSORS`] among them.
    pub config: Value,
}

/// To UPDATE_CONFIG.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigUpdated {
    /// `ok`.
    pub status: String,
    /// A sentence for people.
    pub message: String,
    /// Keys (`section.key`) in force now.
    pub applied: Vec<String>,
    /// Keys that need a restart of the service.
    pub restart: Vec<String>,
    /// Settings of voice2machine's that have no counterpart, and change nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<IgnoredSetting>,
}

/// A setting of voice2machine's that has no counterpart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoredSetting {
    /// Its full name: `gemini.max_tokens`.
    pub key: String,
    /// Why it changes nothing, as a sentence.
    pub reason: String,
}

/// To SHUTDOWN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShuttingDown {
    /// `SHUTTING_DOWN`.
    pub message: String,
}

/// To SUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribed {
    /// What will come.
    pub subscribed: Vec<EventName>,
}

/// To GET_STATUS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The session's state.
    pub state: String,
    /// Whether the user is heard now.
    pub is_recording: bool,
    /// How many dictations wait for their texts, without the one that is being recorded.
    #[serde(default)]
    pub pending: u32,
    /// The GPU's use, percent.
    pub gpu_usage: Option<f64>,
    /// The GPU's memory in use, MB.
    pub vram_usage: Option<u64>,
    /// The CPUs' use, percent.
    pub cpu_usage: f64,
    /// The machine.
    pub telemetry: Telemetry,
    /// The recogniser.
    pub engine: Engine,
    /// How recording goes.
    #[serde(default)]
    pub capture: Capture,
    /// Seconds since the service started.
    pub uptime_s: u64,
    /// The service's version.
    pub version: String,
    /// What is wrong, if anything is.
    pub problem: Option<Problem>,
}

/// The machine's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Telemetry {
    /// Memory.
    pub ram: Ram,
    /// Processors.
    pub cpu: Cpu,
    /// The GPU, where there is one.
    pub gpu: Option<Gpu>,
}

/// Memory.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ram {
    /// Installed, GiB.
    pub total_gb: f64,
    /// In use, GiB.
    pub used_gb: f64,
    /// In use, percent.
    pub percent: f64,
}

/// Processors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cpu {
    /// In use, percent.
    pub percent: f64,
}

/// A GPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gpu {
    /// The device's own name.
    pub name: String,
    /// Memory in use, MB.
    pub vram_used_mb: u64,
    /// Memory installed, MB.
    pub vram_total_mb: u64,
    /// Degrees Celsius.
    pub temp_c: Option<u32>,
    /// In use, percent.
    pub percent: f64,
}

/// The recogniser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engine {
    /// `absent`, `loading`, `warm`, `unloaded` or `failed`.
    pub state: String,
    /// What really computes, once loaded: `cpu`, `cuda` or `vulkan`.
    pub backend: Option<String>,
    /// The device's own name, once loaded.
    pub device: Option<String>,
    /// The model's name.
    pub model: Option<String>,
    /// How long loading took.
    pub loaded_in_ms: Option<u64>,
    /// Memory that it takes on its device, in MB, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<u64>,
    /// Engines that are installed and wanted before this one, and not used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
}

/// How recording goes, since the service started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// Whether the thread that takes the sound has real-time priority; null before the first
    /// recording.
    pub realtime: Option<bool>,
    /// How often sound could not be recorded.
    pub gaps: u32,
    /// How many seconds that is.
    pub missing_s: f64,
}

/// An engine that is not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// `cuda`, `vulkan`, `cpu-v4` or `cpu`.
    pub backend: String,
    /// Why, for people.
    pub reason: String,
}

/// What is wrong with the service, or went wrong with a dictation that has its text all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// For programs.
    pub code: String,
    /// For people.
    pub error: String,
}

/// What is left beside an error: the user's words are never thrown away with it.
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
}

/// What subscribers are told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The session's state changed.
    State {
        /// The state now.
        state: String,
        /// The number of the dictation that is being recorded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        job: Option<u32>,
    },
    /// Text of a dictation that is being recorded or transcribed.
    TranscriptionUpdate {
        /// The text so far.
        text: String,
        /// Whether it will not change any more.
        #[serde(rename = "final")]
        is_final: bool,
        /// The number of the dictation: while one is recorded, the one before may still be
        /// transcribed.
        #[serde(default)]
        job: u32,
    },
    /// Every 2 s while recording.
    Heartbeat {
        /// Seconds since 1970, UTC.
        timestamp: f64,
        /// The state now.
        state: String,
    },
    /// 10 times a second while recording.
    Level {
        /// Root mean square, dB relative to full scale.
        dbfs: f64,
    },
    /// The recogniser's state changed.
    Engine {
        /// The state now.
        state: String,
        /// What computes, once loaded.
        backend: Option<String>,
    },
    /// A text was delivered, or not.
    Delivery {
        /// The number of the dictation; none for a client's text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        job: Option<u32>,
        /// What one way of delivering did.
        #[serde(flatten)]
        delivery: Delivery,
    },
    /// A file that is being transcribed got on: first with 0 seconds when its sound has been read,
    /// then with each piece of text. It may go back, when a dictation comes between or the engine
    /// is replaced.
    Progress {
        /// The file, as TRANSCRIBE_FILE named it.
        file_path: String,
        /// Seconds of its sound that are text by now.
        seconds: f64,
        /// Seconds of all its sound.
        of: f64,
    },
}

impl Event {
    /// Which one it is.
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
