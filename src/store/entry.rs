//! One dictation in the thread: its recording, its record, and whether writing still works.

use super::directory::{self, Doomed, record_path};
use super::record::{Record, RecordState};
use super::wav::{Wav, samples_in};
use super::{AskedFor, RecordUpdate, StoreError, Unfinished};
use crate::session::Gap;
use std::path::{Path, PathBuf};
use v2m_ipc::pcm::in_seconds as seconds;
use v2m_messages::mark;

/// A dictation that is not finished.
#[derive(Debug)]
pub(super) struct Entry {
    path: PathBuf,
    record: Record,
    /// The recording's file. `None` once writing has failed.
    wav: Option<Wav>,
}

impl Entry {
    /// Makes a new dictation, without files yet.
    pub(super) fn new(path: PathBuf, started_at: jiff::Timestamp, asked: AskedFor) -> Self {
        let AskedFor { language, talk } = asked;
        Self { path, record: Record { language, talk, ..Record::new(started_at) }, wav: None }
    }

    /// Makes the files. The record comes first, because a record without audio does no harm.
    pub(super) fn create(&mut self) -> Result<(), StoreError> {
        if let Some(parent) = self.path.parent() {
            directory::make(parent)
                .map_err(StoreError::file(mark!("making the directory"), parent))?;
        }
        self.write_record()?;
        let wav = Wav::create(&self.path);
        self.wav = Some(wav.map_err(StoreError::file(mark!("making the recording"), &self.path))?);
        self.path.parent().map_or(Ok(()), directory::sync)
    }

    /// Takes over a dictation of an earlier run. If it has no text, this counts as another attempt,
    /// which is noted before anything can fail.
    pub(super) fn adopt(path: PathBuf) -> (Self, Result<(), StoreError>) {
        let record = Record::read(&record_path(&path)).ok().flatten();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let record = record.unwrap_or_else(|| {
            Record::new(directory::time_of(stem).unwrap_or_else(jiff::Timestamp::now))
        });
        let mut job = Self { path, record, wav: None };
        if job.record.undelivered().is_some() {
            return (job, Ok(()));
        }
        // The user wants it transcribed again. It keeps its text until there is a new one.
        if job.record.text.is_some() {
            let result = job.reopen();
            return (job, result);
        }
        job.record.cut_off |= job.record.state == RecordState::Recording;
        job.record.count_attempt();
        let result = job.reopen();
        (job, result)
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        self.record.seconds = seconds(samples_in(&self.path));
        self.write_record()?;
        let wav = Wav::open(&self.path);
        self.wav = Some(wav.map_err(StoreError::file(mark!("mending the recording"), &self.path))?);
        Ok(())
    }

    /// Adds audio. Does nothing after a failure.
    pub(super) fn append(&mut self, samples: &[i16]) -> Result<(), StoreError> {
        let Some(wav) = &mut self.wav else { return Ok(()) };
        let result = wav.append(samples);
        // Check once a second, right after a sync. So a crash loses no more than without the check.
        let looks = result.is_ok() && wav.is_fresh();
        self.unless_failed(mark!("writing the recording"), result)?;
        if looks { self.stay_there() } else { Ok(()) }
    }

    /// Cuts off the sound from this sample on, with its gaps.
    pub(super) fn shorten(&mut self, samples: u64) -> Result<(), StoreError> {
        self.record.gaps.retain(|gap| gap.start < samples);
        self.record.gaps.iter_mut().for_each(|gap| gap.end = gap.end.min(samples));
        let Some(wav) = &mut self.wav else { return Ok(()) };
        let result = wav.shorten(samples);
        self.unless_failed(mark!("cutting the recording"), result)
    }

    /// Whether at least this many samples are safely on the disk, even after a power cut.
    pub(super) fn keeps(&mut self, samples: u64) -> bool {
        self.wav.as_mut().is_some_and(|wav| wav.samples() >= samples && wav.sync().is_ok())
    }

    /// Notes that some sound could not be recorded.
    pub(super) fn miss(&mut self, gap: Gap) -> Result<(), StoreError> {
        self.record.miss(gap);
        self.write_record()
    }

    /// Restores the files if someone has deleted or moved them or the whole directory.
    fn stay_there(&mut self) -> Result<(), StoreError> {
        let Some(wav) = self.wav.as_mut().filter(|wav| wav.is_gone_from(&self.path)) else {
            return Ok(());
        };
        let directory = self.path.parent().map_or(Ok(()), directory::make);
        let result = directory.and_then(|()| wav.restore(&self.path));
        let synced = self.path.parent().map_or(Ok(()), directory::sync);
        self.unless_failed(mark!("writing the recording again, which was deleted,"), result)?;
        self.write_record()?;
        synced?;
        tracing::warn!(path = %self.path.display(), "a recording was deleted while it was made; it is written again");
        Ok(())
    }

    /// Writes the whole audio again.
    pub(super) fn rewrite(&mut self, samples: &[i16]) -> Result<(), StoreError> {
        self.wav = None;
        if let Some(parent) = self.path.parent() {
            directory::make(parent)
                .map_err(StoreError::file(mark!("making the directory"), parent))?;
        }
        if samples_in(&self.path) == 0 {
            self.write_record()?;
        }
        let wav = Wav::complete(&self.path, samples);
        self.wav = Some(wav.map_err(StoreError::file(mark!("writing the recording"), &self.path))?);
        Ok(())
    }

    /// Syncs the complete recording to the disk. `None` if writing had failed before.
    pub(super) fn recorded(&mut self) -> Option<Result<u64, StoreError>> {
        self.wav.as_ref()?;
        if let Err(error) = self.stay_there() {
            return Some(Err(error));
        }
        let wav = self.wav.as_mut()?;
        let result = wav.sync();
        let samples = wav.samples();
        self.record.seconds = seconds(samples);
        if self.record.state == RecordState::Recording {
            self.record.count_attempt();
        }
        let result = self.unless_failed(mark!("writing the recording"), result);
        Some(result.and_then(|()| self.write_record()).map(|()| samples))
    }

    /// Writes the outcome to the record.
    pub(super) fn finish(&mut self, outcome: RecordUpdate) -> Result<(), StoreError> {
        let there = self.stay_there();
        let synced = self.wav.as_mut().map_or(Ok(()), Wav::sync);
        self.record.take(outcome);
        self.write_record()?;
        there?;
        self.unless_failed(mark!("writing the recording"), synced)
    }

    /// Deletes the dictation's files.
    pub(super) fn discard(&mut self) -> Result<(), StoreError> {
        self.wav = None;
        let (sound, record) = (Some(self.path.clone()), Some(record_path(&self.path)));
        let directory = self.path.parent().unwrap_or(Path::new("."));
        directory::delete_all(directory, &[Doomed { sound, record }])
    }

    /// Returns the recording, if there is no text yet and another attempt may produce one.
    pub(super) fn again(&self) -> Option<Unfinished> {
        let samples = samples_in(&self.path);
        let is_wanted = self.record.wants_attempt() && samples > 0;
        is_wanted.then(|| Unfinished::new(self.path.clone(), &self.record, samples))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the record.
    pub(super) fn write_record(&self) -> Result<(), StoreError> {
        self.record.write(&record_path(&self.path))
    }

    fn unless_failed(
        &mut self,
        doing: &'static str,
        result: std::io::Result<()>,
    ) -> Result<(), StoreError> {
        if result.is_err() {
            self.wav = None;
        }
        result.map_err(StoreError::file(doing, &self.path))
    }
}
