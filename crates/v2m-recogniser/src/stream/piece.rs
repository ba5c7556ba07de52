//! Decodes one piece of speech, and decides whether to decode it again.
//!
//! The first attempt is quick, and may loop or drop words now and then. [`super::guard`] checks the
//! result; if it is doubtful, the piece is decoded again with full effort.

use super::Piece;
use super::guard::{Hypothesis, Token, doubt, echoes};
use crate::decoder::{DecodeError, DecodeMonitor, DecodeRequest, Decoder, Effort};
use v2m_ipc::pcm::{SAMPLE_RATE, seconds};

/// The samples of speech that are needed before a detected language is kept for the rest of the
/// recording.
const TELLING: u64 = seconds(3);

/// The samples at the beginning of a piece that show whether it is in another language than the
/// piece before. The whole piece would cost as much as decoding it.
const HEAD: usize = seconds(5) as usize;

/// Settings for decoding the pieces of one recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecodeSettings {
    /// The languages to choose from when detecting. Empty: all.
    pub languages: Vec<String>,
    /// Whether to translate to English.
    pub translate: bool,
    /// Expected words, most important first.
    pub vocabulary: Vec<String>,
    /// The number of beams; 1 is greedy.
    pub beams: u8,
}

/// The text of a piece.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PieceText {
    /// The text. Empty if the piece has none after all.
    pub text: String,
    /// ISO 639-1 code.
    pub language: String,
    /// Whether enough was spoken in this language to keep it.
    pub language_sure: bool,
    /// The number of samples given to the decoder, repeats included.
    pub decoded: u64,
    /// The number of repeated decodes.
    pub redone: u32,
    /// Mean natural logarithm of its tokens' probabilities.
    pub mean_log_probability: f32,
    /// The tokens of the text. Empty if the text was changed since.
    pub tokens: Vec<Token>,
}

/// Decodes `audio`, the samples of `piece`. `known`: the language given or detected before, if any.
///
/// # Errors
/// The decoder's.
pub fn transcribe(
    decoder: &mut impl Decoder,
    watch: &dyn DecodeMonitor,
    piece: &Piece,
    audio: &[f32],
    settings: &DecodeSettings,
    known: Option<&str>,
) -> Result<PieceText, DecodeError> {
    let is_telling = piece.voice_end - piece.voice_start >= TELLING;
    let language = match known {
        // With several languages allowed, the speaker may change from one to another.
        Some(_) if settings.languages.len() > 1 && is_telling => {
            let head = &audio[..audio.len().min(HEAD)];
            decoder.detect(head, &settings.languages, known, &settings.vocabulary, watch)?
        }
        Some(code) => code.to_owned(),
        None => decoder.detect(audio, &settings.languages, None, &settings.vocabulary, watch)?,
    };
    let language_sure = known.is_some() || is_telling;
    let voice = in_seconds(piece.voice_end - piece.voice_start);
    let mut attempts =
        Attempts { decoder, watch, audio, voice, settings, language: &language, count: 0 };
    let best = attempts.best()?;
    let count = attempts.count;
    Ok(PieceText {
        text: best.text,
        tokens: best.tokens,
        mean_log_probability: best.mean_log_probability,
        language_sure,
        language,
        decoded: u64::from(count) * audio.len() as u64,
        redone: count - 1,
    })
}

/// Decodes several pieces as one. `voice`: the samples from the first voice to the last. Returns
/// `None` if the result is not believed.
///
/// # Errors
/// The decoder's.
pub fn together(
    decoder: &mut impl Decoder,
    watch: &dyn DecodeMonitor,
    audio: &[f32],
    voice: u64,
    settings: &DecodeSettings,
    language: &str,
) -> Result<Option<Hypothesis>, DecodeError> {
    let voice = in_seconds(voice);
    let mut attempts = Attempts { decoder, watch, audio, voice, settings, language, count: 0 };
    let heard = attempts.attempt(Effort::Quick, &settings.vocabulary)?;
    let believed = doubt(&heard, voice).is_none() && !echoes(&heard.text, &settings.vocabulary);
    Ok(believed.then_some(heard))
}

fn in_seconds(samples: u64) -> f32 {
    samples as f32 / SAMPLE_RATE as f32
}

struct Attempts<'a, D> {
    decoder: &'a mut D,
    watch: &'a dyn DecodeMonitor,
    audio: &'a [f32],
    /// Seconds from the first to the last voice.
    voice: f32,
    settings: &'a DecodeSettings,
    language: &'a str,
    count: u32,
}

impl<D: Decoder> Attempts<'_, D> {
    fn best(&mut self) -> Result<Hypothesis, DecodeError> {
        let vocabulary = &self.settings.vocabulary;
        let first = self.attempt(Effort::Quick, vocabulary)?;
        // A text that repeats the vocabulary is not evidence. A text decoded without the vocabulary
        // is.
        let (first, vocabulary) = if echoes(&first.text, vocabulary) {
            (self.attempt(Effort::Quick, &[])?, [].as_slice())
        } else {
            (first, vocabulary.as_slice())
        };
        if doubt(&first, self.voice).is_none() {
            return Ok(first);
        }
        let second = match self.attempt(Effort::Thorough, vocabulary) {
            // The decoder has no better result. A doubtful text is better than none.
            Err(DecodeError::Refused(_)) if !first.text.is_empty() => return Ok(first),
            second => second?,
        };
        // Both are doubtful, but the user may really have said "no no no no". Take the likelier
        // one. A text that was cut off is incomplete, however likely it is.
        let keep_first = !first.cut_off
            && doubt(&second, self.voice).is_some()
            && first.mean_log_probability > second.mean_log_probability;
        Ok(if keep_first { first } else { second })
    }

    fn attempt(
        &mut self,
        effort: Effort,
        vocabulary: &[String],
    ) -> Result<Hypothesis, DecodeError> {
        self.count += 1;
        let request = DecodeRequest {
            audio: self.audio,
            voice: self.voice,
            language: self.language,
            translate: self.settings.translate,
            vocabulary,
            beams: self.settings.beams,
            effort,
        };
        self.decoder.decode(&request, self.watch)
    }
}
