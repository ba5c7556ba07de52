//! Writes large files with content that is produced during writing.
//!
//! The unfinished file has a fixed name (`FILE.new`) under a lock. So the next run overwrites the
//! rest of a killed one, and two runs never write into the same file. Not here: `.part` files of
//! downloads, which must be kept.

use super::put_in_place;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use v2m_messages::{mark, tr};

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refused.
    #[error(
        "{}",
        tr!(
            "cannot {doing} {path}: {source}",
            doing = v2m_messages::text(doing),
            path = .path.display(),
            source = v2m_messages::system_error(source)
        )
    )]
    Io {
        /// The verb, marked for translation: "create", "write".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Another process is writing the same file. Only `v2m-model` locks files in this way.
    #[error(
        "{}",
        tr!(
            "another v2m-model is writing {path} at this moment; wait until it is done",
            path = .0.display()
        )
    )]
    Busy(PathBuf),
}

impl FileError {
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}

/// Calls `write` to write the file at `path`, with that mode, and puts it in place if that
/// succeeds. A missing folder is created.
///
/// # Errors
/// The error of `write`, or why the file could not be written. An older file at `path` is then
/// kept.
pub fn write_beside<T, E: From<FileError>>(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<T, E>,
) -> Result<T, E> {
    let new = beside(path, "new");
    let file = lock(&new)?;
    let outcome = fill(&file, &new, write).and_then(|value| {
        put_in_place(&new, path, mode).map_err(FileError::io(mark!("write"), path))?;
        Ok(value)
    });
    if outcome.is_err() {
        // The first failure is more useful than a failure to clean up. The next run overwrites the
        // file anyway.
        let _ = fs::remove_file(&new);
    }
    outcome
}

/// Opens and locks an unfinished file of another kind (`FILE.part`), without emptying it.
///
/// # Errors
/// [`FileError::Busy`] if another process has it, or the system's error.
pub fn lock(path: &Path) -> Result<File, FileError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(FileError::io(mark!("create"), folder))?;
    }
    loop {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(FileError::io(mark!("write"), path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FileError::Busy(path.to_owned())),
            Err(TryLockError::Error(e)) => return Err(FileError::io(mark!("lock"), path)(e)),
        }
        // Another run may have renamed it between opening and locking. Then it is that run's
        // finished model.
        let ours = file.metadata().map_err(FileError::io(mark!("read"), path))?;
        if fs::metadata(path)
            .is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino()))
        {
            return Ok(file);
        }
    }
}

/// Appends an ending: `ggml-base.bin` and `part` become `ggml-base.bin.part`, in the same folder.
#[must_use]
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

fn fill<T, E: From<FileError>>(
    file: &File,
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<T, E>,
) -> Result<T, E> {
    file.set_len(0).map_err(FileError::io(mark!("write"), path))?;
    let mut out = BufWriter::with_capacity(1 << 18, file);
    let value = write(&mut out)?;
    out.flush().map_err(FileError::io(mark!("write"), path))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn say(text: &str) -> impl FnOnce(&mut BufWriter<&File>) -> Result<(), FileError> {
        move |out| {
            out.write_all(text.as_bytes()).map_err(FileError::io(mark!("write"), Path::new("x")))
        }
    }

    #[test]
    fn a_file_is_replaced_only_by_a_whole_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deeper/a.bin");
        write_beside(&path, 0o644, say("first, longer")).unwrap();
        write_beside(&path, 0o644, say("second")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        let failed = write_beside(&path, 0o644, |out| {
            say("half")(out)?;
            Err::<(), _>(FileError::Busy("x".into()))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_run_left_is_overwritten_and_what_a_living_one_writes_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.bin");
        fs::write(beside(&path, "new"), "left behind by a killed run").unwrap();
        write_beside(&path, 0o644, |out| {
            assert!(matches!(write_beside(&path, 0o644, say("thief")), Err(FileError::Busy(_))));
            say("mine")(out)
        })
        .unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}
