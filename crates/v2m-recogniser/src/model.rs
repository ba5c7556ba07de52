//! The trait of a model: a file that is checked first, and then loaded on the worker's thread.

use crate::decoder::Decoder;
use std::path::{Path, PathBuf};
use thiserror::Error;
use v2m_ipc::engine::LoadFailure;
use v2m_ipc::pcm::seconds;
use v2m_messages::tr;

/// A model that was named on the command line, with the device that computes it.
pub trait Model: Send + 'static {
    /// The loaded model.
    type Decoder: Decoder;

    /// The program's name, for messages.
    fn program(&self) -> &'static str;

    /// The model's file.
    fn file(&self) -> &Path;

    /// The device that computes.
    fn device(&self) -> Device;

    /// The largest length of a piece of audio for this model.
    fn limits(&self) -> PieceLimits;

    /// Checks the file without loading it, and returns its size in bytes. Refuses everything that
    /// could make the decoder's library access memory out of bounds.
    ///
    /// # Errors
    /// When the file is missing, or is not a complete model.
    fn check(&self) -> Result<u64, LoadError>;

    /// Loads the model, on the thread that decodes.
    ///
    /// # Errors
    /// When the decoder's library refuses it, or there is not enough memory.
    fn load(self) -> Result<Self::Decoder, LoadError>;
}

/// The device that computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The protocol's name: `cpu`, `cuda` or `vulkan`.
    pub backend: String,
    /// The device's own name.
    pub name: String,
}

/// Limits for the length of pieces for a family of models, in samples at 16 kHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PieceLimits {
    /// The longest piece.
    pub longest: u64,
    /// Pieces up to this length take about the same time, so several that fit into it together cost
    /// no more than one. 0 if the time grows with the length from the first sample on: then the
    /// pieces of a sentence are decoded as one up to `longest`.
    pub flat: u64,
}

impl Default for PieceLimits {
    fn default() -> Self {
        Self { longest: seconds(25), flat: 0 }
    }
}

/// Why a model cannot be used. The text is for the user.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file is not there or cannot be read.
    #[error("{}", tr!("Loading the model {path}: {source}.", path = .path.display(), source))]
    Missing {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is not a complete model.
    #[error(
        "{}",
        tr!("Loading the model {path}: v2m cannot use this file: {why}.", path = .path.display(), why)
    )]
    Broken {
        /// The file.
        path: PathBuf,
        /// The problem with its content.
        why: String,
    },
    /// The voice activity model cannot be used.
    #[error(
        "{}",
        tr!("Loading the voice activity model {path}: {why}.", path = .path.display(), why)
    )]
    Voice {
        /// The file.
        path: PathBuf,
        /// The problem with its content.
        why: String,
    },
    /// The model does not fit into the memory that is free.
    #[error(
        "{}",
        match on_gpu {
            true => tr!("Loading the model: the GPU has too little free memory for it."),
            false => tr!("Loading the model: there is too little free memory for it."),
        }
    )]
    NoMemory {
        /// Whether the GPU's memory is meant.
        on_gpu: bool,
    },
    /// The server for remote transcription does not answer, for this reason.
    #[error("{0}")]
    Remote(String),
    /// This machine cannot run this engine.
    #[error(
        "{}",
        tr!("Loading the model: this computer cannot run {program}: {why}.", program, why)
    )]
    Unsupported {
        /// The engine's name.
        program: &'static str,
        /// The missing requirement.
        why: String,
    },
}

impl LoadError {
    /// Turns an error about a file into the same error about the voice activity model's file.
    pub(crate) fn of_voice(path: &Path, error: Self) -> Self {
        let why = match error {
            Self::Missing { source, .. } => source.to_string(),
            Self::Broken { why, .. } | Self::Voice { why, .. } | Self::Unsupported { why, .. } => {
                why
            }
            Self::Remote(why) => why,
            error @ Self::NoMemory { .. } => error.to_string(),
        };
        Self::Voice { path: path.into(), why }
    }

    /// The kind of error for the daemon.
    pub fn failure(&self) -> LoadFailure {
        match self {
            Self::Missing { .. } => LoadFailure::Missing,
            Self::Broken { .. } => LoadFailure::Broken,
            Self::Voice { .. } => LoadFailure::BrokenVoice,
            Self::NoMemory { .. } => LoadFailure::Memory,
            Self::Unsupported { .. } | Self::Remote(_) => LoadFailure::Unsupported,
        }
    }
}
