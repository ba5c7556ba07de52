//! The main thread: frames in, frames out, one job at a time.
//!
//! It never decodes and never waits for the worker, so that `Ping` is answered and PCM is taken off
//! the socket whatever the worker does. A job that is cancelled or replaced while it is decoded is
//! abandoned: its task is told to abort, and whatever it still answers is recognised by number.

use crate::args::Args;
use crate::backend::Backend;
use crate::decode::DecodeError;
use crate::device::Device;
use crate::job::{self, Handed, Job, Pace};
use crate::model::{LoadError, whisper};
use crate::stream::{DecodeId, Effect};
use crate::vad::{Memory, Voice};
use crate::wire::Wire;
use crate::worker::{Answer, Event, Task, TaskId, Work, Worker};
use std::io;
use std::time::Duration;
use thiserror::Error;
use v2m_ipc::engine::{Frame, FromEngine, ToEngine};

/// Why the engine ended.
#[derive(Debug, Error)]
pub enum RunError {
    /// The socket failed, or the daemon sent what no daemon sends.
    #[error("talking to v2m: {0}")]
    Wire(#[from] io::Error),
    /// There is no usable model; the daemon has been told.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Nothing can be decoded any more; the daemon has been told.
    #[error("the device that computes has failed: {0}")]
    Device(String),
}

/// Serves until the daemon closes its end, and then leaves the process at once.
///
/// # Errors
/// When the socket breaks, a frame is not understood, or the model cannot be used.
pub fn serve(args: &Args, backend: Backend, device: Device) -> Result<(), RunError> {
    match converse(args, backend, device) {
        // It closed its end while something was being written to it: as clean an end as any.
        Err(RunError::Wire(error)) if error.kind() == io::ErrorKind::BrokenPipe => leave(),
        result => result,
    }
}

fn converse(args: &Args, backend: Backend, device: Device) -> Result<(), RunError> {
    let mut wire = Wire::stdin()?;
    let (worker, voice) = match begin(args, &device, &mut wire) {
        Ok(begun) => begun,
        Err(RunError::Load(error)) => return Err(refuse(&mut wire, error)),
        Err(error) => return Err(error),
    };
    let mut engine = Engine {
        wire,
        worker,
        voice,
        backend,
        device,
        job: None,
        loaded: false,
        busy: None,
        next: None,
        wanted: None,
        paused: Vec::new(),
        tasks: 0,
        pace: Pace::default(),
    };
    loop {
        let ready = engine.wire.wait(engine.worker.wake())?;
        if ready.other {
            engine.news()?;
        }
        if ready.frame {
            match engine.wire.receive()? {
                Some(frame) => engine.frame(frame)?,
                None => leave(),
            }
        }
    }
}

fn begin(args: &Args, device: &Device, wire: &mut Wire) -> Result<(Worker, Voice), RunError> {
    let bytes = whisper::check(&args.model)?;
    let voice = Voice::load(args.vad.as_deref())?;
    wire.send(&FromEngine::Loading { bytes })?;
    Ok((Worker::start(args, device)?, voice))
}

fn refuse(wire: &mut Wire, error: LoadError) -> RunError {
    let message = FromEngine::LoadFailed { failure: error.failure(), reason: error.to_string() };
    match wire.send(&message) {
        Ok(()) => error.into(),
        Err(broken) => broken.into(),
    }
}

/// Ends the process without running destructors: the worker may be inside whisper.cpp, which
/// cannot be interrupted for a second or so and would then use what exit handlers destroyed.
fn leave() -> ! {
    // SAFETY: `_exit` takes any status and does not return.
    unsafe { libc::_exit(0) }
}

struct Engine {
    wire: Wire,
    worker: Worker,
    voice: Voice,
    backend: Backend,
    device: Device,
    job: Option<Job>,
    loaded: bool,
    /// What the worker has. It may be of no use to anybody any more.
    busy: Option<TaskId>,
    /// What it gets as soon as it is free.
    next: Option<(DecodeId, Task)>,
    /// What the job under way waits for, in the worker's hands or not yet, if the job may be paused.
    wanted: Option<(DecodeId, Work)>,
    /// Jobs that others came between.
    paused: Vec<Paused>,
    tasks: u64,
    /// How fast it goes.
    pace: Pace,
}

/// A job to go on with later, with all that the engine knows of it.
struct Paused {
    job: Job,
    voice: Memory,
    wanted: Option<(DecodeId, Work)>,
}

impl Engine {
    fn frame(&mut self, frame: Frame<ToEngine>) -> Result<(), RunError> {
        match frame {
            Frame::Message(ToEngine::Ping { n }) => self.wire.send(&FromEngine::Pong { n })?,
            Frame::Message(ToEngine::Begin { job, options }) => {
                self.abandon();
                self.voice.reset();
                self.job = Some(Job::new(job, options, self.pace));
            }
            Frame::Message(ToEngine::Cancel { job }) => {
                self.paused.retain(|paused| paused.job.number != job);
                if self.job.as_ref().is_some_and(|j| j.number == job) {
                    self.abandon();
                }
            }
            Frame::Message(ToEngine::Pause { job }) => self.pause(job),
            Frame::Message(ToEngine::Resume { job }) => self.resume(job)?,
            Frame::Message(ToEngine::Finish { job }) => self.finish(job)?,
            // PCM of a job that was cancelled or finished may still be under way.
            Frame::Pcm { job, samples } => {
                if let Some((job, voice)) = self.recording(job) {
                    let effects = job.stream.hear(&samples, voice);
                    self.carry_out(effects)?;
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, number: u32) -> Result<(), RunError> {
        if let Some((job, voice)) = self.recording(number) {
            let effects = job.finish(voice);
            return self.carry_out(effects);
        }
        if self.job.as_ref().is_none_or(|job| job.number != number) {
            let reason = "no recording of that number was begun".into();
            self.wire.send(&FromEngine::Failed { job: number, reason })?;
        }
        Ok(())
    }

    fn recording(&mut self, number: u32) -> Option<(&mut Job, &mut Voice)> {
        let job = self.job.as_mut().filter(|job| job.number == number && job.finished.is_none())?;
        Some((job, &mut self.voice))
    }

    fn abandon(&mut self) {
        if self.job.take().is_some() {
            self.next = None;
            self.wanted = None;
            if let Some(task) = self.busy {
                self.worker.abort(task);
            }
        }
    }

    /// One that has just been answered is not there any more.
    fn pause(&mut self, number: u32) {
        let Some(mut job) = self.job.take_if(|job| job.number == number) else { return };
        job.taken_back();
        self.next = None;
        if let Some(task) = self.busy {
            self.worker.abort(task);
        }
        let (voice, wanted) = (self.voice.take(), self.wanted.take());
        self.paused.push(Paused { job, voice, wanted });
    }

    fn resume(&mut self, number: u32) -> Result<(), RunError> {
        let Some(index) = self.paused.iter().position(|paused| paused.job.number == number) else {
            let reason = "no recording of that number was paused".into();
            return Ok(self.wire.send(&FromEngine::Failed { job: number, reason })?);
        };
        self.abandon();
        let Paused { job, voice, wanted } = self.paused.remove(index);
        self.voice.restore(voice);
        self.job = Some(job);
        if let Some((id, work)) = wanted {
            self.queue(id, work);
        }
        self.hand_over();
        Ok(())
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> Result<(), RunError> {
        for effect in effects {
            let Some(job) = &mut self.job else { return Ok(()) };
            match effect {
                Effect::Decode { id, piece, audio, language } => {
                    self.queue(id, Work::Piece { piece, audio, language });
                }
                Effect::Ask { id, question } => self.queue(id, Work::Seam(question)),
                Effect::Join { id, joined } => self.queue(id, Work::Join(joined)),
                Effect::Abort(id) => {
                    self.next.take_if(|(next, _)| *next == id);
                    self.wanted.take_if(|(wanted, _)| *wanted == id);
                    if let Some(task) = job.task_of(id) {
                        self.worker.abort(task);
                    }
                }
                Effect::Segment { segment, is_final } => {
                    let job = job.number;
                    self.wire.send(&FromEngine::Segment { job, segment, is_final })?;
                }
                Effect::Done(transcript) => {
                    let answer = job.answer(transcript);
                    self.job = None;
                    self.wanted = None;
                    self.wire.send(&answer)?;
                }
            }
        }
        if let Some(progress) = self.job.as_mut().and_then(Job::advance) {
            self.wire.send(&progress)?;
        }
        self.hand_over();
        Ok(())
    }

    fn queue(&mut self, id: DecodeId, work: Work) {
        let Some(job) = &self.job else { return };
        // Only what nobody waits for is paused.
        self.wanted = job.stream.is_patient().then(|| (id, work.clone()));
        self.tasks += 1;
        let task = Task { id: TaskId(self.tasks), work, settings: job.settings.clone() };
        self.next = Some((id, task));
    }

    /// Gives the worker its next task, once it has loaded and is free.
    fn hand_over(&mut self) {
        if !self.loaded || self.busy.is_some() {
            return;
        }
        let (Some((id, task)), Some(job)) = (self.next.take(), &mut self.job) else { return };
        let handed = Handed::new(id, &task);
        if self.worker.submit(task).is_ok() {
            self.busy = Some(handed.task);
            job.handed_over(handed);
        }
    }

    fn news(&mut self) -> Result<(), RunError> {
        while let Some(event) = self.worker.news() {
            match event {
                Event::Loaded { multilingual, took, warm_up, memory } => {
                    self.loaded = true;
                    self.wire.send(&FromEngine::Loaded {
                        backend: self.backend.kind().into(),
                        device: self.backend.device(&self.device.name),
                        loaded_in_ms: job::millis(took),
                        warm_up_ms: job::millis(warm_up),
                        memory_bytes: memory,
                        multilingual,
                        pauses: true,
                    })?;
                }
                Event::LoadFailed(error) => return Err(refuse(&mut self.wire, error)),
                Event::DeviceFailed(reason) => {
                    self.wire.send(&FromEngine::DeviceFailed { reason: reason.clone() })?;
                    return Err(RunError::Device(reason));
                }
                Event::Beat(id) => {
                    // Also an abandoned task's: it is what this job waits for.
                    if let Some(job) = self.job.as_mut().filter(|_| self.busy == Some(id)) {
                        self.wire.send(&job.progress())?;
                    }
                }
                Event::Done { id, result, took } => self.done(id, result, took)?,
            }
            self.hand_over();
        }
        Ok(())
    }

    fn done(
        &mut self,
        id: TaskId,
        result: Result<Answer, DecodeError>,
        took: Duration,
    ) -> Result<(), RunError> {
        self.busy.take_if(|busy| *busy == id);
        let Some(job) = &mut self.job else { return Ok(()) };
        self.wanted.take_if(|(wanted, _)| job.task_of(*wanted) == Some(id));
        let effects = job.done(id, result, took);
        self.pace = job.pace;
        self.carry_out(effects)
    }
}
