//! The worker's tasks and their results.

use crate::stream::Piece;
use crate::stream::guard::Hypothesis;
use crate::stream::piece::{DecodeSettings, PieceText};
use crate::stream::seam::Lead;
use crate::stream::seams::{Joined, SeamQuestion};
use std::sync::Arc;

/// The number of a task, rising.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskId(pub u64);

/// A task for the worker.
#[derive(Debug)]
pub struct Task {
    /// The task's number.
    pub id: TaskId,
    /// The work to do.
    pub work: Work,
    /// The settings for decoding.
    pub settings: Arc<DecodeSettings>,
}

/// The work of a task.
#[derive(Clone, Debug)]
pub enum Work {
    /// A piece.
    Piece {
        /// The piece's position in the recording.
        piece: Piece,
        /// The piece's samples, 16 kHz mono.
        audio: Vec<f32>,
        /// The language, if it is known.
        language: Option<String>,
    },
    /// A question about a seam.
    Seam(SeamQuestion),
    /// Several pieces to decode as one.
    Join(Joined),
    /// Detection of the spoken language.
    Language {
        /// The samples, 16 kHz mono.
        audio: Vec<f32>,
        /// The language spoken before, if known.
        before: Option<String>,
    },
}

/// The result of a task.
#[derive(Debug)]
pub enum TaskResult {
    /// The piece's text.
    Piece(PieceText),
    /// Likely continuations of the text after the seam.
    Seam(Vec<Lead>),
    /// The text of several pieces decoded as one, if it is believed.
    Join(Option<Hypothesis>),
    /// The ISO 639-1 code of the language.
    Language(String),
}

impl TaskResult {
    /// Returns the piece's text.
    pub fn piece(self) -> Option<PieceText> {
        match self {
            Self::Piece(text) => Some(text),
            Self::Seam(_) | Self::Join(_) | Self::Language(_) => None,
        }
    }

    /// Returns likely continuations of the text.
    pub fn seam(self) -> Option<Vec<Lead>> {
        match self {
            Self::Seam(leads) => Some(leads),
            Self::Piece(_) | Self::Join(_) | Self::Language(_) => None,
        }
    }

    /// Returns the text of several pieces decoded as one.
    pub fn join(self) -> Option<Hypothesis> {
        match self {
            Self::Join(heard) => heard,
            Self::Piece(_) | Self::Seam(_) | Self::Language(_) => None,
        }
    }

    /// Returns the detected language.
    pub fn language(self) -> Option<String> {
        match self {
            Self::Language(code) => Some(code),
            Self::Piece(_) | Self::Seam(_) | Self::Join(_) => None,
        }
    }
}
