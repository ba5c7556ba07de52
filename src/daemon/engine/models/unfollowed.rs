//! Settings that the configured model or server does not follow, and those that prevent recording.

use super::Models;
use crate::call::Unfollowed;
use crate::config::{EngineSettings, Settings};
use v2m_messages::tr;
use v2m_models::family::{Family, Summary, Unheard};

impl Models {
    /// Returns the settings that the configured model cannot follow, or because of which nothing is
    /// recorded.
    pub(in crate::daemon) fn unfollowed(&self, settings: &Settings) -> Vec<Unfollowed> {
        let mut all = self.unfollowed_by_model(settings);
        if !all.iter().any(|setting| setting.prevents_recording) {
            all.extend(self.prevented(&settings.engine));
        }
        all.extend(self.unfollowed_preview(settings));
        all
    }

    fn unfollowed_by_model(&self, settings: &Settings) -> Vec<Unfollowed> {
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
    fn unfollowed_by_stand_in(&self, engine: &EngineSettings) -> Option<Unfollowed> {
        let summary = self.untold_stand_in(engine, engine.language.as_deref())?;
        let (model, reason) = (&engine.model, Unheard::Untold.reason(&summary));
        Some(Unfollowed::preventing("engine.language", prevents(model, &reason)))
    }

    /// Returns the setting because of which a press is refused, whichever model is configured.
    fn prevented(&self, engine: &EngineSettings) -> Option<Unfollowed> {
        let refused = self.cannot_transcribe("", engine, None, engine.language.as_deref())?;
        let cause = refused.brief?.cause;
        let why = tr!("it is the reason why nothing is recorded: {cause}", cause);
        Some(Unfollowed::preventing(spoken_key(engine), why))
    }

    /// Returns settings that a multilingual model cannot follow, or languages it must not be used
    /// for.
    fn unfollowed_by(&self, summary: &Summary, engine: &EngineSettings) -> Vec<Unfollowed> {
        let model = &engine.model;
        let why = summary.unheard(engine.language.as_deref(), &engine.languages);
        let is_untold = why == Some(Unheard::Untold);
        let mut all = Vec::new();
        if is_untold && self.can_go_untold(model, summary, &engine.languages) {
            all.extend(self.assumption(summary, engine));
        } else if let Some(why) = why {
            let key = match why {
                Unheard::Unknown => spoken_key(engine),
                // Setting the language repairs it.
                Unheard::Untold | Unheard::Drifts => "engine.language",
            };
            all.push(Unfollowed::preventing(key, prevents(model, &why.reason(summary))));
        }
        if engine.translate {
            let why = tr!("v2m does not let the model {model} translate", model);
            all.push(Unfollowed::without_effect("engine.translate", why));
        }
        all.extend(no_vocabulary(engine));
        all
    }
}

/// Returns the clause about a setting that prevents recording, which follows its key.
fn prevents(model: &str, reason: &str) -> String {
    tr!("it is the reason why nothing is recorded with the model {model}: {reason}", model, reason)
}

/// Returns the key with the languages that the user speaks.
fn spoken_key(engine: &EngineSettings) -> &'static str {
    if engine.language.is_none() && !engine.languages.is_empty() {
        "engine.languages"
    } else {
        "engine.language"
    }
}

/// Returns settings that servers do not receive. The engine that takes over follows them.
fn unfollowed_by_servers(engine: &EngineSettings) -> Vec<Unfollowed> {
    let usual = EngineSettings::default().beam_size;
    let why = tr!("the server decides how its model searches");
    let searches = || Unfollowed::without_effect("engine.beam_size", why);
    (engine.beam_size != usual).then(searches).into_iter().collect()
}

/// Whether the model needs no language, because it knows only one.
fn follows_english_alone(summary: &Summary) -> bool {
    matches!(summary.family, Family::Moonshine | Family::Parakeet)
}

fn no_vocabulary(engine: &EngineSettings) -> Option<Unfollowed> {
    let model = &engine.model;
    (!engine.vocabulary.is_empty()).then(|| {
        let why = tr!(
            "the model {model} cannot be told words to expect; the text rules still write them as you do",
            model
        );
        Unfollowed::without_effect("engine.vocabulary", why)
    })
}

/// Returns settings that an English model cannot follow.
fn unfollowed_by_english(engine: &EngineSettings) -> Vec<Unfollowed> {
    let model = &engine.model;
    let mut all = Vec::new();
    let is_english = |code: &str| code == "en";
    if let Some(code) = engine.language.as_deref().filter(|code| !is_english(code)) {
        let why = tr!(
            "it is the reason why nothing is recorded: the model {model} knows no language but English, and {code} is set",
            model,
            code
        );
        all.push(Unfollowed::preventing("engine.language", why));
    }
    let english = || tr!("the model {model} knows English only", model);
    let (has_english, has_others) = (
        engine.languages.iter().any(|code| is_english(code)),
        engine.languages.iter().any(|code| !is_english(code)),
    );
    if has_others && (has_english || engine.language.is_some()) {
        all.push(Unfollowed::without_effect("engine.languages", english()));
    }
    if engine.translate {
        all.push(Unfollowed::without_effect("engine.translate", english()));
    }
    all.extend(no_vocabulary(engine));
    all
}
