//! Deletes the dictations beyond the limits of number and age, but never one that still waits for
//! its text.

use super::directory::{self, Doomed, Found};
use super::{StoreError, directory::record_path};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::Path;

/// Which finished dictations are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How many dictations are kept at most.
    pub keep_count: u32,
    /// For how many days a dictation is kept at most.
    pub keep_days: u32,
    /// Whether the recording is kept after its text is delivered.
    pub keep_audio: bool,
}

impl Default for Retention {
    /// Keeps everything.
    fn default() -> Self {
        Self { keep_count: u32::MAX, keep_days: u32::MAX, keep_audio: true }
    }
}

/// Deletes everything that `retention` does not keep, oldest first. Leaves the recordings `in_use`
/// alone. Continues after an error and returns the first one.
pub(super) fn sweep(
    directory: &Path,
    retention: Retention,
    now: Timestamp,
    in_use: &HashSet<&Path>,
) -> Result<(), StoreError> {
    let mut finished = directory::scan(directory)?;
    finished.retain(|found| is_finished(found) && !in_use.contains(found.audio.as_path()));
    // All sentences of a continuous dictation count as one.
    let mut talks = HashSet::new();
    let newest_first = finished.iter().rev();
    let kept = newest_first.take_while(|found| {
        talks.insert(talk(found));
        talks.len() <= retention.keep_count as usize
    });
    let too_many = finished.len() - kept.count();
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

/// Returns the name that all sentences of a continuous dictation share.
fn talk(found: &Found) -> &OsStr {
    let talk = found.record.as_ref().and_then(|record| record.talk.as_deref());
    talk.map_or_else(|| found.audio.file_stem().unwrap_or_default(), OsStr::new)
}

/// Whether a dictation may be deleted. It may not if its record is missing or cannot be read, or
/// its text is still wanted, and there is audio to get the text from. A dictation with an
/// undelivered text, or one that is not v2m's, may not be deleted either.
fn is_finished(found: &Found) -> bool {
    let wants_text = found.record.as_ref().is_none_or(|record| record.wants_text());
    let waits = wants_text && found.samples > 0;
    let has_text = found.record.as_ref().is_some_and(|record| record.undelivered().is_some());
    !found.foreign && !waits && !has_text
}

fn is_too_old(started_at: Timestamp, now: Timestamp, days: u32) -> bool {
    now.duration_since(started_at) >= SignedDuration::from_hours(i64::from(days) * 24)
}

/// Whether to delete the recording because its text is delivered.
fn is_unwanted(found: &Found, retention: Retention) -> bool {
    let done = found.record.as_ref().is_some_and(|record| record.is_done_with_audio());
    !retention.keep_audio && done
}
