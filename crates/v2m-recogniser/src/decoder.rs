//! The trait of a decoder: audio in, a hypothesis out.
//!
//! Whisper has every feature that the policy can use. A decoder of another family may lack some:
//!
//! | a decoder that … | does this |
//! |---|---|
//! | takes no words to expect | ignores [`DecodeRequest::vocabulary`] |
//! | has no beams, or one way to decode only | ignores [`DecodeRequest::beams`] and [`DecodeRequest::effort`] |
//! | tells no probabilities | leaves [`Hypothesis::mean_log_probability`] at 0: no text is doubted for it |
//! | tells no tokens | makes them of its words ([`Token::words`]): it is then asked about no seam, and its joined text is taken if no word is lost; or leaves [`Hypothesis::tokens`] empty: then no pieces are joined either |
//! | cannot go on from a given text | the same, or leaves [`Decoder::leads`] as it is: seams stay as they were decoded |
//! | detects no language | leaves [`Decoder::detect`] as it is: the language must be given |
//! | hears less than 25 s at once | says so by [`crate::model::PieceLimits::longest`] |
//! | needs silence around speech, or a least length | adds silence itself: pieces may be as short as a word |
//! | stops with an error when it repeats itself or runs out of room | answers a hypothesis that is [`Hypothesis::cut_off`]: it is decoded again |
//! | may end before it wrote anything | the same, and if [`Effort::Thorough`] gives nothing either, refuses: what was said is then missing, and not silently |
//! | depends on something that can go away | refuses with [`DecodeError::Lost`]: another engine gets the same audio |
//! | decodes while it hears (streaming) | is given whole pieces all the same, or shows words only ([`crate::preview`]) |
//!
//! Decoders give no times: a segment's times are those of the voice in its piece.

use crate::stream::guard::Hypothesis;
#[cfg(doc)]
use crate::stream::guard::Token;
use crate::stream::seam::Lead;
use crate::stream::seams::SeamQuestion;
use thiserror::Error;
use v2m_messages::tr;

/// Asked while decoding, from any of the decoder's threads. Once per token is often enough.
pub trait DecodeMonitor: Sync {
    /// Called whenever the decoder has made progress. True: the decoder must end as soon as it can,
    /// with [`DecodeError::Aborted`].
    fn tick(&self) -> bool;
}

/// A loaded model, with its working memory.
pub trait Decoder {
    /// Whether the model knows languages other than English.
    fn multilingual(&self) -> bool;

    /// Bytes that the model and its working memory take on the device; 0 if unknown.
    fn memory(&self) -> u64;

    /// Decodes a second of silence, so that everything that is created at the first use exists
    /// before somebody waits.
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

    /// The language spoken in `audio` (16 kHz mono), among `languages` (empty: among all that the
    /// model knows), as an ISO 639-1 code. With `before`, the language spoken until now, the answer
    /// is that one unless another is far likelier. `vocabulary`: words to expect, for a decoder that
    /// writes the text too, and uses it again.
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

    /// As [`Self::detect`], for audio that is not decoded afterwards: a decoder may take less time
    /// for it.
    ///
    /// # Errors
    /// Those of [`Self::detect`].
    fn identify(
        &mut self,
        audio: &[f32],
        languages: &[String],
        before: Option<&str>,
        watch: &dyn DecodeMonitor,
    ) -> Result<String, DecodeError> {
        self.detect(audio, languages, before, &[], watch)
    }

    /// Likely continuations of the text after the seam.
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

/// What a [`Decoder`] is asked to decode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecodeRequest<'a> {
    /// 16 kHz mono.
    pub audio: &'a [f32],
    /// Seconds from the first to the last voice in the audio.
    pub voice: f32,
    /// ISO 639-1 code.
    pub language: &'a str,
    /// Translate to English.
    pub translate: bool,
    /// Words to expect, most important first; as many as the model takes.
    pub vocabulary: &'a [String],
    /// Beams; 1 is greedy.
    pub beams: u8,
    /// How much work it may take.
    pub effort: Effort,
}

/// How much work a decode may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// The first attempt. It should be fast, even if the decoder then loops now and then. A text
    /// that goes on beyond what can be said in [`DecodeRequest::voice`] seconds may be cut off
    /// ([`Hypothesis::cut_off`]).
    Quick,
    /// The result of the first attempt is not believed. The decoder does its best, without a bound.
    Thorough,
}

/// What went wrong in one decode; the decoder can go on. The texts are for the user.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    /// [`DecodeMonitor::tick`] asked for it.
    #[error("{}", tr!("the work" => "cancelled"))]
    Aborted,
    /// The model cannot do what it was asked for, such as another language.
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
    /// Nothing can be decoded any more, for this reason: what computes is gone, or cannot be relied
    /// on. The same audio needs another engine.
    #[error("{0}")]
    Lost(String),
    /// The decoder's own failure.
    #[error("{}", tr!("the recogniser failed: {reason}", reason = .0))]
    Failed(String),
}
