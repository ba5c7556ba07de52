//! One piece of speech: which context to decode it with, and when to decode it again.
//!
//! Whisper's encoder always hears 30 s, most of it silence when the piece is short. A context
//! fitted to the piece saves most of that work, and now and then makes the decoder loop; so what
//! comes of it is doubted ([`super::guard`]) and decoded again with the full context.

use super::guard::{Hypothesis, Token, doubt, echoes};
use super::{Decoder, Piece, Request};

/// Samples in one unit of the encoder's context.
const UNIT: usize = 320;

/// Units kept free after the piece: five seconds. Measured; with less, one clip in ten loops.
const MARGIN: usize = 256;

/// Smallest context. Measured likewise.
const FLOOR: usize = 640;

/// Samples that are decoded with the smallest context.
pub const SHORT: u64 = ((FLOOR - MARGIN) * UNIT) as u64;

/// Contexts are multiples of this many units: ggml's fast multiplication of matrices (`GGML_LLAMAFILE`) takes no other
/// lengths for the attention's second product, which is a quarter of the encoder's work otherwise.
const STEP: usize = 32;

/// Speech needed before a detected language is kept for the rest of the recording, in samples.
const TELLING: u64 = 3 * 16_000;

/// Samples at the beginning of a piece by which it is seen whether it is in another language than the one before: five seconds. The
/// whole piece would cost as much as decoding it.
const HEAD: usize = 5 * 16_000;

/// How the pieces of one recording are to be decoded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// When detecting: only among these; empty: among all.
    pub languages: Vec<String>,
    /// To English.
    pub translate: bool,
    /// Words to expect, most important first.
    pub vocabulary: Vec<String>,
    /// Beams; 1 is greedy.
    pub beams: u8,
}

/// What a piece became.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// The text; empty when there was none after all.
    pub text: String,
    /// ISO 639-1 code.
    pub language: String,
    /// Whether the language was heard long enough to keep it.
    pub language_sure: bool,
    /// Samples given to the decoder, repeats included.
    pub decoded: u64,
    /// How many times it was decoded again.
    pub redone: u32,
    /// Mean natural logarithm of its tokens' probabilities.
    pub mean_log_probability: f32,
    /// The tokens that the text was made of; empty if it was changed since.
    pub tokens: Vec<Token>,
}

/// Units kept free after what is heard for a seam: nothing is generated there, so nothing can loop. Measured.
const SEAM_MARGIN: usize = 32;

/// The context, in units of 20 ms, for a question about a seam.
pub fn fitted_to_seam(samples: usize) -> usize {
    (samples.div_ceil(UNIT) + SEAM_MARGIN).next_multiple_of(STEP)
}

/// The context, in units of 20 ms, for that many samples.
pub fn fitted(samples: usize) -> usize {
    (samples.div_ceil(UNIT) + MARGIN).max(FLOOR).next_multiple_of(STEP)
}

/// Tokens that a piece cannot have, with `voice` seconds of speech in `language`.
///
/// whisper.cpp ends a beam search when its last beam has ended. A beam that loops goes on to the model's limit of 220
/// tokens while the others are long done: the text is the same and takes three times as long (docs/performance.md). A
/// text that reaches this bound is doubted and decoded again without one, so nothing is lost by it.
///
/// Quick English and Spanish have 5 to 7 tokens a second. Scripts that Whisper's vocabulary knows letter by letter have
/// up to three tokens a character.
fn most_tokens(voice: f32, language: &str) -> u16 {
    let a_second = if FEW_TOKENS.contains(&language) { 7.0 } else { 30.0 };
    (20.0 + a_second * voice).clamp(LOOP_WINDOW, f32::from(u16::MAX)) as u16
}

/// whisper.cpp tells loops by the last 32 tokens, and only where there are more.
const LOOP_WINDOW: f32 = 34.0;

/// Languages whose words are one to three tokens.
const FEW_TOKENS: [&str; 17] = [
    "ca", "da", "de", "en", "es", "fr", "gl", "id", "it", "nl", "no", "pl", "pt", "ru", "sv", "tr",
    "uk",
];

/// Decodes `audio`, which is `piece`; `known` is the language given or detected before, if any.
///
/// # Errors
/// The decoder's.
pub fn transcribe<D: Decoder>(
    decoder: &mut D,
    piece: &Piece,
    audio: &[f32],
    settings: &Settings,
    known: Option<&str>,
) -> Result<Outcome, D::Error> {
    let is_telling = piece.voice_end - piece.voice_start >= TELLING;
    let language = match known {
        // Who allows several may change from one to another.
        Some(_) if settings.languages.len() > 1 && is_telling => {
            let head = &audio[..audio.len().min(HEAD)];
            decoder.detect(head, fitted_to_seam(head.len()), &settings.languages, known)?
        }
        Some(code) => code.to_owned(),
        None => decoder.detect(audio, fitted(audio.len()), &settings.languages, None)?,
    };
    let language_sure = known.is_some() || is_telling;
    let mut attempts = Attempts { decoder, audio, settings, language: &language, count: 0 };
    let best = attempts.best(piece)?;
    let count = attempts.count;
    Ok(Outcome {
        text: best.text,
        tokens: best.tokens,
        mean_log_probability: best.mean_log_probability,
        language_sure,
        language,
        decoded: u64::from(count) * audio.len() as u64,
        redone: count - 1,
    })
}

/// Decodes several pieces as one, which have `voice` samples from the first voice to the last. `None`: it is not to be believed.
///
/// # Errors
/// The decoder's.
pub fn together<D: Decoder>(
    decoder: &mut D,
    audio: &[f32],
    voice: u64,
    settings: &Settings,
    language: &str,
) -> Result<Option<Hypothesis>, D::Error> {
    let voice = voice as f32 / 16_000.0;
    let most = Some(most_tokens(voice, language));
    let mut attempts = Attempts { decoder, audio, settings, language, count: 0 };
    let heard = attempts.attempt(fitted(audio.len()), &settings.vocabulary, most)?;
    let believed = doubt(&heard, voice).is_none() && !echoes(&heard.text, &settings.vocabulary);
    Ok(believed.then_some(heard))
}

struct Attempts<'a, D> {
    decoder: &'a mut D,
    audio: &'a [f32],
    settings: &'a Settings,
    language: &'a str,
    count: u32,
}

impl<D: Decoder> Attempts<'_, D> {
    fn best(&mut self, piece: &Piece) -> Result<Hypothesis, D::Error> {
        let voice = (piece.voice_end - piece.voice_start) as f32 / 16_000.0;
        let vocabulary = &self.settings.vocabulary;
        let context = fitted(self.audio.len());
        let most =
            Some(most_tokens(voice, if self.settings.translate { "en" } else { self.language }));
        let first = self.attempt(context, vocabulary, most)?;
        // The vocabulary is no evidence: only what comes without it is.
        let (first, vocabulary) = if echoes(&first.text, vocabulary) {
            (self.attempt(context, &[], most)?, [].as_slice())
        } else {
            (first, vocabulary.as_slice())
        };
        if doubt(&first, voice).is_none() {
            return Ok(first);
        }
        let second = self.attempt(0, vocabulary, None)?;
        // Both doubtful: somebody may well have said "no no no no". The likelier one it is.
        // One that was cut off is not whole, however likely it is.
        let keep_first = !first.cut_off
            && doubt(&second, voice).is_some()
            && first.mean_log_probability > second.mean_log_probability;
        Ok(if keep_first { first } else { second })
    }

    fn attempt(
        &mut self,
        context: usize,
        vocabulary: &[String],
        most_tokens: Option<u16>,
    ) -> Result<Hypothesis, D::Error> {
        self.count += 1;
        self.decoder.decode(&Request {
            audio: self.audio,
            language: self.language,
            translate: self.settings.translate,
            vocabulary,
            beams: self.settings.beams,
            context,
            // The last resort may also try higher temperatures.
            fallback: context == 0,
            most_tokens,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_speaks_as_many_tokens_as_the_bound() {
        for seconds in [0.3, 1.0, 4.0, 10.0] {
            // 300 words a minute, twice the pace of conversation, at 1.5 tokens a word.
            assert!(f32::from(most_tokens(seconds, "en")) > 7.5 * seconds);
            // Ten characters a second at three tokens each.
            assert!(f32::from(most_tokens(seconds, "th")) > 30.0 * seconds);
        }
        assert!(most_tokens(4.0, "en") < 50);
    }
}
