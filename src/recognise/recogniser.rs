//! The supervisor: which job is in which child's hands, and what happens when a child fails.

use super::audio::{Audio, Recorded};
use super::child::Child;
use super::job::Job;
use super::{EngineReport, EngineSpec, RecogniseEvent, Recognition, Urgency};
use crate::session::{Code, EngineState, Failure, JobId, Segment};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use v2m_ipc::engine::{self, DecodeOptions, FromEngine, LoadFailure, ToEngine};

/// An engine that dies this often while loading does not get better by trying at once.
const LOAD_ATTEMPTS: u32 = 2;
/// When to try again after that: memory may be free by then.
const RETRY_AFTER: Duration = Duration::from_secs(60);
/// An engine that has nothing to do and dies within this time of its start counts as one that died
/// while loading, lest it be started over and over.
const SETTLED_AFTER: Duration = Duration::from_secs(60);
/// Loading may take this long. The largest models are 3 GB; the slowest disks read 30 MB a second.
pub const LOAD_LIMIT: Duration = Duration::from_secs(240);

/// The recogniser as the daemon sees it. Everything happens inside [`Recogniser::next`], which the
/// event loop polls among its other sources; the other methods only note what is wanted.
#[derive(Debug)]
pub struct Recogniser {
    /// What to run, or why there is nothing to run.
    spec: Result<EngineSpec, Failure>,
    child: Option<Child>,
    /// A child that has to go, and why.
    dying: Option<(Child, String)>,
    report: EngineReport,
    /// Not started anew before this moment.
    retry_at: Option<Instant>,
    load_crashes: u32,
    jobs: Vec<Job>,
    last_wire: u32,
    events: VecDeque<RecogniseEvent>,
}

impl Recogniser {
    /// Starts an engine, or notes why there is none.
    pub fn new(spec: Result<EngineSpec, Failure>) -> Self {
        let report = EngineReport {
            state: EngineState::Loading,
            problem: None,
            model: None,
            bytes: None,
            backend: None,
            device: None,
            loaded_in_ms: None,
        };
        let mut recogniser = Self {
            spec: Err(Failure::new(Code::Internal, "The recogniser has not been started.")),
            child: None,
            dying: None,
            report,
            retry_at: None,
            load_crashes: 0,
            jobs: Vec::new(),
            last_wire: 0,
            events: VecDeque::new(),
        };
        recogniser.set_spec(spec);
        recogniser
    }

    /// Another engine or model, or the same one tried anew. Jobs under way start over with it.
    pub fn set_spec(&mut self, spec: Result<EngineSpec, Failure>) {
        let same = spec == self.spec;
        let usable = matches!(self.report.state, EngineState::Loading | EngineState::Warm);
        if same && usable && self.child.is_some() {
            return;
        }
        if same && spec.is_err() {
            return; // still nothing to load, and that has been said
        }
        self.spec = spec;
        self.load_crashes = 0;
        self.retry_at = None;
        // Dropping a child kills it; its jobs have not failed by their own fault.
        self.child = None;
        self.dying = None;
        self.jobs.iter_mut().for_each(Job::renew);
        match self.spec.clone() {
            Ok(spec) => self.spawn(&spec),
            Err(problem) => self.set_state(EngineState::Absent, Some(problem)),
        }
    }

    /// The engine's state and what is known of it.
    pub fn report(&self) -> &EngineReport {
        &self.report
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
            if let Some((child, _)) = &mut self.dying {
                let ending = child.end().await;
                if let Some((child, reason)) = self.dying.take() {
                    self.died(child.started, format!("{reason}{ending}"));
                }
                continue;
            }
            self.arrange();
            if !self.events.is_empty() {
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

    fn set_state(&mut self, state: EngineState, problem: Option<Failure>) {
        let model = self.spec.as_ref().ok().map(|spec| spec.model_name.clone());
        let old = std::mem::replace(
            &mut self.report,
            EngineReport {
                state,
                problem,
                model,
                bytes: None,
                backend: None,
                device: None,
                loaded_in_ms: None,
            },
        );
        if self.report != old || state == EngineState::Loading {
            self.events.push_back(RecogniseEvent::Engine(self.report.clone()));
        }
    }

    fn spawn(&mut self, spec: &EngineSpec) {
        match Child::spawn(spec) {
            Ok(mut child) => {
                child.rouse();
                self.child = Some(child);
                self.set_state(EngineState::Loading, None);
            }
            Err(error) => {
                let text = format!(
                    "Starting the recogniser {}: {error}. Is v2m installed completely? Try \
                     `v2m doctor`.",
                    spec.program.display()
                );
                self.retry_at = Some(Instant::now() + RETRY_AFTER);
                self.set_state(EngineState::Failed, Some(Failure::new(Code::EngineFailed, text)));
            }
        }
    }

    fn retry(&mut self) {
        if self.child.is_none()
            && let Ok(spec) = self.spec.clone()
        {
            self.retry_at = None;
            self.spawn(&spec);
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

    /// Those that no engine will take are told so once their audio is complete: until then there may
    /// be another engine, and their words are handed back whole.
    fn tell_failed(&mut self) {
        let no_engine = self.report.problem.clone().filter(|_| self.child.is_none());
        let hopeless =
            |job: &mut Job| job.finished && (job.failure.is_some() || no_engine.is_some());
        for job in self.jobs.extract_if(.., hopeless) {
            if let Some(failure) = job.failure.clone().or_else(|| no_engine.clone()) {
                self.events.push_back(job.failed(failure));
            }
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
            None => self.retry_at,
            Some(child) if self.busy() => {
                let ping = child.ping_deadline();
                Some(self.hang_deadline(child).map_or(ping, |hang| ping.min(hang)))
            }
            Some(_) => None,
        }
    }

    fn overdue(&mut self) {
        let hung = match &self.child {
            Some(child) => self.hang_deadline(child).is_some_and(|at| Instant::now() >= at),
            None => false,
        };
        let answers = self.child.as_mut().is_none_or(Child::ping);
        if hung || !answers {
            self.condemn("gave no sign of life and was ended, ".to_owned());
        }
    }

    fn condemn(&mut self, reason: String) {
        if let Some(child) = self.child.take() {
            self.dying = Some((child, reason));
        }
    }

    /// A child is gone, by itself or by us.
    fn died(&mut self, started: Instant, reason: String) {
        let victim = self.jobs.iter_mut().find(|job| job.wire.is_some());
        let job = victim.as_ref().map(|job| job.id);
        if let Some(victim) = victim {
            victim.attempt_failed(|| {
                format!(
                    "Transcribing: the recogniser {reason}, twice on the same recording. The \
                     recording is kept and is tried again at the next start. Another model may \
                     help: `v2m-model list`."
                )
            });
        }
        self.events.push_back(RecogniseEvent::Replaced { job, reason: reason.clone() });
        let fresh = job.is_none() && started.elapsed() < SETTLED_AFTER;
        let useless = fresh || self.report.state == EngineState::Loading;
        let Ok(spec) = self.spec.clone() else { return };
        self.load_crashes = if useless { self.load_crashes + 1 } else { 0 };
        if self.load_crashes < LOAD_ATTEMPTS {
            return self.spawn(&spec);
        }
        self.load_crashes = 0;
        self.retry_at = Some(Instant::now() + RETRY_AFTER);
        let text = format!(
            "Loading the model {}: the recogniser {reason}, twice. Is there memory for this model? \
             A smaller one: `v2m-model list`. It is tried again every minute.",
            spec.model_name
        );
        self.set_state(EngineState::Failed, Some(Failure::new(Code::EngineFailed, text)));
    }

    fn take_frames(&mut self) {
        let frames = self.child.as_mut().map(|c| std::mem::take(&mut c.frames));
        for frame in frames.into_iter().flatten() {
            self.take_frame(frame);
        }
    }

    fn take_frame(&mut self, frame: FromEngine) {
        let Some(child) = &mut self.child else { return };
        match frame {
            FromEngine::Pong { .. } => return child.pong(),
            FromEngine::Loading { .. }
            | FromEngine::Loaded { .. }
            | FromEngine::LoadFailed { .. }
            | FromEngine::Segment { .. }
            | FromEngine::Progress { .. }
            | FromEngine::Final { .. }
            | FromEngine::Failed { .. } => child.progress = Instant::now(),
        }
        match frame {
            FromEngine::Loading { bytes } => {
                self.report.bytes = Some(bytes);
                self.events.push_back(RecogniseEvent::Engine(self.report.clone()));
            }
            FromEngine::Loaded { backend, device, loaded_in_ms, multilingual: _ } => {
                self.report.state = EngineState::Warm;
                self.report.backend = Some(backend);
                self.report.device = Some(device);
                self.report.loaded_in_ms = Some(loaded_in_ms);
                self.events.push_back(RecogniseEvent::Engine(self.report.clone()));
            }
            FromEngine::LoadFailed { failure, reason } => self.load_failed(failure, &reason),
            FromEngine::Segment { job, segment, is_final } => {
                let update =
                    self.by_wire(job).map(|i| self.jobs[i].update(from_wire(segment), is_final));
                self.events.extend(update);
            }
            FromEngine::Final { job, text, language, segments, stats } => {
                // A text that nobody asked for yet is not the whole one.
                if let Some(index) = self.by_wire(job).filter(|&i| self.jobs[i].finish_sent) {
                    self.load_crashes = 0;
                    let segments = segments.into_iter().map(from_wire).collect();
                    let recognition = Recognition { text, language, segments, stats, attempts: 0 };
                    let event = self.jobs.remove(index).done(recognition);
                    self.events.push_back(event);
                }
            }
            FromEngine::Failed { job, reason } => {
                if let Some(index) = self.by_wire(job) {
                    let message = || format!("Transcribing: {reason}. The recording is kept.");
                    self.jobs[index].attempt_failed(message);
                }
            }
            FromEngine::Progress { job, settled } => {
                if let Some(index) = self.by_wire(job) {
                    self.jobs[index].settled(settled);
                }
            }
            FromEngine::Pong { .. } => {}
        }
    }

    /// The engine has said that this model is of no use: it is not tried again before it changes.
    fn load_failed(&mut self, failure: LoadFailure, reason: &str) {
        let model = self.spec.as_ref().map_or("?", |spec| &spec.model_name);
        let (code, advice) = match failure {
            LoadFailure::Missing => {
                (Code::ModelMissing, format!("Fetch it: v2m-model pull {model}"))
            }
            LoadFailure::Broken => (
                Code::ModelMissing,
                format!("Fetch it again: v2m-model rm --force {model} && v2m-model pull {model}"),
            ),
            LoadFailure::Unsupported => (Code::EngineFailed, "Try `v2m doctor`.".to_owned()),
        };
        let text = format!("{} {advice}", reason.trim_end());
        self.child = None;
        self.jobs.iter_mut().for_each(Job::rewind);
        // No timer: the model's folder is watched, and a new specification starts a new child.
        self.set_state(EngineState::Failed, Some(Failure::new(code, text)));
        self.retry_at = None;
    }

    fn by_wire(&self, wire: u32) -> Option<usize> {
        self.jobs.iter().position(|job| job.wire == Some(wire))
    }
}

fn from_wire(segment: engine::Segment) -> Segment {
    Segment { start: segment.start, end: segment.end, text: segment.text }
}
