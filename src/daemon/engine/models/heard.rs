//! Whether a model understands the spoken language, and what to do if it does not.

use super::Models;
use super::instead::first_step;
use crate::config;
use crate::config::Settings;
use crate::language::spoken;
use crate::regular::{self, Trust};
use crate::session::{Code, Failure};
use serde_json::{Map, Value};
use std::io::Read;
use std::path::Path;
use v2m_messages::tr;
use v2m_models::catalogue::Form;
use v2m_models::family::{Summary, Unheard};
use v2m_models::{catalogue, ggml};

impl Models {
    /// Returns why that model cannot transcribe the language `code`, or one to be detected among
    /// these, if so. An unreadable file gives no reason here: loading it reports the error.
    pub(super) fn cannot_hear(
        &self,
        doing: &str,
        model: &str,
        code: Option<&str>,
        among: &[String],
    ) -> Option<Failure> {
        let file = self.places.as_ref().ok()?.resolve(model).ok()?;
        if Form::of(&file) == Form::Gguf
            && let Some(summary) = self.summary(&file)
            && let Some(why @ (Unheard::Untold | Unheard::Drifts)) = summary.unheard(code, among)
        {
            if why == Unheard::Untold && self.can_go_untold(model, &summary, among) {
                return None;
            }
            return Some(match why {
                Unheard::Drifts => self.drifts(doing, model, &summary, code, among),
                Unheard::Untold | Unheard::Unknown => untold(doing, model, &summary),
            });
        }
        // If the language is to be detected, it may be any of the user's.
        let possible = code.map_or(among, |_| &[]).iter().map(String::as_str).chain(code);
        let possible: Vec<&str> = possible.collect();
        let if_unreadable = code.is_none() || Form::of(&file) == Form::Ggml;
        let knows = |code: &&str| *code == "en" || self.knows(&file, code).unwrap_or(if_unreadable);
        if possible.iter().any(knows) {
            return None;
        }
        let code = *possible.first()?;
        let (language, command) = (spoken::name(code), self.instead(model, &possible));
        if possible.len() > 1 {
            let codes = possible.join(", ");
            let text = tr!(
                "{doing}: the model {model} knows none of your languages ({codes}). Use one that does: `{command}`.",
                doing,
                model,
                codes,
                command
            );
            let cause = tr!("The model {model} knows none of your languages", model);
            let remedy = tr!("Use one that does: {command}", command = first_step(&command));
            return Some(Failure::new(Code::ModelMissing, text).in_brief(cause, remedy));
        }
        let text = tr!(
            "{doing}: the model {model} does not know {language} ({code}). Use one that does: `{command}`.",
            doing,
            model,
            language,
            code,
            command
        );
        let cause = tr!("The model {model} knows no {language}", model, language);
        let remedy = tr!("Use one that does: {command}", command = first_step(&command));
        Some(Failure::new(Code::ModelMissing, text).in_brief(cause, remedy))
    }

    /// Failure for recording another language than English with a model that drifts into English.
    fn drifts(
        &self,
        doing: &str,
        model: &str,
        summary: &Summary,
        code: Option<&str>,
        among: &[String],
    ) -> Failure {
        let reason = Unheard::Drifts.reason(summary);
        let possible = code.map_or(among, |_| &[]).iter().map(String::as_str).chain(code);
        let command = self.instead(model, &possible.collect::<Vec<_>>());
        let text = tr!(
            "{doing}: the model {model} cannot be used so: {reason}. If you speak English: \
             `v2m-send config set engine.language=en`. If not, use another model: `{command}`.",
            doing,
            model,
            reason,
            command
        );
        let cause = tr!("The model {model} is safe for English only", model);
        let remedy = tr!("Use another one: {command}", command = first_step(&command));
        Failure::new(Code::BadConfig, text).in_brief(cause, remedy)
    }

    /// Whether the model in this file knows the language `code`; `None` if the file cannot be read.
    fn knows(&self, file: &Path, code: &str) -> Option<bool> {
        match Form::of(file) {
            Form::Ggml => {
                let mut head = [0; ggml::HEAD];
                regular::open(file, Trust::Named).ok()?.read_exact(&mut head).ok()?;
                ggml::speaks(&head, code)
            }
            Form::Gguf => Some(self.summary(file)?.languages.contain(code)),
        }
    }

    /// Refuses engine settings (as in the configuration; `current` is without them) with which a
    /// model would write words that nobody said.
    pub(in crate::daemon) fn check_safe(
        &self,
        new: &Map<String, Value>,
        current: &Settings,
    ) -> Result<(), Failure> {
        let Some(engine) = new.get("engine") else { return Ok(()) };
        // Settings removed from the configuration return to their defaults.
        let usual = config::EngineSettings::default();
        let is_usual = |key| engine.is_null() || engine.get(key).is_some_and(Value::is_null);
        let otherwise = |key| if is_usual(key) { &usual } else { &current.engine };
        let model = engine["model"].as_str().unwrap_or(&otherwise("model").model);
        let language = match engine["language"].as_str().map(spoken::code) {
            // The configuration's own check reports the error.
            Some(Err(_)) => return Ok(()),
            Some(Ok(code)) => code,
            None => otherwise("language").language.as_deref(),
        };
        let listed = engine["languages"].as_array().map(|codes| {
            codes.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        });
        let among = listed.as_ref().unwrap_or(&otherwise("languages").languages);
        let file = self.places.as_ref().ok().and_then(|places| places.resolve(model).ok());
        let summary =
            file.filter(|file| Form::of(file) == Form::Gguf).and_then(|f| self.summary(&f));
        let Some(summary) = summary else { return Ok(()) };
        let Some(why @ Unheard::Drifts) = summary.unheard(language, among) else { return Ok(()) };
        let reason = why.reason(&summary);
        let text = tr!(
            "Changing engine: the model {model} is not safe here: {reason}. Nothing was changed. Set the language first or \
             together with it: `v2m-send config set engine.language=en`.",
            model,
            reason
        );
        let cause = tr!("The model {model} is safe for English only", model);
        let remedy = tr!("Set the language first: v2m-send config set engine.language=en");
        Err(Failure::new(Code::BadConfig, text).in_brief(cause, remedy))
    }
}

/// Failure for recording with a model that must be told its language.
pub(super) fn untold(doing: &str, model: &str, summary: &Summary) -> Failure {
    let (reason, usual) = (Unheard::Untold.reason(summary), catalogue::DEFAULT);
    let text = tr!("{doing}: the model {model} cannot be used so: {reason}.", doing, model, reason);
    let other =
        tr!("Or install a Whisper model, which detects it: `v2m-model pull {usual}`.", usual);
    let text = format!("{text} {other}");
    let cause = tr!("The model {model} must be told the language", model);
    let code = summary.codes().join("|");
    let remedy = tr!("Say which one: v2m-send config set engine.language={code}", code);
    Failure::new(Code::BadConfig, text).in_brief(cause, remedy)
}
