//! Shared by several targets: a folder for files, one per process, emptied for each run.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Returns the folder, empty. `run.sh` sets TMPDIR to a place in memory.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| std::env::temp_dir().join(std::process::id().to_string()));
    // There is no folder before the first run.
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).expect("a folder can be made");
    folder
}
