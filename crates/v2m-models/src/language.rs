//! Which languages a model can listen to.

use serde::{Serialize, Serializer};

/// What a model can listen to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Languages {
    /// English alone (the `.en` models).
    English,
    /// The 99 languages of Whisper (100 with large-v3's Cantonese).
    Multilingual,
    /// These and no others.
    Listed(LanguageSet),
}

impl Languages {
    /// Whether a language is among them, by its ISO 639-1 code. Which languages Whisper's models
    /// know is said by [`crate::ggml::speaks`].
    #[must_use]
    pub fn contain(self, code: &str) -> bool {
        match self {
            Self::English => code == "en",
            Self::Multilingual => true,
            Self::Listed(set) => set.contains(code),
        }
    }
}

/// `"english"`, `"multilingual"`, or a list of codes.
impl Serialize for Languages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::English => serializer.serialize_str("english"),
            Self::Multilingual => serializer.serialize_str("multilingual"),
            Self::Listed(set) => serializer.collect_seq(set.codes()),
        }
    }
}

/// Letters that a code is made of.
const LETTERS: usize = 26;
/// Words that have a bit for each code of two letters.
const WORDS: usize = (LETTERS * LETTERS).div_ceil(64);

/// A set of languages with a code of two letters (ISO 639-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LanguageSet([u64; WORDS]);

impl LanguageSet {
    /// Of these codes those with two small letters.
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

    /// Adds a language; another code than one of two small letters changes nothing.
    pub fn insert(&mut self, code: &str) {
        if let Some(bit) = bit(code.as_bytes()) {
            self.0[bit / 64] |= 1 << (bit % 64);
        }
    }

    /// Whether the language with this code is among them.
    #[must_use]
    pub fn contains(&self, code: &str) -> bool {
        bit(code.as_bytes()).is_some_and(|bit| self.0[bit / 64] >> (bit % 64) & 1 == 1)
    }

    /// The codes, in the order of the alphabet.
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
