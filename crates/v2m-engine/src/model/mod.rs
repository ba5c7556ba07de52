//! What is checked before whisper.cpp sees anything: the machine ([`cpu`]) and the files ([`file`]).
//!
//! whisper.cpp trusts its input: a truncated model is read as garbage, a wrong number makes it
//! allocate terabytes or abort, a missing CPU feature ends it with SIGILL. The checks here read
//! headers and table only, no weights; whether the weights are the published ones is for
//! `v2m-model verify`.

pub mod cpu;
pub mod file;

use std::path::PathBuf;
use thiserror::Error;
use v2m_ipc::engine::LoadFailure;

/// Why the model cannot be used. The text is for the user.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file is not there or cannot be read.
    #[error("cannot open the model {}: {source}; `v2m-model pull` fetches one", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is no whole model.
    #[error("{} is no usable model: {why}; `v2m-model pull` fetches it anew", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// This machine cannot run this engine.
    #[error("this computer cannot run v2m-engine: {0}")]
    Unsupported(String),
}

impl LoadError {
    /// The kind, as the daemon is told.
    pub fn failure(&self) -> LoadFailure {
        match self {
            Self::Missing { .. } => LoadFailure::Missing,
            Self::Broken { .. } => LoadFailure::Broken,
            Self::Unsupported(_) => LoadFailure::Unsupported,
        }
    }
}
