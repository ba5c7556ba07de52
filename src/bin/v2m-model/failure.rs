//! What went wrong, in words, and the exit code that scripts see. The codes are part of `--help`.

use std::process::ExitCode;

use v2m_files::FileError;
use v2m_messages::tr;
use v2m_models::ModelError;
use v2m_models::paths::PathError;

/// Exit codes beside 0 (done) and 2 (clap's, for the command line).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The system refused something.
    System = 1,
    /// There is no such model.
    NoModel = 3,
    /// The model could not be fetched.
    NotFetched = 4,
    /// A file is damaged or is not what it should be.
    Damaged = 5,
    /// It would break something.
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
    /// No way led to the model.
    #[error("{0}")]
    NotFetched(String),
    /// Some of several models are not what they should be.
    #[error("{0}")]
    Damaged(String),
    /// It would break something.
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
