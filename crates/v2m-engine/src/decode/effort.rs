//! Whisper's parameters for a quick and a thorough attempt: the encoder's context, the limit of
//! tokens, and the temperatures.
//!
//! Whisper's encoder always processes 30 s, most of it silence if the piece is short. A context
//! fitted to the piece saves most of that work, but sometimes makes the decoder loop.

use v2m_recogniser::decoder::{DecodeRequest, Effort};
use v2m_recogniser::model::PieceLimits;

/// The number of samples in one unit of the encoder's context.
const UNIT: usize = 320;

/// The number of units kept free after the piece: five seconds. Measured: with less, one clip in
/// ten loops.
const MARGIN: usize = 256;

/// The smallest context in units. Measured.
const FLOOR: usize = 640;

/// Contexts are multiples of this many units. ggml's fast matrix multiplication (`GGML_LLAMAFILE`)
/// accepts no other lengths for the attention's second product, which would otherwise be a quarter
/// of the encoder's work.
const STEP: usize = 32;

/// The number of units kept free after the audio for a seam. Nothing is generated there, so nothing
/// can loop. Measured.
const SEAM_MARGIN: usize = 32;

/// Returns Whisper's limits. It processes 30 s at once, and five seconds are kept free. All pieces
/// that fit into the smallest context take the same time.
pub fn limits() -> PieceLimits {
    PieceLimits { flat: ((FLOOR - MARGIN) * UNIT) as u64, ..PieceLimits::default() }
}

/// The parameters for one call of whisper.cpp's decoder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attempt<'a> {
    /// Samples, 16 kHz mono.
    pub audio: &'a [f32],
    /// ISO 639-1 code.
    pub language: &'a str,
    /// Whether to translate to English.
    pub translate: bool,
    /// Expected words for the prompt, as far as they fit.
    pub vocabulary: &'a [String],
    /// The number of beams; 1 is greedy.
    pub beams: u8,
    /// The encoder's context in units of 20 ms. 0, or more than the model's own: its full context.
    pub context: usize,
    /// Whether to try higher temperatures when the decode fails.
    pub fallback: bool,
    /// The number of tokens after which a beam is cut off. `None`: the model's own limit.
    pub most_tokens: Option<u16>,
}

impl<'a> Attempt<'a> {
    /// Makes the parameters for the policy's request.
    pub fn new(request: &DecodeRequest<'a>) -> Self {
        let &DecodeRequest { audio, voice, language, translate, vocabulary, beams, effort } =
            request;
        let quick = effort == Effort::Quick;
        let written = if translate { "en" } else { language };
        Self {
            audio,
            language,
            translate,
            vocabulary,
            beams,
            context: if quick { fitted(audio.len()) } else { 0 },
            // The last resort may also try higher temperatures.
            fallback: !quick,
            most_tokens: quick.then(|| most_tokens(voice, written)),
        }
    }
}

/// Returns the context for a question about a seam, in units of 20 ms.
pub fn fitted_to_seam(samples: usize) -> usize {
    (samples.div_ceil(UNIT) + SEAM_MARGIN).next_multiple_of(STEP)
}

/// Returns the context for that many samples, in units of 20 ms.
pub fn fitted(samples: usize) -> usize {
    (samples.div_ceil(UNIT) + MARGIN).max(FLOOR).next_multiple_of(STEP)
}

/// Returns a number of tokens that a piece with `voice` seconds of speech in `language` cannot
/// have.
///
/// whisper.cpp ends a beam search when its last beam has ended. A beam that loops continues to the
/// model's limit of 220 tokens while the others ended long before: the text is the same and takes
/// three times as long (docs/performance.md). A text that reaches this limit is doubted and decoded
/// again without one, so nothing is lost.
///
/// Quick English and Spanish have 5 to 7 tokens a second. Scripts that Whisper's vocabulary
/// contains only letter by letter have up to three tokens for each character.
fn most_tokens(voice: f32, language: &str) -> u16 {
    let a_second = if FEW_TOKENS.contains(&language) { 7.0 } else { 30.0 };
    (20.0 + a_second * voice).clamp(LOOP_WINDOW, f32::from(u16::MAX)) as u16
}

/// whisper.cpp detects loops by the last 32 tokens, and only if there are more.
const LOOP_WINDOW: f32 = 34.0;

/// Languages in which a word has one to three tokens.
const FEW_TOKENS: [&str; 17] = [
    "ca", "da", "de", "en", "es", "fr", "gl", "id", "it", "nl", "no", "pl", "pt", "ru", "sv", "tr",
    "uk",
];

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

    fn attempt(
        seconds: usize,
        language: &str,
        translate: bool,
        effort: Effort,
    ) -> Attempt<'static> {
        let audio = vec![0.0; seconds * 16_000].leak();
        let language = language.to_owned().leak();
        let voice = seconds as f32;
        let request =
            DecodeRequest { audio, voice, language, translate, vocabulary: &[], beams: 5, effort };
        Attempt::new(&request)
    }

    #[test]
    fn a_quick_attempt_has_a_fitted_context_and_a_bound() {
        // Five seconds of margin, rounded up to a multiple of 32.
        let quick = attempt(20, "en", false, Effort::Quick);
        assert_eq!((quick.context, quick.fallback), (1280, false));
        assert_eq!(quick.most_tokens, Some(20 + 7 * 20));
        assert_eq!(fitted(16_000), 640);
        // A translation is written in English.
        let bound = |translate| attempt(4, "th", translate, Effort::Quick).most_tokens;
        assert_eq!([false, true].map(bound), [Some(140), Some(48)]);
    }

    #[test]
    fn a_thorough_attempt_has_the_full_context_and_no_bound() {
        let thorough = attempt(5, "en", false, Effort::Thorough);
        assert_eq!((thorough.context, thorough.fallback, thorough.most_tokens), (0, true, None));
    }

    #[test]
    fn what_costs_no_more_than_a_short_piece_fits_into_its_context() {
        let flat = usize::try_from(limits().flat).unwrap();
        assert_eq!([1, flat, flat + 1].map(fitted), [FLOOR, FLOOR, FLOOR + STEP]);
    }
}
