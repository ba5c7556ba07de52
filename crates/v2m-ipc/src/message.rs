//! Requests, answers and events on the clients' socket.
//!
//! A request is `{"cmd": string, "data": object|null}`; a [`Command`] is its meaning. An answer is
//! a [`Response`]. It always has `status`, `data` and `error`, and with an error also `code`. Every
//! request gets one answer, in order. After the answer to [`Command::Subscribe`], a connection
//! carries only [`Event`]s, each as the `data` of a response with the status `event`.
//!
//! For compatibility, unknown keys of requests are ignored, and answers and events may gain keys.
//! [`crate::data`] has the shapes of success data; [`crate::frame`] defines how bytes become
//! frames. The daemon decides what a command does.

use crate::data::Event;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt;
use v2m_messages::tr;

/// A client's request.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Checks that the service answers. Answered `"PONG"`.
    Ping,
    /// Returns state, engine and machine: [`crate::data::Status`].
    GetStatus,
    /// Starts a recording. Answered once the first audio has arrived.
    StartRecording(Wishes),
    /// Stops, transcribes and delivers: [`crate::data::Transcript`].
    StopRecording(Wishes),
    /// Starts or stops, whichever applies.
    ToggleRecording(Wishes),
    /// Drops the recording, audio and text.
    CancelRecording,
    /// Returns the last dictation's text: [`crate::data::LastText`].
    LastText,
    /// Has the language model process a text: [`crate::data::Text`].
    ProcessText {
        /// The text.
        text: TextSource,
        /// An instruction for the model, in addition to the preset.
        instruction: Option<String>,
        /// The preset's name. `None`: as configured, or none if there is an instruction.
        preset: Option<String>,
        /// Where the result goes, besides the answer. `None`: back to the clipboard if the text
        /// came from there.
        deliver: Option<Deliver>,
    },
    /// Translates a text: [`crate::data::Text`].
    TranslateText {
        /// The text.
        text: TextSource,
        /// The language to translate to, as a code or a name. `None`: as configured.
        target_lang: Option<String>,
        /// Where the result goes, as for PROCESS_TEXT.
        deliver: Option<Deliver>,
    },
    /// Applies the text rules to a text: [`crate::data::Rules`].
    TestRules {
        /// The text. Each line is a piece between two pauses.
        text: String,
        /// The ISO 639-1 code. `None`: as configured, or as guessed from the text.
        language: Option<String>,
    },
    /// Transcribes an audio file.
    TranscribeFile {
        /// The absolute path: the daemon's working directory is not the client's.
        file_path: String,
        /// The sound track, counted from 1. `None`: the first one that can be decoded and is not
        /// silent.
        track: Option<u32>,
    },
    /// Transcribes a dictation of the store again: [`crate::data::Transcript`].
    RetryRecording {
        /// The dictation's number, counted back from the last, which is 1.
        number: u32,
        /// Another model's name. `None`: as configured.
        model: Option<String>,
        /// The ISO 639-1 code, or `auto`. `None`: as configured.
        language: Option<String>,
    },
    /// Takes the last text at the cursor back: [`crate::data::State`].
    UndoDelivery,
    /// Lists the dictations in the store, newest first: [`crate::data::Dictations`].
    ListDictations {
        /// Only dictations that contain all these words.
        search: Option<String>,
        /// Only dictations from this time on: a date, a time, or how long ago.
        since: Option<String>,
        /// Only dictations older than the one with this id.
        before: Option<String>,
        /// The largest number of results. `None`: 20.
        limit: Option<u32>,
    },
    /// Returns a stored dictation with its text: [`crate::data::DictationText`].
    GetDictation(Which),
    /// Delivers the text of a stored dictation again: [`crate::data::Text`].
    DeliverDictation {
        /// The dictation.
        which: Which,
        /// Where its text goes.
        deliver: Deliver,
    },
    /// Deletes one stored dictation, or all of them: [`crate::data::Deleted`].
    DeleteDictations {
        /// The dictation. `None`: all.
        which: Option<Which>,
    },
    /// Returns the effective settings.
    GetConfig,
    /// Changes settings: a partial config, merged into the file.
    UpdateConfig {
        /// The sections and keys to change.
        updates: Map<String, Value>,
    },
    /// Allows no more recordings.
    PauseDaemon,
    /// Allows recordings again.
    ResumeDaemon,
    /// Turns this connection into a stream of events.
    Subscribe {
        /// The requested events, in the order of [`EventName::ALL`], each once.
        events: Vec<EventName>,
    },
    /// Ends the service in order.
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
            Self::UndoDelivery => "UNDO_DELIVERY",
            Self::ListDictations { .. } => "LIST_DICTATIONS",
            Self::GetDictation(_) => "GET_DICTATION",
            Self::DeliverDictation { .. } => "DELIVER_DICTATION",
            Self::DeleteDictations { .. } => "DELETE_DICTATIONS",
            Self::GetConfig => "GET_CONFIG",
            Self::UpdateConfig { .. } => "UPDATE_CONFIG",
            Self::PauseDaemon => "PAUSE_DAEMON",
            Self::ResumeDaemon => "RESUME_DAEMON",
            Self::Subscribe { .. } => "SUBSCRIBE",
            Self::Shutdown => "SHUTDOWN",
        }
    }

    /// Returns the request in its wire form. UPDATE_CONFIG uses its unambiguous form.
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
            Self::ListDictations { search, since, before, limit } => {
                let mut data = given([
                    ("search", search.as_deref()),
                    ("since", since.as_deref()),
                    ("before", before.as_deref()),
                ]);
                data.extend(limit.map(|limit| ("limit".to_owned(), limit.into())));
                data.into()
            }
            Self::GetDictation(which) => which.to_data().into(),
            Self::DeliverDictation { which, deliver } => {
                let mut data = which.to_data();
                data.insert("deliver".into(), deliver.name().into());
                data.into()
            }
            Self::DeleteDictations { which: Some(which) } => which.to_data().into(),
            Self::DeleteDictations { which: None } => json!({"all": true}),
            Self::UpdateConfig { updates } => json!({"updates": updates}),
            Self::Subscribe { events } => json!({"events": events}),
            Self::StartRecording(wishes)
            | Self::StopRecording(wishes)
            | Self::ToggleRecording(wishes) => wishes.to_data(),
            Self::Ping
            | Self::GetStatus
            | Self::CancelRecording
            | Self::LastText
            | Self::UndoDelivery
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

/// A client's options for one dictation. `None`: as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Where the text should go. The last request counts.
    pub deliver: Option<Deliver>,
    /// The preset that a language model should use. The last request counts.
    pub preset: Option<String>,
    /// The language that is spoken: a code, a name or `auto`. The request that starts the dictation
    /// counts.
    pub language: Option<String>,
    /// Whether each sentence is delivered once it is over. The request that starts the dictation
    /// counts.
    pub continuous: bool,
}

impl Wishes {
    fn to_data(&self) -> Value {
        let deliver = ("deliver", self.deliver.map(Deliver::name));
        let words = [("preset", self.preset.as_deref()), ("language", self.language.as_deref())];
        let [preset, language] = words;
        let mut data = given([deliver, preset, language]);
        if self.continuous {
            data.insert("continuous".into(), true.into());
        }
        if data.is_empty() { Value::Null } else { data.into() }
    }
}

/// The text to process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextSource {
    /// This text. It is not blank.
    Given(String),
    /// The clipboard's text.
    Clipboard,
    /// The last dictation's text.
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

/// Identifies a dictation in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Counted back from the last one, which is 1. The numbers grow with each new dictation.
    Number(u32),
    /// As in [`crate::data::Dictation::id`]. It never changes.
    Id(String),
}

impl Which {
    /// Reads `last`, a number from 1 on, or an id.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "last" => Some(Self::Number(1)),
            number if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                number.parse().ok().filter(|number| *number > 0).map(Self::Number)
            }
            id => Some(Self::Id(id.to_owned())),
        }
    }

    fn to_data(&self) -> Map<String, Value> {
        let (key, value) = match self {
            Self::Number(number) => ("number", Value::from(*number)),
            Self::Id(id) => ("id", Value::from(id.as_str())),
        };
        Map::from_iter([(key.to_owned(), value)])
    }
}

/// Keeps the keys that have a value.
fn given<const N: usize>(keys: [(&str, Option<&str>); N]) -> Map<String, Value> {
    let set = keys.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.into())));
    set.collect()
}

/// Where a text goes, besides the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliver {
    /// Into the window with the keyboard focus if that needs no permission from the user, otherwise
    /// to the clipboard.
    Auto,
    /// To the clipboard.
    Clipboard,
    /// Into the window with the keyboard focus.
    Paste,
    /// Into that window, key by key.
    Type,
    /// Nowhere besides the answer.
    None,
}

impl Deliver {
    /// All destinations.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Clipboard, Self::Paste, Self::Type, Self::None];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Clipboard => "clipboard",
            Self::Paste => "paste",
            Self::Type => "type",
            Self::None => "none",
        }
    }

    /// The destination with this name.
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
    /// The session's state has changed.
    State,
    /// New text of the running dictation.
    TranscriptionUpdate,
    /// Sent every 2 s while recording.
    Heartbeat,
    /// Sent 10 times a second while recording.
    Level,
    /// The recogniser's state has changed.
    Engine,
    /// A text was delivered, or its delivery failed.
    Delivery,
    /// The transcription of a file made progress.
    Progress,
}

impl EventName {
    /// All event names.
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

    /// The event with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }

    /// All names, as part of a sentence.
    pub fn list() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

/// Why a request is refused before it is executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code for programs: `bad_request` or `unknown_command`.
    pub code: &'static str,
    /// The message for people.
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
            message: tr!(
                "there is no command {name}. If the client is newer than the service: \
                 systemctl --user restart v2m",
                name = format_args!("{shown:?}")
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

/// Whether a response reports success, an error or an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseStatus {
    /// The request succeeded.
    Success,
    /// The request failed.
    Error,
    /// This is not an answer but an event.
    Event,
}

/// An answer or an event on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// Success, error or event.
    pub status: ResponseStatus,
    /// The requested data. With an error: any remaining data, or null.
    pub data: Value,
    /// The message for people: what was being done, what went wrong, what to do now.
    pub error: Option<String>,
    /// The reason for programs. Absent on success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl Response {
    /// Makes a successful answer.
    pub fn success<D: Serialize>(data: &D) -> Self {
        Self { status: ResponseStatus::Success, data: to_value(data), error: None, code: None }
    }

    /// Makes an error answer. `data` is null unless there is something to return.
    pub fn error(code: &str, message: impl Into<String>, data: Value) -> Self {
        Self {
            status: ResponseStatus::Error,
            data,
            error: Some(message.into()),
            code: Some(code.to_owned()),
        }
    }

    /// Makes an event's response.
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
