//! The trait of a decoder: audio in, a hypothesis out.
//!
//! Whisper has every feature that the policy uses. A decoder of another family may lack some:
//!
//! | a decoder that … | does this |
//! |---|---|
//! | takes no expected words | ignores [`DecodeRequest::vocabulary`] |
//! | has no beams, or only one way to decode | ignores [`DecodeRequest::beams`] and [`DecodeRequest::effort`] |
//! | reports no probabilities | leaves [`Hypothesis::mean_log_probability`] at 0: no text is doubted for it |
//! | reports no tokens | makes them of its words ([`Token::words`]): then it is asked about no seam, and its joined text is accepted if no word is lost; or leaves [`Hypothesis::tokens`] empty: then no pieces are joined either |
//! | cannot continue a given text | does the same, or keeps the default [`Decoder::leads`]: seams stay as they were decoded |
//! | detects no language | keeps the default [`Decoder::detect`]: the language must be given |
//! | takes less than 25 s at once | sets [`crate::model::PieceLimits::longest`] |
//! | needs silence around speech, or a minimum length | adds silence itself: pieces may be as short as a word |
//! | stops with an error when it repeats itself or runs out of room | returns a hypothesis that is [`Hypothesis::cut_off`]: the piece is decoded again |
//! | may end before it wrote anything | does the same, and if [`Effort::Thorough`] gives nothing either, refuses: the missing text is then reported |
//! | depends on something that can become unavailable | refuses with [`DecodeError::Lost`]: another engine gets the same audio |
//! | decodes while it receives audio (streaming) | gets whole pieces all the same, or only shows words ([`crate::preview`]) |
//!
//! Decoders report no times: a segment's times are those of the voice in its piece.

use crate::stream::guard::Hypothesis;
#[cfg(doc)]
use crate::stream::guard::Token;
use crate::stream::seam::Lead;
use crate::stream::seams::SeamQuestion;
use thiserror::Error;
use v2m_messages::tr;

/// Observes a decode and can abort it. Called from any of the decoder's threads; once per token is
/// often enough.
pub trait DecodeMonitor: Sync {
    /// Notes that the decoder has made progress. Returns true if the decoder must end as soon as it
    /// can, with [`DecodeError::Aborted`].
    fn tick(&self) -> bool;
}

/// A loaded model, with its working memory.
pub trait Decoder {
    /// Whether the model knows languages other than English.
    fn multilingual(&self) -> bool;

    /// Memory in bytes that the model and its working memory use on the device; 0 if unknown.
    fn memory(&self) -> u64;

    /// Decodes a second of silence, so that everything that is created at the first use exists
    /// before a user waits.
    ///
    /// # Errors
    /// When the model cannot be used.
    fn warm_up(&mut self) -> Result<(), DecodeError>;

    /// Decodes a second of silence as cheaply as possible, to find out after a failed decode
    /// whether the device still works.
    ///
    /// # Errors
    /// When the device does not work.
    fn still_computes(&mut self) -> Result<(), DecodeError> {
        self.warm_up()
    }

    /// Turns one piece of audio into text.
    ///
    /// # Errors
    /// [`DecodeError`].
    fn decode(
        &mut self,
        request: &DecodeRequest,
        watch: &dyn DecodeMonitor,
    ) -> Result<Hypothesis, DecodeError>;

    /// Detects the language spoken in `audio` (16 kHz mono), among `languages` (empty: all that the
    /// model knows). Returns an ISO 639-1 code. With `before`, the language spoken until now, the
    /// result is that one unless another is far likelier. `vocabulary`: expected words, for a
    /// decoder that also writes the text and keeps it for the next decode.
    ///
    /// # Errors
    /// [`DecodeError`]. A decoder that detects no language refuses.
    fn detect(
        &mut self,
        audio: &[f32],
        languages: &[String],
        before: Option<&str>,
        vocabulary: &[String],
        watch: &dyn DecodeMonitor,
    ) -> Result<String, DecodeError> {
        let _ = (audio, languages, before, vocabulary, watch);
        Err(DecodeError::Refused(
            tr!("this model does not detect languages; set engine.language to the one you speak")
                .into(),
        ))
    }

    /// Like [`Self::detect`], for audio that is not decoded afterwards. A decoder may implement it
    /// faster.
    ///
    /// # Errors
    /// The same as [`Self::detect`].
    fn identify(
        &mut self,
        audio: &[f32],
        languages: &[String],
        before: Option<&str>,
        watch: &dyn DecodeMonitor,
    ) -> Result<String, DecodeError> {
        self.detect(audio, languages, before, &[], watch)
    }

    /// Returns likely continuations of the text after the seam.
    ///
    /// # Errors
    /// [`DecodeError`]. Without an answer the seam stays as it was decoded.
    fn leads(
        &mut self,
        question: &SeamQuestion,
        watch: &dyn DecodeMonitor,
    ) -> Result<Vec<Lead>, DecodeError> {
        let _ = (question, watch);
        Err(DecodeError::Refused(tr!("this model cannot continue a given text").into()))
    }
}

/// A request to decode one piece.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecodeRequest<'a> {
    /// Samples, 16 kHz mono.
    pub audio: &'a [f32],
    /// Seconds from the first to the last voice in the audio.
    pub voice: f32,
    /// ISO 639-1 code.
    pub language: &'a str,
    /// Whether to translate to English.
    pub translate: bool,
    /// Expected words, most important first; as many as the model takes.
    pub vocabulary: &'a [String],
    /// The number of beams; 1 is greedy.
    pub beams: u8,
    /// How much work it may take.
    pub effort: Effort,
}

/// How much work a decode may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// The first attempt. It should be fast, even if the decoder then loops now and then. A text
    /// that is longer than can be said in [`DecodeRequest::voice`] seconds may be cut off
    /// ([`Hypothesis::cut_off`]).
    Quick,
    /// The first attempt's result was not believed. The decoder does its best, without a limit.
    Thorough,
}

/// The failure of one decode. The decoder stays usable, except after `Lost`. The texts are for the
/// user.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    /// [`DecodeMonitor::tick`] requested it.
    #[error("{}", tr!("the work" => "cancelled"))]
    Aborted,
    /// The model does not support the request, for example another language.
    #[error("{0}")]
    Refused(String),
    /// Some value is infinite or NaN. The weights or the device are damaged.
    #[error(
        "{}",
        tr!(
            "the model computed values that are not numbers; `v2m-model verify` checks whether its file is damaged"
        )
    )]
    NoNumbers,
    /// Nothing can be decoded any more, for this reason: the device or server is gone or
    /// unreliable. The same audio needs another engine.
    #[error("{0}")]
    Lost(String),
    /// The decoder's own failure.
    #[error("{}", tr!("the recogniser failed: {reason}", reason = .0))]
    Failed(String),
}
