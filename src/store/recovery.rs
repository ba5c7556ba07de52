//! Finds dictations that earlier runs left unfinished: recordings without text, and texts that were
//! not delivered.

use super::directory::{self, Found};
use super::record::{Record, RecordState, TryRecord};
use super::{StoreError, Text, history};
use crate::session::Gap;
use std::path::{Path, PathBuf};

/// A recording without text, or with a text that was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// The recording; [`super::read_pcm`] reads it.
    pub path: PathBuf,
    /// When the key was pressed.
    pub started_at: jiff::Timestamp,
    /// How many transcriptions were begun so far.
    pub attempts: u32,
    /// The failed attempts, in order.
    pub tries: Vec<TryRecord>,
    /// Whether the service was killed while it recorded, so that the recording's end is missing.
    pub cut_off: bool,
    /// The length in samples at 16 kHz. 0 only if there is a text.
    pub samples: u64,
    /// The text, if there is one that was not delivered.
    pub text: Option<Text>,
    /// Whether there is a text, delivered or not.
    pub has_text: bool,
    /// The language (ISO 639-1 code) that a client requested for the dictation, while there is no
    /// text.
    pub language: Option<String>,
    /// The parts that could not be recorded.
    pub gaps: Vec<Gap>,
}

impl Unfinished {
    pub(super) fn new(path: PathBuf, record: &Record, samples: u64) -> Self {
        let named = path.file_stem().and_then(|stem| directory::time_of(stem.to_str()?));
        let started_at = record.started_at.parse().ok().or(named);
        Self {
            path,
            started_at: started_at.unwrap_or(jiff::Timestamp::UNIX_EPOCH),
            attempts: record.attempts,
            tries: record.tries.clone(),
            cut_off: record.cut_off || record.state == RecordState::Recording,
            samples,
            text: record.undelivered(),
            has_text: record.text.is_some(),
            language: record.language.clone().filter(|_| record.text.is_none()),
            gaps: record.missing(),
        }
    }
}

/// Returns the dictation in `directory` with this id, with or without a text. `None` if there is
/// none. The recordings `in_work` do not count. Blocking.
///
/// # Errors
/// [`StoreError::File`] when the directory cannot be listed.
pub fn one(
    directory: &Path,
    id: &str,
    in_work: &[PathBuf],
) -> Result<Option<Unfinished>, StoreError> {
    let mut counted = history::counted(directory, in_work)?;
    let found = counted.find(|(_, found)| history::id_of(&found.audio) == id);
    Ok(found.map(|(_, found)| Unfinished::from(found)))
}

/// Returns the number of a recording in its directory, counted from the last one, which is 1.
/// `None` if it is not a dictation there. The recordings `in_work` do not count. Blocking.
pub fn number_of(recording: &Path, in_work: &[PathBuf]) -> Option<u32> {
    let mut counted = history::counted(recording.parent()?, in_work).ok()?;
    counted.find(|(_, found)| found.audio == recording).map(|(number, _)| number)
}

/// Lists the dictations in `directory` that are unfinished, oldest first: recordings that hold
/// audio, have no text and may be tried once more, and texts that were not delivered. A recording
/// without a readable JSON file counts as never tried. Blocking.
///
/// The dictations of a running service are included. To recover, use
/// [`super::StoreEvent::Unfinished`].
///
/// # Errors
/// [`StoreError::File`] when the directory cannot be listed.
pub fn unfinished(directory: &Path) -> Result<Vec<Unfinished>, StoreError> {
    let found = directory::scan(directory)?;
    for trouble in found.iter().filter_map(|found| found.trouble.as_deref()) {
        tracing::warn!(trouble, "in the store: {trouble}");
    }
    Ok(found.into_iter().filter(is_unfinished).map(Unfinished::from).collect())
}

fn is_unfinished(found: &Found) -> bool {
    let wanted = found.record.as_ref().is_none_or(Record::wants_attempt);
    let has_text = found.record.as_ref().is_some_and(|record| record.undelivered().is_some());
    (found.samples > 0 && wanted || has_text) && !found.foreign
}

impl From<Found> for Unfinished {
    fn from(found: Found) -> Self {
        let Found { audio, started_at, record, samples, .. } = found;
        // Without a record, it is unknown whether the recording is complete.
        let unknown = || Record { cut_off: true, ..Record::new(started_at) };
        let left = Self::new(audio, &record.unwrap_or_else(unknown), samples);
        Self { started_at, ..left }
    }
}
