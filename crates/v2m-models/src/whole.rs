//! Files that are written whole or not at all: written beside their place, synced, then renamed.
//!
//! The unfinished file has a fixed name (`FILE.new`) under a lock, so that what a killed run left is overwritten by the next
//! and two runs never write into each other. Not here: `.part` files of downloads, which are to stay.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::ModelError;

/// Has `write` write the file at `path`, mode 0644, and puts it in place when it succeeded. The folder is made if missing.
///
/// # Errors
/// What `write` answered, or the system's refusal; the file that was at `path` before is then still there.
pub fn write_whole<T>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<T, ModelError>,
) -> Result<T, ModelError> {
    let new = beside(path, "new");
    let file = lock(&new)?;
    let outcome =
        fill(&file, &new, write).and_then(|value| put_in_place(&new, path).map(|()| value));
    if outcome.is_err() {
        // The reason it failed is worth more than a failure to tidy up; the next run overwrites the file anyway.
        let _ = fs::remove_file(&new);
    }
    outcome
}

/// Opens the unfinished file of another kind (`FILE.part`) for this process alone, without emptying it.
///
/// # Errors
/// [`ModelError::Busy`] if another process has it, or the system's refusal.
pub fn lock(path: &Path) -> Result<File, ModelError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(ModelError::io("create", folder))?;
    }
    loop {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(ModelError::io("write", path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ModelError::Busy(path.to_owned())),
            Err(TryLockError::Error(e)) => return Err(ModelError::io("lock", path)(e)),
        }
        // Between opening and locking another run may have renamed it away: then this is its finished model.
        let ours = file.metadata().map_err(ModelError::io("read", path))?;
        if fs::metadata(path)
            .is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino()))
        {
            return Ok(file);
        }
    }
}

/// Renames a finished file to its place so that it survives a power cut.
///
/// # Errors
/// The system's refusal.
pub fn put_in_place(from: &Path, to: &Path) -> Result<(), ModelError> {
    let file = File::open(from).map_err(ModelError::io("open", from))?;
    file.set_permissions(Permissions::from_mode(0o644)).map_err(ModelError::io("write", from))?;
    file.sync_all().map_err(ModelError::io("write", from))?;
    fs::rename(from, to).map_err(ModelError::io("write", to))?;
    if let Some(folder) = to.parent() {
        let synced = File::open(folder).and_then(|f| f.sync_all());
        synced.map_err(ModelError::io("write", folder))?;
    }
    Ok(())
}

/// `ggml-base.bin` and `part` → `ggml-base.bin.part`, in the same folder.
#[must_use]
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

fn fill<T>(
    file: &File,
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<T, ModelError>,
) -> Result<T, ModelError> {
    file.set_len(0).map_err(ModelError::io("write", path))?;
    let mut out = BufWriter::with_capacity(1 << 18, file);
    let value = write(&mut out)?;
    out.flush().map_err(ModelError::io("write", path))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(text: &str) -> impl FnOnce(&mut BufWriter<&File>) -> Result<(), ModelError> {
        move |out| out.write_all(text.as_bytes()).map_err(ModelError::io("write", Path::new("x")))
    }

    #[test]
    fn a_file_is_replaced_only_by_a_whole_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deeper/a.bin");
        write_whole(&path, say("first, longer")).unwrap();
        write_whole(&path, say("second")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        let failed = write_whole(&path, |out| {
            say("half")(out)?;
            Err::<(), _>(ModelError::bad(Path::new("x"), "broken"))
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
        write_whole(&path, |out| {
            assert!(matches!(write_whole(&path, say("thief")), Err(ModelError::Busy(_))));
            say("mine")(out)
        })
        .unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}
