//! Language detection policy, for models that must be told the language. Pure.

use v2m_ipc::pcm::{milliseconds, seconds};
use v2m_models::family::{Family, Summary};
use v2m_models::language::Languages;

/// Samples with voice needed to detect the language while the speaker goes on. Measured
/// (docs/performance.md, "Detecting the language").
pub(super) const ENOUGH: u64 = seconds(2);

/// Minimum samples with voice for a detected language to be expected in the next recording.
/// Measured, like [`ENOUGH`].
pub(super) const TELLING: u64 = milliseconds(1_000);

/// How the language of a recording is determined.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::daemon::engine) enum Way {
    /// The model is told it, or does not need it.
    Said,
    /// Another model detects it.
    Detected(Question),
    /// No other model is installed. Assume this language: the user's first that the model knows.
    Assumed(String),
    /// No other model is installed, and the model knows none of the user's languages.
    Unknown,
}

/// A language to detect.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::daemon::engine) struct Question {
    /// The user's languages; empty means any.
    pub(super) among: Vec<String>,
    /// The languages that the model knows.
    pub(super) known: Languages,
    /// Name of the model.
    pub(super) model: String,
}

/// Consequence of detection for the recording.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// The model transcribes it in this language.
    Here(String),
    /// The model does not know this language, so another model transcribes the recording.
    Elsewhere(String),
    /// The model transcribes it in this language, because none was detected.
    Assumed(String),
    /// No language was detected, and none can be assumed.
    Lost,
}

/// Returns how to determine the language of a recording for the model with this summary (`None`: a
/// model that detects the language itself). `code`: the specified language; `among`: the user's
/// languages; `can_detect`: another model is installed.
pub(in crate::daemon::engine) fn way(
    model: &str,
    summary: Option<&Summary>,
    code: Option<&str>,
    among: &[String],
    can_detect: bool,
) -> Way {
    let Some(summary) = summary.filter(|it| it.family == Family::Canary) else { return Way::Said };
    if Summary::spoken(code, among).is_some() {
        return Way::Said;
    }
    let (known, model) = (summary.languages, model.to_owned());
    if can_detect {
        return Way::Detected(Question { among: among.to_vec(), known, model });
    }
    first(among, known).map_or(Way::Unknown, Way::Assumed)
}

impl Question {
    /// Returns the likeliest language in advance: the last one detected, if the user still speaks
    /// it.
    pub(super) fn expected(&self, last: Option<&str>) -> Option<String> {
        let is_possible =
            |code: &&str| self.among.is_empty() || self.among.iter().any(|a| a == code);
        last.filter(is_possible).map(str::to_owned)
    }

    /// Decides by the detected language; `None` means that nobody spoke.
    pub(super) fn heard(&self, answer: Option<&str>, last: Option<&str>) -> Outcome {
        match answer {
            Some(code) if self.known.contain(code) => Outcome::Here(code.to_owned()),
            Some(code) => Outcome::Elsewhere(code.to_owned()),
            // There will be no text, so any language will do.
            None => {
                let last = self.expected(last).filter(|code| self.known.contain(code));
                Outcome::Here(last.or_else(|| self.first()).unwrap_or_else(|| "en".into()))
            }
        }
    }

    /// Decides when detection gives no answer.
    pub(super) fn unheard(&self) -> Outcome {
        self.first().map_or(Outcome::Lost, Outcome::Assumed)
    }

    fn first(&self) -> Option<String> {
        first(&self.among, self.known)
    }
}

/// Returns the user's first language that the model knows.
fn first(among: &[String], known: Languages) -> Option<String> {
    among.iter().find(|code| known.contain(code)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use v2m_models::language::LanguageSet;

    const KNOWN: Languages = Languages::Listed(LanguageSet::of(&["en", "de", "es", "fr"]));

    fn canary() -> Summary {
        Summary { family: Family::Canary, languages: KNOWN, weights: None, bytes: 1 }
    }

    fn codes(codes: &[&str]) -> Vec<String> {
        codes.iter().map(|code| (*code).to_owned()).collect()
    }

    fn question(among: &[&str]) -> Question {
        Question { among: codes(among), known: KNOWN, model: "canary".into() }
    }

    #[test]
    fn a_language_that_is_said_is_not_detected() {
        let canary = canary();
        let said = |code: Option<&str>, among: &[&str]| {
            way("canary", Some(&canary), code, &codes(among), true)
        };
        assert_eq!(said(Some("es"), &["en", "es"]), Way::Said);
        assert_eq!(said(None, &["es"]), Way::Said);
        assert_eq!(said(None, &["es", "en"]), Way::Detected(question(&["es", "en"])));
        assert_eq!(said(None, &[]), Way::Detected(question(&[])));
    }

    #[test]
    fn models_that_need_no_language_are_asked_for_none() {
        let among = codes(&["en", "es"]);
        assert_eq!(way("base", None, None, &among, true), Way::Said);
        for family in [Family::Moonshine, Family::Parakeet, Family::DriftingParakeet] {
            let summary = Summary { family, ..canary() };
            assert_eq!(way("m", Some(&summary), None, &among, true), Way::Said);
        }
    }

    #[test]
    fn without_a_model_that_detects_the_users_first_language_is_assumed() {
        let canary = canary();
        let way = |among: &[&str]| way("canary", Some(&canary), None, &codes(among), false);
        assert_eq!(way(&["es", "en"]), Way::Assumed("es".into()));
        assert_eq!(way(&["pt", "en"]), Way::Assumed("en".into()));
        assert_eq!(way(&["pt", "it"]), Way::Unknown);
        assert_eq!(way(&[]), Way::Unknown);
    }

    #[test]
    fn a_language_that_the_model_does_not_know_is_transcribed_elsewhere() {
        let question = question(&["en", "pt"]);
        assert_eq!(question.heard(Some("en"), None), Outcome::Here("en".into()));
        assert_eq!(question.heard(Some("pt"), Some("en")), Outcome::Elsewhere("pt".into()));
    }

    #[test]
    fn what_is_expected_is_what_was_detected_last() {
        let asked = question(&["en", "es"]);
        assert_eq!(asked.expected(None), None);
        assert_eq!(asked.expected(Some("es")).as_deref(), Some("es"));
        assert_eq!(asked.expected(Some("de")), None, "the user does not speak it any more");
        assert_eq!(question(&[]).expected(Some("pt")).as_deref(), Some("pt"));
    }

    #[test]
    fn a_recording_without_speech_gets_any_language_that_the_model_knows() {
        assert_eq!(question(&["pt", "es"]).heard(None, None), Outcome::Here("es".into()));
        assert_eq!(question(&["en", "es"]).heard(None, Some("es")), Outcome::Here("es".into()));
        assert_eq!(question(&["en", "pt"]).heard(None, Some("pt")), Outcome::Here("en".into()));
        assert_eq!(question(&[]).heard(None, None), Outcome::Here("en".into()));
    }

    #[test]
    fn without_an_answer_nothing_is_guessed_that_the_user_did_not_name() {
        assert_eq!(question(&["pt", "es", "en"]).unheard(), Outcome::Assumed("es".into()));
        assert_eq!(question(&["pt"]).unheard(), Outcome::Lost);
        assert_eq!(question(&[]).unheard(), Outcome::Lost);
    }
}
