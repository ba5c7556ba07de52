//! Errors of v2m-model, and the exit code that scripts see. The codes are part of `--help`.

use std::process::ExitCode;

use v2m_files::FileError;
use v2m_messages::tr;
use v2m_models::ModelError;
use v2m_models::paths::PathError;

/// Exit codes in addition to 0 (done) and 2 (clap's, for the command line).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// A system call failed.
    System = 1,
    /// There is no such model.
    NoModel = 3,
    /// The model could not be downloaded.
    NotFetched = 4,
    /// A file is damaged or is not the expected one.
    Damaged = 5,
    /// Refused, because it would break something.
    Refused = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Path(#[from] PathError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    File(#[from] FileError),
    /// The name is not in the catalogue.
    #[error("{}", tr!(
        "`{name}` is not a published model that v2m knows; `v2m-model list` shows those",
        name = .0
    ))]
    NotPublished(String),
    /// No source provided the model.
    #[error("{0}")]
    NotFetched(String),
    /// Some of several models are damaged or not the expected ones.
    #[error("{0}")]
    Damaged(String),
    /// Refused, because it would break something.
    #[error("{0}")]
    Refused(String),
}

impl CommandError {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Path(PathError::NoHome) | Self::Model(ModelError::Io { .. }) => Exit::System,
            Self::File(error) | Self::Model(ModelError::File(error)) => match error {
                FileError::Io { .. } => Exit::System,
                FileError::Busy(_) => Exit::Refused,
            },
            Self::Path(_) | Self::NotPublished(_) => Exit::NoModel,
            Self::NotFetched(_) => Exit::NotFetched,
            Self::Model(ModelError::Bad { .. } | ModelError::Digest { .. }) | Self::Damaged(_) => {
                Exit::Damaged
            }
            Self::Refused(_) => Exit::Refused,
        }
    }
}
