//! Builds a language model's request from settings, presets and the client's wishes.

use super::Texts;
use crate::call::TextTask;
use crate::config::Settings;
use crate::language;
use crate::llm::{Bounds, MAX_TEXT, Preset, Question};
use crate::session::{Code, Failure};
use std::time::Duration;
use v2m_messages::{tr, verbatim};

/// Maximum number of vocabulary words sent to a model; the most important ones come first.
const VOCABULARY: usize = 100;
/// Maximum length of a client's instruction, in bytes.
const LONGEST_INSTRUCTION: usize = 16 << 10;

impl Texts {
    /// Builds the request, without the text.
    pub(super) fn question(
        &self,
        task: &TextTask,
        within: Duration,
        settings: &Settings,
    ) -> Result<Question, Failure> {
        let endpoint = settings.llm.endpoint(within);
        let not_set_up = || {
            let text = tr!(
                "Working on a text needs a language model, and none is set up. Choose one, such as: \
                 v2m-send config set llm.provider=ollama llm.model=NAME (man v2m-llm)"
            );
            Failure::new(Code::LlmUnavailable, text).in_brief(
                tr!("No language model is set up"),
                tr!("Choose one: v2m-send config set llm.provider=ollama llm.model=NAME"),
            )
        };
        let mut endpoint = endpoint.ok_or_else(not_set_up)?;
        let text = String::new();
        match task {
            TextTask::Translate { into } => {
                let asked = into.as_deref().unwrap_or(&settings.llm.target_language);
                let into = language::name(asked)
                    .map_err(|error| Failure::new(Code::BadRequest, error.to_string()))?;
                Ok(Question::Translate { endpoint, into, text })
            }
            TextTask::Rewrite { instruction, preset } => {
                let (instruction, preset) =
                    self.instruction(instruction.as_deref(), preset.as_deref(), settings)?;
                let temperature = preset.and_then(|preset| preset.temperature);
                endpoint.temperature = temperature.unwrap_or(endpoint.temperature);
                let accept: Option<Bounds> = preset.map(|preset| preset.accept);
                Ok(Question::Rewrite { endpoint, instruction, text, accept })
            }
        }
    }

    /// Returns the instruction of the user, of the preset, or of both; and the preset, if any.
    fn instruction(
        &self,
        instruction: Option<&str>,
        preset: Option<&str>,
        settings: &Settings,
    ) -> Result<(String, Option<&Preset>), Failure> {
        let instruction = instruction.map(str::trim).filter(|words| !words.is_empty());
        if instruction.is_some_and(|words| words.len() > LONGEST_INSTRUCTION) {
            let text = tr!(
                "Working on a text: the instruction is longer than 16 KiB. Say it in fewer words."
            );
            return Err(Failure::new(Code::TooLarge, text));
        }
        let name = match (instruction, preset) {
            (Some(words), None) => return Ok((words.to_owned(), None)),
            (_, Some(name)) => name,
            (None, None) => &settings.llm.preset,
        };
        let preset = self.presets.get(name);
        let preset = preset.map_err(|e| Failure::new(Code::BadRequest, e.to_string()))?;
        let spelling = spelling(settings);
        let words = [Some(preset.instruction.trim_end()), instruction, spelling.as_deref()];
        Ok((words.into_iter().flatten().collect::<Vec<_>>().join("\n"), Some(preset)))
    }
}

/// Returns the spellings of names. A model that does not know a name would correct it as an error.
fn spelling(settings: &Settings) -> Option<String> {
    let words = &settings.engine.vocabulary;
    let first: Vec<&str> = words.iter().take(VOCABULARY).map(String::as_str).collect();
    let told = || verbatim!(format!("Spell so where it is meant: {}.", first.join(", ")));
    (!first.is_empty()).then(told)
}

/// Returns the request with its text.
///
/// # Errors
/// If the text is longer than `v2m-llm` accepts.
pub(super) fn with_text(mut question: Question, new: String) -> Result<Question, Failure> {
    if new.len() > MAX_TEXT {
        let text = tr!(
            "Asking the language model: the text has more than {kib} KiB. Give it in parts.",
            kib = MAX_TEXT >> 10
        );
        return Err(Failure::new(Code::TooLarge, text));
    }
    match &mut question {
        Question::Rewrite { text, .. } | Question::Translate { text, .. } => *text = new,
        Question::Check { .. } => {}
    }
    Ok(question)
}
