//! Languages that a model can transcribe.

use serde::{Serialize, Serializer};

/// Languages that a model can transcribe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Languages {
    /// Only English (the `.en` models).
    English,
    /// The 99 languages of Whisper (100 with large-v3's Cantonese).
    Multilingual,
    /// Only these.
    Listed(LanguageSet),
}

impl Languages {
    /// Whether a language is included, by its ISO 639-1 code. [`crate::ggml::speaks`] returns which
    /// languages Whisper's models know.
    #[must_use]
    pub fn contain(self, code: &str) -> bool {
        match self {
            Self::English => code == "en",
            Self::Multilingual => true,
            Self::Listed(set) => set.contains(code),
        }
    }
}

/// Serialises as `"english"`, `"multilingual"`, or a list of codes.
impl Serialize for Languages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::English => serializer.serialize_str("english"),
            Self::Multilingual => serializer.serialize_str("multilingual"),
            Self::Listed(set) => serializer.collect_seq(set.codes()),
        }
    }
}

/// Number of letters that a code can contain.
const LETTERS: usize = 26;
/// Number of words with one bit for each code of two letters.
const WORDS: usize = (LETTERS * LETTERS).div_ceil(64);

/// A set of languages with two-letter codes (ISO 639-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LanguageSet([u64; WORDS]);

impl LanguageSet {
    /// Creates a set of those codes that have two lower-case letters.
    #[must_use]
    pub const fn of(codes: &[&str]) -> Self {
        let mut set = [0; WORDS];
        let mut i = 0;
        while i < codes.len() {
            if let Some(bit) = bit(codes[i].as_bytes()) {
                set[bit / 64] |= 1 << (bit % 64);
            }
            i += 1;
        }
        Self(set)
    }

    /// Adds a language; any code except two lower-case letters is ignored.
    pub fn insert(&mut self, code: &str) {
        if let Some(bit) = bit(code.as_bytes()) {
            self.0[bit / 64] |= 1 << (bit % 64);
        }
    }

    /// Whether the set contains the language with this code.
    #[must_use]
    pub fn contains(&self, code: &str) -> bool {
        bit(code.as_bytes()).is_some_and(|bit| self.0[bit / 64] >> (bit % 64) & 1 == 1)
    }

    /// Returns the codes in alphabetical order.
    #[must_use]
    pub fn codes(&self) -> Vec<String> {
        let letters = || (b'a'..=b'z').map(char::from);
        let pairs = letters().flat_map(|first| letters().map(move |second| [first, second]));
        pairs.map(String::from_iter).filter(|code| self.contains(code)).collect()
    }
}

const fn bit(code: &[u8]) -> Option<usize> {
    match code {
        [first @ b'a'..=b'z', second @ b'a'..=b'z'] => {
            Some((*first - b'a') as usize * LETTERS + (*second - b'a') as usize)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in() {
        let mut set = LanguageSet::of(&["es", "en", "zz", "aa", "haw", "E", "é"]);
        assert_eq!(set.codes(), ["aa", "en", "es", "zz"]);
        set.insert("fr");
        set.insert("all");
        assert!(set.contains("fr") && !set.contains("de") && !set.contains("all"));
    }

    #[test]
    fn json_has_a_word_or_the_codes() {
        let json = |languages: Languages| serde_json::to_string(&languages).unwrap();
        assert_eq!(json(Languages::English), r#""english""#);
        assert_eq!(json(Languages::Multilingual), r#""multilingual""#);
        assert_eq!(json(Languages::Listed(LanguageSet::of(&["es", "en"]))), r#"["en","es"]"#);
    }
}
