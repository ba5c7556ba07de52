//! The families of models in GGUF form: what each supports, and why something is refused.
//!
//! This is in one place because it is used by `v2m-model use`, the daemon (before it changes a
//! setting or records, and for its status), and the engine. The required content of a file is in
//! `moonshine` and `nemo`.

use crate::language::Languages;
use v2m_messages::tr;

/// A family of models with the same features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Moonshine (Useful Sensors): English.
    Moonshine,
    /// Canary (NVIDIA): several languages. It must be told which one; without one, it translates.
    Canary,
    /// Parakeet (NVIDIA) for English.
    Parakeet,
    /// Parakeet for several languages. It cannot be told which one, and drifts into English words
    /// in the middle of another language.
    DriftingParakeet,
    /// Nemotron (NVIDIA): writes during speech, and drops words.
    Nemotron,
}

/// Properties of a model file, from its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Its family.
    pub family: Family,
    /// Languages that v2m allows for it.
    pub languages: Languages,
    /// How its matrices are stored: `f32`, `f16`, `q8_0` …; `None` if they differ.
    pub weights: Option<&'static str>,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// Why a model cannot transcribe the spoken language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unheard {
    /// It does not know the language.
    Unknown,
    /// It must be told the language, and was not.
    Untold,
    /// It drifts into English words in the middle of another language.
    Drifts,
}

impl Summary {
    /// Returns the only possible language: `code`, or the only one of `among` if the language is to
    /// be detected (`None`).
    #[must_use]
    pub fn spoken<'a>(code: Option<&'a str>, among: &'a [String]) -> Option<&'a str> {
        match (code, among) {
            (Some(code), _) => Some(code),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }

    /// Returns why the model cannot transcribe the language with this ISO 639-1 code, if so. `None`
    /// as the code: the language is to be detected, among these (empty: among all).
    #[must_use]
    pub fn unheard(&self, code: Option<&str>, among: &[String]) -> Option<Unheard> {
        match (self.family, Self::spoken(code, among)) {
            (Family::DriftingParakeet, spoken) if spoken != Some("en") => Some(Unheard::Drifts),
            (Family::Canary, None) => Some(Unheard::Untold),
            (_, Some(code)) if !self.languages.contain(code) => Some(Unheard::Unknown),
            (_, None) if !among.is_empty() && !self.knows_one_of(among) => Some(Unheard::Unknown),
            // An English model has nothing to detect.
            _ => None,
        }
    }

    fn knows_one_of(&self, codes: &[String]) -> bool {
        codes.iter().any(|code| self.languages.contain(code))
    }

    /// Whether it is for previews only.
    #[must_use]
    pub fn is_for_previews_only(&self) -> bool {
        self.family == Family::Nemotron
    }

    /// Whether it can run as a preview. Other models take too long for that.
    #[must_use]
    pub fn can_preview(&self) -> bool {
        matches!(self.family, Family::Nemotron | Family::Moonshine)
    }

    /// Whether it knows only English, so that a list of languages has no effect.
    #[must_use]
    pub fn is_for_english(&self) -> bool {
        self.languages == Languages::English
    }

    /// Returns the codes accepted for `engine.language`.
    #[must_use]
    pub fn codes(&self) -> Vec<String> {
        match self.languages {
            Languages::Listed(set) => set.codes(),
            Languages::English | Languages::Multilingual => vec!["en".into()],
        }
    }
}

/// Returns a clause for the user on why a preview-only model is not used for the text itself.
#[must_use]
pub fn for_previews_only() -> &'static str {
    tr!(
        "it is only for the words that are shown while you speak (engine.preview), because it drops some"
    )
}

impl Unheard {
    /// Returns a clause about the model, for the user.
    #[must_use]
    pub fn reason(self, summary: &Summary) -> String {
        let codes = summary.codes().join(", ");
        match self {
            Self::Unknown if summary.is_for_english() => tr!("it knows English only").into(),
            Self::Unknown => tr!("it knows these languages only: {codes}", codes),
            Self::Untold => tr!(
                "it cannot detect the language; set engine.language to the one you speak, one of: {codes}",
                codes
            ),
            Self::Drifts => tr!(
                "it cannot be told which language is spoken, and writes English words in the middle of others, so v2m \
                 uses it with engine.language = \"en\" only"
            )
            .into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::LanguageSet;

    fn summary(family: Family, languages: Languages) -> Summary {
        Summary { family, languages, weights: Some("q8_0"), bytes: 1 }
    }

    /// Calls [`Summary::unheard`] with a language or none, and the languages to tell apart.
    fn unheard(summary: &Summary, code: Option<&str>, among: &[&str]) -> Option<Unheard> {
        let among: Vec<String> = among.iter().map(|code| (*code).to_owned()).collect();
        summary.unheard(code, &among)
    }

    #[test]
    fn canary_is_always_told_its_language() {
        let languages = Languages::Listed(LanguageSet::of(&["en", "de", "es", "fr"]));
        let canary = summary(Family::Canary, languages);
        assert_eq!(unheard(&canary, Some("es"), &[]), None);
        assert_eq!(unheard(&canary, Some("es"), &["en", "es"]), None);
        assert_eq!(unheard(&canary, None, &["es"]), None);
        assert_eq!(unheard(&canary, None, &["en", "es"]), Some(Unheard::Untold));
        assert_eq!(unheard(&canary, None, &[]), Some(Unheard::Untold));
        assert_eq!(unheard(&canary, Some("it"), &[]), Some(Unheard::Unknown));
        assert_eq!(unheard(&canary, None, &["it"]), Some(Unheard::Unknown));
        assert!(Unheard::Untold.reason(&canary).contains("one of: de, en, es, fr"));
        assert!(Unheard::Unknown.reason(&canary).contains("de, en, es, fr"));
    }

    #[test]
    fn parakeet_for_several_languages_is_used_for_english_alone() {
        let parakeet = summary(Family::DriftingParakeet, Languages::English);
        assert_eq!(unheard(&parakeet, Some("en"), &[]), None);
        assert_eq!(unheard(&parakeet, None, &["en"]), None);
        // If the language is detected, somebody may speak another one.
        for (code, among) in [(Some("es"), &[][..]), (None, &[]), (None, &["en", "es"])] {
            assert_eq!(unheard(&parakeet, code, among), Some(Unheard::Drifts));
        }
        assert!(Unheard::Drifts.reason(&parakeet).contains("engine.language = \"en\""));
    }

    #[test]
    fn a_preview_is_told_the_language_or_finds_it_out() {
        let languages = Languages::Listed(LanguageSet::of(&["en", "es"]));
        let nemotron = summary(Family::Nemotron, languages);
        assert!(nemotron.is_for_previews_only() && nemotron.can_preview());
        assert_eq!(unheard(&nemotron, Some("es"), &[]), None);
        assert_eq!(unheard(&nemotron, None, &["en", "es"]), None);
        assert_eq!(unheard(&nemotron, Some("it"), &[]), Some(Unheard::Unknown));
        let moonshine = summary(Family::Moonshine, Languages::English);
        assert!(moonshine.can_preview() && !moonshine.is_for_previews_only());
        assert!(!summary(Family::Canary, languages).can_preview());
    }

    #[test]
    fn models_for_english_need_no_language() {
        for family in [Family::Moonshine, Family::Parakeet] {
            let model = summary(family, Languages::English);
            assert_eq!(unheard(&model, None, &[]), None);
            assert_eq!(unheard(&model, Some("en"), &[]), None);
            assert_eq!(unheard(&model, Some("es"), &[]), Some(Unheard::Unknown));
            // English may be spoken, or none of the user's languages is English.
            assert_eq!(unheard(&model, None, &["es", "en"]), None);
            assert_eq!(unheard(&model, None, &["es"]), Some(Unheard::Unknown));
            assert_eq!(unheard(&model, None, &["es", "fr"]), Some(Unheard::Unknown));
        }
    }
}
