//! The thread `v2m-store`: takes commands in order, does the file work and reports the results.

use super::directory::{self, Doomed, record_path};
use super::entry::Entry;
use super::record::Record;
use super::retention::{self, Retention};
use super::{
    DeleteReport, NumberAsked, NumbersAsked, RecordUpdate, StoreCommand, StoreError, StoreEvent,
    history, unfinished,
};
use crate::session::JobId;
use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use tokio::sync::mpsc;
use v2m_messages::{mark, tr};

/// How many records stay in memory while they cannot be written. By default the same number is kept
/// on disk.
const MOST_UNWRITTEN: usize = 200;

pub(super) fn spawn(
    directory: PathBuf,
    retention: Retention,
    mut commands: mpsc::Receiver<StoreCommand>,
    events: mpsc::Sender<StoreEvent>,
    asked: NumbersAsked,
) -> io::Result<()> {
    let work = move || {
        let mut worker = Worker {
            directory,
            retention,
            events,
            jobs: HashMap::new(),
            unwritten: VecDeque::new(),
            lock: None,
            asked,
        };
        worker.start();
        while let Some(command) = commands.blocking_recv() {
            worker.take(command);
        }
        worker.write_again();
    };
    std::thread::Builder::new().name("v2m-store".into()).spawn(work).map(drop)
}

struct Worker {
    directory: PathBuf,
    retention: Retention,
    jobs: HashMap<JobId, Entry>,
    /// Dictations that have ended but whose records could not be written. Without the records, the
    /// next start would take delivered texts for unfinished ones.
    unwritten: VecDeque<Entry>,
    /// The directory's lock. While this process holds it, no other one may recover or sweep.
    lock: Option<directory::Lock>,
    asked: NumbersAsked,
    /// The last field, because it must be dropped last: once the channel is closed, others may take
    /// the lock.
    events: mpsc::Sender<StoreEvent>,
}

impl Worker {
    fn start(&mut self) {
        let left = self.open_directory().unwrap_or_else(|error| {
            self.tell(StoreEvent::Failed { job: None, error });
            Vec::new()
        });
        self.tell(StoreEvent::Unfinished(left));
        self.sweep();
    }

    fn open_directory(&mut self) -> Result<Vec<super::Unfinished>, StoreError> {
        let path = &self.directory;
        directory::make(path).map_err(StoreError::file(mark!("making the directory"), path))?;
        self.lock = directory::lock(path).map_err(StoreError::file(mark!("locking"), path))?;
        if self.lock.is_none() {
            tracing::warn!(
                directory = %path.display(),
                "another v2m uses {}: nothing there is recovered or swept",
                path.display()
            );
            return Ok(Vec::new());
        }
        directory::delete_temporary(path);
        unfinished(path)
    }

    fn take(&mut self, command: StoreCommand) {
        match command {
            StoreCommand::Begin { job, path, started_at, asked } => {
                let mut begun = Entry::new(path.clone(), started_at, asked);
                let result = begun.create();
                self.jobs.insert(job, begun);
                match result {
                    Ok(()) => self.tell(StoreEvent::Began { job, path }),
                    Err(error) => self.tell(StoreEvent::AppendFailed { job, error }),
                }
            }
            // The dictation was deleted meanwhile. Its record must not be written again.
            StoreCommand::Adopt { path, .. } if !path.exists() && !record_path(&path).exists() => {}
            StoreCommand::Adopt { job, path } => {
                let (adopted, result) = Entry::adopt(path);
                self.jobs.insert(job, adopted);
                self.tell_failure(job, result);
            }
            StoreCommand::Miss { job, gap } => {
                let result = self.jobs.get_mut(&job).map_or(Ok(()), |job| job.miss(gap));
                self.tell_failure(job, result);
            }
            StoreCommand::Append { job, samples } => self.audio(job, |job| job.append(&samples)),
            StoreCommand::Shorten { job, samples, next, tail } => {
                // If not, the first recording keeps this sound, because no other file has it.
                let has_it = self.jobs.get_mut(&next).is_some_and(|next| next.keeps(tail));
                if has_it {
                    self.audio(job, |job| job.shorten(samples));
                }
            }
            StoreCommand::Rewrite { job, samples } => self.audio(job, |job| job.rewrite(&samples)),
            StoreCommand::Recorded { job } => self.recorded(job),
            StoreCommand::Finish { job, outcome } => self.finish(job, *outcome),
            StoreCommand::Discard { job } => {
                let result = self.jobs.remove(&job).map_or(Ok(()), |mut job| job.discard());
                self.tell_failure(job, result);
            }
            StoreCommand::Delete { paths, report } => {
                // The caller may have given up.
                let _ = report.send(self.delete(paths));
            }
            StoreCommand::Identify => {
                let list = self.asked.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                self.identify(list.unwrap_or_default());
            }
            StoreCommand::Retain(retention) => {
                self.retention = retention;
                self.sweep();
            }
        }
    }

    /// Writes audio. Late audio for a job that has ended, for example by a cancel, is dropped.
    fn audio(&mut self, id: JobId, write: impl FnOnce(&mut Entry) -> Result<(), StoreError>) {
        if let Some(Err(error)) = self.jobs.get_mut(&id).map(write) {
            self.tell(StoreEvent::AppendFailed { job: id, error });
        }
    }

    fn recorded(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let path = job.path().to_owned();
        match job.recorded() {
            Some(Ok(samples)) => self.tell(StoreEvent::Recorded { job: id, path, samples }),
            Some(Err(error)) => self.tell(StoreEvent::AppendFailed { job: id, error }),
            // The failure has been reported already.
            None => {}
        }
    }

    fn finish(&mut self, id: JobId, outcome: RecordUpdate) {
        let ends = !matches!(outcome, RecordUpdate::Transcribed(_));
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let result = job.finish(outcome);
        let path = job.path().to_owned();
        let again = job.again().filter(|_| ends).map(Box::new);
        let written = result.is_ok();
        self.tell_failure(id, result);
        if ends {
            let ended = self.jobs.remove(&id);
            self.write_again();
            self.unwritten.extend(ended.filter(|_| !written));
            self.sweep();
        }
        if ends && written {
            let audio = Some(path).filter(|path| path.exists());
            self.tell(StoreEvent::Finished { job: id, audio, again });
        }
    }

    /// Tries again to write the records that could not be written.
    fn write_again(&mut self) {
        self.unwritten.retain(|entry| entry.write_record().is_err());
        let too_many = self.unwritten.len().saturating_sub(MOST_UNWRITTEN);
        self.unwritten.drain(..too_many);
    }

    fn identify(&self, list: Vec<NumberAsked>) {
        let wanted: Vec<_> = list.iter().map(|it| (it.number, &it.in_work[..])).collect();
        let found = history::ids_of_numbers(&self.directory, &wanted);
        let mut ids = found.map(Vec::into_iter);
        for NumberAsked { number, in_work, found } in list {
            let id = match &mut ids {
                Ok(ids) => Ok(ids.next().flatten()),
                // Each request gets its own error.
                Err(_) => history::id_of_number(&self.directory, number, &in_work),
            };
            // The caller may have given up.
            let _ = found.send(id);
        }
    }

    fn delete(&mut self, paths: Vec<PathBuf>) -> DeleteReport {
        if !self.has_lock() {
            let source = io::Error::new(io::ErrorKind::WouldBlock, tr!("another v2m uses it"));
            let error = StoreError::file(mark!("deleting dictations in"), &self.directory)(source);
            let (deleted, texts, in_use) = (Vec::new(), Vec::new(), Vec::new());
            return DeleteReport { deleted, texts, in_use, error: Some(error) };
        }
        let is_in_use = |path: &PathBuf| self.jobs.values().any(|job| job.path() == path);
        let (in_use, paths): (Vec<_>, Vec<_>) = paths.into_iter().partition(is_in_use);
        // Otherwise the record would be written again.
        self.unwritten.retain(|entry| !paths.iter().any(|path| path == entry.path()));
        let doomed: Vec<_> = paths
            .iter()
            .map(|path| Doomed { sound: Some(path.clone()), record: Some(record_path(path)) })
            .collect();
        let record = |path: &PathBuf| Record::read(&record_path(path)).ok().flatten();
        let texts = paths.iter().filter_map(record).filter_map(|record| record.text).collect();
        let error = directory::delete_all(&self.directory, &doomed).err();
        let is_gone = |path: &PathBuf| !path.exists() && !record_path(path).exists();
        DeleteReport { deleted: paths.into_iter().filter(is_gone).collect(), texts, in_use, error }
    }

    /// Whether this process holds the lock, so that it may delete files.
    fn has_lock(&mut self) -> bool {
        // The other process may have ended, or the directory may exist now, or may have been
        // replaced.
        if self.lock.as_ref().is_none_or(|lock| !lock.holds(&self.directory)) {
            self.lock = directory::lock(&self.directory).ok().flatten();
        }
        self.lock.is_some()
    }

    fn sweep(&mut self) {
        if !self.has_lock() {
            return;
        }
        let in_use: HashSet<&Path> = self.jobs.values().map(Entry::path).collect();
        let now = jiff::Timestamp::now();
        if let Err(error) = retention::sweep(&self.directory, self.retention, now, &in_use) {
            self.tell(StoreEvent::Failed { job: None, error });
        }
    }

    fn tell_failure(&self, job: JobId, result: Result<(), StoreError>) {
        if let Err(error) = result {
            self.tell(StoreEvent::Failed { job: Some(job), error });
        }
    }

    fn tell(&self, event: StoreEvent) {
        // This fails only while the service ends. The files still matter then.
        let _ = self.events.blocking_send(event);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MOST_IN_LIST, MOST_LISTS, RecordState, Store, Text, Unfinished};
    use super::*;
    use std::fs;

    fn delivered(text: &str) -> RecordUpdate {
        let (text, language) = (text.to_owned(), "en".to_owned());
        RecordUpdate::Delivered(
            Text { text, language, unrefined: None, ..Text::default() },
            Vec::new(),
        )
    }

    #[test]
    fn what_is_deleted_does_not_come_back_and_what_is_in_use_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (sender, mut events) = mpsc::channel(64);
        let mut store = Store::spawn(folder.path().into(), Retention::default(), sender).unwrap();
        let mut paths = Vec::new();
        for number in 1..=3 {
            let job = JobId(number);
            paths.push(store.begin(job).unwrap());
            store.append(job, [1; 1600].as_slice().into()).unwrap();
            store.recorded(job).unwrap();
            // The first dictation's record cannot be written, and waits for the second dictation.
            while !matches!(events.blocking_recv().unwrap(), StoreEvent::Recorded { .. }) {}
            let record = record_path(&paths[0]);
            if number == 1 {
                fs::remove_file(&record).unwrap();
                fs::create_dir(&record).unwrap();
                store.finish(job, delivered("said")).unwrap();
                while !matches!(events.blocking_recv().unwrap(), StoreEvent::Failed { .. }) {}
                fs::remove_dir(&record).unwrap();
                let gone = store.delete(vec![paths[0].clone()]).unwrap().blocking_recv().unwrap();
                assert!(gone.deleted == paths[..1] && gone.error.is_none(), "{gone:?}");
            } else if number == 2 {
                store.finish(job, delivered("said")).unwrap();
                while !matches!(events.blocking_recv().unwrap(), StoreEvent::Finished { .. }) {}
            }
        }
        let report = store.delete(paths.clone()).unwrap().blocking_recv().unwrap();
        // The first dictation no longer exists, which counts as deleted.
        assert_eq!((&report.deleted[..], &report.in_use[..]), (&paths[..2], &paths[2..]));
        assert!(report.error.is_none() && !paths[0].exists() && !record_path(&paths[0]).exists());
        assert!(!paths[1].exists() && !record_path(&paths[1]).exists() && paths[2].exists());
    }

    fn until_finished(events: &mut mpsc::Receiver<StoreEvent>) {
        while !matches!(events.blocking_recv().unwrap(), StoreEvent::Finished { .. }) {}
    }

    /// Saves a dictation with this text.
    fn said(store: &mut Store, events: &mut mpsc::Receiver<StoreEvent>, number: u32) -> PathBuf {
        let job = JobId(number);
        let path = store.begin(job).unwrap();
        store.append(job, [1; 1600].as_slice().into()).unwrap();
        store.recorded(job).unwrap();
        store.finish(job, delivered(&format!("text {number}"))).unwrap();
        until_finished(events);
        path
    }

    /// Regression: a retry that began at the time of the deletion wrote the record again, with its
    /// text.
    #[test]
    fn what_is_deleted_while_it_is_transcribed_once_more_does_not_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let (sender, mut events) = mpsc::channel(64);
        let mut store = Store::spawn(folder.path().into(), Retention::default(), sender).unwrap();
        let path = said(&mut store, &mut events, 1);
        let left = super::super::one(folder.path(), history::id_of(&path), &[]).unwrap().unwrap();
        // The report also contains a text that it gets just before the deletion.
        let again = |store: &mut Store, job, left: &Unfinished| {
            store.adopt(JobId(job), left).unwrap();
            store.finish(JobId(job), delivered("the new text")).unwrap();
        };
        again(&mut store, 10, &left);
        let report = store.delete(vec![path.clone()]).unwrap();
        again(&mut store, 11, &left);
        let report = report.blocking_recv().unwrap();
        assert_eq!(
            (report.deleted, report.texts),
            (vec![path.clone()], vec!["the new text".to_owned()])
        );
        drop(store);
        while events.blocking_recv().is_some() {}
        assert!(!path.exists() && !record_path(&path).exists(), "it came back");
    }

    /// Regression: a dictation that began while the store was read shifted the numbers, and the
    /// wrong dictation was deleted.
    #[test]
    fn a_number_means_what_it_counts_at_the_request() {
        let folder = tempfile::tempdir().unwrap();
        let (sender, mut events) = mpsc::channel(64);
        let mut store = Store::spawn(folder.path().into(), Retention::default(), sender).unwrap();
        let paths: Vec<_> = (1..=3).map(|job| said(&mut store, &mut events, job)).collect();
        let mut asked = vec![
            (store.id_of(2, Vec::new()).unwrap(), Some(1)),
            (store.id_of(4, Vec::new()).unwrap(), None),
        ];
        store.begin(JobId(4)).unwrap();
        asked.push((store.id_of(2, vec![store.path(JobId(4)).unwrap().into()]).unwrap(), Some(1)));
        let deleted = store.delete(vec![paths[2].clone()]).unwrap();
        store.discard(JobId(4)).unwrap();
        asked.push((store.id_of(2, Vec::new()).unwrap(), Some(0)));
        for (found, expected) in asked {
            let found = found.blocking_recv().unwrap().unwrap();
            let expected = expected.map(|at: usize| history::id_of(&paths[at]).to_owned());
            assert_eq!(found, expected);
        }
        assert_eq!(deleted.blocking_recv().unwrap().texts, ["text 3"]);
    }

    /// Regression: requests for numbers filled the queue, and audio was refused.
    #[test]
    fn however_many_numbers_are_asked_for_there_is_room_for_sound() {
        let folder = tempfile::tempdir().unwrap();
        // The thread blocks at its first event until somebody reads.
        let (sender, mut events) = mpsc::channel(1);
        let mut store = Store::spawn(folder.path().into(), Retention::default(), sender).unwrap();
        let path = store.begin(JobId(1)).unwrap();
        let mut asked = Vec::new();
        for number in [1, 2].into_iter().cycle().take(2_000) {
            asked.extend(store.id_of(number, Vec::new()).ok());
        }
        assert!((2..=MOST_LISTS * MOST_IN_LIST).contains(&asked.len()), "{}", asked.len());
        // Deletions between the requests do not raise the limit.
        for _ in 0..2 * MOST_LISTS {
            store.delete(Vec::new()).unwrap();
            asked.extend(store.id_of(1, Vec::new()).ok());
        }
        store.append(JobId(1), [1; 1600].as_slice().into()).unwrap();
        store.recorded(JobId(1)).unwrap();
        store.finish(JobId(1), delivered("said")).unwrap();
        until_finished(&mut events);
        let ids: Vec<_> =
            asked.into_iter().map(|it| it.blocking_recv().unwrap().unwrap()).collect();
        let id = Some(history::id_of(&path).to_owned());
        assert_eq!(ids[..2], [id.clone(), None]);
        assert_eq!(ids.last(), Some(&id));
    }

    /// Otherwise the sound after a sentence would be lost if the disk refused its new file.
    #[test]
    fn a_recording_is_cut_only_once_the_next_one_has_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let (sender, mut events) = mpsc::channel(64);
        let mut store = Store::spawn(folder.path().into(), Retention::default(), sender).unwrap();
        let [job, next] = [JobId(1), JobId(2)];
        let path = store.begin(job).unwrap();
        store.append(job, [1; 3_200].as_slice().into()).unwrap();
        store.begin(next).unwrap();
        // First none of the rest is on the disk, then a part of it, then all of it.
        for (written, left) in [(0, 3_200), (1_000, 3_200), (600, 1_600)] {
            store.append(next, vec![1; written].into()).unwrap();
            store.send(StoreCommand::Shorten { job, samples: 1_600, next, tail: 1_600 }).unwrap();
            store.recorded(job).unwrap();
            let samples = loop {
                match events.blocking_recv().unwrap() {
                    StoreEvent::Recorded { samples, .. } => break samples,
                    event => assert!(!matches!(event, StoreEvent::Failed { .. }), "{event:?}"),
                }
            };
            let on_disk = super::super::read_pcm(&path).unwrap().len();
            assert_eq!((samples, on_disk), (left, left as usize), "{written}");
        }
    }

    /// Regression, found by `make campaign` (disk-read-only): the text was delivered, but the next
    /// start showed it again as “Recovered, but the end is missing”.
    #[test]
    fn a_record_that_could_not_be_written_is_written_with_the_next_one_or_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let (sender, mut events) = mpsc::channel(64);
        let mut store = Store::spawn(folder.path().into(), Retention::default(), sender).unwrap();
        let mut paths = Vec::new();
        for number in 1..=3 {
            let job = JobId(number);
            let path = store.begin(job).unwrap();
            store.append(job, [1; 1600].as_slice().into()).unwrap();
            store.recorded(job).unwrap();
            while !matches!(events.blocking_recv().unwrap(), StoreEvent::Recorded { .. }) {}
            // For the first and the last dictation, a directory blocks the record's path.
            let record = record_path(&path);
            if number != 2 {
                fs::remove_file(&record).unwrap();
                fs::create_dir(&record).unwrap();
            }
            store.finish(job, delivered("said")).unwrap();
            let ends =
                |event| matches!(event, StoreEvent::Finished { .. } | StoreEvent::Failed { .. });
            while !ends(events.blocking_recv().unwrap()) {}
            if number != 2 {
                fs::remove_dir(&record).unwrap();
            }
            paths.push(record);
        }
        let state = |path: &Path| Record::read(path).unwrap().map(|record| record.state);
        assert_eq!(state(&paths[0]), Some(RecordState::Delivered), "with the second one");
        drop(store);
        while events.blocking_recv().is_some() {}
        assert_eq!(state(&paths[2]), Some(RecordState::Delivered), "at the end");
    }
}
