//! What several targets use: a folder for files, emptied for each run, one for each process.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The folder, without any file in it. `run.sh` sets TMPDIR to a place in memory.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| std::env::temp_dir().join(std::process::id().to_string()));
    // There is none before the first run.
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).expect("a folder can be made");
    folder
}
