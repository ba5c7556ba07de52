//! The languages that Whisper knows, and lookup of the one that a user requests.
//!
//! Codes and names are those of Whisper's multilingual tokenizer, in its order (`LANGUAGES` in
//! OpenAI's `whisper/tokenizer.py`; `yue` came with large-v3).

use super::LANGUAGES;
use v2m_messages::{mark, text, tr, translations};

/// The word that requests language detection.
pub const AUTO: &str = "auto";

/// Codes (ISO 639-1, or 639-3 if there is no shorter one; `jw` is Whisper's for Javanese) and
/// English names.
const SPOKEN: [(&str, &str); 100] = [
    ("en", mark!("English")),
    ("zh", mark!("Chinese")),
    ("de", mark!("German")),
    ("es", mark!("Spanish")),
    ("ru", mark!("Russian")),
    ("ko", mark!("Korean")),
    ("fr", mark!("French")),
    ("ja", mark!("Japanese")),
    ("pt", mark!("Portuguese")),
    ("tr", mark!("Turkish")),
    ("pl", mark!("Polish")),
    ("ca", mark!("Catalan")),
    ("nl", mark!("Dutch")),
    ("ar", mark!("Arabic")),
    ("sv", mark!("Swedish")),
    ("it", mark!("Italian")),
    ("id", mark!("Indonesian")),
    ("hi", mark!("Hindi")),
    ("fi", mark!("Finnish")),
    ("vi", mark!("Vietnamese")),
    ("he", mark!("Hebrew")),
    ("uk", mark!("Ukrainian")),
    ("el", mark!("Greek")),
    ("ms", mark!("Malay")),
    ("cs", mark!("Czech")),
    ("ro", mark!("Romanian")),
    ("da", mark!("Danish")),
    ("hu", mark!("Hungarian")),
    ("ta", mark!("Tamil")),
    ("no", mark!("Norwegian")),
    ("th", mark!("Thai")),
    ("ur", mark!("Urdu")),
    ("hr", mark!("Croatian")),
    ("bg", mark!("Bulgarian")),
    ("lt", mark!("Lithuanian")),
    ("la", mark!("Latin")),
    ("mi", mark!("Maori")),
    ("ml", mark!("Malayalam")),
    ("cy", mark!("Welsh")),
    ("sk", mark!("Slovak")),
    ("te", mark!("Telugu")),
    ("fa", mark!("Persian")),
    ("lv", mark!("Latvian")),
    ("bn", mark!("Bengali")),
    ("sr", mark!("Serbian")),
    ("az", mark!("Azerbaijani")),
    ("sl", mark!("Slovenian")),
    ("kn", mark!("Kannada")),
    ("et", mark!("Estonian")),
    ("mk", mark!("Macedonian")),
    ("br", mark!("Breton")),
    ("eu", mark!("Basque")),
    ("is", mark!("Icelandic")),
    ("hy", mark!("Armenian")),
    ("ne", mark!("Nepali")),
    ("mn", mark!("Mongolian")),
    ("bs", mark!("Bosnian")),
    ("kk", mark!("Kazakh")),
    ("sq", mark!("Albanian")),
    ("sw", mark!("Swahili")),
    ("gl", mark!("Galician")),
    ("mr", mark!("Marathi")),
    ("pa", mark!("Punjabi")),
    ("si", mark!("Sinhala")),
    ("km", mark!("Khmer")),
    ("sn", mark!("Shona")),
    ("yo", mark!("Yoruba")),
    ("so", mark!("Somali")),
    ("af", mark!("Afrikaans")),
    ("oc", mark!("Occitan")),
    ("ka", mark!("Georgian")),
    ("be", mark!("Belarusian")),
    ("tg", mark!("Tajik")),
    ("sd", mark!("Sindhi")),
    ("gu", mark!("Gujarati")),
    ("am", mark!("Amharic")),
    ("yi", mark!("Yiddish")),
    ("lo", mark!("Lao")),
    ("uz", mark!("Uzbek")),
    ("fo", mark!("Faroese")),
    ("ht", mark!("Haitian Creole")),
    ("ps", mark!("Pashto")),
    ("tk", mark!("Turkmen")),
    ("nn", mark!("Nynorsk")),
    ("mt", mark!("Maltese")),
    ("sa", mark!("Sanskrit")),
    ("lb", mark!("Luxembourgish")),
    ("my", mark!("Myanmar")),
    ("bo", mark!("Tibetan")),
    ("tl", mark!("Tagalog")),
    ("mg", mark!("Malagasy")),
    ("as", mark!("Assamese")),
    ("tt", mark!("Tatar")),
    ("haw", mark!("Hawaiian")),
    ("ln", mark!("Lingala")),
    ("ha", mark!("Hausa")),
    ("ba", mark!("Bashkir")),
    ("jw", mark!("Javanese")),
    ("su", mark!("Sundanese")),
    ("yue", mark!("Cantonese")),
];

/// The similarity of a word and a language's name (Jaro-Winkler, 0 to 1) from which the language is
/// proposed. Separates misspellings from other words well enough.
const ALIKE: f64 = 0.77;
/// The largest number of proposed languages.
const MOST_NEAR: usize = 3;

/// The error for a language that Whisper does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSpoken {
    /// The requested language, shortened.
    pub asked: String,
    /// Similar languages, as code and name, the most similar first.
    pub near: Vec<(&'static str, &'static str)>,
}

impl NotSpoken {
    /// Returns the message for a notification: the cause and the remedy.
    pub fn in_brief(&self) -> (String, String) {
        let asked = format_args!("{:?}", self.asked);
        (tr!("Whisper does not know the language {asked}", asked), self.advice())
    }

    fn advice(&self) -> String {
        let near: Vec<_> =
            self.near.iter().map(|(code, name)| format!("{code} ({})", text(name))).collect();
        match &near[..] {
            [] => tr!("Give a code, such as en or es, or auto, which detects the language.")
                .to_owned(),
            [one] => tr!("Did you mean {one}?", one),
            [most @ .., last] => {
                tr!("Did you mean {some} or {last}?", some = most.join(", "), last)
            }
        }
    }
}

impl std::fmt::Display for NotSpoken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (asked, advice) = (format_args!("{:?}", self.asked), self.advice());
        f.write_str(&tr!("Whisper does not know the language {asked}. {advice}", asked, advice))
    }
}

impl std::error::Error for NotSpoken {}

/// Whether this is the exact code of a language that Whisper knows.
pub fn is_code(code: &str) -> bool {
    SPOKEN.iter().any(|(known, _)| *known == code)
}

/// Returns the name of the language with this code, in the user's language. If Whisper does not
/// know the code, returns the code itself.
pub fn name(code: &str) -> &str {
    SPOKEN.iter().find(|(known, _)| *known == code).map_or(code, |(_, name)| text(name))
}

/// Returns the code of the requested language, or `None` if it should be detected ([`AUTO`]). The
/// request may be a code with or without a region (`es`, `es-MX`, `en_US.UTF-8`), or a name in
/// English, in the language itself or in a language of v2m's messages.
///
/// # Errors
/// [`NotSpoken`], with similar languages.
pub fn code(asked: &str) -> Result<Option<&'static str>, NotSpoken> {
    let low = asked.trim().to_lowercase();
    if low == AUTO {
        return Ok(None);
    }
    let base = low.split(['-', '_', '.', '@']).next().unwrap_or_default();
    let is_it = |(code, name): &&(&str, &str)| {
        let own = |(known, _, own): &(&str, &str, &str)| known == code && *own == low;
        let said = |name: &str| low == name.to_lowercase();
        base == *code || said(name) || translations(name).any(said) || LANGUAGES.iter().any(own)
    };
    match SPOKEN.iter().find(is_it) {
        Some((code, _)) => Ok(Some(code)),
        None => Err(NotSpoken { asked: asked.chars().take(40).collect(), near: near(&low) }),
    }
}

fn near(low: &str) -> Vec<(&'static str, &'static str)> {
    let alike = |code: &str, name: &str| {
        let own = LANGUAGES.iter().filter(|(known, ..)| *known == code).map(|(_, _, own)| *own);
        let shown = translations(name).map(str::to_lowercase);
        let names = own.map(str::to_owned).chain([name.to_lowercase()]).chain(shown);
        let begins = low.chars().count() >= 2;
        let score = |name: String| match begins && name.starts_with(low) {
            true => 1.0,
            false => strsim::jaro_winkler(low, &name),
        };
        names.map(score).fold(0.0, f64::max)
    };
    let mut near: Vec<_> = SPOKEN
        .iter()
        .map(|(code, name)| (alike(code, name), (*code, *name)))
        .filter(|(alike, _)| *alike >= ALIKE)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter().map(|(_, language)| language).take(MOST_NEAR).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_asked_for_by_its_code_or_its_name() {
        for (asked, expected) in [
            ("es", Some("es")),
            ("ES", Some("es")),
            (" es-MX ", Some("es")),
            ("en_US.UTF-8", Some("en")),
            ("yue", Some("yue")),
            ("Spanish", Some("es")),
            ("español", Some("es")),
            ("haitian creole", Some("ht")),
            ("francés", Some("fr")),
            ("Inglés", Some("en")),
            ("alemán", Some("de")),
            ("auto", None),
            ("Auto", None),
        ] {
            assert_eq!(code(asked), Ok(expected), "{asked}");
        }
    }

    #[test]
    fn a_language_that_nobody_knows_gets_near_ones() {
        let near = |asked: &str| {
            let near = code(asked).unwrap_err().near;
            near.into_iter().map(|(code, _)| code).collect::<Vec<_>>()
        };
        assert_eq!(near("spansh")[0], "es");
        assert_eq!(near("espanol")[0], "es");
        assert_eq!(near("englsh")[0], "en");
        assert_eq!(near("ingles")[0], "en");
        assert_eq!(near("jp")[0], "ja");
        assert_eq!(near("cz"), ["cs"]);
        assert!(near("sp").contains(&"es"));
        assert!(near("xx").is_empty() && near("").is_empty() && near("qwertyuiop").is_empty());
        let told = code("spansh").unwrap_err().to_string();
        assert!(told.contains("\"spansh\"") && told.contains("es (Spanish)"), "{told}");
        let told = code("xx").unwrap_err().to_string();
        assert!(told.contains("such as en or es"), "{told}");
    }

    #[test]
    fn no_two_languages_have_one_code_or_one_name() {
        let distinct = |of: fn(&(&'static str, &'static str)) -> &'static str| {
            SPOKEN.iter().map(of).collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!((distinct(|it| it.0), distinct(|it| it.1)), (100, 100));
        assert_eq!((name("es"), name("xx")), ("Spanish", "xx"));
        assert!(is_code("haw") && !is_code("ES") && !is_code("auto"));
    }
}
