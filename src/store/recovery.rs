//! Dictations that earlier runs left unfinished: recordings without text, and texts that nobody was
//! given.

use super::directory::{self, Found};
use super::record::{Record, RecordState};
use super::{StoreError, Text};
use std::path::{Path, PathBuf};

/// A recording without text, or with one that was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// The recording; [`super::read_pcm`] reads it.
    pub path: PathBuf,
    /// When the press came.
    pub started_at: jiff::Timestamp,
    /// How often a transcription was begun already: 0 to 2.
    pub attempts: u32,
    /// Whether the service was killed while it recorded, so that the end is missing.
    pub cut_off: bool,
    /// Length at 16 kHz; 0 only beside a text.
    pub samples: u64,
    /// The text, where it is there and was not delivered.
    pub text: Option<Text>,
}

/// The recordings in `directory` that hold audio, have no text, and were not tried three times, and
/// those whose text was not delivered, oldest first. One whose JSON is missing or broken counts as
/// never tried. Blocking.
///
/// Those of a running service are among them: [`super::StoreEvent::Unfinished`] is what to recover.
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
        let was_recording =
            |record: &Record| record.cut_off || record.state == RecordState::Recording;
        Self {
            cut_off: found.record.as_ref().is_none_or(was_recording),
            text: found.record.as_ref().and_then(Record::undelivered),
            attempts: found.record.map_or(0, |record| record.attempts),
            path: found.audio,
            started_at: found.started_at,
            samples: found.samples,
        }
    }
}
