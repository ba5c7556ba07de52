//! Requests, answers and events of the clients' socket, as they stand on the wire.
//!
//! A request is `{"cmd": string, "data": object|null}`; a [`Command`] is what it means. An answer
//! is a [`Response`], always with `status`, `data` and `error`, and `code` beside an error. Every
//! request gets one answer, in order. After [`Command::Subscribe`]'s answer a connection carries
//! [`Event`]s only, each as the `data` of a response with the status `event`.
//!
//! What stays compatible: unknown keys of requests are ignored, answers and events may gain keys.
//! The shapes of success data are in [`crate::data`]; how bytes become frames is in
//! [`crate::frame`]. What a command does is the daemon's matter.

use crate::data::Event;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Are you there? Answered `"PONG"`.
    Ping,
    /// State, engine and machine: [`crate::data::Status`].
    GetStatus,
    /// Start a recording; answered once the first audio has arrived.
    StartRecording(Wishes),
    /// Stop, transcribe and deliver: [`crate::data::Transcript`].
    StopRecording(Wishes),
    /// Start or stop, whichever applies.
    ToggleRecording(Wishes),
    /// Drop the recording, audio and text.
    CancelRecording,
    /// The last dictation's text: [`crate::data::LastText`].
    LastText,
    /// Let the language model work on a text: [`crate::data::Text`].
    ProcessText {
        /// Which text.
        text: TextSource,
        /// What to do with it, beside what the preset says.
        instruction: Option<String>,
        /// The preset's name; `None`: as configured, or none where there is an instruction.
        preset: Option<String>,
        /// Where the result goes, beside the answer; `None`: back to the clipboard if it came from
        /// there.
        deliver: Option<Deliver>,
    },
    /// Translate a text: [`crate::data::Text`].
    TranslateText {
        /// Which text.
        text: TextSource,
        /// Language to translate to, as a code or a name; `None`: as configured.
        target_lang: Option<String>,
        /// As for PROCESS_TEXT.
        deliver: Option<Deliver>,
    },
    /// What the text rules make of a text: [`crate::data::Rules`].
    TestRules {
        /// The text; each line is a piece between two pauses.
        text: String,
        /// ISO 639-1 code; `None`: as configured, or what the text seems to be.
        language: Option<String>,
    },
    /// Transcribe an audio file.
    TranscribeFile {
        /// Absolute path: the daemon's working directory is not the client's.
        file_path: String,
        /// Which of its sound tracks, counted from 1; `None`: the first that can be heard.
        track: Option<u32>,
    },
    /// Transcribe a dictation of the store once more: [`crate::data::Transcript`].
    RetryRecording {
        /// Which one, counted back from the last: 1.
        number: u32,
        /// Another model's name; `None`: as configured.
        model: Option<String>,
        /// ISO 639-1 code, or `auto`; `None`: as configured.
        language: Option<String>,
    },
    /// The effective settings.
    GetConfig,
    /// Change settings: a partial config, merged into the file.
    UpdateConfig {
        /// Sections and keys to change.
        updates: Map<String, Value>,
    },
    /// Start no more recordings.
    PauseDaemon,
    /// Allow recordings again.
    ResumeDaemon,
    /// Turn this connection into a stream of events.
    Subscribe {
        /// Which ones, in the order of [`EventName::ALL`], each once.
        events: Vec<EventName>,
    },
    /// End the service in order.
    Shutdown,
}

impl Command {
    /// The name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ping => "PING",
            Self::GetStatus => "GET_STATUS",
            Self::StartRecording(_) => "START_RECORDING",
            Self::StopRecording(_) => "STOP_RECORDING",
            Self::ToggleRecording(_) => "TOGGLE_RECORDING",
            Self::CancelRecording => "CANCEL_RECORDING",
            Self::LastText => "LAST_TEXT",
            Self::ProcessText { .. } => "PROCESS_TEXT",
            Self::TranslateText { .. } => "TRANSLATE_TEXT",
            Self::TestRules { .. } => "TEST_RULES",
            Self::TranscribeFile { .. } => "TRANSCRIBE_FILE",
            Self::RetryRecording { .. } => "RETRY_RECORDING",
            Self::GetConfig => "GET_CONFIG",
            Self::UpdateConfig { .. } => "UPDATE_CONFIG",
            Self::PauseDaemon => "PAUSE_DAEMON",
            Self::ResumeDaemon => "RESUME_DAEMON",
            Self::Subscribe { .. } => "SUBSCRIBE",
            Self::Shutdown => "SHUTDOWN",
        }
    }

    /// The request as it goes on the wire. UPDATE_CONFIG takes the form that no key can be mistaken
    /// in.
    pub fn to_request(&self) -> Value {
        let data = match self {
            Self::ProcessText { text, instruction, preset, deliver } => text.to_data([
                ("instruction", instruction.as_deref()),
                ("preset", preset.as_deref()),
                ("deliver", deliver.map(Deliver::name)),
            ]),
            Self::TranslateText { text, target_lang, deliver } => text.to_data([
                ("target_lang", target_lang.as_deref()),
                ("deliver", deliver.map(Deliver::name)),
            ]),
            Self::TestRules { text, language } => json!({"text": text, "language": language}),
            Self::TranscribeFile { file_path, track: None } => json!({"file_path": file_path}),
            Self::TranscribeFile { file_path, track } => {
                json!({"file_path": file_path, "track": track})
            }
            Self::RetryRecording { number, model, language } => {
                let words = [("model", model.as_deref()), ("language", language.as_deref())];
                let mut data = given(words);
                data.insert("number".into(), (*number).into());
                data.into()
            }
            Self::UpdateConfig { updates } => json!({"updates": updates}),
            Self::Subscribe { events } => json!({"events": events}),
            Self::StartRecording(wishes)
            | Self::StopRecording(wishes)
            | Self::ToggleRecording(wishes) => wishes.to_data(),
            Self::Ping
            | Self::GetStatus
            | Self::CancelRecording
            | Self::LastText
            | Self::GetConfig
            | Self::PauseDaemon
            | Self::ResumeDaemon
            | Self::Shutdown => Value::Null,
        };
        if data.is_null() {
            return json!({"cmd": self.name()});
        }
        json!({"cmd": self.name(), "data": data})
    }
}

/// What is wished for one dictation; `None`: as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Where its text is to go. The last word on it counts.
    pub deliver: Option<Deliver>,
    /// The preset by which a language model is to rewrite it. The last word on it counts.
    pub preset: Option<String>,
}

impl Wishes {
    fn to_data(&self) -> Value {
        let deliver = ("deliver", self.deliver.map(Deliver::name));
        let data = given([deliver, ("preset", self.preset.as_deref())]);
        if data.is_empty() { Value::Null } else { data.into() }
    }
}

/// Which text is to be worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextSource {
    /// This one; not blank.
    Given(String),
    /// What is on the clipboard.
    Clipboard,
    /// The last dictation's.
    Last,
}

impl TextSource {
    fn to_data<const N: usize>(&self, others: [(&str, Option<&str>); N]) -> Value {
        let mut data = given(others);
        let (key, value) = match self {
            Self::Given(text) => ("text", text.as_str()),
            Self::Clipboard => ("source", "clipboard"),
            Self::Last => ("source", "last"),
        };
        data.insert(key.into(), value.into());
        data.into()
    }
}

/// The keys that have a value.
fn given<const N: usize>(keys: [(&str, Option<&str>); N]) -> Map<String, Value> {
    let set = keys.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.into())));
    set.collect()
}

/// Where a text goes, beside the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliver {
    /// To the clipboard.
    Clipboard,
    /// Into the window that has the keyboard.
    Paste,
    /// There too, key by key.
    Type,
    /// Nowhere else.
    None,
}

impl Deliver {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Clipboard, Self::Paste, Self::Type, Self::None];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clipboard => "clipboard",
            Self::Paste => "paste",
            Self::Type => "type",
            Self::None => "none",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|deliver| deliver.name() == name)
    }

    /// All names, for messages.
    pub fn list() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

/// The names of [`Event`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventName {
    /// The session's state changed.
    State,
    /// Text of the running dictation.
    TranscriptionUpdate,
    /// Every 2 s while recording.
    Heartbeat,
    /// 10 times a second while recording.
    Level,
    /// The recogniser's state changed.
    Engine,
    /// A text was delivered, or not.
    Delivery,
    /// A file that is being transcribed got on.
    Progress,
}

impl EventName {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::State,
        Self::TranscriptionUpdate,
        Self::Heartbeat,
        Self::Level,
        Self::Engine,
        Self::Delivery,
        Self::Progress,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::TranscriptionUpdate => "transcription_update",
            Self::Heartbeat => "heartbeat",
            Self::Level => "level",
            Self::Engine => "engine",
            Self::Delivery => "delivery",
            Self::Progress => "progress",
        }
    }

    /// The event of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }

    /// All names in one sentence's worth of text.
    pub fn list() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

/// Why a request is refused before anybody acts on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For programs: `bad_request` or `unknown_command`.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

impl Refusal {
    fn bad_request(message: String) -> Self {
        Self { code: "bad_request", message }
    }

    fn unknown_command(cmd: &str) -> Self {
        let shown: String = cmd.chars().take(40).collect();
        Self {
            code: "unknown_command",
            message: format!(
                "there is no command {shown:?}. If the client is newer than the service: \
                 systemctl --user restart v2m"
            ),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// How a request was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseStatus {
    /// Done.
    Success,
    /// Not done.
    Error,
    /// No answer at all, but an event.
    Event,
}

/// An answer or an event, as it stands on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// How it went.
    pub status: ResponseStatus,
    /// What was asked for, or what is left of it beside an error.
    pub data: Value,
    /// For people: what was being done, what went wrong, what to do now.
    pub error: Option<String>,
    /// For programs: why. Absent on success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl Response {
    /// A successful answer.
    pub fn success<D: Serialize>(data: &D) -> Self {
        Self { status: ResponseStatus::Success, data: to_value(data), error: None, code: None }
    }

    /// An error answer; `data` is null unless something is left to tell.
    pub fn error(code: &str, message: impl Into<String>, data: Value) -> Self {
        Self {
            status: ResponseStatus::Error,
            data,
            error: Some(message.into()),
            code: Some(code.to_owned()),
        }
    }

    /// An event's frame.
    pub fn event(event: &Event) -> Self {
        Self { status: ResponseStatus::Event, data: to_value(event), error: None, code: None }
    }
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        Self::error(refusal.code, refusal.message, Value::Null)
    }
}

fn to_value<D: Serialize>(data: &D) -> Value {
    serde_json::to_value(data).expect("wire data have string keys and no failing serialisers")
}

mod parse;
#[cfg(test)]
mod tests;
