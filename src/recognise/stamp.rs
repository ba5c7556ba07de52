//! Identifies a version of a model's file.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

/// Distinguishes versions of a file, whether it was replaced or modified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    /// Returns the current stamp of the file; `None` if it does not exist or cannot be inspected.
    pub fn of(file: &Path) -> Option<Self> {
        let facts = fs::metadata(file).ok()?;
        Some(Self {
            device: facts.dev(),
            inode: facts.ino(),
            bytes: facts.len(),
            modified: facts.modified().ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_replaced_or_written_to_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model");
        assert_eq!(Stamp::of(&file), None);
        fs::write(&file, "one").unwrap();
        let first = Stamp::of(&file);
        assert_eq!(Stamp::of(&file), first);
        // It has the same size, and perhaps the same time.
        let other = folder.path().join("other");
        fs::write(&other, "two").unwrap();
        fs::rename(&other, &file).unwrap();
        assert_ne!(Stamp::of(&file), first);
        let second = Stamp::of(&file);
        fs::write(&file, "three").unwrap();
        assert_ne!(Stamp::of(&file), second);
    }
}
