//! Errors about model files. The messages say what to do. For names without a file, see
//! [`crate::paths::PathError`].

use std::io;
use std::path::{Path, PathBuf};
use v2m_files::FileError;
use v2m_messages::tr;

/// The operation on a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Creating it.
    Create,
    /// Opening it.
    Open,
    /// Reading it.
    Read,
    /// Removing it.
    Remove,
    /// Extracting a file from it.
    Unpack,
    /// Writing it.
    Write,
}

impl Doing {
    /// Formats the message that this operation failed.
    fn failed(self, path: &Path, error: &io::Error) -> String {
        let (path, error) = (path.display(), v2m_messages::system_error(error));
        match self {
            Self::Create => tr!("cannot create {path}: {error}", path, error),
            Self::Open => tr!("cannot open {path}: {error}", path, error),
            Self::Read => tr!("cannot read {path}: {error}", path, error),
            Self::Remove => tr!("cannot remove {path}: {error}", path, error),
            Self::Unpack => tr!("cannot unpack {path}: {error}", path, error),
            Self::Write => tr!("cannot write {path}: {error}", path, error),
        }
    }
}

/// Why a model could not be read, made or verified.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A system call failed.
    #[error("{}", .doing.failed(path, source))]
    Io {
        /// The operation.
        doing: Doing,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file's content is invalid.
    #[error("{}: {what}", .path.display())]
    Bad {
        /// The file.
        path: PathBuf,
        /// The error, and the remedy if possible.
        what: String,
    },
    /// A file has another digest than the published one.
    #[error("{}", tr!(
        "{path} is not the published file: its SHA-256 is {found}, not {expected}; remove it and fetch it again with `v2m-model pull`",
        path = .path.display(), found, expected
    ))]
    Digest {
        /// The file.
        path: PathBuf,
        /// The published digest.
        expected: String,
        /// The file's digest.
        found: String,
    },
    /// A file could not be written completely.
    #[error(transparent)]
    File(#[from] FileError),
}

impl ModelError {
    /// Returns a function for `map_err` that adds the operation and the path to an [`io::Error`].
    pub fn io(doing: Doing, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    /// Creates the error for a file with invalid content.
    pub fn bad(path: &Path, what: impl Into<String>) -> Self {
        Self::Bad { path: path.to_owned(), what: what.into() }
    }
}
