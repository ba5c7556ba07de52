//! Jobs that wait until their language is known. Their audio is collected meanwhile, so that
//! nothing is lost however long that takes.

use super::audio::SoFar;
use super::job::Job;
use super::recogniser::Recogniser;
use crate::session::{Failure, JobId};
use v2m_ipc::engine::DecodeOptions;

/// A job whose language the engine is to find out.
#[derive(Debug)]
pub struct Untold {
    /// Which job.
    pub job: JobId,
    /// How it is transcribed.
    pub options: DecodeOptions,
    /// What there is of it.
    pub audio: SoFar,
    /// Whether that is all.
    pub is_whole: bool,
}

impl Recogniser {
    /// Withholds a job from the engines until [`Self::release`]. Only for a job that has just
    /// begun.
    pub fn hold(&mut self, job: JobId) {
        if let Some(job) = self.jobs.iter_mut().find(|it| it.id == job) {
            job.held = true;
        }
    }

    /// Returns the jobs that wait for an engine which must detect their language, with their audio so
    /// far. The engine that takes over may not be able to detect it.
    pub fn untold(&self) -> Vec<Untold> {
        let is_free = |job: &Job| !job.held && job.wire.is_none() && job.failure.is_none();
        let is_untold = |job: &&Job| job.options.language.is_none() && is_free(job);
        self.jobs.iter().filter(is_untold).map(Job::untold).collect()
    }

    /// Releases a held job to the engine, in that language.
    pub fn release(&mut self, job: JobId, language: &str) {
        if let Some(job) = self.held(job) {
            job.speaks(language);
        }
    }

    /// Moves a held job with all its audio to another recogniser. Returns whether there was such a
    /// job.
    pub fn hand_over(&mut self, job: JobId, to: &mut Self, language: &str) -> bool {
        let held = self.jobs.iter().position(|it| it.id == job && it.held);
        let Some(index) = held else { return false };
        let mut job = self.jobs.remove(index);
        job.speaks(language);
        to.jobs.push(job);
        true
    }

    /// Gives up a held job: it fails with `failure` as soon as its audio is complete.
    pub fn give_up_held(&mut self, job: JobId, failure: Failure) {
        if let Some(job) = self.held(job) {
            job.failure = Some(failure);
        }
    }

    /// Whether the job is held and its language is still unknown.
    pub fn is_open(&self, job: JobId) -> bool {
        self.jobs.iter().any(|it| it.id == job && it.held && it.failure.is_none())
    }

    /// Whether the job's audio is kept if there is no text, which is not so for a sound file.
    pub fn keeps(&self, job: JobId) -> bool {
        self.jobs.iter().find(|it| it.id == job).is_some_and(Job::is_kept)
    }

    /// Whether this recogniser has the job.
    pub fn has(&self, job: JobId) -> bool {
        self.jobs.iter().any(|it| it.id == job)
    }

    /// Returns why no engine will process the job, if so.
    pub fn hopeless(&self, job: JobId) -> Option<&Failure> {
        self.jobs.iter().find(|it| it.id == job)?.failure.as_ref()
    }

    /// Returns how many samples of the job the engine has not finished.
    pub fn unsettled(&self, job: JobId) -> u64 {
        self.jobs.iter().find(|it| it.id == job).map_or(0, Job::unsettled)
    }

    fn held(&mut self, job: JobId) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|it| it.id == job && it.held)
    }
}

impl Job {
    /// Ends the wait.
    fn speaks(&mut self, language: &str) {
        self.held = false;
        self.options.language = Some(language.to_owned());
        // These are only for detection.
        self.options.languages.clear();
    }
}
