//! The model that shows words during speech (`engine.preview`): which one it is, whether it can,
//! and that it is used for nothing else.

use super::Models;
use super::instead::first_step;
use crate::call::Unfollowed;
use crate::config::{EngineSettings, Settings};
use crate::recognise::{Backend, Candidate, EngineSpec, Unload};
use crate::session::{Code, Failure};
use std::path::Path;
use v2m_messages::tr;
use v2m_models::catalogue::{self, Form};
use v2m_models::family::{self, Summary};
use v2m_models::paths;

impl Models {
    /// Returns the preview to run, or why it cannot run; `None` if none is configured.
    pub(in crate::daemon) fn preview_spec(
        &self,
        settings: &Settings,
    ) -> Option<Result<EngineSpec, Failure>> {
        let engine = &settings.engine;
        let wanted = !engine.preview.is_empty();
        wanted.then(|| {
            self.preview(engine).map(|(candidate, model)| EngineSpec {
                candidates: vec![candidate],
                model_name: engine.preview.clone(),
                model,
                server: None,
                vad: self
                    .places
                    .as_ref()
                    .ok()
                    .and_then(|places| places.resolve_asset(paths::VAD).ok()),
                // One thread is quick enough, and leaves the others to the engine that the user
                // waits for.
                threads: 1,
                hang: engine.hang(),
                unload: Unload { gpu: None, cpu: engine.unload_after.on(false) },
                is_preview: true,
            })
        })
    }

    fn preview(&self, engine: &EngineSettings) -> Result<(Candidate, std::path::PathBuf), Failure> {
        let name = &engine.preview;
        let missing = |error: &paths::PathError| {
            let (cause, remedy) = self.preview_in_brief(error);
            Failure::new(Code::ModelMissing, told(error.for_preview())).in_brief(cause, remedy)
        };
        let places = self.places.as_ref().map_err(missing)?;
        if let Some(reason) = never_previews(name) {
            return Err(unfit(name, reason));
        }
        let file = places.resolve(name).map_err(|error| missing(&error))?;
        if let Some(reason) = self.cannot_preview(&file) {
            return Err(unfit(name, reason));
        }
        let program = self.plain_gguf_program();
        if program.is_file() {
            return Ok((Candidate { backend: Backend::Cpu, program }, file));
        }
        let text = told(tr!(
            "the model {model} needs {program}, which is not installed. Build and install it with \
             `make engine-gguf install`, and restart the service (`systemctl --user restart v2m`)",
            model = name,
            program = program.display()
        ));
        Err(Failure::new(Code::EngineFailed, text).in_brief(
            tr!("The model {model} needs another engine", model = name),
            tr!("Install it: make engine-gguf install"),
        ))
    }

    /// Returns why the model in this file cannot show words during speech. A file that is no model
    /// gives no reason here: loading it reports the error.
    fn cannot_preview(&self, file: &Path) -> Option<&'static str> {
        let can = |summary: Summary| summary.can_preview();
        let is_fit = match Form::of(file) {
            Form::Ggml => false,
            Form::Gguf => self.summary(file).is_none_or(can),
        };
        (!is_fit).then(too_slow)
    }

    /// Returns the title and the body of the notification that there is no such preview.
    fn preview_in_brief(&self, error: &paths::PathError) -> (String, String) {
        let (cause, remedy) = self.in_brief(error);
        let usual = catalogue::DEFAULT_PREVIEW;
        match error {
            paths::PathError::Unknown { .. }
            | paths::PathError::NotAName(_)
            | paths::PathError::NoFile(_) => {
                (cause, tr!("One for English can be fetched: v2m-model pull {usual}", usual))
            }
            _ => (cause, remedy),
        }
    }

    /// Refuses a model that is not installed, or that cannot show words during speech.
    pub(in crate::daemon) fn check_preview(&self, name: &str) -> Result<(), Failure> {
        let Ok(places) = &self.places else { return Ok(()) };
        if name.is_empty() {
            return Ok(());
        }
        let refused = |why: &dyn std::fmt::Display| {
            let text = tr!("Changing engine.preview: {error}. Nothing was changed.", error = why);
            Failure::new(Code::BadConfig, text)
        };
        if let Some(reason) = never_previews(name) {
            let why = tr!("the model {name} cannot be used: {reason}", name, reason);
            return Err(refused(&why).in_brief(tr!("{name} cannot show words", name), reason));
        }
        let file = places.resolve(name).map_err(|error| {
            let (cause, remedy) = self.preview_in_brief(&error);
            refused(&error.for_preview()).in_brief(cause, remedy)
        })?;
        match self.cannot_preview(&file) {
            Some(reason) => {
                let why = tr!("the model {name} cannot be used: {reason}", name, reason);
                Err(refused(&why).in_brief(tr!("{name} cannot show words", name), reason))
            }
            None => Ok(()),
        }
    }

    /// Whether the preview knows the language `code`, or one to be detected among these. An English
    /// model would write English words for any other language.
    pub(in crate::daemon) fn preview_hears(
        &self,
        settings: &Settings,
        code: Option<&str>,
        among: &[String],
    ) -> bool {
        let Some(summary) = self.preview_summary(settings) else { return true };
        if summary.is_for_english() {
            return Summary::spoken(code, among) == Some("en")
                || self.hears_english_alone(settings);
        }
        summary.unheard(code, among).is_none()
    }

    /// Whether the preview shows words with the language in these settings. If not, a dictation with
    /// a language of its own may still need it.
    pub(in crate::daemon) fn is_preview_of_use(&self, settings: &Settings) -> bool {
        self.unfollowed_preview(settings).is_none()
    }

    /// Returns why the preview has no effect with the language in these settings, if so.
    pub(super) fn unfollowed_preview(&self, settings: &Settings) -> Option<Unfollowed> {
        let engine = &settings.engine;
        let model = &engine.preview;
        let key = "engine.preview";
        if !model.is_empty() && engine.translate {
            let why = tr!(
                "the model {model} cannot translate, so the recogniser's own drafts are shown",
                model
            );
            return Some(Unfollowed::without_effect(key, why));
        }
        if self.preview_hears(settings, engine.language.as_deref(), &engine.languages) {
            return None;
        }
        let codes = self.preview_summary(settings)?.codes().join(", ");
        let why = tr!(
            "the model {model} shows words only where engine.language is one of: {codes}",
            model,
            codes
        );
        Some(Unfollowed::without_effect(key, why))
    }

    fn preview_summary(&self, settings: &Settings) -> Option<Summary> {
        let name = &settings.engine.preview;
        if name.is_empty() {
            return None;
        }
        let file = self.places.as_ref().ok()?.resolve(name).ok()?;
        self.summary(&file)
    }

    fn hears_english_alone(&self, settings: &Settings) -> bool {
        catalogue::is_for_english(&settings.engine.model)
    }

    /// Refuses a preview-only model for transcription.
    pub(super) fn refuse_preview(&self, name: &str, file: &Path) -> Result<(), Failure> {
        let is_one = |summary: Summary| summary.is_for_previews_only();
        if Form::of(file) == Form::Ggml || !self.summary(file).is_some_and(is_one) {
            return Ok(());
        }
        let (reason, command) = (family::for_previews_only(), self.instead(name, &[]));
        let text = tr!(
            "The model {name} is not used for texts: {reason}. Use it so: `v2m-send config set \
             engine.preview={name}`; and choose another one for the text: `{command}`.",
            name,
            reason,
            command
        );
        let cause = tr!("{name} is for the preview only", name);
        let remedy = tr!("Choose another model: {command}", command = first_step(&command));
        Err(Failure::new(Code::EngineFailed, text).in_brief(cause, remedy).lasting())
    }
}

fn told(what: impl std::fmt::Display) -> String {
    tr!("Showing words while you speak: {what}. Your texts are not affected.", what)
}

/// Failure for a model that cannot be the preview.
fn unfit(name: &str, reason: &str) -> Failure {
    let text = told(tr!("the model {name} cannot be used: {reason}", name, reason));
    Failure::new(Code::EngineFailed, text).in_brief(
        tr!("{name} cannot show words", name),
        tr!("Leave it off: v2m-send config set engine.preview="),
    )
}

/// Returns why the published model of this name, installed or not, cannot be the preview.
fn never_previews(name: &str) -> Option<&'static str> {
    let is_unfit = catalogue::find(name).is_some_and(|model| !model.can_preview());
    is_unfit.then(too_slow)
}

fn too_slow() -> &'static str {
    tr!("it is too slow to show words while you speak; choose Nemotron or Moonshine")
}
