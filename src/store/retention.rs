//! What goes: dictations that are too many or too old, never one that still waits for its text.

use super::directory::{self, Doomed, Found};
use super::{StoreError, directory::record_path};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashSet;
use std::path::Path;

/// What is kept of finished dictations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// At most so many.
    pub keep_count: u32,
    /// None older than so many days.
    pub keep_days: u32,
    /// Whether the recording stays once its text is delivered.
    pub keep_audio: bool,
}

impl Default for Retention {
    /// Keeps everything.
    fn default() -> Self {
        Self { keep_count: u32::MAX, keep_days: u32::MAX, keep_audio: true }
    }
}

/// Deletes what `retention` does not keep, oldest first, leaving the recordings `in_use` alone.
/// Goes on after an error; the first one is returned.
pub(super) fn sweep(
    directory: &Path,
    retention: Retention,
    now: Timestamp,
    in_use: &HashSet<&Path>,
) -> Result<(), StoreError> {
    let mut finished = directory::scan(directory)?;
    finished.retain(|found| is_finished(found) && !in_use.contains(found.audio.as_path()));
    let too_many = finished.len().saturating_sub(retention.keep_count as usize);
    let doomed: Vec<_> = finished
        .iter()
        .enumerate()
        .map(|(index, found)| {
            let goes = index < too_many || is_too_old(found.started_at, now, retention.keep_days);
            let sound = found.has_sound && (goes || is_unwanted(found, retention));
            Doomed {
                sound: sound.then(|| found.audio.clone()),
                record: goes.then(|| record_path(&found.audio)),
            }
        })
        .collect();
    directory::delete_all(directory, &doomed)
}

/// A recording without record, or with one that cannot be read, is unfinished; so is one whose
/// text is still wanted, unless there is no audio to get it from, and one whose text was not
/// delivered.
fn is_finished(found: &Found) -> bool {
    let wants_text = found.record.as_ref().is_none_or(|record| record.wants_text());
    let waits = wants_text && found.samples > 0;
    let has_text = found.record.as_ref().is_some_and(|record| record.undelivered().is_some());
    !found.foreign && !waits && !has_text
}

fn is_too_old(started_at: Timestamp, now: Timestamp, days: u32) -> bool {
    now.duration_since(started_at) >= SignedDuration::from_hours(i64::from(days) * 24)
}

/// Whether its sound goes, as its text is delivered.
fn is_unwanted(found: &Found, retention: Retention) -> bool {
    let done = found.record.as_ref().is_some_and(|record| record.is_done_with_audio());
    !retention.keep_audio && done
}
