//! What can go wrong with a model file, in words that say what to do. Names that lead to no file:
//! [`crate::paths::PathError`].

use std::io;
use std::path::{Path, PathBuf};
use v2m_files::FileError;
use v2m_messages::tr;

/// What is done to a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Making it.
    Create,
    /// Opening it.
    Open,
    /// Reading it.
    Read,
    /// Removing it.
    Remove,
    /// Taking a file out of it.
    Unpack,
    /// Writing it.
    Write,
}

impl Doing {
    /// That the system refused it.
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
    /// The system refused to read or write.
    #[error("{}", .doing.failed(path, source))]
    Io {
        /// What was being done.
        doing: Doing,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {what}", .path.display())]
    Bad {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where possible what to do.
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
    /// A file could not be written whole.
    #[error(transparent)]
    File(#[from] FileError),
}

impl ModelError {
    /// For `map_err`: an [`io::Error`] met while `doing` something to `path`.
    pub fn io(doing: Doing, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    /// A file that does not hold what it should.
    pub fn bad(path: &Path, what: impl Into<String>) -> Self {
        Self::Bad { path: path.to_owned(), what: what.into() }
    }
}
