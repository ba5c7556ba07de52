//! Files that are written whole or not at all: a crash or a full disk leaves the old one. Each is
//! written beside its place, synced, and renamed.
//!
//! [`fn@write`] is for what is in memory; the unfinished file has a name of its own each time.
//! [`write_beside`] is for what is made as it is written, gigabytes perhaps; its unfinished file
//! has a fixed name under a lock.

#![forbid(unsafe_code)]

mod beside;

pub use beside::{FileError, beside, lock, write_beside};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use v2m_messages::tr;

/// How the names of files being written begin. One that a crash left may be deleted.
pub const TEMPORARY_PREFIX: &str = ".v2m-writing-";

/// As [`fn@write`], and a symbolic link stays one: the file it names is replaced. For
/// configuration, which people keep elsewhere.
///
/// # Errors
/// As [`fn@write`].
pub fn write_through_links(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(&follow(path)?, bytes)
}

/// Replaces whatever has the name `path` by a file, readable by the user alone (0600). It is on
/// disk when this returns. A symbolic link is replaced, not what it names. Missing directories are
/// made (0700).
///
/// # Errors
/// Those of the file system; the old file is as it was then.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = folder_of(path);
    make_directory(directory)?;
    let mut file = tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    let written = file.into_temp_path();
    put_in_place(&written, path, 0o600)?;
    // It has another name now.
    let _ = written.keep();
    Ok(())
}

/// Renames a finished file to its place, with that mode, so that it survives a power cut.
///
/// # Errors
/// Those of the file system; what had the name `to` is still there then.
pub fn put_in_place(from: &Path, to: &Path, mode: u32) -> io::Result<()> {
    let file = File::open(from)?;
    // Some file systems refuse to set modes, also those that are right already.
    if file.metadata()?.permissions().mode() & 0o7777 != mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.sync_all()?;
    fs::rename(from, to)?;
    sync_directory(folder_of(to))
}

/// Brings the names in a directory to the disk: files that were made, renamed or deleted there are
/// as they are now after a power cut.
///
/// # Errors
/// Those of the file system. One that cannot do this for directories promises nothing, and that is
/// no error; neither is a directory that may not be read.
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

/// Makes a directory and those above it, for the user alone (0700); one that exists stays as it is.
/// They are on disk when this returns.
///
/// # Errors
/// Those of the file system.
pub fn make_directory(path: &Path) -> io::Result<()> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let missing: Vec<_> = path.ancestors().take_while(is_missing).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    missing.into_iter().rev().try_for_each(|made| sync_directory(folder_of(made)))
}

/// The directory that has the name `path`.
fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// What a chain of symbolic links names in the end, whether that exists or not.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    // As many as Linux itself follows.
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
