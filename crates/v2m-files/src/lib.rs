//! Writes files completely or not at all: after a crash or with a full disk, the old file is still
//! there. Each file is written under another name, synced, and renamed.
//!
//! [`fn@write`] is for content in memory; the unfinished file has a new name each time.
//! [`write_beside`] is for content that is produced during writing, perhaps gigabytes; its
//! unfinished file has a fixed name under a lock.

#![forbid(unsafe_code)]

mod beside;

pub use beside::{FileError, beside, lock, write_beside};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use v2m_messages::tr;

/// The prefix of the names of files that are being written. One that a crash left may be deleted.
pub const TEMPORARY_PREFIX: &str = ".v2m-writing-";

/// Like [`fn@write`], but follows symbolic links: the file that the link names is replaced. For
/// configuration, which users may keep elsewhere.
///
/// # Errors
/// The same as [`fn@write`].
pub fn write_through_links(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(&follow(path)?, bytes)
}

/// Replaces `path` with a file that only the user can read (0600). The file is on disk when this
/// returns. A symbolic link is replaced, not the file that it names. Missing directories are
/// created (0700).
///
/// # Errors
/// The file system's errors. The old file is then unchanged.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = folder_of(path);
    make_directory(directory)?;
    let mut file = tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    let written = file.into_temp_path();
    put_in_place(&written, path, 0o600)?;
    // The file has been renamed.
    let _ = written.keep();
    Ok(())
}

/// Renames a finished file to its place, with that mode, so that it survives a power failure.
///
/// # Errors
/// The file system's errors. The old file `to` is then still there.
pub fn put_in_place(from: &Path, to: &Path, mode: u32) -> io::Result<()> {
    let file = File::open(from)?;
    // Some file systems refuse to set a mode, even one that is set already.
    if file.metadata()?.permissions().mode() & 0o7777 != mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.sync_all()?;
    fs::rename(from, to)?;
    sync_directory(folder_of(to))
}

/// Writes a directory's entries to disk: after a power failure, files that were created, renamed or
/// deleted there are in their new state.
///
/// # Errors
/// The file system's errors. It is no error if the file system does not support this for
/// directories, or if the directory may not be read.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    match File::open(path).and_then(|directory| directory.sync_all()) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput
                    | io::ErrorKind::Unsupported
                    | io::ErrorKind::PermissionDenied
            ) =>
        {
            Ok(())
        }
        result => result,
    }
}

/// Creates a directory and its missing parents, for the user alone (0700). An existing one is not
/// changed. They are on disk when this returns.
///
/// # Errors
/// The file system's errors.
pub fn make_directory(path: &Path) -> io::Result<()> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let missing: Vec<_> = path.ancestors().take_while(is_missing).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    missing.into_iter().rev().try_for_each(|made| sync_directory(folder_of(made)))
}

/// Returns the directory that contains `path`.
fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Follows a chain of symbolic links to its end, which need not exist.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    // Linux's own limit.
    for _ in 0..40 {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other(tr!("its symbolic links go round in circles")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn replaces_what_a_link_names_and_keeps_the_link() {
        let dir = tempfile::tempdir().unwrap();
        let (link, file) = (dir.path().join("link"), dir.path().join("new/file"));
        symlink("new/file", &link).unwrap();
        for text in ["one", "two"] {
            write_through_links(&link, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            fs::metadata(dir.path().join("new")).unwrap().permissions().mode() & 0o777,
            0o700
        );
        assert_eq!(fs::read_dir(dir.path().join("new")).unwrap().count(), 1);
        write(&link, b"three").unwrap();
        assert_eq!(fs::read_to_string(&link).unwrap(), "three");
        assert_eq!(fs::read_to_string(&file).unwrap(), "two");
        assert!(!fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn what_cannot_be_put_in_place_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let taken = dir.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(write(&taken, b"x").is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn links_in_a_circle_are_an_error() {
        let dir = tempfile::tempdir().unwrap();
        symlink("b", dir.path().join("a")).unwrap();
        symlink("a", dir.path().join("b")).unwrap();
        assert!(write_through_links(&dir.path().join("a"), b"x").is_err());
    }
}
