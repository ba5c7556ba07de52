//! Whether the model on this machine can take over when a server fails.

use super::Models;
use super::heard::untold;
use super::instead::first_step;
use crate::config::{BackendChoice, EngineSettings};
use crate::regular::{self, Trust};
use crate::session::{Code, Failure};
use std::io::Read;
use std::path::Path;
use v2m_messages::tr;
use v2m_models::catalogue::Form;
use v2m_models::family::{Summary, Unheard};
use v2m_models::ggml;

impl Models {
    /// Returns why nothing is recorded for a server, if so. If the language (`code`, as requested)
    /// is to be detected, and the model that takes over when the server fails knows only English,
    /// that model would write English words that nobody said. If that model must be told the
    /// language, and nothing here detects it, text that the server understands in any language
    /// would depend on an assumed one.
    pub(super) fn cannot_stand_in(
        &self,
        doing: &str,
        engine: &EngineSettings,
        code: Option<&str>,
    ) -> Option<Failure> {
        let is_known = code.is_some() || engine.languages == ["en"];
        if engine.backend != BackendChoice::Remote || is_known {
            return None;
        }
        let model = &engine.model;
        if let Some(summary) = self.untold_stand_in(engine, code) {
            return Some(untold(doing, model, &summary));
        }
        let file = self.places.as_ref().ok()?.resolve(model).ok()?;
        if !self.knows_english_alone(&file) {
            return None;
        }
        let command = self.instead_for(&EngineSettings { language: None, ..engine.clone() });
        let text = tr!(
            "{doing}: v2m is set to detect the language, but the model {model}, which takes over when \
             the server fails, knows English only. It would write English words that you did not say. Use one \
             that knows more: `{command}`. If you speak English: `v2m-send config set engine.language=en`.",
            doing,
            model,
            command
        );
        let cause = tr!("The model {model} knows English only", model);
        let remedy = tr!("Use one that knows more: {command}", command = first_step(&command));
        Some(Failure::new(Code::ModelMissing, text).in_brief(cause, remedy))
    }

    /// Returns the model that takes over when the server fails, if it must be told the language,
    /// none is specified, and no other model detects it.
    pub(super) fn untold_stand_in(
        &self,
        engine: &EngineSettings,
        code: Option<&str>,
    ) -> Option<Summary> {
        let file = self.places.as_ref().ok()?.resolve(&engine.model).ok()?;
        if Form::of(&file) != Form::Gguf {
            return None;
        }
        let summary = self.summary(&file)?;
        let is_untold = summary.unheard(code, &engine.languages) == Some(Unheard::Untold);
        (is_untold && !self.can_detect()).then_some(summary)
    }

    fn knows_english_alone(&self, file: &Path) -> bool {
        let first = || {
            let mut head = [0; ggml::HEAD];
            regular::open(file, Trust::Named).ok()?.read_exact(&mut head).ok()?;
            ggml::speaks(&head, "es")
        };
        match Form::of(file) {
            Form::Ggml => first() == Some(false),
            Form::Gguf => self.summary(file).is_some_and(|summary| summary.is_for_english()),
        }
    }
}
