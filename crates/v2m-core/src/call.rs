//! The requests of a door (socket, session bus) to the daemon, and the answers.
//!
//! Doors convert their wire types to and from these types, and know nothing of one another. Not
//! here: the channel that carries them, which belongs to the daemon.

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
    /// As `Session`, with wishes for this dictation.
    Dictation(Command, Wishes),
    /// GET_STATUS.
    Status,
    /// GET_CONFIG.
    GetConfig,
    /// Which microphones there are; only on the session bus.
    Microphones,
    /// UPDATE_CONFIG with the partial config.
    UpdateConfig(Map<String, Value>),
    /// LAST_TEXT.
    LastText,
    /// PROCESS_TEXT and TRANSLATE_TEXT.
    Text(TextWork),
    /// TEST_RULES.
    TestRules {
        /// The text; each line of it is a piece between two pauses.
        text: String,
        /// Its language; `None`: the configured one, or what it seems to be.
        language: Option<String>,
    },
    /// TRANSCRIBE_FILE.
    TranscribeFile {
        /// The file, absolute.
        path: PathBuf,
        /// Which of its sound tracks, counted from 1; `None`: the first that can be heard.
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
    /// Whether it is a press: a command of a dictation or of the service itself, which is carried
    /// out however many other requests are under way.
    pub fn is_press(&self) -> bool {
        matches!(self, Self::Session(_) | Self::Dictation(..) | Self::Undo)
    }
}

/// A dictation of the store that is to be transcribed once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Which one, counted back from the last: 1.
    pub number: u32,
    /// Another model's name or absolute path; `None`: the configured one.
    pub model: Option<String>,
    /// ISO 639-1 code, or `auto`; `None`: the configured one.
    pub language: Option<String>,
}

/// A text for a language model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextWork {
    /// Which text.
    pub source: TextSource,
    /// What is to be done with it.
    pub task: TextTask,
    /// Where the result goes, beside the answer; `None`: back to the clipboard if it came from
    /// there.
    pub deliver: Option<DeliverMode>,
}

/// Which text is to be worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextSource {
    /// This one.
    Given(String),
    /// What is on the clipboard.
    Clipboard,
    /// The last dictation's.
    Last,
}

/// What a language model is to do with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextTask {
    /// Rewrite it.
    Rewrite {
        /// In words, beside what the preset says.
        instruction: Option<String>,
        /// The preset's name; `None`: the configured one, or none where there is an instruction.
        preset: Option<String>,
    },
    /// Translate it.
    Translate {
        /// Code or name of the language; `None`: the configured one.
        into: Option<String>,
    },
}

/// A successful answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To start, toggle, cancel, pause, resume and UNDO_DELIVERY: the state now.
    State {
        /// The state now.
        state: State,
        /// A sentence for people.
        message: Option<String>,
    },
    /// To stop, to a toggle that stops, to TRANSCRIBE_FILE and to RETRY_RECORDING.
    Transcript {
        /// The state now.
        state: State,
        /// The text and all that is known of it.
        transcript: Transcript,
    },
    /// To LAST_TEXT.
    LastText {
        /// The state now.
        state: State,
        /// The last dictation's text.
        text: String,
    },
    /// To PROCESS_TEXT, TRANSLATE_TEXT and DELIVER_DICTATION.
    Text {
        /// The state now.
        state: State,
        /// The refined text.
        text: String,
        /// The text before, if the client did not send it.
        original: Option<String>,
        /// Where it went beside this answer, and where it did not.
        deliveries: Vec<Delivery>,
    },
    /// To TEST_RULES.
    Rules {
        /// The text that a dictation would have become.
        text: String,
        /// Whose rules were applied.
        language: String,
        /// Whether they are applied to dictations.
        applied: bool,
        /// What each rule did that did something.
        steps: Vec<Step>,
    },
    /// To GET_STATUS.
    Status(Box<Status>),
    /// To GET_CONFIG: the effective settings, secrets masked.
    Config(Value),
    /// To UPDATE_CONFIG.
    ConfigUpdated {
        /// Keys (`section.key`) in force now.
        applied: Vec<String>,
        /// Keys that need a restart of the service.
        restart: Vec<String>,
        /// Settings of voice2machine's that changed nothing, each with the reason.
        ignored: Vec<(String, String)>,
    },
    /// To `Microphones`: those that are connected.
    Microphones(Vec<Microphone>),
    /// To LIST_DICTATIONS.
    History(HistoryPage),
    /// To GET_DICTATION.
    Dictation(Box<KeptText>),
    /// To DELETE_DICTATIONS.
    Deleted(Deleted),
    /// To SHUTDOWN.
    ShuttingDown,
}

/// A microphone that is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Microphone {
    /// PipeWire's `node.name`, as `capture.source` names it.
    pub name: String,
    /// What people call it.
    pub description: String,
}

/// What GET_STATUS tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The session's state.
    pub state: State,
    /// The language of the newest dictation under way, otherwise of the next one: a code, or `auto`
    /// if it is detected.
    pub language: String,
    /// How many dictations wait for their texts, without the one that is being recorded.
    pub pending: usize,
    /// The preset of the newest dictation under way, otherwise of the last one, if it has one.
    pub preset: Option<ChosenPreset>,
    /// Use of the machine's CPUs, 0–100.
    pub cpu_percent: f32,
    /// Memory of the machine.
    pub ram: Ram,
    /// The GPU, where there is one.
    pub gpu: Option<Gpu>,
    /// The recogniser.
    pub engine: EngineStatus,
    /// How recording goes.
    pub capture: CaptureStatus,
    /// Where texts go. `None`: the desktop has not told yet.
    pub deliver: Option<DeliverStatus>,
    /// Seconds since the service started.
    pub uptime_s: u64,
    /// How the recording goes, and how the last dictation ended.
    pub progress: Progress,
    /// What is wrong and what to do about it, if anything is.
    pub problem: Option<Failure>,
}

/// Where texts go now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliverStatus {
    /// As configured.
    pub mode: DeliverMode,
    /// What that comes to on this desktop. Never [`DeliverMode::Auto`].
    pub way: DeliverMode,
    /// By which of the desktop's means, where that is the cursor.
    pub backend: Option<&'static str>,
    /// Why, as a part of a sentence.
    pub reason: String,
}

/// How recording goes, since the service started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureStatus {
    /// Whether the thread that takes the sound has real-time priority; unknown before the first
    /// recording.
    pub realtime: Option<bool>,
    /// How often sound could not be recorded.
    pub gaps: u32,
    /// How much that is, in samples at 16 kHz.
    pub missing: u64,
}

/// How the recording goes, and how the last dictation ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// The recording under way.
    pub recording: Option<RecordingTime>,
    /// Why the last press, or the last dictation, gave no text. `None` as soon as the next
    /// recording begins.
    pub reason: Option<Failure>,
}

/// Since when something is recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecordingTime {
    /// When the recording was asked for: seconds since 1970, UTC.
    pub since: f64,
    /// How long ago that is, in seconds, by a clock that nobody sets.
    pub elapsed: f64,
}

/// The sound of a tenth of a second, in dB relative to full scale: at most 0, and −120 for digital
/// silence.
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
    /// Installed.
    pub total: u64,
    /// In use.
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
    /// Degrees Celsius.
    pub temp_c: Option<u32>,
    /// Use, 0–100.
    pub percent: f32,
}

/// The recogniser, as GET_STATUS tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineStatus {
    /// What it is doing.
    pub state: EngineState,
    /// What really computes (`cpu`, `cuda`, `vulkan`), once loaded.
    pub backend: Option<String>,
    /// The device's own name, once loaded.
    pub device: Option<String>,
    /// The model's name.
    pub model: Option<String>,
    /// How long loading took.
    pub loaded_in_ms: Option<u64>,
    /// Memory in bytes that it takes on its device, where that is known.
    pub memory_bytes: Option<u64>,
    /// What was wanted before it, by name, and why it is not used.
    pub passed_over: Vec<(&'static str, String)>,
    /// The address of the server that gets the sound, if one does.
    pub server: Option<String>,
    /// Settings that the model cannot follow, by key, and why.
    pub unfollowed: Vec<(&'static str, String)>,
    /// The model that shows words while somebody speaks, if one is wanted.
    pub preview: Option<PreviewStatus>,
}

/// The model that shows words while somebody speaks.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewStatus {
    /// As the settings name it.
    pub model: String,
    /// What it is doing.
    pub state: EngineState,
    /// Memory in bytes that it takes, where that is known.
    pub memory_bytes: Option<u64>,
    /// Why it is not used, if it is not.
    pub problem: Option<String>,
}

/// What subscribers are told.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The session's state changed.
    State {
        /// The state.
        state: State,
        /// The dictation that is being recorded.
        job: Option<JobId>,
        /// How the recording goes, and how the last dictation ended.
        progress: Progress,
    },
    /// Text of a dictation that is being recorded or transcribed.
    TranscriptionUpdate {
        /// The dictation.
        job: JobId,
        /// The text so far.
        text: String,
        /// Whether it will not change any more.
        is_final: bool,
    },
    /// Every 2 s while recording.
    Heartbeat {
        /// Seconds since 1970, UTC.
        timestamp: f64,
        /// The state.
        state: State,
    },
    /// 10 times a second while recording.
    Level(Level),
    /// The recogniser's state changed.
    Engine {
        /// The state.
        state: EngineState,
        /// What computes, once loaded.
        backend: Option<String>,
    },
    /// A text was delivered, or not.
    Delivery {
        /// The dictation; `None`: a client's text.
        job: Option<JobId>,
        /// What one way of delivering did.
        delivery: Delivery,
    },
    /// A file of TRANSCRIBE_FILE got on.
    Progress {
        /// The file.
        path: PathBuf,
        /// Samples at 16 kHz whose text is there.
        samples: u64,
        /// All its samples.
        of: u64,
    },
    /// What the sign on the screen shows now. Only for the program that shows it.
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
