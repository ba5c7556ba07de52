//! The session's own types. The server and other edges convert to and from these.

use super::gap::Gap;
use super::preset::ChosenPreset;
use std::path::PathBuf;
use v2m_ipc::plain;
use v2m_messages::tr;

/// Identifies one dictation, from its press to its outcome. Also part of its file names in the
/// store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u32);

/// Identifies one request that waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

/// A client's options for one dictation. `None`: as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Where the text should go.
    pub deliver: Option<DeliverMode>,
    /// The preset that a language model should use.
    pub preset: Option<String>,
    /// The language that is spoken: a code that the recogniser knows, or
    /// [`AUTO`](crate::language::spoken::AUTO).
    pub language: Option<String>,
    /// Whether each sentence is delivered once it is over, while the recording goes on.
    pub continuous: bool,
}

/// The client that sent a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The request that waits for the answer.
    pub ticket: Ticket,
    /// Its options for the dictation that the command starts or stops.
    pub wishes: Wishes,
    /// Why its preset cannot be used.
    pub unfit: Option<Failure>,
    /// Why a dictation in its language, or in the configured one, is impossible.
    pub unspoken: Option<Failure>,
}

impl From<Ticket> for Asker {
    /// Makes an asker without options.
    fn from(ticket: Ticket) -> Self {
        Self { ticket, wishes: Wishes::default(), unfit: None, unspoken: None }
    }
}

/// v2m's state, as clients see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waiting for a press.
    Idle,
    /// Recording the user.
    Recording,
    /// Capture has ended, but the text is not there yet.
    Transcribing,
    /// A language model works on the text.
    Processing,
    /// Recording is paused on request.
    Paused,
}

impl State {
    /// The name on the wire and in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Recording => "recording",
            Self::Transcribing => "transcribing",
            Self::Processing => "processing",
            Self::Paused => "paused",
        }
    }
}

/// The recogniser's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineState {
    /// There is no model to load.
    Absent,
    /// The model is being loaded.
    Loading,
    /// The model is loaded and answers at once.
    Warm,
    /// The model was unloaded. The next recording loads it again.
    Unloaded,
    /// The engine or its model cannot be used.
    Failed,
}

impl EngineState {
    /// The name on the wire and in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Loading => "loading",
            Self::Warm => "warm",
            Self::Unloaded => "unloaded",
            Self::Failed => "failed",
        }
    }
}

/// A command that concerns the session's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Start a recording.
    Start,
    /// Stop the recording and answer with its text.
    Stop,
    /// Start or stop, whichever applies.
    Toggle,
    /// Drop the recording, audio and text.
    Cancel,
    /// Start no more recordings.
    Pause,
    /// Allow recordings again.
    Resume,
    /// End the service in order.
    Shutdown,
}

/// Where a dictation's text goes, besides the answer and the notification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeliverMode {
    /// Like [`Self::Paste`] if v2m may press keys without asking the user, otherwise like
    /// [`Self::Clipboard`].
    #[default]
    Auto,
    /// To the clipboard.
    Clipboard,
    /// Into the window with the keyboard focus, or to the clipboard if that is not possible. The
    /// desktop may ask the user first.
    Paste,
    /// Into that window key by key, without the clipboard. Pasted if the keyboard layout lacks some
    /// character.
    Type,
    /// Nowhere besides the answer and the notification.
    None,
}

impl DeliverMode {
    /// All modes, the default first.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Clipboard, Self::Paste, Self::Type, Self::None];

    /// Whether the text may go to the cursor.
    pub fn is_at_cursor(self) -> bool {
        match self {
            Self::Auto | Self::Paste | Self::Type => true,
            Self::Clipboard | Self::None => false,
        }
    }

    /// The name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Clipboard => "clipboard",
            Self::Paste => "paste",
            Self::Type => "type",
            Self::None => "none",
        }
    }
}

/// The machine-readable reason of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The request cannot be understood.
    BadRequest,
    /// There is no such command.
    UnknownCommand,
    /// Recording is paused.
    Paused,
    /// A transcription is under way.
    Busy,
    /// Nothing is being recorded.
    NotRecording,
    /// The recording holds no speech.
    NoSpeech,
    /// There is no text to work on.
    NoText,
    /// The last text cannot be taken back.
    CannotUndo,
    /// The microphone or PipeWire is not available.
    NoMicrophone,
    /// Some of the sound could not be recorded.
    AudioGap,
    /// There is no model to transcribe with.
    ModelMissing,
    /// The recogniser failed; the audio is kept.
    EngineFailed,
    /// No language model can be reached.
    LlmUnavailable,
    /// A language model answered, but not with a rewriting of the text.
    LlmRejected,
    /// The request is longer than allowed.
    TooLarge,
    /// The recording was cancelled by another client.
    Cancelled,
    /// The configuration is invalid.
    BadConfig,
    /// A file cannot be read or written.
    File,
    /// The service is ending.
    ShuttingDown,
    /// A bug or a broken system.
    Internal,
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 20] = [
        Self::BadRequest,
        Self::UnknownCommand,
        Self::Paused,
        Self::Busy,
        Self::NotRecording,
        Self::NoSpeech,
        Self::NoText,
        Self::CannotUndo,
        Self::NoMicrophone,
        Self::AudioGap,
        Self::ModelMissing,
        Self::EngineFailed,
        Self::LlmUnavailable,
        Self::LlmRejected,
        Self::TooLarge,
        Self::Cancelled,
        Self::BadConfig,
        Self::File,
        Self::ShuttingDown,
        Self::Internal,
    ];

    /// Returns the code with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }

    /// The cause in a few words, for a notification's title.
    pub fn title(self) -> &'static str {
        match self {
            Self::BadRequest | Self::UnknownCommand => tr!("v2m cannot do that"),
            Self::Paused => tr!("Dictation is paused"),
            Self::Busy => tr!("The last text is not ready yet"),
            Self::NotRecording => tr!("Nothing is being recorded"),
            Self::NoSpeech => tr!("No speech heard"),
            Self::NoText => tr!("There is no text to work on"),
            Self::CannotUndo => tr!("The text was not taken back"),
            Self::NoMicrophone => tr!("No microphone"),
            Self::AudioGap => tr!("Some of the recording is missing"),
            Self::ModelMissing => tr!("No speech model"),
            Self::EngineFailed => tr!("The recogniser failed"),
            Self::LlmUnavailable => tr!("The language model is not available"),
            Self::LlmRejected => tr!("The language model's answer was not used"),
            Self::TooLarge => tr!("The text is too long"),
            Self::Cancelled => tr!("The recording was cancelled"),
            Self::BadConfig => tr!("The configuration is not valid"),
            Self::File => tr!("The recording is not saved yet"),
            Self::ShuttingDown => tr!("v2m is stopping"),
            Self::Internal => tr!("Internal error in v2m"),
        }
    }

    /// The name on the wire and in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::UnknownCommand => "unknown_command",
            Self::Paused => "paused",
            Self::Busy => "busy",
            Self::NotRecording => "not_recording",
            Self::NoSpeech => "no_speech",
            Self::NoText => "no_text",
            Self::CannotUndo => "cannot_undo",
            Self::NoMicrophone => "no_microphone",
            Self::AudioGap => "audio_gap",
            Self::ModelMissing => "model_missing",
            Self::EngineFailed => "engine_failed",
            Self::LlmUnavailable => "llm_unavailable",
            Self::LlmRejected => "llm_rejected",
            Self::TooLarge => "too_large",
            Self::Cancelled => "cancelled",
            Self::BadConfig => "bad_config",
            Self::File => "file",
            Self::ShuttingDown => "shutting_down",
            Self::Internal => "internal",
        }
    }
}

impl Code {
    /// Whether the user's words may be lost, or did not get where they were wanted. Such a problem
    /// is shown whatever the settings say.
    pub fn costs_words(self) -> bool {
        match self {
            Self::NoMicrophone
            | Self::AudioGap
            | Self::ModelMissing
            | Self::EngineFailed
            | Self::File
            | Self::Internal => true,
            // Speech after such a press is not recorded.
            Self::BadConfig | Self::BadRequest | Self::Busy | Self::Paused | Self::ShuttingDown => {
                true
            }
            // Nothing was said, or the client that asked has the answer.
            Self::UnknownCommand
            | Self::NotRecording
            | Self::NoSpeech
            | Self::NoText
            | Self::CannotUndo
            | Self::TooLarge => false,
            // The text was delivered unchanged.
            Self::LlmUnavailable | Self::LlmRejected => false,
            // The user did it.
            Self::Cancelled => false,
        }
    }
}

/// Why something failed, for the user and for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason for programs.
    pub code: Code,
    /// The message for people: what was being done, what went wrong, what to do now.
    pub message: String,
    /// The text that is left of the user's words, if any.
    pub text: Option<String>,
    /// The path of the audio, if it was kept.
    pub audio_path: Option<PathBuf>,
    /// A short form for notifications. `None`: the code's title and the message.
    pub brief: Option<Box<Brief>>,
    /// Whether it prevents every dictation until it is repaired. v2m notices the repair.
    pub lasts: bool,
    /// Whether nothing was done for the request, so that it may be sent again.
    pub again: bool,
}

/// A failure as a notification shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief {
    /// What went wrong: the title. GNOME shows some 45 characters of it.
    pub cause: String,
    /// What to do now: the body. GNOME's list of notifications shows some 52 characters of it.
    pub remedy: String,
}

impl Failure {
    /// Makes a failure without text or audio. The message may contain names of files and devices
    /// and other programs' words, so it is made plain here.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: plain::owned(message.into()),
            text: None,
            audio_path: None,
            brief: None,
            lasts: false,
            again: false,
        }
    }

    /// Adds the short words for a notification.
    #[must_use]
    pub fn in_brief(self, cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (cause, remedy) = (cause.into(), remedy.into());
        let cause = plain::line(&cause).into_owned();
        Self { brief: Some(Box::new(Brief { cause, remedy: plain::owned(remedy) })), ..self }
    }

    /// Marks the failure as lasting until it is repaired.
    #[must_use]
    pub fn lasting(self) -> Self {
        Self { lasts: true, ..self }
    }

    /// Marks the request as not executed: the client may send it again.
    #[must_use]
    pub fn may_ask_again(self) -> Self {
        Self { again: true, ..self }
    }
}

/// A stretch of recognised speech, in samples at 16 kHz from the recording's first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The first sample.
    pub start: u64,
    /// One past the last sample.
    pub end: u64,
    /// The text, trimmed.
    pub text: String,
}

/// The outcome of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    /// The text to deliver.
    pub text: String,
    /// The transcript, if the text rules changed it.
    pub unrefined: Option<String>,
    /// The language's ISO 639-1 code.
    pub language: String,
    /// The length of the recording in samples at 16 kHz.
    pub samples: u64,
    /// The recognised pieces, with their positions in the recording.
    pub segments: Vec<Segment>,
    /// The parts that could not be recorded.
    pub gaps: Vec<Gap>,
    /// The recording on disk, if it is kept.
    pub audio_path: Option<PathBuf>,
    /// The preset that was chosen for the text. If no language model applied it, the problems say
    /// why.
    pub preset: Option<ChosenPreset>,
    /// Where the text was delivered, and where that failed.
    pub deliveries: Vec<Delivery>,
    /// Messages for the user that come with the text, for example why the recording ended early or
    /// why no language model rewrote it.
    pub problems: Vec<Failure>,
}

/// An answer to a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The current state, with a sentence for people if one helps.
    State(State, Option<&'static str>),
    /// The current state, with a sentence for people that was made for this answer.
    Told(State, String),
    /// The text of the recording that was stopped, and the current state. For a continuous
    /// dictation, it is the text of all its sentences.
    Transcript(State, Box<Transcript>),
    /// The service is about to end.
    ShuttingDown,
}

/// The result of one delivery method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The method's name: `clipboard`, `notification`, …
    pub by: &'static str,
    /// The desktop backend that was used, if there are several.
    pub backend: Option<&'static str>,
    /// Whether the delivery succeeded.
    pub ok: bool,
    /// How it was delivered, or why not and what to do about it.
    pub detail: String,
}
