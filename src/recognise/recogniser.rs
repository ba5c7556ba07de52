//! The supervisor: which job is in which child's hands.

use super::audio::{Audio, Recorded};
use super::candidates::Lineup;
use super::child::Child;
use super::job::Job;
use super::{EngineReport, EngineSpec, RecogniseEvent, Urgency};
use crate::session::{Code, EngineState, Failure, JobId};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use v2m_ipc::engine::{DecodeOptions, ToEngine};

/// When to try again where no engine could be loaded: memory may be free by then.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(60);
/// An engine that has nothing to do and dies within this time of its start counts as one that died
/// while loading, lest it be started over and over.
pub(super) const SETTLED_AFTER: Duration = Duration::from_secs(60);
/// Loading may take this long. The largest models are 3 GB; the slowest disks read 30 MB a second.
pub const LOAD_LIMIT: Duration = Duration::from_secs(240);

/// The recogniser as the daemon sees it. Everything happens inside [`Recogniser::next`], which the
/// event loop polls among its other sources; the other methods only note what is wanted.
#[derive(Debug)]
pub struct Recogniser {
    /// What to run, or why there is nothing to run.
    pub(super) spec: Result<EngineSpec, Failure>,
    /// Its engines; `None` where there is nothing to run.
    pub(super) lineup: Option<Lineup>,
    pub(super) child: Option<Child>,
    /// A child that has to go, and why. No other one is started before it has gone.
    pub(super) parting: Option<(Child, Parting)>,
    pub(super) report: EngineReport,
    /// Not started anew before this moment.
    pub(super) retry_at: Option<Instant>,
    pub(super) jobs: Vec<Job>,
    last_wire: u32,
    pub(super) events: VecDeque<RecogniseEvent>,
    /// Since when a loaded engine has nothing to do.
    pub(super) idle_since: Option<Instant>,
    /// Since when the machine is about to sleep, or sleeps.
    pub(super) asleep: Option<Instant>,
    /// What was let go is to be loaded again as soon as that can be.
    pub(super) load_wanted: bool,
    /// A better engine may work again.
    pub(super) swap_wanted: bool,
    /// When those that failed right after a sleep are tried again.
    pub(super) second_look: Option<Instant>,
}

/// Why a child goes.
#[derive(Debug)]
pub(super) enum Parting {
    /// It failed; said before how it ended.
    Failed(String),
    /// It is not needed for now.
    Unload,
    /// For another one.
    Swap,
}

impl Recogniser {
    /// Starts an engine, or notes why there is none.
    pub fn new(spec: Result<EngineSpec, Failure>) -> Self {
        let mut recogniser = Self {
            spec: Err(Failure::new(Code::Internal, "The recogniser has not been started.")),
            lineup: None,
            child: None,
            parting: None,
            report: EngineReport::new(EngineState::Loading),
            retry_at: None,
            jobs: Vec::new(),
            last_wire: 0,
            events: VecDeque::new(),
            idle_since: None,
            asleep: None,
            load_wanted: false,
            swap_wanted: false,
            second_look: None,
        };
        recogniser.set_spec(spec);
        recogniser
    }

    /// Another engine or model, or the same one tried anew. Jobs under way start over with it.
    pub fn set_spec(&mut self, spec: Result<EngineSpec, Failure>) {
        let same = spec == self.spec;
        let usable = match self.report.state {
            EngineState::Loading | EngineState::Warm => self.child.is_some(),
            EngineState::Unloaded => true,
            EngineState::Absent | EngineState::Failed => false,
        };
        // Still nothing to load: that has been said.
        if same && (usable || spec.is_err()) {
            return;
        }
        self.lineup = spec.as_ref().ok().and_then(|spec| Lineup::new(&spec.candidates));
        self.spec = spec;
        self.retry_at = None;
        (self.load_wanted, self.swap_wanted, self.second_look) = (false, false, None);
        // Dropping a child kills it; its jobs have not failed by their own fault.
        self.child = None;
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

    /// The engine's state and what is known of it.
    pub fn report(&self) -> &EngineReport {
        &self.report
    }

    /// The engine in use, or the next to be: `cuda`, `vulkan`, `cpu-v4` or `cpu`.
    pub fn engine_name(&self) -> Option<&'static str> {
        self.lineup.as_ref().map(|lineup| lineup.current().backend.name())
    }

    /// The engine's process, for tests and the journal.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::pid)
    }

    /// A recording starts; audio follows.
    pub fn begin(&mut self, job: JobId, options: DecodeOptions, urgency: Urgency) {
        self.jobs.push(Job::new(job, options, urgency, Audio::Heard(Vec::new())));
    }

    /// Takes a whole recording from disk.
    pub fn transcribe(
        &mut self,
        job: JobId,
        options: DecodeOptions,
        urgency: Urgency,
        recorded: Recorded,
    ) {
        self.jobs.push(Job::new(job, options, urgency, Audio::Recorded(recorded)));
    }

    /// Audio of a recording, 16 kHz mono, in order.
    pub fn feed(&mut self, job: JobId, samples: &[i16]) {
        if let Some(job) = self.job(job) {
            job.feed(samples);
        }
    }

    /// No more audio comes; the text is wanted.
    pub fn finish(&mut self, job: JobId) {
        // From here on the engine is expected to get on.
        if let Some(child) = &mut self.child {
            child.progress = Instant::now();
        }
        match self.job(job) {
            Some(job) => job.finished = true,
            None => self.events.push_back(RecogniseEvent::Failed {
                job,
                failure: Failure::new(Code::Internal, "Transcribing: this recording is not known."),
                audio: Vec::new(),
            }),
        }
    }

    /// Nobody wants this job any more.
    pub fn cancel(&mut self, job: JobId) {
        let Some(index) = self.jobs.iter().position(|j| j.id == job) else { return };
        let job = self.jobs.remove(index);
        if let (Some(wire), Some(child)) = (job.wire, &mut self.child) {
            child.queue(&ToEngine::Cancel { job: wire });
        }
    }

    /// The next thing it has to say. Cancel-safe; without work or trouble it sleeps without a timer.
    pub async fn next(&mut self) -> RecogniseEvent {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            if let Some((child, _)) = &mut self.parting {
                let ending = child.end().await;
                match self.parting.take() {
                    Some((child, Parting::Failed(before))) => {
                        self.died(child.started, &before, ending);
                    }
                    Some((_, Parting::Unload)) => self.set_state(EngineState::Unloaded, None),
                    Some((_, Parting::Swap)) => self.start(),
                    None => {}
                }
                continue;
            }
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
            match &mut self.child {
                None => {
                    late.await;
                    self.retry();
                }
                Some(child) => {
                    tokio::select! {
                        turned = child.turn() => {
                            let lost = turned.err();
                            self.take_frames();
                            if let Some(error) = lost {
                                self.condemn(match error.kind() {
                                    std::io::ErrorKind::UnexpectedEof => String::new(),
                                    _ => format!("broke the protocol ({error}), "),
                                });
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

    pub(super) fn set_state(&mut self, state: EngineState, problem: Option<Failure>) {
        let report = EngineReport {
            problem,
            model: self.spec.as_ref().ok().map(|spec| spec.model_name.clone()),
            passed_over: self.lineup.as_ref().map(Lineup::passed_over).unwrap_or_default(),
            ..EngineReport::new(state)
        };
        let old = std::mem::replace(&mut self.report, report);
        if self.report != old || state == EngineState::Loading {
            self.events.push_back(RecogniseEvent::Engine(self.report.clone()));
        }
    }

    /// Starts the engine whose turn it is.
    pub(super) fn start(&mut self) {
        self.load_wanted = false;
        self.retry_at = None;
        let (Ok(spec), Some(lineup)) = (&self.spec, &self.lineup) else {
            let text = "Starting the recogniser: none is installed. Install v2m again.";
            let failure = Failure::new(Code::EngineFailed, text)
                .in_brief("The recogniser is missing", "Install v2m again: make install")
                .lasting();
            return self.set_state(EngineState::Failed, Some(failure));
        };
        if self.asleep.is_some() && lineup.current().backend.is_gpu() {
            self.load_wanted = true;
            return self.set_state(EngineState::Unloaded, None);
        }
        match Child::spawn(lineup.current(), spec) {
            Ok(mut child) => {
                child.rouse();
                self.child = Some(child);
                self.set_state(EngineState::Loading, None);
            }
            Err(error) => self.not_started(&error),
        }
    }

    /// Nothing runs, and it is time to see whether something can.
    fn retry(&mut self) {
        if self.awake_at().is_some_and(|at| Instant::now() >= at) {
            return self.resumed();
        }
        let looked = self.second_look.take_if(|at| *at <= Instant::now()).is_some();
        if looked && !self.engine_is_to_blame() {
            return;
        }
        self.start();
    }

    /// Brings what the child does in line with what is wanted.
    fn arrange(&mut self) {
        self.tell_failed();
        let Some(child) = &mut self.child else { return };
        if self.report.state != EngineState::Warm || !child.flushed() {
            return;
        }
        let hopeful = (0..self.jobs.len()).filter(|&i| self.jobs[i].failure.is_none());
        let Some(next) = hopeful.min_by_key(|&i| self.jobs[i].urgency) else { return };
        for (index, job) in self.jobs.iter_mut().enumerate() {
            if index != next
                && let Some(wire) = job.wire
            {
                child.queue(&ToEngine::Cancel { job: wire });
                job.rewind();
            }
        }
        let job = &mut self.jobs[next];
        let wire = match job.wire {
            Some(wire) => wire,
            None => {
                self.last_wire = self.last_wire.wrapping_add(1);
                child.rouse();
                child.queue(&job.begin(self.last_wire));
                self.last_wire
            }
        };
        match job.next_pcm() {
            Ok(samples) if !samples.is_empty() => return child.queue_pcm(wire, &samples),
            Ok(_) => {}
            Err(error) => {
                child.queue(&ToEngine::Cancel { job: wire });
                job.unreadable(&error);
                return self.tell_failed();
            }
        }
        if job.to_be_finished() {
            job.finish_sent = true;
            child.progress = Instant::now();
            child.queue(&ToEngine::Finish { job: wire });
        }
    }

    fn busy(&self) -> bool {
        self.report.state == EngineState::Loading || self.jobs.iter().any(|j| j.wire.is_some())
    }

    fn hang_deadline(&self, child: &Child) -> Option<Instant> {
        if self.report.state == EngineState::Loading {
            return Some(child.progress + LOAD_LIMIT);
        }
        let hang = self.spec.as_ref().ok()?.hang;
        // While somebody still speaks, an engine may well have nothing to say.
        let at_work = |job: &Job| job.finished && job.wire.is_some();
        self.jobs.iter().any(at_work).then(|| child.progress + hang)
    }

    /// When to look again though nothing has happened; `None` when all is quiet.
    fn deadline(&self) -> Option<Instant> {
        match &self.child {
            None => {
                let deadlines = [self.retry_at, self.awake_at(), self.second_look];
                deadlines.into_iter().flatten().min()
            }
            Some(child) if self.busy() => {
                let ping = child.ping_deadline();
                Some(self.hang_deadline(child).map_or(ping, |hang| ping.min(hang)))
            }
            Some(_) => self.idle_deadline(),
        }
    }

    fn overdue(&mut self) {
        if !self.busy() {
            return self.idled();
        }
        let hung = match &self.child {
            Some(child) => self.hang_deadline(child).is_some_and(|at| Instant::now() >= at),
            None => false,
        };
        let answers = self.child.as_mut().is_none_or(Child::ping);
        if hung || !answers {
            self.condemn("gave no sign of life and was ended, ".to_owned());
        }
    }
}
