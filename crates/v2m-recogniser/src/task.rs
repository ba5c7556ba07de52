//! The worker's tasks and their results.

use crate::stream::Piece;
use crate::stream::guard::Hypothesis;
use crate::stream::piece::{DecodeSettings, PieceText};
use crate::stream::seam::Lead;
use crate::stream::seams::{Joined, SeamQuestion};
use std::sync::Arc;

/// Number of a task, rising.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskId(pub u64);

/// A task for the worker.
#[derive(Debug)]
pub struct Task {
    /// Its number.
    pub id: TaskId,
    /// What.
    pub work: Work,
    /// How.
    pub settings: Arc<DecodeSettings>,
}

/// What to decode.
#[derive(Clone, Debug)]
pub enum Work {
    /// A piece.
    Piece {
        /// The piece's place in the recording.
        piece: Piece,
        /// The piece's samples, 16 kHz mono.
        audio: Vec<f32>,
        /// The language, if it is known.
        language: Option<String>,
    },
    /// A question about a seam.
    Seam(SeamQuestion),
    /// Several pieces as one.
    Join(Joined),
    /// Which language is spoken.
    Language {
        /// What is heard, 16 kHz mono.
        audio: Vec<f32>,
        /// The language spoken before, if that is known.
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
    /// The piece's text.
    pub fn piece(self) -> Option<PieceText> {
        match self {
            Self::Piece(text) => Some(text),
            Self::Seam(_) | Self::Join(_) | Self::Language(_) => None,
        }
    }

    /// Likely continuations of the text.
    pub fn seam(self) -> Option<Vec<Lead>> {
        match self {
            Self::Seam(leads) => Some(leads),
            Self::Piece(_) | Self::Join(_) | Self::Language(_) => None,
        }
    }

    /// The text of several pieces decoded as one.
    pub fn join(self) -> Option<Hypothesis> {
        match self {
            Self::Join(heard) => heard,
            Self::Piece(_) | Self::Seam(_) | Self::Language(_) => None,
        }
    }

    /// The language that is spoken.
    pub fn language(self) -> Option<String> {
        match self {
            Self::Language(code) => Some(code),
            Self::Piece(_) | Self::Seam(_) | Self::Join(_) => None,
        }
    }
}
