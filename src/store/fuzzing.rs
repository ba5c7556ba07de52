//! What the fuzz target `store` needs of this room's private parts. Compiled for fuzzing only.

use super::entry::Entry;
use super::{RecordUpdate, StoreError, Text};
use std::path::PathBuf;

/// Takes a dictation of an earlier run over, as the service does at its start: the record is read
/// and counted as tried once more, the recording's header is made true. The samples of the
/// recording, or `None` if there is a text already.
///
/// # Errors
/// [`StoreError::File`].
pub fn adopt(path: PathBuf) -> Result<Option<u64>, StoreError> {
    let (mut entry, adopted) = Entry::adopt(path);
    adopted?;
    entry.recorded().transpose()
}

/// Takes it over and gives it a text, which is delivered.
///
/// # Errors
/// [`StoreError::File`].
pub fn deliver(path: PathBuf, text: Text) -> Result<(), StoreError> {
    let (mut entry, adopted) = Entry::adopt(path);
    adopted?;
    entry.finish(RecordUpdate::Delivered(text, Vec::new()))
}
