//! What the configuration comes to: values that have been checked. Built only by this room.

mod initial;

use super::keys;
use crate::chord::Chord;
use crate::session::{DeliverMode, TriggerMode};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;
use v2m_ipc::llm::{Endpoint, Provider};
use v2m_ipc::remote;

/// Everything that can be configured, in force or to be.
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
    /// The model whose words are shown while somebody speaks, as `model` is named; empty: none.
    pub preview: String,
    /// What may compute.
    pub backend: BackendChoice,
    /// ISO 639-1 code; `None` detects it.
    pub language: Option<String>,
    /// Codes to detect among; empty: all.
    pub languages: Vec<String>,
    /// Translate to English.
    pub translate: bool,
    /// Words to expect, most important first.
    pub vocabulary: Vec<String>,
    /// 1 to 8; 1 is greedy.
    pub beam_size: u8,
    /// 0: one for each physical core, at most 8.
    pub threads: u16,
    /// Seconds without a sign of life before the engine is replaced, 5 to 600.
    pub hang_seconds: u32,
    /// When the model is let go.
    pub unload_after: UnloadAfter,
}

/// What the recogniser may compute on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendChoice {
    /// The fastest that is installed and works.
    Auto,
    /// NVIDIA's GPUs only.
    Cuda,
    /// GPUs with a Vulkan driver only.
    Vulkan,
    /// The processor only.
    Cpu,
    /// A server, and what is here if that fails.
    Remote,
}

impl BackendChoice {
    /// All of them.
    pub(super) const ALL: [Self; 5] =
        [Self::Auto, Self::Cuda, Self::Vulkan, Self::Cpu, Self::Remote];

    /// The name in the file.
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

/// After which time without a dictation the model is let go, and its memory with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnloadAfter {
    /// A GPU's memory after [`Self::GPU`], the processor's never.
    Auto,
    /// Never.
    Never,
    /// After so long, 1 s to 24 h.
    After(Duration),
}

impl UnloadAfter {
    /// A GPU's memory is little and wanted by others; loading a model anew takes seconds.
    pub const GPU: Duration = Duration::from_secs(15 * 60);

    /// The time, for an engine on a GPU or not; `None`: never.
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
    /// Where it answers; `None`: nowhere.
    pub base_url: Option<String>,
    /// The model's name there; empty: none is named.
    pub model: String,
    /// Until a connection stands, 1 to 60.
    pub connect_seconds: u32,
    /// For the text of one piece, all in all, 1 to 300.
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
    /// After how much silence a recording stops, once somebody has spoken; `None`: by a press alone.
    pub stop_after_silence: Option<Duration>,
    /// After how much silence a continuous dictation stops, once somebody has spoken; `None`: by a
    /// press alone.
    pub continuous_silence: Option<Duration>,
}

/// The shortcut.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TriggerSettings {
    /// What its presses do.
    pub mode: TriggerMode,
}

/// What is kept on disk of dictations that were delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreSettings {
    /// At most so many.
    pub keep_count: u32,
    /// None older than so many days.
    pub keep_days: u32,
    /// Whether the recording stays once its text is delivered.
    pub keep_audio: bool,
}

/// What becomes of what was heard.
#[derive(Clone, Debug, PartialEq)]
pub struct TextSettings {
    /// By whom it is made better.
    pub refine: Refine,
    /// "New line", "open quote", where certainly meant.
    pub spoken_layout: bool,
    /// "Comma" and the like.
    pub spoken_punctuation: bool,
    /// "Scratch that".
    pub spoken_edits: bool,
    /// Leave "um" and "eh" out.
    pub remove_fillers: bool,
    /// What is heard, and what is written for it.
    pub replace: BTreeMap<String, String>,
}

/// Who makes a dictation's text better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refine {
    /// Nobody: it is delivered as it was heard.
    Off,
    /// The rules.
    Rules,
    /// The rules, then a language model.
    Llm,
}

impl Refine {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Off, Self::Rules, Self::Llm];

    /// The name in the file.
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
    /// Whose form it speaks; `None`: there is none.
    pub provider: Option<Provider>,
    /// Its name there; empty: none is set.
    pub model: String,
    /// Where it answers; `None`: at the provider's own address.
    pub base_url: Option<String>,
    /// 0 to 2.
    pub temperature: f64,
    /// Until a connection stands, 1 to 60.
    pub connect_seconds: u32,
    /// For a client's text, all in all, 1 to 600.
    pub timeout_seconds: u32,
    /// For a dictation, all in all, 1 to 120.
    pub dictation_seconds: u32,
    /// The preset where none is named.
    pub preset: String,
    /// Presets of applications, by application id, window class or program; or
    /// [`NO_PRESET`](crate::session::NO_PRESET).
    pub applications: BTreeMap<String, String>,
    /// The language to translate into where none is named: a code or a name.
    pub target_language: String,
}

/// Where the text goes.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliverSettings {
    /// Beside the answer and the notification.
    pub mode: DeliverMode,
    /// The keys that paste. `None`: what suits.
    pub paste_key: Option<Chord>,
    /// The keys that paste in a terminal. `None`: what suits.
    pub terminal_paste_key: Option<Chord>,
    /// Terminals: classes of windows, names of programs.
    pub terminals: Vec<String>,
    /// Paste only into the window that had the keyboard when the recording was stopped.
    pub same_window: bool,
    /// Whether v2m's extension of GNOME Shell is asked which program has the keyboard.
    pub focused_program: bool,
    /// Whether clipboard managers are asked not to remember texts.
    pub sensitive: bool,
    /// What a text at the cursor is joined to.
    pub join: JoinTo,
    /// How the last text at the cursor is taken back.
    pub undo: UndoBy,
    /// The older form of [`FeedbackSettings::notify`]: false means [`Notify::None`].
    pub notify: bool,
}

/// How the last text at the cursor is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndoBy {
    /// Only where the program tells what stands at the cursor.
    Field,
    /// Elsewhere the window gets Ctrl+Z once.
    CtrlZ,
}

impl UndoBy {
    /// All of them.
    pub(super) const ALL: [Self; 2] = [Self::Field, Self::CtrlZ];

    /// The name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::CtrlZ => "ctrl+z",
        }
    }
}

/// What a text at the cursor is joined to, by a space and the case of its first letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinTo {
    /// What is written in the field, where its program tells; else the last text.
    Field,
    /// The last text, as long as it certainly or probably stands there.
    Last,
    /// Nothing: it goes there as it is.
    Nothing,
}

impl JoinTo {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Field, Self::Last, Self::Nothing];

    /// The name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Field => "field",
            Self::Last => "last",
            Self::Nothing => "nothing",
        }
    }
}

/// What notifications show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notify {
    /// States, texts and problems; states and texts only while no sign on the screen shows them.
    All,
    /// Problems.
    Problems,
    /// Nothing but problems that cost words, while no sign on the screen shows them.
    None,
}

impl Notify {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::All, Self::Problems, Self::None];

    /// The name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Problems => "problems",
            Self::None => "none",
        }
    }
}

impl Settings {
    /// What notifications show.
    pub fn notify(&self) -> Notify {
        if self.deliver.notify { self.feedback.notify } else { Notify::None }
    }
}

/// What there is to see and hear of a dictation.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedbackSettings {
    /// What notifications show.
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
    /// The world misbehaves.
    Warn,
    /// What one keeps switched on.
    Info,
    /// For finding a fault.
    Debug,
    /// All there is, dictated text included.
    Trace,
}

impl LogLevel {
    /// All of them, most severe first.
    pub(super) const ALL: [Self; 5] =
        [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// The name in the file; tracing's filters know it too.
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
    /// The server that gets the sound, if one does.
    pub fn server(&self) -> Option<remote::Endpoint> {
        let is_wanted = self.engine.backend == BackendChoice::Remote;
        Some(remote::Endpoint {
            base_url: self.remote.base_url.clone().filter(|_| is_wanted)?,
            model: self.remote.model.clone(),
            connect_ms: u64::from(self.remote.connect_seconds) * 1000,
            total_ms: u64::from(self.remote.timeout_seconds) * 1000,
        })
    }

    /// The answer to GET_CONFIG: `{section: {key: value}}`. No key takes a secret.
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
    /// [`Self::hang_seconds`].
    pub fn hang(&self) -> Duration {
        Duration::from_secs(self.hang_seconds.into())
    }
}

impl LlmSettings {
    /// As `v2m-llm` is told of it, with what a question may take; `None` where none is set up.
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

    /// [`Self::timeout_seconds`].
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds.into())
    }

    /// [`Self::dictation_seconds`].
    pub fn dictation(&self) -> Duration {
        Duration::from_secs(self.dictation_seconds.into())
    }
}

impl CaptureSettings {
    /// [`Self::linger_seconds`].
    pub fn linger(&self) -> Duration {
        Duration::from_secs(self.linger_seconds.into())
    }
}

impl SessionSettings {
    /// [`Self::max_minutes`].
    pub fn max_duration(&self) -> Duration {
        Duration::from_secs_f64(self.max_minutes * 60.0)
    }
}
