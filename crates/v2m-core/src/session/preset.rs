//! Chooses the preset that a language model uses for a dictation's text, and records who chose it.
//!
//! A client's request takes precedence, then the settings for the application that had the keyboard
//! when the recording began, then the settings for all texts.

use super::dictation::Wished;
use super::machine::{Rewriting, Session};
use super::types::{Code, Failure, JobId};
use v2m_messages::tr;

/// The name that stands for no preset if the settings give it to an application: no language model
/// gets the text.
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

/// The settings for the application that had the keyboard when a recording began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationPreset {
    /// The application's name in the settings.
    pub application: String,
    /// The preset's name, or [`NO_PRESET`].
    pub preset: String,
    /// Why the preset cannot be used.
    pub unfit: Option<Failure>,
}

impl Session {
    /// Notes which preset the settings name for the application that had the keyboard when this
    /// dictation began. It also applies to all later sentences of a continuous dictation.
    pub fn application_is(&mut self, job: JobId, preset: &ApplicationPreset) {
        self.for_all_of(job, |wished| wished.application_is(preset.clone()));
    }

    /// Notes that it is unknown which application had the keyboard when this dictation began, and
    /// that the settings may keep its texts from language models. No model gets this text or that
    /// of a later sentence of a continuous dictation, unless a client names a preset.
    pub fn application_is_unknown(&mut self, job: JobId) {
        self.for_all_of(job, Wished::withhold);
    }

    /// Applies `note` to the dictation and all sentences of its talk. The dictation may be over
    /// already, while the talk continues.
    fn for_all_of(&mut self, job: JobId, mut note: impl FnMut(&mut Wished)) {
        let first = self.talk(job).unwrap_or(job);
        for other in self.dictations.jobs() {
            let is_same = other == job || self.talk(other) == Some(first);
            if let Some(dictation) = self.dictations.get_mut(other).filter(|_| is_same) {
                note(&mut dictation.wished);
            }
        }
    }

    /// The preset chosen for this dictation so far.
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
            Rewriting::All { .. } if wished.is_withheld() => None,
            Rewriting::All { preset } => chosen(preset, PresetBy::Configuration),
            Rewriting::Wished | Rewriting::Impossible(_) => None,
        }
    }
}

/// Explains why a language model does not get a text from an unknown application.
pub(super) fn withheld() -> Failure {
    let text = tr!(
        "v2m could not find out which application had the focus when the recording began, and \
         llm.applications keeps the texts of some applications from the language model. So the language \
         model did not get your text, and it was delivered unchanged. On GNOME, v2m's extension can report \
         the application: see deliver.focused_program. On every desktop, `--preset` sends a dictation to \
         the language model."
    );
    Failure::new(Code::LlmUnavailable, text).in_brief(
        tr!("v2m could not find out the application"),
        tr!("Your text was delivered unchanged. See deliver.focused_program, or use --preset"),
    )
}
