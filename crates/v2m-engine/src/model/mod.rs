//! What is checked before whisper.cpp sees anything: the machine ([`cpu`]) and the files ([`whisper`], [`silero`]).
//!
//! whisper.cpp trusts its input: a truncated model is read as garbage, a wrong number makes it
//! allocate terabytes, divide by zero or write beyond its memory, a missing CPU feature ends it with SIGILL. The checks here read
//! headers and table only, no weights; whether the weights are the published ones is for
//! `v2m-model verify`, and whether they compute numbers at all for [`crate::decode`].

pub mod cpu;
pub mod silero;
mod source;
pub mod whisper;

use std::path::{Path, PathBuf};
use thiserror::Error;
use v2m_ipc::engine::LoadFailure;

/// Why the model cannot be used. The text is for the user.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file is not there or cannot be read.
    #[error("Loading the model {}: {source}.", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is no whole model.
    #[error("Loading the model {}: v2m cannot use this file: {why}.", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// The voice activity model cannot be used.
    #[error("Loading the voice activity model {}: {why}.", path.display())]
    Voice {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// This machine cannot run this engine.
    #[error("Loading the model: this computer cannot run v2m-engine: {0}.")]
    Unsupported(String),
}

impl LoadError {
    /// The same of the voice activity model's file.
    fn of_voice(path: &Path, error: Self) -> Self {
        let why = match error {
            Self::Missing { source, .. } => source.to_string(),
            Self::Broken { why, .. } | Self::Voice { why, .. } | Self::Unsupported(why) => why,
        };
        Self::Voice { path: path.into(), why }
    }

    /// The kind, as the daemon is told.
    pub fn failure(&self) -> LoadFailure {
        match self {
            Self::Missing { .. } => LoadFailure::Missing,
            Self::Broken { .. } => LoadFailure::Broken,
            Self::Voice { .. } => LoadFailure::BrokenVoice,
            Self::Unsupported(_) => LoadFailure::Unsupported,
        }
    }
}
