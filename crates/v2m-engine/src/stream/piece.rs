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

/// Contexts are multiples of this many units: ggml's fast multiplication of matrices (`GGML_LLAMAFILE`) takes no other
/// lengths for the attention's second product, which is a quarter of the encoder's work otherwise.
const STEP: usize = 32;

/// Speech needed before a detected language is kept for the rest of the recording, in samples.
const TELLING: u64 = 3 * 16_000;

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
    let language = match known {
        Some(code) => code.to_owned(),
        None => decoder.detect(audio, fitted(audio.len()), &settings.languages)?,
    };
    let language_sure = known.is_some() || piece.voice_end - piece.voice_start >= TELLING;
    let mut attempts = Attempts { decoder, audio, settings, language: &language, count: 0 };
    let best = attempts.best(piece)?;
    let count = attempts.count;
    Ok(Outcome {
        text: best.text,
        tokens: best.tokens,
        language_sure,
        language,
        decoded: u64::from(count) * audio.len() as u64,
        redone: count - 1,
    })
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
        let first = self.attempt(fitted(self.audio.len()), vocabulary)?;
        // The vocabulary is no evidence: only what comes without it is.
        let (first, vocabulary) = if echoes(&first.text, vocabulary) {
            (self.attempt(fitted(self.audio.len()), &[])?, [].as_slice())
        } else {
            (first, vocabulary.as_slice())
        };
        if doubt(&first, voice).is_none() {
            return Ok(first);
        }
        let second = self.attempt(0, vocabulary)?;
        // Both doubtful: somebody may well have said "no no no no". The likelier one it is.
        let keep_first = doubt(&second, voice).is_some()
            && first.mean_log_probability > second.mean_log_probability;
        Ok(if keep_first { first } else { second })
    }

    fn attempt(&mut self, context: usize, vocabulary: &[String]) -> Result<Hypothesis, D::Error> {
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
        })
    }
}
