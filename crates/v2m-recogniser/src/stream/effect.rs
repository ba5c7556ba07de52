//! A stream's actions for its caller, and the transcript of a recording.

use super::cut::Piece;
use super::seams::{Joined, SeamQuestion};
use crate::text;
use v2m_ipc::engine::{DecodeStats, Segment};

/// The number of a decode, rising within a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DecodeId(pub u64);

/// An action for the caller.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Decode this and call [`super::Stream::decoded`]. The decode before it is answered or
    /// aborted.
    Decode {
        /// The decode's number.
        id: DecodeId,
        /// The piece to decode.
        piece: Piece,
        /// The piece's samples, 16 kHz mono.
        audio: Vec<f32>,
        /// The language, if it is known by now.
        language: Option<String>,
    },
    /// Ask the model about a seam and call [`super::Stream::seam_answered`]. The decode before it
    /// is answered or aborted.
    Ask {
        /// The question's number.
        id: DecodeId,
        /// The question.
        question: SeamQuestion,
    },
    /// Decode several pieces as one and call [`super::Stream::join_decoded`]. The decode before it
    /// is answered or aborted.
    Join {
        /// The decode's number.
        id: DecodeId,
        /// The pieces to decode.
        joined: Joined,
    },
    /// Abort the last decode. Its result is not needed.
    Abort(DecodeId),
    /// Show a text. It replaces an earlier text with the same start. A text that is not final also
    /// replaces an earlier one that is not final.
    Segment {
        /// The text and its position. A text that is not final may contain several pieces.
        segment: Segment,
        /// Whether its words are final. Its last mark and its first letter's case may still change.
        is_final: bool,
    },
    /// The whole recording is decoded.
    Done(Transcript),
}

/// The transcript of a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// The whole text.
    pub text: String,
    /// ISO 639-1 code; empty if nobody spoke and no language was given.
    pub language: String,
    /// All segments.
    pub segments: Vec<Segment>,
    /// The counts. The caller fills in the times.
    pub stats: DecodeStats,
}

impl Transcript {
    /// Adds the text of all segments.
    pub(super) fn whole(mut self) -> Self {
        for segment in &self.segments {
            text::append(&mut self.text, &segment.text);
        }
        self
    }
}

/// The seams that the model may be asked about once the recording is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeamQuestions {
    /// All seams.
    All,
    /// All except the one before the last piece, because the text would have to wait for the
    /// answer.
    ButTheLast,
    /// None.
    No,
}

/// Improvements that are allowed after the stop, while a client waits for the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AfterStop {
    /// The seams that the model may be asked about.
    pub asking: SeamQuestions,
    /// Whether the last piece may be decoded together with those before it in its sentence. That
    /// takes up to twice as long.
    pub joining: bool,
}
