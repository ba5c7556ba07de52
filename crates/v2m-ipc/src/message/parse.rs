//! Parses a request's frame into a command, or returns why it is invalid.

use super::{Command, Deliver, EventName, Refusal, TextSource, Which, Wishes};
use serde::Deserialize;
use serde_json::{Map, Value};
use v2m_messages::tr;

impl Command {
    /// Parses a request's frame.
    ///
    /// # Errors
    /// A [`Refusal`] for the answer. The connection continues.
    pub fn parse(frame: &[u8]) -> Result<Self, Refusal> {
        let request = RawRequest::parse(frame)?;
        let data = Data { cmd: &request.cmd, map: request.data };
        match data.cmd {
            "PING" => Ok(Self::Ping),
            "GET_STATUS" => Ok(Self::GetStatus),
            "START_RECORDING" => Ok(Self::StartRecording(data.wishes()?)),
            "STOP_RECORDING" => Ok(Self::StopRecording(data.wishes()?)),
            "TOGGLE_RECORDING" => Ok(Self::ToggleRecording(data.wishes()?)),
            "CANCEL_RECORDING" => Ok(Self::CancelRecording),
            "LAST_TEXT" => Ok(Self::LastText),
            "PROCESS_TEXT" => data.process_text(),
            "TRANSLATE_TEXT" => data.translate_text(),
            "TEST_RULES" => data.test_rules(),
            "TRANSCRIBE_FILE" => data.transcribe_file(),
            "RETRY_RECORDING" => data.retry_recording(),
            "UNDO_DELIVERY" => Ok(Self::UndoDelivery),
            "LIST_DICTATIONS" => data.list_dictations(),
            "GET_DICTATION" => data.get_dictation(),
            "DELIVER_DICTATION" => data.deliver_dictation(),
            "DELETE_DICTATIONS" => data.delete_dictations(),
            "GET_CONFIG" => Ok(Self::GetConfig),
            "UPDATE_CONFIG" => data.update_config(),
            "PAUSE_DAEMON" => Ok(Self::PauseDaemon),
            "RESUME_DAEMON" => Ok(Self::ResumeDaemon),
            "SUBSCRIBE" => data.subscribe(),
            "SHUTDOWN" => Ok(Self::Shutdown),
            unknown => Err(Refusal::unknown_command(unknown)),
        }
    }
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
        let text = std::str::from_utf8(frame).map_err(|error| {
            Refusal::bad_request(tr!("the request is not UTF-8: {error}", error))
        })?;
        // A derived struct would also accept an array.
        if !text.trim_start().starts_with('{') {
            return Err(Refusal::bad_request(tr!(
                "the request is not a JSON object like {form}",
                form = r#"{"cmd": "PING"}"#
            )));
        }
        serde_json::from_str(text).map_err(|error| {
            Refusal::bad_request(tr!("the request cannot be understood: {error}", error))
        })
    }
}

/// A request's `data`, while its keys are taken out.
struct Data<'a> {
    cmd: &'a str,
    map: Option<Map<String, Value>>,
}

impl Data<'_> {
    fn wishes(mut self) -> Result<Wishes, Refusal> {
        Ok(Wishes {
            deliver: self.deliver()?,
            preset: self.optional_string("preset")?,
            language: self.optional_string("language")?,
            continuous: self.flag("continuous")?,
        })
    }

    fn process_text(mut self) -> Result<Command, Refusal> {
        Ok(Command::ProcessText {
            text: self.text_source()?,
            instruction: self.optional_string("instruction")?,
            preset: self.optional_string("preset")?,
            deliver: self.deliver()?,
        })
    }

    fn translate_text(mut self) -> Result<Command, Refusal> {
        Ok(Command::TranslateText {
            text: self.text_source()?,
            target_lang: self.optional_string("target_lang")?,
            deliver: self.deliver()?,
        })
    }

    fn test_rules(mut self) -> Result<Command, Refusal> {
        let text = self.text()?;
        Ok(Command::TestRules { text, language: self.optional_string("language")? })
    }

    fn transcribe_file(mut self) -> Result<Command, Refusal> {
        let file_path = self.required_string("file_path")?;
        if !file_path.starts_with('/') || file_path.contains('\0') {
            return Err(self.bad(tr!("`file_path` must be an absolute path")));
        }
        Ok(Command::TranscribeFile { file_path, track: self.number("track")? })
    }

    fn retry_recording(mut self) -> Result<Command, Refusal> {
        Ok(Command::RetryRecording {
            number: self.number("number")?.unwrap_or(1),
            model: self.optional_string("model")?,
            language: self.optional_string("language")?,
        })
    }

    fn list_dictations(mut self) -> Result<Command, Refusal> {
        Ok(Command::ListDictations {
            search: self.optional_string("search")?,
            since: self.optional_string("since")?,
            before: self.optional_string("before")?,
            limit: self.number("limit")?,
        })
    }

    fn get_dictation(mut self) -> Result<Command, Refusal> {
        self.which()?.map(Command::GetDictation).ok_or_else(|| self.nothing_named())
    }

    fn deliver_dictation(mut self) -> Result<Command, Refusal> {
        let which = self.which()?.ok_or_else(|| self.nothing_named())?;
        let deliver =
            self.deliver()?.ok_or_else(|| self.bad(&tr!("`{key}` is missing", key = "deliver")))?;
        Ok(Command::DeliverDictation { which, deliver })
    }

    /// Deletes everything only if the request says so explicitly.
    fn delete_dictations(mut self) -> Result<Command, Refusal> {
        let which = self.which()?;
        let is_all = match self.take("all") {
            None | Some(Value::Bool(false)) => false,
            Some(Value::Bool(true)) => true,
            Some(_) => return Err(self.bad(&tr!("`{key}` must be true or false", key = "all"))),
        };
        match (which, is_all) {
            (Some(_), true) => Err(self.bad(tr!("`all` excludes `number` and `id`"))),
            (None, false) => Err(self.nothing_named()),
            (which, _) => Ok(Command::DeleteDictations { which }),
        }
    }

    fn nothing_named(&self) -> Refusal {
        self.bad(tr!("give the `number` of a dictation, or its `id`"))
    }

    /// Takes the dictation, by its number or its id.
    fn which(&mut self) -> Result<Option<Which>, Refusal> {
        match (self.number("number")?, self.optional_string("id")?) {
            (Some(_), Some(_)) => Err(self.bad(tr!("`number` and `id` exclude each other"))),
            (number, id) => Ok(number.map(Which::Number).or(id.map(Which::Id))),
        }
    }

    /// There are two forms: the partial config itself, or the config under the key `updates`.
    fn update_config(mut self) -> Result<Command, Refusal> {
        let Some(mut map) = self.map.take() else {
            return Err(self.bad(tr!("`data` must hold the sections and keys to change")));
        };
        let Some(updates) = map.remove("updates") else {
            return Ok(Command::UpdateConfig { updates: map });
        };
        match updates {
            Value::Object(updates) if map.is_empty() => Ok(Command::UpdateConfig { updates }),
            Value::Object(_) => Err(self.bad(tr!("`data` must hold `updates` alone, or sections"))),
            _ => Err(self.bad(tr!("`updates` must be an object"))),
        }
    }

    fn subscribe(mut self) -> Result<Command, Refusal> {
        let names = match self.take("events") {
            None => return Ok(Command::Subscribe { events: EventName::ALL.to_vec() }),
            Some(Value::Array(names)) => names,
            Some(_) => return Err(self.bad(tr!("`events` must be a list of strings"))),
        };
        let mut events = Vec::new();
        for name in names {
            match name.as_str().and_then(EventName::from_name) {
                Some(event) => events.push(event),
                None => {
                    let known = EventName::list();
                    return Err(self.bad(&tr!("`events` may hold only {known}", known)));
                }
            }
        }
        events.sort_unstable();
        events.dedup();
        Ok(Command::Subscribe { events })
    }

    /// Takes the text itself, or its source.
    fn text_source(&mut self) -> Result<TextSource, Refusal> {
        let source = match self.optional_string("source")?.as_deref() {
            None => return self.text().map(TextSource::Given),
            Some("clipboard") => TextSource::Clipboard,
            Some("last") => TextSource::Last,
            Some(_) => return Err(self.bad(tr!("`source` may be only clipboard or last"))),
        };
        match self.take("text") {
            None => Ok(source),
            Some(_) => Err(self.bad(tr!("`text` and `source` exclude each other"))),
        }
    }

    fn number(&mut self, key: &str) -> Result<Option<u32>, Refusal> {
        let Some(number) = self.take(key) else { return Ok(None) };
        let number = number.as_u64().and_then(|number| u32::try_from(number).ok());
        let wrong = || self.bad(&tr!("`{key}` must be a number from 1 on", key));
        number.filter(|number| *number > 0).map(Some).ok_or_else(wrong)
    }

    fn flag(&mut self, key: &str) -> Result<bool, Refusal> {
        match self.take(key) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(self.bad(&tr!("`{key}` must be true or false", key))),
        }
    }

    fn deliver(&mut self) -> Result<Option<Deliver>, Refusal> {
        let Some(name) = self.optional_string("deliver")? else { return Ok(None) };
        let known = || self.bad(&tr!("`deliver` may be only {known}", known = Deliver::list()));
        Deliver::from_name(&name).map(Some).ok_or_else(known)
    }

    fn text(&mut self) -> Result<String, Refusal> {
        let text = self.required_string("text")?;
        if text.trim().is_empty() {
            return Err(self.bad(tr!("`text` is empty")));
        }
        Ok(text)
    }

    fn required_string(&mut self, key: &str) -> Result<String, Refusal> {
        self.optional_string(key)?.ok_or_else(|| self.bad(&tr!("`{key}` is missing", key)))
    }

    fn optional_string(&mut self, key: &str) -> Result<Option<String>, Refusal> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.bad(&tr!("`{key}` must be a string", key))),
        }
    }

    /// Takes the key's value. Null counts as absent.
    fn take(&mut self, key: &str) -> Option<Value> {
        self.map.as_mut()?.remove(key).filter(|value| !value.is_null())
    }

    fn bad(&self, what: &str) -> Refusal {
        Refusal::bad_request(format!("{}: {what}", self.cmd))
    }
}
