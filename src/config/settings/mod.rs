//! Validated settings. Built only by this room.

mod initial;

use super::keys;
use crate::chord::Chord;
use crate::session::{DeliverMode, TriggerMode};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;
use v2m_ipc::llm::{Endpoint, Provider};
use v2m_ipc::remote;

/// All settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// `[engine]`
    pub engine: EngineSettings,
    /// `[remote]`
    pub remote: RemoteSettings,
    /// `[capture]`
    pub capture: CaptureSettings,
    /// `[session]`
    pub session: SessionSettings,
    /// `[trigger]`
    pub trigger: TriggerSettings,
    /// `[store]`
    pub store: StoreSettings,
    /// `[text]`
    pub text: TextSettings,
    /// `[llm]`
    pub llm: LlmSettings,
    /// `[deliver]`
    pub deliver: DeliverSettings,
    /// `[feedback]`
    pub feedback: FeedbackSettings,
    /// `[log]`
    pub log: LogSettings,
}

/// The recogniser.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineSettings {
    /// Catalogue name or absolute path.
    pub model: String,
    /// The preview model, named like `model`; empty: none.
    pub preview: String,
    /// Where the recogniser may run.
    pub backend: BackendChoice,
    /// ISO 639-1 code; `None`: detected.
    pub language: Option<String>,
    /// Codes to detect among; empty: all.
    pub languages: Vec<String>,
    /// Translate to English.
    pub translate: bool,
    /// Words to expect, most important first.
    pub vocabulary: Vec<String>,
    /// Beam size, 1 to 8; 1 is greedy.
    pub beam_size: u8,
    /// Number of threads; 0: one for each physical core, at most 8.
    pub threads: u16,
    /// Seconds without progress before the engine is replaced, 5 to 600.
    pub hang_seconds: u32,
    /// When the model is unloaded.
    pub unload_after: UnloadAfter,
}

/// Where the recogniser may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendChoice {
    /// The fastest engine that is installed and works.
    Auto,
    /// NVIDIA's GPUs only.
    Cuda,
    /// GPUs with a Vulkan driver only.
    Vulkan,
    /// The processor only.
    Cpu,
    /// A server, with the local engines as a fallback.
    Remote,
}

impl BackendChoice {
    /// All variants.
    pub(super) const ALL: [Self; 5] =
        [Self::Auto, Self::Cuda, Self::Vulkan, Self::Cpu, Self::Remote];

    /// Returns the name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cuda => "cuda",
            Self::Vulkan => "vulkan",
            Self::Cpu => "cpu",
            Self::Remote => "remote",
        }
    }
}

/// Time without a dictation after which the model is unloaded and its memory freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnloadAfter {
    /// On a GPU after [`Self::GPU`], on the processor never.
    Auto,
    /// Never.
    Never,
    /// After this time, 1 s to 24 h.
    After(Duration),
}

impl UnloadAfter {
    /// GPU memory is scarce and other programs need it; reloading a model takes seconds.
    pub const GPU: Duration = Duration::from_secs(15 * 60);

    /// Returns the time, for an engine on a GPU or not; `None`: never.
    pub fn on(self, gpu: bool) -> Option<Duration> {
        match self {
            Self::Auto => gpu.then_some(Self::GPU),
            Self::Never => None,
            Self::After(time) => Some(time),
        }
    }
}

/// A recogniser on a server, for [`BackendChoice::Remote`].
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteSettings {
    /// Base URL; `None`: not set.
    pub base_url: Option<String>,
    /// The server's name of the model; empty: not sent.
    pub model: String,
    /// Connection timeout in seconds, 1 to 60.
    pub connect_seconds: u32,
    /// Total timeout for the text of one piece, in seconds, 1 to 300.
    pub timeout_seconds: u32,
}

/// The microphone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaptureSettings {
    /// PipeWire `node.name`; `None`: the default source.
    pub source: Option<String>,
    /// Seconds the stream stays ready after a dictation.
    pub linger_seconds: u32,
}

/// The dictation itself.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionSettings {
    /// Longest recording in minutes, 0.05 to 120.
    pub max_minutes: f64,
    /// Silence after speech at which a recording stops; `None`: only a press stops it.
    pub stop_after_silence: Option<Duration>,
    /// Silence after speech at which a continuous dictation stops; `None`: only a press stops it.
    pub continuous_silence: Option<Duration>,
}

/// The shortcut.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TriggerSettings {
    /// What a press does.
    pub mode: TriggerMode,
}

/// What stays on disk of delivered dictations.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreSettings {
    /// Maximum number.
    pub keep_count: u32,
    /// Maximum age in days.
    pub keep_days: u32,
    /// Whether the recording stays once its text has been delivered.
    pub keep_audio: bool,
}

/// Transcript post-processing.
#[derive(Clone, Debug, PartialEq)]
pub struct TextSettings {
    /// How the text is improved.
    pub refine: Refine,
    /// Apply "new line", "open quote", if certainly meant as commands.
    pub spoken_layout: bool,
    /// Apply "comma" and the like.
    pub spoken_punctuation: bool,
    /// Apply "scratch that".
    pub spoken_edits: bool,
    /// Leave "um" and "eh" out.
    pub remove_fillers: bool,
    /// Recognised words, with their replacements.
    pub replace: BTreeMap<String, String>,
}

/// How a dictation's text is improved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refine {
    /// Not at all: it is delivered as recognised.
    Off,
    /// By the text rules.
    Rules,
    /// By the text rules, then a language model.
    Llm,
}

impl Refine {
    /// All variants.
    pub(super) const ALL: [Self; 3] = [Self::Off, Self::Rules, Self::Llm];

    /// Returns the name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Rules => "rules",
            Self::Llm => "llm",
        }
    }
}

/// A language model.
#[derive(Clone, Debug, PartialEq)]
pub struct LlmSettings {
    /// The provider, which defines the API; `None`: no language model.
    pub provider: Option<Provider>,
    /// The provider's name of the model; empty: not set.
    pub model: String,
    /// Base URL; `None`: the provider's own.
    pub base_url: Option<String>,
    /// Sampling temperature, 0 to 2.
    pub temperature: f64,
    /// Connection timeout in seconds, 1 to 60.
    pub connect_seconds: u32,
    /// Total timeout for a client's text, in seconds, 1 to 600.
    pub timeout_seconds: u32,
    /// Total timeout for a dictation, in seconds, 1 to 120.
    pub dictation_seconds: u32,
    /// The default preset.
    pub preset: String,
    /// Presets of applications, by application id, window class or program; or
    /// [`NO_PRESET`](crate::session::NO_PRESET).
    pub applications: BTreeMap<String, String>,
    /// The default language to translate into: a code or a name.
    pub target_language: String,
}

/// Delivery of texts.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliverSettings {
    /// Destination, in addition to the answer and the notification.
    pub mode: DeliverMode,
    /// The keys that paste; `None`: chosen automatically.
    pub paste_key: Option<Chord>,
    /// The keys that paste in a terminal; `None`: chosen automatically.
    pub terminal_paste_key: Option<Chord>,
    /// Terminals: window classes or program names.
    pub terminals: Vec<String>,
    /// Paste only into the window that had the keyboard when the recording stopped.
    pub same_window: bool,
    /// Whether v2m's extension of GNOME Shell is asked which program has the keyboard.
    pub focused_program: bool,
    /// Whether clipboard managers are asked not to store texts.
    pub sensitive: bool,
    /// What a text at the cursor is joined to.
    pub join: JoinTo,
    /// How the last text at the cursor is undone.
    pub undo: UndoBy,
    /// The older form of [`FeedbackSettings::notify`]: false means [`Notify::None`].
    pub notify: bool,
}

/// How the last text at the cursor is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndoBy {
    /// Only in programs that report the text at the cursor.
    Field,
    /// In other programs, by sending Ctrl+Z once.
    CtrlZ,
}

impl UndoBy {
    /// All variants.
    pub(super) const ALL: [Self; 2] = [Self::Field, Self::CtrlZ];

    /// Returns the name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::CtrlZ => "ctrl+z",
        }
    }
}

/// The text that a new text is joined to, with a space and the case of its first letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinTo {
    /// The text in the field, if its program reports it; otherwise the last text.
    Field,
    /// The last text, as long as it is certainly or probably still there.
    Last,
    /// Nothing: it is inserted unchanged.
    Nothing,
}

impl JoinTo {
    /// All variants.
    pub(super) const ALL: [Self; 3] = [Self::Field, Self::Last, Self::Nothing];

    /// Returns the name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::Last => "last",
            Self::Nothing => "nothing",
        }
    }
}

/// Which notifications are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notify {
    /// States, texts and problems; states and texts only while no sign on the screen shows them.
    All,
    /// Problems.
    Problems,
    /// Only problems that cost words, and only while no sign on the screen shows them.
    None,
}

impl Notify {
    /// All variants.
    pub(super) const ALL: [Self; 3] = [Self::All, Self::Problems, Self::None];

    /// Returns the name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Problems => "problems",
            Self::None => "none",
        }
    }
}

impl Settings {
    /// Returns which notifications are shown.
    pub fn notify(&self) -> Notify {
        if self.deliver.notify { self.feedback.notify } else { Notify::None }
    }
}

/// Sounds and displays during a dictation.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedbackSettings {
    /// Which notifications are shown.
    pub notify: Notify,
    /// Whether `v2m-osd` is started when a recording begins.
    pub overlay: bool,
    /// Whether start, stop and problems have a sound.
    pub sounds: bool,
    /// Whether media players are paused while recording.
    pub pause_media: bool,
}

/// The journal.
#[derive(Clone, Debug, PartialEq)]
pub struct LogSettings {
    /// The least severe level that is written.
    pub level: LogLevel,
}

/// Severity of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Bugs of v2m.
    Error,
    /// Problems outside of v2m.
    Warn,
    /// Suitable to be always on.
    Info,
    /// For finding a fault.
    Debug,
    /// Everything, including dictated text.
    Trace,
}

impl LogLevel {
    /// All variants, most severe first.
    pub(super) const ALL: [Self; 5] =
        [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// Returns the name in the file, which tracing's filters accept too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl Settings {
    /// Returns the server that receives the sound, if any.
    pub fn server(&self) -> Option<remote::Endpoint> {
        let is_wanted = self.engine.backend == BackendChoice::Remote;
        Some(remote::Endpoint {
            base_url: self.remote.base_url.clone().filter(|_| is_wanted)?,
            model: self.remote.model.clone(),
            connect_ms: u64::from(self.remote.connect_seconds) * 1000,
            total_ms: u64::from(self.remote.timeout_seconds) * 1000,
        })
    }

    /// Returns the answer to GET_CONFIG: `{section: {key: value}}`. No key contains a secret.
    pub fn to_json(&self) -> Value {
        let mut sections = Map::new();
        for key in keys::all() {
            let section = sections.entry(key.section).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(section) = section {
                section.insert(key.name.into(), (key.get)(self));
            }
        }
        Value::Object(sections)
    }
}

impl EngineSettings {
    /// Returns [`Self::hang_seconds`] as a duration.
    pub fn hang(&self) -> Duration {
        Duration::from_secs(self.hang_seconds.into())
    }
}

impl LlmSettings {
    /// Returns the endpoint for `v2m-llm`, with the time limit of a request; `None` if none is
    /// configured.
    pub fn endpoint(&self, within: Duration) -> Option<Endpoint> {
        Some(Endpoint {
            provider: self.provider?,
            base_url: self.base_url.clone(),
            model: self.model.clone(),
            temperature: self.temperature,
            connect_ms: u64::from(self.connect_seconds) * 1000,
            total_ms: u64::try_from(within.as_millis()).unwrap_or(u64::MAX),
        })
    }

    /// Returns [`Self::timeout_seconds`] as a duration.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds.into())
    }

    /// Returns [`Self::dictation_seconds`] as a duration.
    pub fn dictation(&self) -> Duration {
        Duration::from_secs(self.dictation_seconds.into())
    }
}

impl CaptureSettings {
    /// Returns [`Self::linger_seconds`] as a duration.
    pub fn linger(&self) -> Duration {
        Duration::from_secs(self.linger_seconds.into())
    }
}

impl SessionSettings {
    /// Returns [`Self::max_minutes`] as a duration.
    pub fn max_duration(&self) -> Duration {
        Duration::from_secs_f64(self.max_minutes * 60.0)
    }
}
