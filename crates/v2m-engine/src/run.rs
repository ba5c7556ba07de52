//! The main thread: frames in, frames out, one job at a time.
//!
//! It never decodes and never waits for the worker, so that `Ping` is answered and PCM is taken off
//! the socket whatever the worker does. A job that is cancelled or replaced while it is decoded is
//! abandoned: its task is told to abort, and whatever it still answers is recognised by number.

use crate::args::Args;
use crate::decode::{DecodeError, Decoded};
use crate::model::{LoadError, cpu, file};
use crate::text;
use crate::wire::Wire;
use crate::worker::{Event, Task, TaskId, Worker};
use std::io;
use std::time::{Duration, Instant};
use thiserror::Error;
use v2m_ipc::engine::{DecodeOptions, DecodeStats, Frame, FromEngine, Segment, ToEngine};

/// Why the engine ended.
#[derive(Debug, Error)]
pub enum RunError {
    /// The socket failed, or the daemon sent what no daemon sends.
    #[error("talking to v2m: {0}")]
    Wire(#[from] io::Error),
    /// There is no usable model; the daemon has been told.
    #[error("loading the model: {0}")]
    Load(#[from] LoadError),
}

/// Serves until the daemon closes its end, and then leaves the process at once.
///
/// # Errors
/// When the socket breaks, a frame is not understood, or the model cannot be used.
pub fn serve(args: &Args) -> Result<(), RunError> {
    match converse(args) {
        // It closed its end while something was being written to it: as clean an end as any.
        Err(RunError::Wire(error)) if error.kind() == io::ErrorKind::BrokenPipe => leave(),
        result => result,
    }
}

fn converse(args: &Args) -> Result<(), RunError> {
    let mut wire = Wire::stdin()?;
    let worker = match begin(args, &mut wire) {
        Ok(worker) => worker,
        Err(RunError::Load(error)) => return Err(refuse(&mut wire, error)),
        Err(error) => return Err(error),
    };
    let mut engine = Engine { wire, worker, job: None, loaded: false, busy: None, tasks: 0 };
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

fn begin(args: &Args, wire: &mut Wire) -> Result<Worker, RunError> {
    cpu::check()?;
    let bytes = file::whisper(&args.model)?;
    wire.send(&FromEngine::Loading { bytes })?;
    Ok(Worker::start(args)?)
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
    job: Option<Job>,
    loaded: bool,
    /// The task the worker has, if any; it may belong to a job that is gone.
    busy: Option<TaskId>,
    tasks: u64,
}

struct Job {
    number: u32,
    options: DecodeOptions,
    samples: Vec<i16>,
    finished: Option<Instant>,
    task: Option<TaskId>,
}

impl Engine {
    fn frame(&mut self, frame: Frame<ToEngine>) -> Result<(), RunError> {
        match frame {
            Frame::Message(ToEngine::Ping { n }) => self.wire.send(&FromEngine::Pong { n })?,
            Frame::Message(ToEngine::Begin { job, options }) => {
                self.abandon();
                let samples = Vec::new();
                self.job = Some(Job { number: job, options, samples, finished: None, task: None });
            }
            Frame::Message(ToEngine::Cancel { job }) => {
                if self.job.as_ref().is_some_and(|j| j.number == job) {
                    self.abandon();
                }
            }
            Frame::Message(ToEngine::Finish { job }) => self.finish(job)?,
            Frame::Pcm { job, samples } => {
                // PCM of a job that was cancelled or finished may still be under way.
                if let Some(j) = self.job.as_mut()
                    && j.number == job
                    && j.finished.is_none()
                {
                    j.samples.extend_from_slice(&samples);
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, number: u32) -> Result<(), RunError> {
        match self.job.as_mut().filter(|job| job.number == number) {
            Some(job) => {
                job.finished.get_or_insert_with(Instant::now);
                self.decode();
            }
            None => {
                let reason = "no recording of that number was begun".into();
                self.wire.send(&FromEngine::Failed { job: number, reason })?;
            }
        }
        Ok(())
    }

    fn abandon(&mut self) {
        if let Some(task) = self.job.take().and_then(|job| job.task) {
            self.worker.abort(task);
        }
    }

    /// Hands the finished job to the worker, once that has loaded and is free.
    fn decode(&mut self) {
        let Some(job) = &mut self.job else { return };
        if !self.loaded || self.busy.is_some() || job.task.is_some() || job.finished.is_none() {
            return;
        }
        self.tasks += 1;
        let id = TaskId(self.tasks);
        let audio = job.samples.iter().map(|s| f32::from(*s) / 32_768.0).collect();
        if self.worker.submit(Task { id, audio, options: job.options.clone() }).is_ok() {
            self.busy = Some(id);
            job.task = Some(id);
        }
    }

    fn news(&mut self) -> Result<(), RunError> {
        while let Some(event) = self.worker.news() {
            match event {
                Event::Loaded { multilingual, took } => {
                    self.loaded = true;
                    self.wire.send(&FromEngine::Loaded {
                        backend: "cpu".into(),
                        device: cpu::name(),
                        loaded_in_ms: millis(took),
                        multilingual,
                    })?;
                }
                Event::LoadFailed(error) => return Err(refuse(&mut self.wire, error)),
                Event::Beat(id) => {
                    if let Some(job) = self.job.as_ref().filter(|job| job.task == Some(id)) {
                        self.wire.send(&FromEngine::Progress { job: job.number })?;
                    }
                }
                Event::Done { id, result, took } => {
                    self.busy = None;
                    if let Some(job) = self.job.take_if(|job| job.task == Some(id)) {
                        self.wire.send(&answer(&job, result, took))?;
                    }
                }
            }
            self.decode();
        }
        Ok(())
    }
}

fn answer(job: &Job, result: Result<Decoded, DecodeError>, took: Duration) -> FromEngine {
    match result {
        Ok(decoded) => {
            let segments: Vec<_> = decoded
                .parts
                .iter()
                .map(|p| Segment { start: p.start, end: p.end, text: text::clean(&p.text) })
                .filter(|s| !s.text.is_empty())
                .collect();
            let whole: String = decoded.parts.iter().map(|p| p.text.as_str()).collect();
            let samples = job.samples.len() as u64;
            FromEngine::Final {
                job: job.number,
                text: text::clean(&whole),
                language: decoded.language,
                segments,
                stats: DecodeStats {
                    samples,
                    decoded_samples: samples,
                    redone: 0,
                    decode_ms: millis(took),
                    finish_ms: millis(job.finished.map_or(Duration::ZERO, |at| at.elapsed())),
                },
            }
        }
        Err(error) => FromEngine::Failed { job: job.number, reason: error.to_string() },
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
