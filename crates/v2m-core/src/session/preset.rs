//! Which preset a language model uses for a dictation's text, and who chose it.
//!
//! A client's wish counts most, then what the settings say for the application that had the
//! keyboard when the recording began, then the settings for all texts.

use super::dictation::Wished;
use super::machine::{Rewriting, Session};
use super::types::{Failure, JobId};

/// Stands for no preset where the settings name one for an application: no language model gets the
/// text.
pub const NO_PRESET: &str = "none";

/// The preset that was chosen for a dictation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenPreset {
    /// Its name, or [`NO_PRESET`].
    pub name: String,
    /// Who chose it.
    pub by: PresetBy,
}

/// Who chose a preset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PresetBy {
    /// A client, for this dictation.
    Client,
    /// The settings, for this application, as they name it.
    Application(String),
    /// The settings, for all texts.
    Configuration,
}

impl PresetBy {
    /// The name on the wire and in the record.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Application(_) => "application",
            Self::Configuration => "configuration",
        }
    }

    /// The application, if the preset was chosen for one.
    pub fn application(&self) -> Option<&str> {
        match self {
            Self::Application(application) => Some(application),
            Self::Client | Self::Configuration => None,
        }
    }
}

/// What the settings say for the application that had the keyboard when a recording began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationPreset {
    /// The application, as the settings name it.
    pub application: String,
    /// The preset's name, or [`NO_PRESET`].
    pub preset: String,
    /// Why the preset cannot be used.
    pub unfit: Option<Failure>,
}

impl Session {
    /// Notes which preset the settings name for the application that had the keyboard when this
    /// dictation began. It counts for all later sentences of a continuous dictation too.
    pub fn application_is(&mut self, job: JobId, preset: &ApplicationPreset) {
        let talk = self.talk(job);
        for other in self.dictations.jobs() {
            let is_same = other == job || talk.is_some() && self.talk(other) == talk;
            if let Some(dictation) = self.dictations.get_mut(other).filter(|_| is_same) {
                dictation.wished.application_is(preset.clone());
            }
        }
    }

    /// The preset that was chosen for this dictation so far.
    pub fn preset(&self, job: JobId) -> Option<ChosenPreset> {
        self.chosen(&self.dictations.get(job)?.wished)
    }

    pub(super) fn chosen(&self, wished: &Wished) -> Option<ChosenPreset> {
        let chosen = |name: &str, by| Some(ChosenPreset { name: name.to_owned(), by });
        if let Some(name) = &wished.wishes().preset {
            return chosen(name, PresetBy::Client);
        }
        if let Some(application) = wished.application() {
            let by = PresetBy::Application(application.application.clone());
            return chosen(&application.preset, by);
        }
        match &self.limits.rewriting {
            Rewriting::All { preset } => chosen(preset, PresetBy::Configuration),
            Rewriting::Wished | Rewriting::Impossible(_) => None,
        }
    }
}
