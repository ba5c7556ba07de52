//! Decides whether to believe a decode, by signs of a decoder that loops, guesses or drops words.

use super::marks;
use std::io::Write;

/// The result of decoding one piece.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hypothesis {
    /// The text as the model wrote it, without bracketed artefacts.
    pub text: String,
    /// Mean natural logarithm of its tokens' probabilities; 0 if the decoder reports none.
    pub mean_log_probability: f32,
    /// Whether it was cut off because it was longer than can be said in that time
    /// ([`crate::decoder::Effort::Quick`]).
    pub cut_off: bool,
    /// The tokens of the text. Empty if the text was changed since, or if the decoder reports none.
    pub tokens: Vec<Token>,
}

/// One token of the model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Token {
    /// The token's number in the model's vocabulary.
    pub id: i32,
    /// The token's text, which may be part of a character.
    pub bytes: Vec<u8>,
    /// Natural logarithm of its probability after the tokens before it.
    pub log_probability: f32,
}

/// The number of a token that stands for a whole word, if the model's own tokens are unknown.
const WHOLE_WORD: i32 = -1;

impl Token {
    /// Returns the words of a text as tokens, for a decoder that reports none, so that pieces can
    /// be joined. Their probabilities are unknown, and no decoder can continue from them.
    #[must_use]
    pub fn words(text: &str) -> Vec<Self> {
        let token =
            |word| Self { id: WHOLE_WORD, bytes: format!(" {word}").into(), log_probability: 0.0 };
        text.split_whitespace().map(token).collect()
    }

    /// Whether it was made by [`Self::words`].
    #[must_use]
    pub fn is_whole_word(&self) -> bool {
        self.id == WHOLE_WORD
    }

    /// Whether the token consists only of marks for the end of words.
    pub fn is_only_marks(&self) -> bool {
        let text = String::from_utf8_lossy(&self.bytes);
        text.trim().chars().all(|c| marks::TRAILING.contains(c))
    }
}

/// zlib's compression ratio above which OpenAI's implementation calls a text a loop.
const COMPRESSION: f32 = 2.4;

/// Mean log-probability below which OpenAI's implementation calls a decode failed.
const LOG_PROBABILITY: f32 = -1.0;

/// The number of characters in a second that nobody can exceed in speech. Quick English has about
/// 20, and other scripts have fewer. Characters and not words, because not every script separates
/// words.
const FASTEST: f32 = 30.0;

/// The number of characters in a second below which much of a longer piece must have been dropped.
/// Slow dictation in Chinese has about 3.
const SLOWEST: f32 = 1.0;

/// The reason not to believe a hypothesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The same words repeat.
    Repetition,
    /// The text compresses too well.
    Compression,
    /// The model gave the text a low probability.
    Unlikely,
    /// The text was cut off because it was longer than can be said in that time.
    CutOff,
    /// The text is longer than can be said in that time.
    TooFast,
    /// The text is too short for so much voice.
    TooSlow,
}

/// Looks for signs that `hypothesis` is wrong. `voice`: the seconds from the first to the last
/// voice in the piece.
pub fn doubt(hypothesis: &Hypothesis, voice: f32) -> Option<Doubt> {
    let text = hypothesis.text.as_str();
    let characters = text.chars().filter(|c| c.is_alphanumeric()).count() as f32;
    if hypothesis.cut_off {
        Some(Doubt::CutOff)
    } else if repeats(text) {
        Some(Doubt::Repetition)
    } else if compression(text) > COMPRESSION {
        Some(Doubt::Compression)
    } else if characters > FASTEST * voice + 10.0 {
        Some(Doubt::TooFast)
    } else if voice > 4.0 && characters < SLOWEST * voice {
        Some(Doubt::TooSlow)
    } else if hypothesis.mean_log_probability < LOG_PROBABILITY {
        Some(Doubt::Unlikely)
    } else {
        None
    }
}

/// Whether a phrase of up to eight words occurs four times in a row, or a longer one twice.
fn repeats(text: &str) -> bool {
    let words: Vec<String> = text
        .split_whitespace()
        .map(|w| w.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect())
        .collect();
    let times_in_a_row = |length: usize, times: usize| {
        words
            .windows(length * times)
            .any(|run| run.chunks_exact(length).all(|phrase| phrase == &run[..length]))
    };
    (1..=8).any(|length| times_in_a_row(length, 4))
        || (5..=words.len() / 2).any(|length| times_in_a_row(length, 2))
}

/// Returns the text's length divided by zlib's length, as in OpenAI's implementation.
fn compression(text: &str) -> f32 {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    let compressed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    compressed.map_or(1.0, |bytes| text.len() as f32 / bytes.len().max(1) as f32)
}

/// Whether `text` repeats the prompt: it consists only of entries of the vocabulary, at least two
/// different ones. If the user really said them, decoding without the prompt finds them too.
pub fn echoes(text: &str, vocabulary: &[String]) -> bool {
    let plain = |s: &str| -> Vec<String> {
        let letters = |c: char| if c.is_alphanumeric() { c } else { ' ' };
        s.to_lowercase()
            .chars()
            .map(letters)
            .collect::<String>()
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    };
    let said = plain(text);
    let entries: Vec<_> = vocabulary.iter().map(|e| plain(e)).filter(|e| !e.is_empty()).collect();
    let mut found = Vec::new();
    let mut rest = said.as_slice();
    while !rest.is_empty() {
        let longest = entries.iter().filter(|e| rest.starts_with(e)).max_by_key(|e| e.len());
        let Some(entry) = longest else { return false };
        if !found.contains(&entry) {
            found.push(entry);
        }
        rest = &rest[entry.len()..];
    }
    found.len() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubt_of(text: &str, voice: f32) -> Option<Doubt> {
        doubt(
            &Hypothesis { text: text.into(), mean_log_probability: -0.3, ..Hypothesis::default() },
            voice,
        )
    }

    #[test]
    fn plain_speech_is_believed() {
        assert_eq!(doubt_of("Add apples to my shopping list.", 1.8), None);
        assert_eq!(doubt_of("No, no, no.", 1.0), None);
        assert_eq!(doubt_of("Six.", 0.3), None);
        assert_eq!(doubt_of("", 1.0), None);
    }

    #[test]
    fn loops_are_doubted() {
        assert_eq!(doubt_of("so so so so so", 3.0), Some(Doubt::Repetition));
        let twice = "ask not what your country can do, ask not what your country can do";
        assert_eq!(doubt_of(twice, 6.0), Some(Doubt::Repetition));
        let loops = &"abc".repeat(30);
        assert_eq!(doubt_of(loops, 6.0), Some(Doubt::Compression));
    }

    #[test]
    fn implausible_speed_and_low_probability_are_doubted() {
        let sentence = "The quick brown fox jumps over the lazy dog behind the red barn.";
        assert_eq!(doubt_of(sentence, 0.5), Some(Doubt::TooFast));
        assert_eq!(doubt_of("you", 9.0), Some(Doubt::TooSlow));
        let unsure = Hypothesis {
            text: sentence.into(),
            mean_log_probability: -1.4,
            ..Hypothesis::default()
        };
        assert_eq!(doubt(&unsure, 4.0), Some(Doubt::Unlikely));
    }

    #[test]
    fn a_text_that_would_go_on_is_doubted() {
        let cut_off =
            Hypothesis { text: "So it goes".into(), cut_off: true, ..Hypothesis::default() };
        assert_eq!(doubt(&cut_off, 2.0), Some(Doubt::CutOff));
    }

    #[test]
    fn the_vocabulary_come_back_is_an_echo() {
        let vocabulary = ["Kubernetes".to_owned(), "New York".to_owned(), "Zarvent".to_owned()];
        assert!(echoes("Kubernetes, New York, Zarvent.", &vocabulary));
        assert!(echoes("New York Zarvent", &vocabulary));
        assert!(!echoes("Kubernetes.", &vocabulary));
        assert!(!echoes("Zarvent runs on Kubernetes.", &vocabulary));
        assert!(!echoes("", &vocabulary));
    }
}
