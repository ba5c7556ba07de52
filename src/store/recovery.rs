//! Recordings without text that earlier runs left.

use super::StoreError;
use super::directory::{self, Found};
use super::record::{Record, RecordState};
use std::path::{Path, PathBuf};

/// A recording without text.
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
    /// Length at 16 kHz, never 0.
    pub samples: u64,
}

/// The recordings in `directory` that hold audio, have no text, and were not tried three times,
/// oldest first. One whose JSON is missing or broken counts as never tried. Blocking.
///
/// Those of a running service are among them: [`super::StoreEvent::Unfinished`] is what to recover.
///
/// # Errors
/// [`StoreError::File`] when the directory cannot be listed.
pub fn unfinished(directory: &Path) -> Result<Vec<Unfinished>, StoreError> {
    let found = directory::scan(directory)?;
    Ok(found.into_iter().filter(is_unfinished).map(Unfinished::from).collect())
}

fn is_unfinished(found: &Found) -> bool {
    let wanted = found.record.as_ref().is_none_or(Record::wants_attempt);
    found.samples > 0 && wanted && !found.foreign
}

impl From<Found> for Unfinished {
    fn from(found: Found) -> Self {
        let was_recording =
            |record: &Record| record.cut_off || record.state == RecordState::Recording;
        Self {
            cut_off: found.record.as_ref().is_none_or(was_recording),
            attempts: found.record.map_or(0, |record| record.attempts),
            path: found.audio,
            started_at: found.started_at,
            samples: found.samples,
        }
    }
}
