//! Requests to the daemon through its doors (socket, session bus), and the answers.
//!
//! Doors convert their wire types to and from these types, and do not depend on one another. The
//! channel that carries them is not here: it belongs to the daemon.

mod history;
mod sign;

pub use history::*;
pub use sign::*;

use crate::session::{
    ChosenPreset, Command, DeliverMode, Delivery, EngineState, Failure, JobId, State, Transcript,
    Wishes,
};
use crate::text::Step;
use serde_json::{Map, Value};
use std::path::PathBuf;

/// A request, parsed. PING never gets here: the door answers it.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// A command to the session.
    Session(Command),
    /// Like `Session`, with options for this dictation.
    Dictation(Command, Wishes),
    /// GET_STATUS.
    Status,
    /// GET_CONFIG.
    GetConfig,
    /// Lists the connected microphones. Only on the session bus.
    Microphones,
    /// UPDATE_CONFIG with the partial config.
    UpdateConfig(Map<String, Value>),
    /// LAST_TEXT.
    LastText,
    /// PROCESS_TEXT and TRANSLATE_TEXT.
    Text(TextWork),
    /// TEST_RULES.
    TestRules {
        /// The text. Each line is a piece between two pauses.
        text: String,
        /// Its language. `None`: the configured one, or a guess from the text.
        language: Option<String>,
    },
    /// TRANSCRIBE_FILE.
    TranscribeFile {
        /// The absolute path of the file.
        path: PathBuf,
        /// The number of its sound track, counted from 1. `None`: the first one that can be decoded
        /// and is not silent.
        track: Option<u32>,
    },
    /// RETRY_RECORDING.
    Retry(Retry),
    /// UNDO_DELIVERY.
    Undo,
    /// LIST_DICTATIONS.
    List(HistoryQuery),
    /// GET_DICTATION.
    Show(Which),
    /// DELIVER_DICTATION.
    Redeliver(Redelivery),
    /// DELETE_DICTATIONS.
    Delete(Deletion),
}

impl Request {
    /// Whether it is a press: a command for a dictation or for the service itself. A press is
    /// executed however many other requests are under way.
    pub fn is_press(&self) -> bool {
        matches!(self, Self::Session(_) | Self::Dictation(..) | Self::Undo)
    }
}

/// A request to transcribe a stored dictation again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The dictation, counted back from the last one, which is 1.
    pub number: u32,
    /// Another model's name or absolute path. `None`: the configured one.
    pub model: Option<String>,
    /// ISO 639-1 code, or `auto`. `None`: the configured one.
    pub language: Option<String>,
}

/// A request to have a language model work on a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextWork {
    /// The text to work on.
    pub source: TextSource,
    /// The work to do.
    pub task: TextTask,
    /// Where the result goes, besides the answer. `None`: back to the clipboard if it came from
    /// there.
    pub deliver: Option<DeliverMode>,
}

/// The source of a text to work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextSource {
    /// The request contains the text.
    Given(String),
    /// The clipboard's content.
    Clipboard,
    /// The last dictation's text.
    Last,
}

/// The work of a language model on a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextTask {
    /// Rewrite the text.
    Rewrite {
        /// An instruction in words, in addition to the preset's.
        instruction: Option<String>,
        /// The preset's name. `None`: the configured one, or no preset if there is an instruction.
        preset: Option<String>,
    },
    /// Translate the text.
    Translate {
        /// Code or name of the target language. `None`: the configured one.
        into: Option<String>,
    },
}

/// A successful answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The answer to start, toggle, cancel, pause, resume and UNDO_DELIVERY.
    State {
        /// The current state.
        state: State,
        /// A sentence for people.
        message: Option<String>,
    },
    /// The answer to stop, to a toggle that stops, to TRANSCRIBE_FILE and to RETRY_RECORDING.
    Transcript {
        /// The current state.
        state: State,
        /// The text with its details.
        transcript: Transcript,
    },
    /// The answer to LAST_TEXT.
    LastText {
        /// The current state.
        state: State,
        /// The last dictation's text.
        text: String,
    },
    /// The answer to PROCESS_TEXT, TRANSLATE_TEXT and DELIVER_DICTATION.
    Text {
        /// The current state.
        state: State,
        /// The resulting text.
        text: String,
        /// The original text, if the client did not send it.
        original: Option<String>,
        /// Where the text was delivered besides this answer, and where that failed.
        deliveries: Vec<Delivery>,
    },
    /// The answer to TEST_RULES.
    Rules {
        /// The text that a dictation would produce.
        text: String,
        /// The language of the rules that were applied.
        language: String,
        /// Whether these rules are applied to dictations.
        applied: bool,
        /// The rules that changed something, in order.
        steps: Vec<Step>,
    },
    /// The answer to GET_STATUS.
    Status(Box<Status>),
    /// The answer to GET_CONFIG: the effective settings, secrets masked.
    Config(Value),
    /// The answer to UPDATE_CONFIG.
    ConfigUpdated {
        /// Keys (`section.key`) that are in force now.
        applied: Vec<String>,
        /// Keys that need a restart of the service.
        restart: Vec<String>,
        /// voice2machine settings that changed nothing, and settings that the model does not support.
        ignored: Vec<Unfollowed>,
    },
    /// The answer to `Microphones`: the connected microphones.
    Microphones(Vec<Microphone>),
    /// The answer to LIST_DICTATIONS.
    History(HistoryPage),
    /// The answer to GET_DICTATION.
    Dictation(Box<KeptText>),
    /// The answer to DELETE_DICTATIONS.
    Deleted(Deleted),
    /// The answer to SHUTDOWN.
    ShuttingDown,
}

/// A connected microphone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Microphone {
    /// PipeWire's `node.name`, as `capture.source` names it.
    pub name: String,
    /// The name for people.
    pub description: String,
}

/// The content of GET_STATUS's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The session's state.
    pub state: State,
    /// The language of the newest dictation under way, otherwise of the next one: a code, or `auto`
    /// if it will be detected.
    pub language: String,
    /// The number of dictations that wait for their texts, without the one that is being recorded.
    pub pending: usize,
    /// The preset of the newest dictation under way, otherwise of the last one, if it has one.
    pub preset: Option<ChosenPreset>,
    /// Use of the machine's CPUs in percent, 0–100.
    pub cpu_percent: f32,
    /// The machine's memory.
    pub ram: Ram,
    /// The GPU, if there is one.
    pub gpu: Option<Gpu>,
    /// The recogniser's state.
    pub engine: EngineStatus,
    /// Recording statistics.
    pub capture: CaptureStatus,
    /// Where texts go. `None`: the desktop has not reported yet.
    pub deliver: Option<DeliverStatus>,
    /// Seconds since the service started.
    pub uptime_s: u64,
    /// The recording under way, and the last dictation's failure.
    pub progress: Progress,
    /// The current problem and its remedy, if there is one.
    pub problem: Option<Failure>,
}

/// Where texts go now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliverStatus {
    /// The configured mode.
    pub mode: DeliverMode,
    /// The method that this mode selects on this desktop. Never [`DeliverMode::Auto`].
    pub way: DeliverMode,
    /// The desktop backend, if texts go to the cursor.
    pub backend: Option<&'static str>,
    /// The reason for that method, as a part of a sentence.
    pub reason: String,
}

/// Recording statistics since the service started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureStatus {
    /// Whether the capture thread has real-time priority. `None` before the first recording.
    pub realtime: Option<bool>,
    /// The number of gaps: times when sound could not be recorded.
    pub gaps: u32,
    /// The total length of the gaps in samples at 16 kHz.
    pub missing: u64,
}

/// The recording under way, and the last dictation's failure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// The recording under way.
    pub recording: Option<RecordingTime>,
    /// Why the last press or the last dictation produced no text. `None` as soon as the next
    /// recording begins.
    pub reason: Option<Failure>,
}

/// The start and the length of the recording under way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecordingTime {
    /// When the recording was requested: seconds since 1970, UTC.
    pub since: f64,
    /// Seconds since then, by a monotonic clock.
    pub elapsed: f64,
}

/// The sound level over a tenth of a second, in dB relative to full scale: at most 0; digital
/// silence is −120.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// The root mean square.
    pub rms_dbfs: f32,
    /// The highest sample.
    pub peak_dbfs: f32,
}

/// Memory in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ram {
    /// Installed memory.
    pub total: u64,
    /// Memory in use.
    pub used: u64,
}

/// A GPU's figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Gpu {
    /// The device's own name.
    pub name: String,
    /// Memory in use, MB.
    pub vram_used_mb: u64,
    /// Memory installed, MB.
    pub vram_total_mb: u64,
    /// Temperature in degrees Celsius.
    pub temp_c: Option<u32>,
    /// Use in percent, 0–100.
    pub percent: f32,
}

/// The recogniser's part of GET_STATUS.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineStatus {
    /// Its state.
    pub state: EngineState,
    /// The backend that computes (`cpu`, `cuda`, `vulkan`), once loaded.
    pub backend: Option<String>,
    /// The device's own name, once loaded.
    pub device: Option<String>,
    /// The model's name.
    pub model: Option<String>,
    /// The loading time in milliseconds.
    pub loaded_in_ms: Option<u64>,
    /// Memory in bytes that it uses on its device, if known.
    pub memory_bytes: Option<u64>,
    /// Preferred backends that are not used, by name, each with the reason.
    pub passed_over: Vec<(&'static str, String)>,
    /// The address of the server that transcribes the sound, if one does.
    pub server: Option<String>,
    /// Settings that the model does not support.
    pub unfollowed: Vec<Unfollowed>,
    /// The model that shows words while the user speaks, if one is configured.
    pub preview: Option<PreviewStatus>,
}

/// A setting that has no effect, or that prevents every recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfollowed {
    /// The setting: `engine.vocabulary`.
    pub key: String,
    /// The reason, as a clause for people.
    pub reason: String,
    /// Whether nothing is recorded because of it.
    pub prevents_recording: bool,
}

impl Unfollowed {
    /// Returns a setting that has no effect.
    #[must_use]
    pub fn without_effect(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into(), prevents_recording: false }
    }

    /// Returns a setting because of which nothing is recorded.
    #[must_use]
    pub fn preventing(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into(), prevents_recording: true }
    }
}

/// The model that shows words while the user speaks.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewStatus {
    /// The model's name in the settings.
    pub model: String,
    /// Its state.
    pub state: EngineState,
    /// Memory in bytes that it uses, if known.
    pub memory_bytes: Option<u64>,
    /// Why it is not used, if it is not.
    pub problem: Option<String>,
}

/// An event for subscribers.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The session's state changed.
    State {
        /// The state.
        state: State,
        /// The dictation that is being recorded.
        job: Option<JobId>,
        /// The recording under way, and the last dictation's failure.
        progress: Progress,
    },
    /// Text of a dictation that is being recorded or transcribed.
    TranscriptionUpdate {
        /// The dictation.
        job: JobId,
        /// The text so far.
        text: String,
        /// Whether the text is final.
        is_final: bool,
    },
    /// Sent every 2 s while recording.
    Heartbeat {
        /// Seconds since 1970, UTC.
        timestamp: f64,
        /// The state.
        state: State,
    },
    /// Sent 10 times a second while recording.
    Level(Level),
    /// The recogniser's state changed.
    Engine {
        /// The state.
        state: EngineState,
        /// The backend that computes, once loaded.
        backend: Option<String>,
    },
    /// A delivery succeeded or failed.
    Delivery {
        /// The dictation. `None`: a client's text.
        job: Option<JobId>,
        /// The result of one delivery method.
        delivery: Delivery,
    },
    /// TRANSCRIBE_FILE has made progress.
    Progress {
        /// The file.
        path: PathBuf,
        /// The number of samples at 16 kHz that are transcribed.
        samples: u64,
        /// The file's total number of samples.
        of: u64,
    },
    /// The current content of the sign on the screen. Only for the program that shows it.
    Sign(Box<Sign>),
}

impl Event {
    /// The event's name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::State { .. } => "state",
            Self::TranscriptionUpdate { .. } => "transcription_update",
            Self::Heartbeat { .. } => "heartbeat",
            Self::Level(_) => "level",
            Self::Engine { .. } => "engine",
            Self::Delivery { .. } => "delivery",
            Self::Progress { .. } => "progress",
            Self::Sign(_) => "sign",
        }
    }
}
