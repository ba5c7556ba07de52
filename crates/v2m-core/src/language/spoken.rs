//! The languages that Whisper knows, and which of them a user means.
//!
//! Codes and names are those of Whisper's multilingual tokenizer, in its order (`LANGUAGES` in
//! OpenAI's `whisper/tokenizer.py`; `yue` came with large-v3).

use super::LANGUAGES;

/// The word for a language that is to be detected.
pub const AUTO: &str = "auto";

/// Codes (ISO 639-1, or 639-3 where there is no shorter one; `jw` is Whisper's for Javanese) and
/// English names.
const SPOKEN: [(&str, &str); 100] = [
    ("en", "English"),
    ("zh", "Chinese"),
    ("de", "German"),
    ("es", "Spanish"),
    ("ru", "Russian"),
    ("ko", "Korean"),
    ("fr", "French"),
    ("ja", "Japanese"),
    ("pt", "Portuguese"),
    ("tr", "Turkish"),
    ("pl", "Polish"),
    ("ca", "Catalan"),
    ("nl", "Dutch"),
    ("ar", "Arabic"),
    ("sv", "Swedish"),
    ("it", "Italian"),
    ("id", "Indonesian"),
    ("hi", "Hindi"),
    ("fi", "Finnish"),
    ("vi", "Vietnamese"),
    ("he", "Hebrew"),
    ("uk", "Ukrainian"),
    ("el", "Greek"),
    ("ms", "Malay"),
    ("cs", "Czech"),
    ("ro", "Romanian"),
    ("da", "Danish"),
    ("hu", "Hungarian"),
    ("ta", "Tamil"),
    ("no", "Norwegian"),
    ("th", "Thai"),
    ("ur", "Urdu"),
    ("hr", "Croatian"),
    ("bg", "Bulgarian"),
    ("lt", "Lithuanian"),
    ("la", "Latin"),
    ("mi", "Maori"),
    ("ml", "Malayalam"),
    ("cy", "Welsh"),
    ("sk", "Slovak"),
    ("te", "Telugu"),
    ("fa", "Persian"),
    ("lv", "Latvian"),
    ("bn", "Bengali"),
    ("sr", "Serbian"),
    ("az", "Azerbaijani"),
    ("sl", "Slovenian"),
    ("kn", "Kannada"),
    ("et", "Estonian"),
    ("mk", "Macedonian"),
    ("br", "Breton"),
    ("eu", "Basque"),
    ("is", "Icelandic"),
    ("hy", "Armenian"),
    ("ne", "Nepali"),
    ("mn", "Mongolian"),
    ("bs", "Bosnian"),
    ("kk", "Kazakh"),
    ("sq", "Albanian"),
    ("sw", "Swahili"),
    ("gl", "Galician"),
    ("mr", "Marathi"),
    ("pa", "Punjabi"),
    ("si", "Sinhala"),
    ("km", "Khmer"),
    ("sn", "Shona"),
    ("yo", "Yoruba"),
    ("so", "Somali"),
    ("af", "Afrikaans"),
    ("oc", "Occitan"),
    ("ka", "Georgian"),
    ("be", "Belarusian"),
    ("tg", "Tajik"),
    ("sd", "Sindhi"),
    ("gu", "Gujarati"),
    ("am", "Amharic"),
    ("yi", "Yiddish"),
    ("lo", "Lao"),
    ("uz", "Uzbek"),
    ("fo", "Faroese"),
    ("ht", "Haitian Creole"),
    ("ps", "Pashto"),
    ("tk", "Turkmen"),
    ("nn", "Nynorsk"),
    ("mt", "Maltese"),
    ("sa", "Sanskrit"),
    ("lb", "Luxembourgish"),
    ("my", "Myanmar"),
    ("bo", "Tibetan"),
    ("tl", "Tagalog"),
    ("mg", "Malagasy"),
    ("as", "Assamese"),
    ("tt", "Tatar"),
    ("haw", "Hawaiian"),
    ("ln", "Lingala"),
    ("ha", "Hausa"),
    ("ba", "Bashkir"),
    ("jw", "Javanese"),
    ("su", "Sundanese"),
    ("yue", "Cantonese"),
];

/// How alike a word and a language's name must be (Jaro-Winkler, 0 to 1) for the language to be
/// proposed. Separates misspellings from other words well enough.
const ALIKE: f64 = 0.77;
/// How many languages are proposed at most.
const MOST_NEAR: usize = 3;

/// The user asked for a language that Whisper does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSpoken {
    /// What was asked for, shortened.
    pub asked: String,
    /// Languages that may have been meant, as code and name, the likeliest first.
    pub near: Vec<(&'static str, &'static str)>,
}

impl NotSpoken {
    /// The message for a notification: what went wrong, and what to do.
    pub fn in_brief(&self) -> (String, String) {
        (format!("Whisper knows no language {:?}", self.asked), self.advice())
    }

    fn advice(&self) -> String {
        let near: Vec<_> =
            self.near.iter().map(|(code, name)| format!("{code} ({name})")).collect();
        match &near[..] {
            [] => "Give a code, such as en or es, or auto, which detects the language.".to_owned(),
            [one] => format!("Did you mean {one}?"),
            [most @ .., last] => format!("Did you mean {} or {last}?", most.join(", ")),
        }
    }
}

impl std::fmt::Display for NotSpoken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Whisper knows no language {:?}. {}", self.asked, self.advice())
    }
}

impl std::error::Error for NotSpoken {}

/// Whether this is the exact code of a language that Whisper knows.
pub fn is_code(code: &str) -> bool {
    SPOKEN.iter().any(|(known, _)| *known == code)
}

/// The English name of the language with this code. The code itself for one that Whisper does not
/// know.
pub fn name(code: &str) -> &str {
    SPOKEN.iter().find(|(known, _)| *known == code).map_or(code, |(_, name)| name)
}

/// The language that is asked for: by its code, with a region or without one (`es`, `es-MX`,
/// `en_US.UTF-8`), or by its name, in English or in its own. `None` inside: it is to be detected
/// ([`AUTO`]).
///
/// # Errors
/// [`NotSpoken`], with the languages that may have been meant.
pub fn code(asked: &str) -> Result<Option<&'static str>, NotSpoken> {
    let low = asked.trim().to_lowercase();
    if low == AUTO {
        return Ok(None);
    }
    let base = low.split(['-', '_', '.', '@']).next().unwrap_or_default();
    let is_it = |(code, name): &&(&str, &str)| {
        let own = |(known, _, own): &(&str, &str, &str)| known == code && *own == low;
        base == *code || low == name.to_lowercase() || LANGUAGES.iter().any(own)
    };
    match SPOKEN.iter().find(is_it) {
        Some((code, _)) => Ok(Some(code)),
        None => Err(NotSpoken { asked: asked.chars().take(40).collect(), near: near(&low) }),
    }
}

fn near(low: &str) -> Vec<(&'static str, &'static str)> {
    let alike = |code: &str, name: &str| {
        let own = LANGUAGES.iter().filter(|(known, ..)| *known == code).map(|(_, _, own)| *own);
        let name = name.to_lowercase();
        let names = own.chain([name.as_str()]);
        let begins = low.chars().count() >= 2;
        let score = |name: &str| match begins && name.starts_with(low) {
            true => 1.0,
            false => strsim::jaro_winkler(low, name),
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
