//! Background work: files to transcribe, and recordings that an earlier run left. The recogniser
//! puts a dictation before them.
//!
//! | file | what it is for |
//! |---|---|
//! | `mod` | the jobs that the recogniser has, and what each of them is for |
//! | `files` | TRANSCRIBE_FILE: files that wait, are read, and are transcribed |
//! | `recovery` | recordings of an earlier run |

mod files;
mod recovery;

use super::Daemon;
use super::refine::Refined;
use crate::recognise::Recorded;
use crate::session::{Failure, JobId, Transcript};
use files::{File, Files, Read};
use recovery::Recovery;
use std::path::PathBuf;
use tracing::info;

/// Numbers of background jobs start here, those of dictations at 1: they never meet.
const FIRST_JOB: u32 = 1 << 31;

#[derive(Debug)]
pub(super) struct Background {
    files: Files,
    recovery: Recovery,
    jobs: Vec<(JobId, Purpose)>,
    numbered: u32,
}

/// What a job is for.
#[derive(Debug)]
enum Purpose {
    File(File, Read),
    /// With its length in samples at 16 kHz.
    Recovery {
        samples: u64,
        cut_off: bool,
    },
}

impl Background {
    /// Decoded files will be kept in the directory `scratch`.
    pub(super) fn new(scratch: PathBuf) -> Self {
        Self {
            files: Files::new(scratch),
            recovery: Recovery::default(),
            jobs: Vec::new(),
            numbered: 0,
        }
    }

    pub(super) fn owns(&self, job: JobId) -> bool {
        self.jobs.iter().any(|(own, _)| *own == job)
    }

    /// Whether this job is a recording of an earlier run.
    pub(super) fn recovers(&self, job: JobId) -> bool {
        let is_one = |purpose: &Purpose| matches!(purpose, Purpose::Recovery { .. });
        self.jobs.iter().any(|(own, purpose)| *own == job && is_one(purpose))
    }

    pub(super) fn refuse_all(&mut self, failure: &Failure) {
        // What is to be recovered stays in the store for the next start.
        let at_work = self.jobs.drain(..).filter_map(|(_, purpose)| match purpose {
            Purpose::File(file, _) => Some(file),
            Purpose::Recovery { .. } => None,
        });
        at_work.for_each(|file| file.refuse(failure));
        self.files.refuse_all(failure);
    }

    /// Whether there is no file to transcribe and no recording to recover.
    pub(super) fn is_idle(&self) -> bool {
        self.files.is_idle() && self.jobs.is_empty()
    }

    fn is_transcribing(&self) -> bool {
        self.jobs.iter().any(|(_, purpose)| matches!(purpose, Purpose::File(..)))
    }

    fn add(&mut self, purpose: Purpose) -> JobId {
        let job = self.number();
        self.jobs.push((job, purpose));
        job
    }

    fn number(&mut self) -> JobId {
        let job = JobId(FIRST_JOB + self.numbered);
        self.numbered = (self.numbered + 1) % FIRST_JOB;
        job
    }

    fn remove(&mut self, job: JobId) -> Option<Purpose> {
        let index = self.jobs.iter().position(|(own, _)| *own == job)?;
        Some(self.jobs.remove(index).1)
    }
}

impl Daemon {
    /// Starts what can be started now.
    pub(super) fn background_step(&mut self) {
        for job in self.background.drop_abandoned() {
            info!(job = job.0, "a file is not transcribed further: its client has left");
            self.engine.cancel(job);
        }
        self.background.read_next_file(&mut self.chores);
        self.recover_next();
    }

    fn background_begin(&mut self, purpose: Purpose, recorded: Recorded) -> JobId {
        let job = self.background.add(purpose);
        self.engine.transcribe(job, self.config.settings(), recorded);
        job
    }

    pub(super) fn background_done(&mut self, job: JobId, result: Result<Refined, Failure>) {
        match self.background.remove(job) {
            Some(Purpose::File(file, read)) => self.file_done(job, file, read, result),
            Some(Purpose::Recovery { samples, cut_off }) => {
                self.recovered(job, result, samples, cut_off);
            }
            None => {}
        }
    }
}

fn transcript(refined: Refined, samples: u64, audio: Option<PathBuf>) -> Transcript {
    let Refined { recognition, text, unrefined } = refined;
    Transcript {
        text,
        unrefined,
        language: recognition.language,
        samples,
        segments: recognition.segments,
        audio_path: audio,
        deliveries: Vec::new(),
        gaps: Vec::new(),
        problems: Vec::new(),
    }
}
