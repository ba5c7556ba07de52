//! The directory of dictations: its file names, its lock and its contents.

use super::record::Record;
use super::{StoreError, wav};
use crate::atomic;
use crate::regular;
use crate::session::JobId;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use v2m_messages::{mark, verbatim};

const LOCK: &str = ".lock";
/// The format of the time in file names. It has milliseconds, so that a service that restarts
/// within a second uses another name.
const TIME_FORMAT: &str = "%Y%m%dT%H%M%S.%3fZ";

/// Makes the file name of a job's recording.
pub(super) fn file_name(started_at: Timestamp, job: JobId) -> String {
    format!("{}-{}.wav", started_at.strftime(TIME_FORMAT), job.0)
}

/// Returns the start time of a recording with this name. `None` if it is not a dictation's name.
pub(super) fn time_of(stem: &str) -> Option<Timestamp> {
    let (time, job) = stem.rsplit_once('-')?;
    job.parse::<u32>().ok()?;
    let time = time.strip_suffix('Z')?;
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S%.f", time).ok()?;
    civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// Returns the path of the record beside a recording.
pub(super) fn record_path(audio: &Path) -> PathBuf {
    audio.with_extension("json")
}

/// Makes the directory and denies others access to it.
pub(super) fn make(directory: &Path) -> io::Result<()> {
    atomic::make_directory(directory)?;
    if fs::metadata(directory)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(directory, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// The lock of a directory, held while this lives.
pub(super) struct Lock(File);

impl Lock {
    /// Whether this is still the lock of the directory at `directory`. The directory may have been
    /// deleted and recreated.
    pub(super) fn holds(&self, directory: &Path) -> bool {
        let there = regular::look_at(&directory.join(LOCK));
        let same = |there: fs::Metadata| {
            self.0
                .metadata()
                .is_ok_and(|ours| (ours.dev(), ours.ino()) == (there.dev(), there.ino()))
        };
        there.is_some_and(same)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a child process that is just starting also holds the file.
        let _ = self.0.unlock();
    }
}

/// Takes the lock of the directory. `None` while another process has it.
pub(super) fn lock(directory: &Path) -> io::Result<Option<Lock>> {
    let file = regular::open_or_make(&directory.join(LOCK))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock(file))),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// A dictation as it is on disk.
pub(super) struct Found {
    pub(super) audio: PathBuf,
    pub(super) started_at: Timestamp,
    /// The record. `None` if there is none, or none that can be read.
    pub(super) record: Option<Record>,
    /// The part that cannot be read, and the reason, for the journal.
    pub(super) trouble: Option<String>,
    /// Whether a file, or anything else, has the recording's name.
    pub(super) has_sound: bool,
    /// The number of samples at 16 kHz. 0 if there is no recording.
    pub(super) samples: u64,
    /// Whether v2m must leave the dictation alone: a newer v2m wrote it, or its recording is not a
    /// regular file, or v2m did not make it.
    pub(super) foreign: bool,
}

/// Lists all dictations, oldest first. Files with other names are ignored.
pub(super) fn scan(directory: &Path) -> Result<Vec<Found>, StoreError> {
    let stems = stems(directory)?.into_iter();
    Ok(stems.map(|(time, stem)| look_at(directory, &stem, time)).collect())
}

/// Lists all dictations, newest first. Each is read only when the iterator reaches it.
pub(super) fn newest_first(directory: &Path) -> Result<impl Iterator<Item = Found>, StoreError> {
    let stems = stems(directory)?.into_iter().rev();
    Ok(stems.map(move |(time, stem)| look_at(directory, &stem, time)))
}

/// Returns the names of all dictations without their endings, oldest first.
fn stems(directory: &Path) -> Result<BTreeSet<(Timestamp, String)>, StoreError> {
    let failed = || StoreError::file(mark!("listing the dictations in"), directory);
    let mut stems = BTreeSet::new();
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        // The directory was deleted. The next dictation recreates it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(stems),
        Err(error) => return Err(failed()(error)),
    };
    for entry in entries {
        let path = entry.map_err(failed())?.path();
        let known = path.extension().is_some_and(|end| end == "wav" || end == "json");
        if let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
            && known
            && let Some(time) = time_of(stem)
        {
            stems.insert((time, stem.to_owned()));
        }
    }
    Ok(stems)
}

fn look_at(directory: &Path, stem: &str, named: Timestamp) -> Found {
    let audio = directory.join(format!("{stem}.wav"));
    let record = Record::read(&record_path(&audio));
    let is_newer = match &record {
        Ok(Some(record)) => record.version > Record::VERSION,
        Ok(None) => false,
        Err(_) => Record::is_newer(&record_path(&audio)),
    };
    let has_sound = fs::symlink_metadata(&audio).is_ok();
    let is_odd = has_sound && regular::look_at(&audio).is_none();
    let unreadable = record.as_ref().err().map(ToString::to_string);
    let record = record.ok().flatten();
    // A sound file that v2m did not record, under a name in v2m's form.
    let is_other = has_sound && !is_odd && record.is_none() && wav::is_foreign(&audio);
    let foreign = is_newer || is_odd || is_other;
    let started_at = record.as_ref().and_then(|record| record.started_at.parse().ok());
    let samples = wav::samples_in(&audio);
    let wanted = record.as_ref().is_none_or(Record::wants_text);
    let trouble = match unreadable {
        _ if foreign => {
            Some(verbatim!(format!("{} is not this v2m's, and is left alone", audio.display())))
        }
        Some(unreadable) if samples > 0 => Some(verbatim!(format!(
            "{unreadable}. Its recording is whole, and is transcribed again"
        ))),
        Some(unreadable) => Some(unreadable),
        None if has_sound && samples == 0 && wanted => {
            Some(verbatim!(format!("{} has no sound any more", audio.display())))
        }
        None => None,
    };
    let started_at = started_at.unwrap_or(named);
    Found { audio, started_at, record, trouble, has_sound, samples, foreign }
}

/// Deletes temporary files that a crash left behind.
pub(super) fn delete_temporary(directory: &Path) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries {
        if entry.file_name().to_string_lossy().starts_with(atomic::TEMPORARY_PREFIX) {
            // A file that cannot be deleted now is tried again at the next start.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The files of a dictation to delete.
pub(super) struct Doomed {
    pub(super) sound: Option<PathBuf>,
    pub(super) record: Option<PathBuf>,
}

/// Deletes dictations so that none comes back after a power cut. Sound goes first; a record is
/// deleted only when its sound is gone from the disk, because sound without a record counts as a
/// recording that was never transcribed. Continues after an error and returns the first one.
pub(super) fn delete_all(directory: &Path, doomed: &[Doomed]) -> Result<(), StoreError> {
    let (mut result, mut records) = (Ok(()), Vec::new());
    for Doomed { sound, record } in doomed {
        let deleted = sound.as_deref().map_or(Ok(()), delete);
        records.extend(record.as_deref().filter(|_| deleted.is_ok()));
        result = result.and(deleted);
    }
    if doomed.iter().any(|doomed| doomed.sound.is_some()) {
        sync(directory)?;
    }
    for record in &records {
        let deleted = delete(record);
        result = result.and(deleted);
    }
    if records.is_empty() { result } else { result.and(sync(directory)) }
}

/// Syncs the names in the directory to the disk.
pub(super) fn sync(directory: &Path) -> Result<(), StoreError> {
    match atomic::sync_directory(directory) {
        // The directory was deleted, with all its contents.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(StoreError::file(mark!("bringing to the disk"), directory)),
    }
}

/// Deletes a file. A file that is not there counts as deleted.
fn delete(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::file(mark!("deleting"), path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_tell_their_time(millis in 0i64..4_102_444_800_000, job: u32) {
            let time = Timestamp::from_millisecond(millis).unwrap();
            let name = file_name(time, JobId(job));
            prop_assert_eq!(time_of(name.strip_suffix(".wav").unwrap()), Some(time));
        }

        #[test]
        fn any_name_is_read_or_refused(name in ".{0,40}") {
            let _ = time_of(&name);
        }
    }
}
