//! Installed Whisper models that help a model that must be told the language: the smallest detects
//! it, the largest transcribes languages that the other model does not know.

use super::instead::published;
use super::{Models, Plan};
use crate::call::Unfollowed;
use crate::config::{BackendChoice, EngineSettings, Settings};
use crate::daemon::engine::detection::{Way, way, words};
use crate::language::spoken;
use crate::recognise::EngineSpec;
use crate::session::{Code, Failure};
use v2m_messages::tr;
use v2m_models::catalogue::Form;
use v2m_models::family::Summary;

impl Models {
    /// Returns how to determine the language of a recording for that model. `code`: the specified
    /// language; `among`: the user's languages.
    pub(in crate::daemon::engine) fn way_to_language(
        &self,
        model: &str,
        code: Option<&str>,
        among: &[String],
    ) -> Way {
        let file = self.places.as_ref().ok().and_then(|places| places.resolve(model).ok());
        let gguf = file.filter(|file| Form::of(file) == Form::Gguf);
        let summary = gguf.and_then(|file| self.summary(&file));
        self.way(model, summary.as_ref(), code, among)
    }

    fn way(
        &self,
        model: &str,
        summary: Option<&Summary>,
        code: Option<&str>,
        among: &[String],
    ) -> Way {
        let open = || way(model, summary, code, among, true);
        match open() {
            Way::Detected(_) if !self.can_detect() => way(model, summary, code, among, false),
            way => way,
        }
    }

    pub(super) fn can_detect(&self) -> bool {
        self.places.as_ref().is_ok_and(|places| places.detecting().is_some())
    }

    /// Whether a press can record without a specified language, for a model that must be told it.
    pub(super) fn can_go_untold(&self, model: &str, summary: &Summary, among: &[String]) -> bool {
        !matches!(self.way(model, Some(summary), None, among), Way::Unknown)
    }

    /// Returns, for the status, why a language is assumed and not detected.
    pub(super) fn assumption(
        &self,
        summary: &Summary,
        engine: &EngineSettings,
    ) -> Option<Unfollowed> {
        let way =
            self.way(&engine.model, Some(summary), engine.language.as_deref(), &engine.languages);
        let Way::Assumed(code) = way else { return None };
        let (model, why) = (&engine.model, words::no_listener());
        let told = tr!(
            "the model {model} must be told the language, and {why}. {code} is assumed",
            model,
            why,
            code
        );
        Some(Unfollowed::without_effect("engine.language", told))
    }

    /// Returns the engine that detects languages: the smallest multilingual Whisper model, on the
    /// processor.
    pub(in crate::daemon::engine) fn listener(
        &self,
        settings: &Settings,
    ) -> Result<EngineSpec, Failure> {
        let missing = || Failure::new(Code::ModelMissing, words::no_listener());
        let detecting = self.places.as_ref().ok().and_then(|places| places.detecting());
        let mut settings = settings.clone();
        settings.engine.model = detecting.ok_or_else(missing)?.name;
        settings.engine.backend = BackendChoice::Cpu;
        self.spec(&settings)
    }

    /// Returns the engine for a recording in a language that the configured model does not know.
    pub(in crate::daemon::engine) fn spec_for_language(
        &self,
        settings: &Settings,
        code: &str,
    ) -> Result<EngineSpec, Failure> {
        let missing = || {
            let (language, other) =
                (spoken::name(code), published(&settings.engine.model, &[code]));
            let text = tr!(
                "no installed Whisper model knows {language}: `v2m-model pull {other}`",
                language,
                other
            );
            Failure::new(Code::ModelMissing, text)
        };
        let knowing = self.places.as_ref().ok().map(|places| places.whispers(code));
        let largest = knowing.and_then(|mut all| all.pop()).ok_or_else(missing)?;
        let plan = Plan { model: Some(largest.name), ..Plan::default() };
        self.spec_by(settings, &plan)
    }
}
