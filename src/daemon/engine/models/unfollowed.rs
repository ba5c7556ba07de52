//! Settings that the configured model or server does not follow.

use super::Models;
use crate::config::{EngineSettings, Settings};
use v2m_messages::tr;
use v2m_models::family::{Family, Summary, Unheard};

impl Models {
    /// Returns the settings that the configured model cannot follow, each with the reason.
    pub(in crate::daemon) fn unfollowed(&self, settings: &Settings) -> Vec<(&'static str, String)> {
        let by_model = self.unfollowed_by_model(settings).into_iter();
        by_model.chain(self.unfollowed_preview(settings)).collect()
    }

    fn unfollowed_by_model(&self, settings: &Settings) -> Vec<(&'static str, String)> {
        if settings.server().is_some() {
            let by_stand_in = self.unfollowed_by_stand_in(&settings.engine);
            return by_stand_in
                .into_iter()
                .chain(unfollowed_by_servers(&settings.engine))
                .collect();
        }
        if !self.is_gguf(settings) {
            return Vec::new();
        }
        let file = self.places.as_ref().ok().and_then(|p| p.resolve(&settings.engine.model).ok());
        match file.and_then(|file| self.summary(&file)).filter(|s| !follows_english_alone(s)) {
            Some(summary) => self.unfollowed_by(&summary, &settings.engine),
            None => unfollowed_by_english(&settings.engine),
        }
    }

    /// Returns why nothing is recorded for a server, if the model that takes over must be told the
    /// language.
    fn unfollowed_by_stand_in(&self, engine: &EngineSettings) -> Option<(&'static str, String)> {
        let summary = self.untold_stand_in(engine, engine.language.as_deref())?;
        let (model, reason) = (&engine.model, Unheard::Untold.reason(&summary));
        let why = tr!("nothing is recorded with the model {model}: {reason}", model, reason);
        Some(("engine.language", why))
    }

    /// Returns settings that a multilingual model cannot follow, or languages it must not be used
    /// for.
    fn unfollowed_by(
        &self,
        summary: &Summary,
        engine: &EngineSettings,
    ) -> Vec<(&'static str, String)> {
        let model = &engine.model;
        let why = summary.unheard(engine.language.as_deref(), &engine.languages);
        let is_untold = why == Some(Unheard::Untold);
        let mut all = Vec::new();
        if is_untold && self.can_go_untold(model, summary, &engine.languages) {
            all.extend(self.assumption(summary, engine));
        } else if let Some(why) = why {
            let reason = why.reason(summary);
            let why = tr!("nothing is recorded with the model {model}: {reason}", model, reason);
            all.push(("engine.language", why));
        }
        if engine.translate {
            let why = tr!("v2m does not let the model {model} translate", model);
            all.push(("engine.translate", why));
        }
        all.extend(no_vocabulary(engine));
        all
    }
}

/// Returns settings that servers do not receive. The engine that takes over follows them.
fn unfollowed_by_servers(engine: &EngineSettings) -> Vec<(&'static str, String)> {
    let usual = EngineSettings::default().beam_size;
    let why = || tr!("the server decides how its model searches").to_owned();
    (engine.beam_size != usual).then(|| ("engine.beam_size", why())).into_iter().collect()
}

/// Whether the model needs no language, because it knows only one.
fn follows_english_alone(summary: &Summary) -> bool {
    matches!(summary.family, Family::Moonshine | Family::Parakeet)
}

fn no_vocabulary(engine: &EngineSettings) -> Option<(&'static str, String)> {
    let model = &engine.model;
    (!engine.vocabulary.is_empty()).then(|| {
        let why = tr!(
            "the model {model} cannot be told words to expect; the text rules still write them as you do",
            model
        );
        ("engine.vocabulary", why)
    })
}

/// Returns settings that an English model cannot follow.
fn unfollowed_by_english(engine: &EngineSettings) -> Vec<(&'static str, String)> {
    let model = &engine.model;
    let mut all = Vec::new();
    let is_english = |code: &str| code == "en";
    if let Some(code) = engine.language.as_deref().filter(|code| !is_english(code)) {
        let why = tr!(
            "the model {model} knows English only, so nothing is recorded in {code}",
            model,
            code
        );
        all.push(("engine.language", why));
    }
    if !engine.languages.iter().all(|code| is_english(code)) {
        all.push(("engine.languages", tr!("the model {model} knows English only", model)));
    }
    if engine.translate {
        all.push(("engine.translate", tr!("the model {model} knows English only", model)));
    }
    all.extend(no_vocabulary(engine));
    all
}
