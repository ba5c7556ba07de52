//! Background work: files to transcribe, and recordings without a text. In the recogniser, a
//! dictation takes precedence over it.
//!
//! | file | what it is for |
//! |---|---|
//! | `mod` | the recogniser's background jobs and their purposes |
//! | `files` | TRANSCRIBE_FILE: queues, decodes and transcribes files |
//! | `second` | a second try at a file, with another model |
//! | `recovery` | recordings without a text, and recordings to transcribe again |
//! | `attempt` | when to retry such a recording, and with which engine and model |
//! | `retry` | RETRY_RECORDING |

mod attempt;
mod files;
mod recovery;
mod retry;
mod second;

use super::Daemon;
use super::refine::RefinedRecognition;
use crate::recognise::Recorded;
use crate::session::{Failure, JobId, Transcript};
pub(super) use attempt::Attempt;
use files::{DecodedFile, FileQueue, FileRequest};
use recovery::Recovery;
pub(super) use retry::Wanted;
use std::path::PathBuf;
use tracing::info;

/// First number of background jobs. Dictations count from 1, so the two never collide.
const FIRST_JOB: u32 = 1 << 31;

#[derive(Debug)]
pub(super) struct Background {
    files: FileQueue,
    recovery: Recovery,
    jobs: Vec<(JobId, JobPurpose)>,
    numbered: u32,
}

/// What to do with a job's text.
#[derive(Debug)]
enum JobPurpose {
    File(FileRequest, DecodedFile),
    /// With its length in samples at 16 kHz.
    Recovery {
        samples: u64,
        attempt: Box<Attempt>,
    },
}

impl Background {
    /// Keeps decoded files in the directory `scratch`.
    pub(super) fn new(scratch: PathBuf) -> Self {
        Self {
            files: FileQueue::new(scratch),
            recovery: Recovery::default(),
            jobs: Vec::new(),
            numbered: 0,
        }
    }

    pub(super) fn owns(&self, job: JobId) -> bool {
        self.jobs.iter().any(|(own, _)| *own == job)
    }

    /// Whether this job is a recording from the store.
    pub(super) fn recovers(&self, job: JobId) -> bool {
        let is_one = |purpose: &JobPurpose| matches!(purpose, JobPurpose::Recovery { .. });
        self.jobs.iter().any(|(own, purpose)| *own == job && is_one(purpose))
    }

    pub(super) fn refuse_all(&mut self, failure: &Failure) {
        // Recordings stay in the store for the next start.
        for (_, purpose) in self.jobs.drain(..) {
            match purpose {
                JobPurpose::File(file, _) => file.refuse(failure),
                JobPurpose::Recovery { attempt, .. } => attempt.refuse(failure),
            }
        }
        self.files.refuse_all(failure);
        self.recovery.refuse_all(failure);
    }

    /// Whether there is neither a file to transcribe nor a recording to recover.
    pub(super) fn is_idle(&self) -> bool {
        self.files.is_idle() && self.jobs.is_empty() && !self.recovery.is_asked()
    }

    fn is_transcribing(&self) -> bool {
        self.jobs.iter().any(|(_, purpose)| matches!(purpose, JobPurpose::File(..)))
    }

    fn add(&mut self, purpose: JobPurpose) -> JobId {
        let job = self.number();
        self.jobs.push((job, purpose));
        job
    }

    fn number(&mut self) -> JobId {
        let job = JobId(FIRST_JOB + self.numbered);
        self.numbered = (self.numbered + 1) % FIRST_JOB;
        job
    }

    fn remove(&mut self, job: JobId) -> Option<JobPurpose> {
        let index = self.jobs.iter().position(|(own, _)| *own == job)?;
        Some(self.jobs.remove(index).1)
    }
}

impl Daemon {
    /// Starts the background work that is possible now.
    pub(super) fn background_step(&mut self) {
        for job in self.background.drop_abandoned() {
            info!(job = job.0, "a file is not transcribed further: its client has left");
            self.engine.cancel(job);
            if self.engine.aside_job() == Some(job) {
                self.engine.end_aside();
            }
        }
        self.background.read_next_file(&mut self.chores);
        self.recover_next();
    }

    fn background_begin(&mut self, purpose: JobPurpose, recorded: Recorded) -> JobId {
        let job = self.background.add(purpose);
        self.engine.transcribe(job, self.config.settings(), recorded);
        job
    }

    pub(super) fn background_done(
        &mut self,
        job: JobId,
        result: Result<RefinedRecognition, Failure>,
    ) {
        match self.background.remove(job) {
            Some(JobPurpose::File(file, read)) => self.file_done(job, file, read, result),
            Some(JobPurpose::Recovery { samples, attempt }) => {
                self.recovered(job, result, samples, *attempt);
            }
            None => {}
        }
    }
}

fn transcript(refined: RefinedRecognition, samples: u64, audio: Option<PathBuf>) -> Transcript {
    let RefinedRecognition { recognition, text, unrefined } = refined;
    Transcript {
        text,
        unrefined,
        language: recognition.language,
        samples,
        segments: recognition.segments,
        audio_path: audio,
        preset: None,
        deliveries: Vec::new(),
        gaps: Vec::new(),
        problems: Vec::new(),
    }
}
