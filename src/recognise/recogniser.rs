//! The supervisor: which job is in which child's hands.

use super::audio::{Audio, Recorded};
use super::candidates::Lineup;
use super::child::Child;
use super::job::Job;
use super::stamp::Stamp;
use super::{EngineReport, EngineSpec, RecogniseEvent, Urgency};
use crate::session::{Code, EngineState, Failure, JobId};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use v2m_ipc::engine::{DecodeOptions, ToEngine};

/// When to try again where no engine could be loaded, and when to look again whether a model's file has changed.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(60);
/// Where memory was lacking or an engine hung, each further attempt comes after twice the time, up to this.
pub(super) const RETRY_AT_LAST: Duration = Duration::from_secs(64 * 60);
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
    /// What the next attempt waits for, after one that failed and may succeed later.
    pub(super) retry_after: Duration,
    /// The model's file as it was at the last start.
    stamp: Option<Stamp>,
    /// The engine died of the model, and so it is not tried again while its file is that.
    pub(super) fatal: Option<Option<Stamp>>,
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
    /// It failed; whose fault that is, and what is said before how it ended.
    Failed(Blame, String),
    /// It is not needed for now.
    Unload,
    /// For another one.
    Swap,
}

/// Why a child is ended that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// It ended by itself, or nobody understands it.
    Engine,
    /// It was silent for too long.
    Hang,
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
            retry_after: RETRY_AFTER,
            stamp: None,
            fatal: None,
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
        self.spec = spec;
        self.begin_anew();
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

    /// Forgets what has failed so far.
    fn begin_anew(&mut self) {
        self.lineup = self.spec.as_ref().ok().and_then(|spec| Lineup::new(&spec.candidates));
        (self.retry_at, self.retry_after, self.fatal) = (None, RETRY_AFTER, None);
    }

    /// The model's file as it is now.
    fn model_stamp(&self) -> Option<Stamp> {
        Stamp::of(&self.spec.as_ref().ok()?.model)
    }

    /// Notes that the engine, started with the model's file as it was, died of it.
    pub(super) fn hold_model(&mut self) {
        self.fatal = Some(self.stamp);
        self.retry_at = Some(Instant::now() + RETRY_AFTER);
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
            child.progressed();
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
                    Some((child, Parting::Failed(blame, before))) => {
                        self.died(child.started, blame, &before, ending);
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
        self.stamp = Stamp::of(&spec.model);
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
        match self.fatal {
            Some(fatal) if fatal == self.model_stamp() => {
                self.retry_at = Some(Instant::now() + RETRY_AFTER);
            }
            Some(_) => {
                self.begin_anew();
                self.start();
            }
            None => self.start(),
        }
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
        for (_, job) in self.jobs.iter_mut().enumerate().filter(|(index, _)| *index != next) {
            if let Some(message) = job.step_back(child.pauses) {
                child.queue(&message);
            }
        }
        let job = &mut self.jobs[next];
        if let Some(wire) = job.go_on() {
            child.rouse();
            child.queue(&ToEngine::Resume { job: wire });
        }
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
            child.progressed();
            child.queue(&ToEngine::Finish { job: wire });
        }
    }

    fn busy(&self) -> bool {
        self.report.state == EngineState::Loading || self.jobs.iter().any(Job::is_at_work)
    }

    /// How long the engine may be without progress; `None` while it may well have nothing to say.
    fn most_silence(&self) -> Option<Duration> {
        if self.report.state == EngineState::Loading {
            return Some(LOAD_LIMIT);
        }
        // While somebody still speaks, an engine may be waiting for a pause.
        let at_work = |job: &Job| job.finished && job.is_at_work();
        self.jobs.iter().any(at_work).then_some(self.spec.as_ref().ok()?.hang)
    }

    /// When to look again though nothing has happened; `None` when all is quiet.
    fn deadline(&self) -> Option<Instant> {
        match &self.child {
            None => {
                let deadlines = [self.retry_at, self.awake_at(), self.second_look];
                deadlines.into_iter().flatten().min()
            }
            Some(child) if self.busy() => Some(child.next_look()),
            Some(_) => self.idle_deadline(),
        }
    }

    fn overdue(&mut self) {
        if !self.busy() {
            return self.idled();
        }
        // What it has said while this program did not come to listen is no silence.
        let heard = self.child.as_mut().map_or(Ok(()), Child::listen);
        self.take_frames();
        if let Err(error) = heard {
            return self.lost(&error);
        }
        let most = self.most_silence();
        let busy = self.busy();
        if let Some(hung) = self.child.as_mut().filter(|_| busy).and_then(|child| child.look(most))
        {
            self.condemn(Blame::Hang, format!("{hung}, "));
        }
    }

    /// The child has closed its end, or says what nobody understands.
    fn lost(&mut self, error: &std::io::Error) {
        self.condemn(
            Blame::Engine,
            match error.kind() {
                std::io::ErrorKind::UnexpectedEof => String::new(),
                _ => format!("broke the protocol ({error}), "),
            },
        );
    }
}
