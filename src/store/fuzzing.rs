//! Opens private parts of the store to the fuzz target `store`. Compiled for fuzzing only.

use super::entry::Entry;
use super::{RecordUpdate, StoreError, Text};
use std::path::PathBuf;

/// Takes over a dictation of an earlier run, as the service does at its start. Reads the record and
/// counts one more attempt, and corrects the recording's header. Returns the number of samples in
/// the recording, or `None` if there is already a text.
///
/// # Errors
/// [`StoreError::File`].
pub fn adopt(path: PathBuf) -> Result<Option<u64>, StoreError> {
    let (mut entry, adopted) = Entry::adopt(path);
    adopted?;
    entry.recorded().transpose()
}

/// Takes a dictation over and gives it a text, which counts as delivered.
///
/// # Errors
/// [`StoreError::File`].
pub fn deliver(path: PathBuf, text: Text) -> Result<(), StoreError> {
    let (mut entry, adopted) = Entry::adopt(path);
    adopted?;
    entry.finish(RecordUpdate::Delivered(text, Vec::new()))
}
