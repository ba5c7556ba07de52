//! The handle of the recogniser: takes requests, and decides what happens next.

use super::audio::{Audio, Recorded};
use super::candidates::Lineup;
use super::engine::EngineProcess;
use super::job::Job;
use super::server::Outage;
use super::stamp::Stamp;
use super::{Author, EngineReport, EngineSpec, Priority, RecogniseEvent};
use crate::session::{Code, EngineState, Failure, JobId};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use v2m_ipc::engine::{DecodeOptions, ToEngine};
use v2m_messages::tr;

/// When to try again if no engine could be loaded, and when to check again whether a model's file
/// has changed.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(60);
/// Minimum time between two attempts caused by presses. A held key repeats 30 times a second.
pub(super) const PRESSED_AGAIN: Duration = Duration::from_secs(2);
/// Maximum wait between attempts: it doubles after each one that failed because memory was lacking
/// or an engine hung.
pub(super) const RETRY_AT_LAST: Duration = Duration::from_secs(64 * 60);
/// An engine without work that dies within this time of its start counts as one that died while
/// loading. Otherwise it would be started over and over.
pub(super) const SETTLED_AFTER: Duration = Duration::from_secs(60);
/// Time limit for loading. The largest models are 3 GB, and the slowest disks read 30 MB a second.
pub const LOAD_LIMIT: Duration = Duration::from_secs(240);

/// The recogniser as the daemon sees it. Everything happens inside [`Recogniser::next`], which the
/// event loop polls among its other sources. The other methods only note requests.
#[derive(Debug)]
pub struct Recogniser {
    /// What to run, or why nothing can run.
    pub(super) spec: Result<EngineSpec, Failure>,
    /// The engines. `None` if nothing can run.
    pub(super) lineup: Option<Lineup>,
    pub(super) engine: Option<EngineProcess>,
    /// An engine that is being ended, and why. No other engine starts before it is gone.
    pub(super) parting: Option<(EngineProcess, Parting)>,
    pub(super) report: EngineReport,
    /// No engine starts before this time.
    pub(super) retry_at: Option<Instant>,
    /// When a press last caused an attempt before `retry_at`.
    pub(super) pressed: Option<Instant>,
    /// How long the next attempt waits, after one that failed and may succeed later.
    pub(super) retry_after: Duration,
    /// The model file's stamp at the last start.
    pub(super) stamp: Option<Stamp>,
    /// The model file that the engine died of. The engine is not tried again while that file is
    /// unchanged.
    pub(super) fatal: Option<Option<Stamp>>,
    pub(super) jobs: Vec<Job>,
    /// Whether somebody dictates with another recogniser.
    pub(super) makes_way: bool,
    pub(super) last_wire: u32,
    pub(super) events: VecDeque<RecogniseEvent>,
    /// Since when a loaded engine has had no work.
    pub(super) idle_since: Option<Instant>,
    /// Since when the machine has been about to suspend, or suspended.
    pub(super) asleep: Option<Instant>,
    /// Whether to load an unloaded engine again as soon as possible.
    pub(super) load_wanted: bool,
    /// Whether a better engine may work again.
    pub(super) swap_wanted: bool,
    /// When to retry engines that failed right after resume.
    pub(super) second_look: Option<Instant>,
    /// State of a server that failed.
    pub(super) outage: Outage,
}

/// Why an engine is ended.
#[derive(Debug)]
pub(super) enum Parting {
    /// It failed: who is to blame, and the words that precede its ending in the message.
    Failed(Blame, String),
    /// It is not needed at the moment.
    Unload,
    /// Another engine replaces it.
    Swap,
}

/// Why a failed engine was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// It ended by itself, or sent something that is not a message.
    Engine,
    /// It was silent for too long.
    Hang,
}

impl Recogniser {
    /// Starts an engine, or notes why there is none.
    pub fn new(spec: Result<EngineSpec, Failure>) -> Self {
        let mut recogniser = Self {
            spec: Err(Failure::new(Code::Internal, tr!("The recogniser has not been started."))),
            lineup: None,
            engine: None,
            parting: None,
            report: EngineReport::new(EngineState::Loading),
            retry_at: None,
            pressed: None,
            retry_after: RETRY_AFTER,
            stamp: None,
            fatal: None,
            jobs: Vec::new(),
            makes_way: false,
            last_wire: 0,
            events: VecDeque::new(),
            idle_since: None,
            asleep: None,
            load_wanted: false,
            swap_wanted: false,
            second_look: None,
            outage: Outage::default(),
        };
        recogniser.set_spec(spec);
        recogniser
    }

    /// Selects another engine or model, or retries the same one. Current jobs start over with it.
    pub fn set_spec(&mut self, spec: Result<EngineSpec, Failure>) {
        let same = spec == self.spec;
        let usable = match self.report.state {
            EngineState::Loading | EngineState::Warm => self.engine.is_some(),
            EngineState::Unloaded => true,
            EngineState::Absent | EngineState::Failed => false,
        };
        // There is still nothing to load, and that has already been reported.
        if same && (usable || spec.is_err()) {
            return;
        }
        self.spec = spec;
        self.begin_anew();
        self.outage = Outage::default();
        (self.load_wanted, self.swap_wanted, self.second_look) = (false, false, None);
        // Dropping an engine kills it. That is not a failure of its jobs.
        self.engine = None;
        self.parting = None;
        self.jobs.iter_mut().for_each(Job::renew);
        match &self.spec {
            Ok(_) => self.start(),
            Err(problem) => {
                let (missing, problem) = (problem.code == Code::ModelMissing, problem.clone());
                let state = if missing { EngineState::Absent } else { EngineState::Failed };
                self.set_state(state, Some(problem));
            }
        }
    }

    /// Returns the engine's state and details about it.
    pub fn report(&self) -> &EngineReport {
        &self.report
    }

    /// Returns the engine in use, or the next one: `cuda`, `vulkan`, `cpu-v4` or `cpu`.
    pub fn engine_name(&self) -> Option<&'static str> {
        self.lineup.as_ref().map(|lineup| lineup.current().backend.name())
    }

    /// Returns what writes the texts now.
    pub(super) fn author(&self) -> Author {
        Author {
            engine: self.engine_name().unwrap_or_default().into(),
            model: self.model_in_use().unwrap_or_default(),
        }
    }

    /// Returns the id of the engine's process, for tests and the journal.
    pub fn pid(&self) -> Option<u32> {
        self.engine.as_ref().and_then(EngineProcess::pid)
    }

    /// Begins a recording. Its audio follows.
    pub fn begin(&mut self, job: JobId, options: DecodeOptions, urgency: Priority) {
        self.look_for_server();
        self.jobs.push(Job::new(job, options, urgency, Audio::Heard(Vec::new())));
    }

    /// Transcribes a whole recording from disk.
    pub fn transcribe(
        &mut self,
        job: JobId,
        options: DecodeOptions,
        urgency: Priority,
        recorded: Recorded,
    ) {
        self.look_for_server();
        self.jobs.push(Job::new(job, options, urgency, Audio::Recorded(recorded)));
    }

    /// Pauses jobs that nobody waits for while somebody dictates with another recogniser, or
    /// resumes them.
    pub fn make_way(&mut self, makes_way: bool) {
        self.makes_way = makes_way;
    }

    /// Whether somebody dictates, or waits for the text of a dictation. The job may be held.
    pub fn is_dictated_to(&self) -> bool {
        self.jobs.iter().any(|job| job.urgency == Priority::Live)
    }

    /// Adds audio of a recording, 16 kHz mono, in order.
    pub fn feed(&mut self, job: JobId, samples: &[i16]) {
        if let Some(job) = self.job(job) {
            job.feed(samples);
        }
    }

    /// Returns how many samples of a recording the engine has finished; 0 for an unknown recording.
    pub fn settled(&self, job: JobId) -> u64 {
        self.jobs.iter().find(|it| it.id == job).map_or(0, Job::finished_samples)
    }

    /// Marks a recording's audio as complete, and requests the text.
    pub fn finish(&mut self, job: JobId) {
        // From now on the engine must make progress.
        if let Some(engine) = &mut self.engine {
            engine.progressed();
        }
        match self.job(job) {
            Some(job) => job.finished = true,
            None => self.events.push_back(RecogniseEvent::Failed {
                job,
                failure: Failure::new(
                    Code::Internal,
                    tr!("Transcribing: this recording is not known."),
                ),
                audio: Vec::new(),
            }),
        }
    }

    /// Ends a job with its complete sentences before this sample: its text arrives as
    /// [`RecogniseEvent::Done`]. The rest of its audio, which is returned, belongs to `next` from
    /// now on. The engine continues with it and notices nothing.
    pub fn split(&mut self, id: JobId, next: JobId, until: u64) -> Option<Vec<i16>> {
        let index = self.jobs.iter().position(|job| job.id == id)?;
        let (rest, tail) = self.jobs[index].split_off(next, until)?;
        let job = std::mem::replace(&mut self.jobs[index], rest);
        // The silence continues in the next job.
        for event in &mut self.events {
            if let RecogniseEvent::Quiet { job, at } = event
                && *job == id
            {
                (*job, *at) = (next, at.saturating_sub(until));
            }
        }
        self.events.push_back(job.over(self.author()));
        Some(tail)
    }

    /// Whether [`Self::split`] would divide the job there. A report of a sentence may have been
    /// overtaken by a later one, or by the engine's end.
    pub fn can_split(&self, job: JobId, until: u64) -> bool {
        self.jobs.iter().any(|it| it.id == job && it.is_over_at(until))
    }

    /// Cancels a job: its text is not wanted.
    pub fn cancel(&mut self, job: JobId) {
        let Some(index) = self.jobs.iter().position(|j| j.id == job) else { return };
        let job = self.jobs.remove(index);
        if let (Some(wire), Some(engine)) = (job.wire, &mut self.engine) {
            engine.queue(&ToEngine::Cancel { job: wire });
        }
    }

    /// Returns the next event. Cancel-safe. Without work or trouble it sleeps without a timer.
    pub async fn next(&mut self) -> RecogniseEvent {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            if let Some((engine, _)) = &mut self.parting {
                let ending = engine.end().await;
                match self.parting.take() {
                    Some((engine, Parting::Failed(blame, before))) => {
                        self.died(&engine, blame, &before, ending);
                    }
                    Some((_, Parting::Unload)) => self.set_state(EngineState::Unloaded, None),
                    Some((_, Parting::Swap)) => self.start(),
                    None => {}
                }
                continue;
            }
            self.return_to_server();
            self.rouse();
            self.arrange();
            if !self.events.is_empty() || self.parting.is_some() {
                continue;
            }
            let deadline = self.deadline();
            let late = async {
                match deadline {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            match &mut self.engine {
                None => {
                    tokio::select! {
                        () = late => self.retry(),
                        () = self.outage.scouted() => {}
                    }
                }
                Some(engine) => {
                    tokio::select! {
                        () = self.outage.scouted() => {}
                        turned = engine.turn() => {
                            let lost = turned.err();
                            self.take_frames();
                            if let Some(error) = lost {
                                self.lost(&error);
                            }
                        }
                        () = late => self.overdue(),
                    }
                }
            }
        }
    }

    fn job(&mut self, id: JobId) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.id == id)
    }

    pub(super) fn model_name(&self) -> String {
        self.spec.as_ref().map_or_else(|_| "?".to_owned(), |spec| spec.model_name.clone())
    }
}
