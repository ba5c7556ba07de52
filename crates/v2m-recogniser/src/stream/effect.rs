//! What a stream asks its caller to do, and the transcript of a recording.

use super::cut::Piece;
use super::seams::{Joined, SeamQuestion};
use crate::text;
use v2m_ipc::engine::{DecodeStats, Segment};

/// Number of a decode, rising within a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DecodeId(pub u64);

/// An action for the caller.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Decode this and tell [`super::Stream::decoded`]. The one before is answered or aborted.
    Decode {
        /// Its number.
        id: DecodeId,
        /// Which piece.
        piece: Piece,
        /// The piece's samples, 16 kHz mono.
        audio: Vec<f32>,
        /// The language, if it is known by now.
        language: Option<String>,
    },
    /// Ask the model about a seam and tell [`super::Stream::seam_answered`]. The one before is
    /// answered or aborted.
    Ask {
        /// Its number.
        id: DecodeId,
        /// What to ask.
        question: SeamQuestion,
    },
    /// Decode several pieces as one and tell [`super::Stream::join_decoded`]. The one before is
    /// answered or aborted.
    Join {
        /// Its number.
        id: DecodeId,
        /// The pieces.
        joined: Joined,
    },
    /// Abort the last decode. Its result is not needed.
    Abort(DecodeId),
    /// Text to show. One that starts where one before did takes its place, and so does one that is
    /// not final after another.
    Segment {
        /// The text and where it lies; what is not final may be several pieces.
        segment: Segment,
        /// Whether its words will not change any more. Its last mark and its first letter's case
        /// still may.
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
    /// ISO 639-1 code; empty when nobody spoke and none was given.
    pub language: String,
    /// All segments.
    pub segments: Vec<Segment>,
    /// The counts; the times are the caller's to fill in.
    pub stats: DecodeStats,
}

impl Transcript {
    /// With the text of all segments.
    pub(super) fn whole(mut self) -> Self {
        for segment in &self.segments {
            text::append(&mut self.text, &segment.text);
        }
        self
    }
}

/// Which seams the model may be asked about once the recording is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeamQuestions {
    /// All.
    All,
    /// All except the one before the last piece, because the text would have to wait for it.
    ButTheLast,
    /// None.
    No,
}

/// Improvements that are allowed after the stop, while somebody waits for the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AfterStop {
    /// Which seams the model may be asked about.
    pub asking: SeamQuestions,
    /// Whether the last piece may be decoded together with those before it in its sentence. That
    /// takes up to twice as long.
    pub joining: bool,
}
