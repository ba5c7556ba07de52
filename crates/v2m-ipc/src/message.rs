//! Requests, answers and events of the clients' socket, as they stand on the wire.
//!
//! A request is `{"cmd": string, "data": object|null}`; a [`Command`] is what it means. An answer is
//! a [`Response`], always with `status`, `data` and `error`, and `code` beside an error. Every
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
    StartRecording,
    /// Stop, transcribe and deliver: [`crate::data::Transcript`].
    StopRecording,
    /// Start or stop, whichever applies.
    ToggleRecording,
    /// Drop the recording, audio and text.
    CancelRecording,
    /// Let the language model work on a text.
    ProcessText {
        /// The text; not blank.
        text: String,
        /// What to do with it; `None`: as configured.
        instruction: Option<String>,
    },
    /// Translate a text.
    TranslateText {
        /// The text; not blank.
        text: String,
        /// Language to translate to; `None`: as configured.
        target_lang: Option<String>,
    },
    /// Transcribe an audio file.
    TranscribeFile {
        /// Absolute path: the daemon's working directory is not the client's.
        file_path: String,
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
            Self::StartRecording => "START_RECORDING",
            Self::StopRecording => "STOP_RECORDING",
            Self::ToggleRecording => "TOGGLE_RECORDING",
            Self::CancelRecording => "CANCEL_RECORDING",
            Self::ProcessText { .. } => "PROCESS_TEXT",
            Self::TranslateText { .. } => "TRANSLATE_TEXT",
            Self::TranscribeFile { .. } => "TRANSCRIBE_FILE",
            Self::GetConfig => "GET_CONFIG",
            Self::UpdateConfig { .. } => "UPDATE_CONFIG",
            Self::PauseDaemon => "PAUSE_DAEMON",
            Self::ResumeDaemon => "RESUME_DAEMON",
            Self::Subscribe { .. } => "SUBSCRIBE",
            Self::Shutdown => "SHUTDOWN",
        }
    }

    /// Reads a request's frame.
    ///
    /// # Errors
    /// A [`Refusal`] to answer with; the connection goes on.
    pub fn parse(frame: &[u8]) -> Result<Self, Refusal> {
        let request = RawRequest::parse(frame)?;
        let data = Data { cmd: &request.cmd, map: request.data };
        match data.cmd {
            "PING" => Ok(Self::Ping),
            "GET_STATUS" => Ok(Self::GetStatus),
            "START_RECORDING" => Ok(Self::StartRecording),
            "STOP_RECORDING" => Ok(Self::StopRecording),
            "TOGGLE_RECORDING" => Ok(Self::ToggleRecording),
            "CANCEL_RECORDING" => Ok(Self::CancelRecording),
            "PROCESS_TEXT" => data.process_text(),
            "TRANSLATE_TEXT" => data.translate_text(),
            "TRANSCRIBE_FILE" => data.transcribe_file(),
            "GET_CONFIG" => Ok(Self::GetConfig),
            "UPDATE_CONFIG" => data.update_config(),
            "PAUSE_DAEMON" => Ok(Self::PauseDaemon),
            "RESUME_DAEMON" => Ok(Self::ResumeDaemon),
            "SUBSCRIBE" => data.subscribe(),
            "SHUTDOWN" => Ok(Self::Shutdown),
            unknown => Err(Refusal::unknown_command(unknown)),
        }
    }

    /// The request as it goes on the wire. UPDATE_CONFIG takes the form that no key can be mistaken in.
    pub fn to_request(&self) -> Value {
        let data = match self {
            Self::ProcessText { text, instruction } => {
                json!({"text": text, "instruction": instruction})
            }
            Self::TranslateText { text, target_lang } => {
                json!({"text": text, "target_lang": target_lang})
            }
            Self::TranscribeFile { file_path } => json!({"file_path": file_path}),
            Self::UpdateConfig { updates } => json!({"updates": updates}),
            Self::Subscribe { events } => json!({"events": events}),
            Self::Ping
            | Self::GetStatus
            | Self::StartRecording
            | Self::StopRecording
            | Self::ToggleRecording
            | Self::CancelRecording
            | Self::GetConfig
            | Self::PauseDaemon
            | Self::ResumeDaemon
            | Self::Shutdown => return json!({"cmd": self.name()}),
        };
        json!({"cmd": self.name(), "data": data})
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
}

impl EventName {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::State,
        Self::TranscriptionUpdate,
        Self::Heartbeat,
        Self::Level,
        Self::Engine,
        Self::Delivery,
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
                "there is no command {shown:?}; is the client newer than the service? \
                 (then: systemctl --user restart v2m)"
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
pub enum Outcome {
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
    pub status: Outcome,
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
        Self { status: Outcome::Success, data: to_value(data), error: None, code: None }
    }

    /// An error answer; `data` is null unless something is left to tell.
    pub fn error(code: &str, message: impl Into<String>, data: Value) -> Self {
        Self {
            status: Outcome::Error,
            data,
            error: Some(message.into()),
            code: Some(code.to_owned()),
        }
    }

    /// An event's frame.
    pub fn event(event: &Event) -> Self {
        Self { status: Outcome::Event, data: to_value(event), error: None, code: None }
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

/// Both keys of a request. Unknown keys are skipped without being stored.
#[derive(Deserialize)]
struct RawRequest {
    cmd: String,
    #[serde(default)]
    data: Option<Map<String, Value>>,
}

impl RawRequest {
    fn parse(frame: &[u8]) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(frame)
            .map_err(|e| Refusal::bad_request(format!("the request is not UTF-8: {e}")))?;
        // A derived struct would also be read from an array.
        if !text.trim_start().starts_with('{') {
            return Err(Refusal::bad_request(
                r#"the request is not a JSON object like {"cmd": "PING"}"#.into(),
            ));
        }
        serde_json::from_str(text)
            .map_err(|e| Refusal::bad_request(format!("the request cannot be understood: {e}")))
    }
}

/// A request's `data` while it is taken apart.
struct Data<'a> {
    cmd: &'a str,
    map: Option<Map<String, Value>>,
}

impl Data<'_> {
    fn process_text(mut self) -> Result<Command, Refusal> {
        let text = self.text()?;
        Ok(Command::ProcessText { text, instruction: self.optional_string("instruction")? })
    }

    fn translate_text(mut self) -> Result<Command, Refusal> {
        let text = self.text()?;
        Ok(Command::TranslateText { text, target_lang: self.optional_string("target_lang")? })
    }

    fn transcribe_file(mut self) -> Result<Command, Refusal> {
        let file_path = self.required_string("file_path")?;
        if !file_path.starts_with('/') || file_path.contains('\0') {
            return Err(self.bad("`file_path` must be an absolute path"));
        }
        Ok(Command::TranscribeFile { file_path })
    }

    /// Two forms: the partial config itself, or that under the key `updates`.
    fn update_config(mut self) -> Result<Command, Refusal> {
        let Some(mut map) = self.map.take() else {
            return Err(self.bad("`data` must hold the sections and keys to change"));
        };
        let Some(updates) = map.remove("updates") else {
            return Ok(Command::UpdateConfig { updates: map });
        };
        match updates {
            Value::Object(updates) if map.is_empty() => Ok(Command::UpdateConfig { updates }),
            Value::Object(_) => Err(self.bad("`data` must hold `updates` alone, or sections")),
            _ => Err(self.bad("`updates` must be an object")),
        }
    }

    fn subscribe(mut self) -> Result<Command, Refusal> {
        let names = match self.take("events") {
            None => return Ok(Command::Subscribe { events: EventName::ALL.to_vec() }),
            Some(Value::Array(names)) => names,
            Some(_) => return Err(self.bad("`events` must be a list of strings")),
        };
        let mut events = Vec::new();
        for name in names {
            match name.as_str().and_then(EventName::from_name) {
                Some(event) => events.push(event),
                None => {
                    let known = EventName::list();
                    return Err(self.bad(&format!("`events` may hold only {known}")));
                }
            }
        }
        events.sort_unstable();
        events.dedup();
        Ok(Command::Subscribe { events })
    }

    fn text(&mut self) -> Result<String, Refusal> {
        let text = self.required_string("text")?;
        if text.trim().is_empty() {
            return Err(self.bad("`text` is empty"));
        }
        Ok(text)
    }

    fn required_string(&mut self, key: &str) -> Result<String, Refusal> {
        self.optional_string(key)?.ok_or_else(|| self.bad(&format!("`{key}` is missing")))
    }

    fn optional_string(&mut self, key: &str) -> Result<Option<String>, Refusal> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.bad(&format!("`{key}` must be a string"))),
        }
    }

    /// The key's value; null is as good as absent.
    fn take(&mut self, key: &str) -> Option<Value> {
        self.map.as_mut()?.remove(key).filter(|value| !value.is_null())
    }

    fn bad(&self, what: &str) -> Refusal {
        Refusal::bad_request(format!("{}: {what}", self.cmd))
    }
}

#[cfg(test)]
mod tests;
