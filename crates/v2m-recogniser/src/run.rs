//! The main thread: frames in, frames out, one recording at a time.
//!
//! It never decodes and never waits for the worker, so it answers `Ping` and reads PCM at any time.
//! A recording that is cancelled or replaced while it is decoded is abandoned: its task is aborted,
//! and late results are recognised by their number.

use crate::decoder::DecodeError;
use crate::model::{Device, LoadError, Model, PieceLimits};
use crate::probe::Probe;
use crate::recording::{DecodeInFlight, Pace, Recording};
use crate::serving::{self, Serving, refuse};
use crate::stream::{DecodeId, Effect};
use crate::task::{Task, TaskId, TaskResult, Work};
use crate::vad::{VadState, VoiceDetector};
use crate::wire::Wire;
use crate::worker::{Worker, WorkerEvent};
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use v2m_ipc::engine::{Frame, FromEngine, ToEngine};
use v2m_messages::tr;

/// Why the engine ended.
#[derive(Debug, Error)]
pub enum RunError {
    /// The socket failed, or the daemon broke the protocol.
    #[error("{}", tr!("talking to v2m: {error}", error = .0))]
    Wire(#[from] io::Error),
    /// There is no usable model. The daemon has got a report.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Nothing can be decoded any more. The daemon has got a report.
    #[error("{}", tr!("the device that computes has failed: {reason}", reason = .0))]
    Device(String),
}

/// Serves until the daemon closes its end. `vad` is the voice activity model's file; without it all
/// audio counts as speech.
///
/// The worker may still be decoding when this returns, and exit handlers may destroy data that the
/// decoder's library uses. So a program with a C or C++ library must end by `_exit`.
///
/// # Errors
/// When the socket breaks, a frame is not understood, or the model cannot be used.
pub fn serve(model: impl Model, vad: Option<&Path>) -> Result<(), RunError> {
    serving::ended(converse(model, vad))
}

fn converse(model: impl Model, vad: Option<&Path>) -> Result<(), RunError> {
    let mut wire = Wire::stdin()?;
    let (device, limits) = (model.device(), model.limits());
    let (worker, voice) = match begin(model, vad, &mut wire) {
        Ok(begun) => begun,
        Err(RunError::Load(error)) => return Err(refuse(&mut wire, error)),
        Err(error) => return Err(error),
    };
    serving::converse(RunLoop {
        wire,
        worker,
        voice,
        device,
        limits,
        recording: None,
        probe: None,
        loaded: false,
        busy: None,
        next: None,
        wanted: None,
        paused: Vec::new(),
        tasks: 0,
        pace: Pace::default(),
    })
}

fn begin(
    model: impl Model,
    vad: Option<&Path>,
    wire: &mut Wire,
) -> Result<(Worker, VoiceDetector), RunError> {
    let bytes = model.check()?;
    let voice = VoiceDetector::load(vad)?;
    wire.send(&FromEngine::Loading { bytes })?;
    Ok((Worker::start(model)?, voice))
}

struct RunLoop {
    wire: Wire,
    worker: Worker,
    voice: VoiceDetector,
    device: Device,
    limits: PieceLimits,
    recording: Option<Recording>,
    /// A recording for language detection only. Never together with another recording.
    probe: Option<Probe>,
    loaded: bool,
    /// The task that the worker is doing. Its result may not be needed any more.
    busy: Option<TaskId>,
    /// The task that the worker gets next.
    next: Option<(DecodeId, Task)>,
    /// The decode that the current recording waits for, if that recording may be paused.
    wanted: Option<(DecodeId, Work)>,
    /// Recordings that were interrupted by others.
    paused: Vec<PausedRecording>,
    tasks: u64,
    /// How fast this machine decodes.
    pace: Pace,
}

/// An interrupted recording, with everything needed to continue it.
struct PausedRecording {
    recording: Recording,
    voice: VadState,
    wanted: Option<(DecodeId, Work)>,
}

impl Serving for RunLoop {
    fn wire(&self) -> &Wire {
        &self.wire
    }

    fn wire_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }

    fn wake(&self) -> BorrowedFd<'_> {
        self.worker.wake()
    }

    fn frame(&mut self, frame: Frame<ToEngine>) -> Result<(), RunError> {
        match frame {
            Frame::Message(ToEngine::Ping { n }) => self.wire.send(&FromEngine::Pong { n })?,
            Frame::Message(ToEngine::Begin { job, options }) => {
                self.abandon();
                self.voice.reset();
                if options.language_after > 0 {
                    self.probe = Some(Probe::new(job, options));
                    return Ok(());
                }
                self.recording = Some(Recording::new(job, options, self.limits, self.pace));
            }
            Frame::Message(ToEngine::Cancel { job }) => {
                self.paused.retain(|paused| paused.recording.job != job);
                if self.recording.as_ref().is_some_and(|recording| recording.job == job)
                    || self.probe.as_ref().is_some_and(|probe| probe.job == job)
                {
                    self.abandon();
                }
            }
            Frame::Message(ToEngine::Pause { job }) => self.pause(job),
            Frame::Message(ToEngine::Resume { job }) => self.resume(job)?,
            Frame::Message(ToEngine::Finish { job }) => self.finish(job)?,
            // PCM of a recording that was cancelled or finished may still be under way.
            Frame::Pcm { job, samples } => {
                if let Some(probe) = self.probe.as_mut().filter(|probe| probe.job == job) {
                    probe.hear(&samples, &mut self.voice);
                    return self.probed();
                }
                if let Some((recording, voice)) = self.heard(job) {
                    let effects = recording.stream.hear(&samples, voice);
                    let quiet = recording.quiet();
                    self.carry_out(effects)?;
                    if let Some(quiet) = quiet {
                        self.wire.send(&quiet)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn news(&mut self) -> Result<(), RunError> {
        while let Some(event) = self.worker.news() {
            match event {
                WorkerEvent::Loaded(readied) => {
                    self.loaded = true;
                    self.wire.send(&readied.message(&self.device, true))?;
                }
                WorkerEvent::LoadFailed(error) => return Err(refuse(&mut self.wire, error)),
                WorkerEvent::DeviceFailed(reason) => {
                    self.wire.send(&FromEngine::DeviceFailed { reason: reason.clone() })?;
                    return Err(RunError::Device(reason));
                }
                WorkerEvent::Beat(id) => {
                    // Also an abandoned task's: it is what this recording waits for.
                    let waiting = self.recording.as_mut().filter(|_| self.busy == Some(id));
                    if let Some(recording) = waiting {
                        self.wire.send(&recording.progress())?;
                    }
                    let waiting = self.probe.as_mut().filter(|_| self.busy == Some(id));
                    if let Some(probe) = waiting {
                        self.wire.send(&probe.progress())?;
                    }
                }
                WorkerEvent::Done { id, result, took } => self.done(id, result, took)?,
            }
            self.hand_over();
        }
        Ok(())
    }
}

impl RunLoop {
    /// The probe has heard more: asks the decoder, or answers at once if nobody spoke.
    fn probed(&mut self) -> Result<(), RunError> {
        let Some(probe) = &mut self.probe else { return Ok(()) };
        if let Some(answer) = probe.silent() {
            self.probe = None;
            return Ok(self.wire.send(&answer)?);
        }
        if let Some(progress) = probe.advance() {
            self.wire.send(&progress)?;
        }
        self.hand_over();
        Ok(())
    }

    fn finish(&mut self, job: u32) -> Result<(), RunError> {
        if let Some(probe) = self.probe.as_mut().filter(|probe| probe.job == job) {
            probe.finish(&mut self.voice);
            return self.probed();
        }
        if let Some((recording, voice)) = self.heard(job) {
            let effects = recording.finish(voice);
            return self.carry_out(effects);
        }
        if self.recording.as_ref().is_none_or(|recording| recording.job != job) {
            let reason = tr!("no recording with that number was started").into();
            self.wire.send(&FromEngine::Failed { job, reason })?;
        }
        Ok(())
    }

    /// Returns the recording with this number, if it is under way and may get more audio.
    fn heard(&mut self, job: u32) -> Option<(&mut Recording, &mut VoiceDetector)> {
        let open =
            |recording: &&mut Recording| recording.job == job && recording.finished.is_none();
        Some((self.recording.as_mut().filter(open)?, &mut self.voice))
    }

    fn abandon(&mut self) {
        let is_probed = self.probe.take().is_some();
        if self.recording.take().is_some() || is_probed {
            self.next = None;
            self.wanted = None;
            if let Some(task) = self.busy {
                self.worker.abort(task);
            }
        }
    }

    /// Interrupts the recording, unless it has just been answered.
    fn pause(&mut self, job: u32) {
        let Some(mut recording) = self.recording.take_if(|recording| recording.job == job) else {
            return;
        };
        recording.taken_back();
        self.next = None;
        if let Some(task) = self.busy {
            self.worker.abort(task);
        }
        let (voice, wanted) = (self.voice.take(), self.wanted.take());
        self.paused.push(PausedRecording { recording, voice, wanted });
    }

    fn resume(&mut self, job: u32) -> Result<(), RunError> {
        let Some(index) = self.paused.iter().position(|paused| paused.recording.job == job) else {
            let reason = tr!("no recording with that number was paused").into();
            return Ok(self.wire.send(&FromEngine::Failed { job, reason })?);
        };
        self.abandon();
        let PausedRecording { recording, voice, wanted } = self.paused.remove(index);
        self.voice.restore(voice);
        self.recording = Some(recording);
        if let Some((id, work)) = wanted {
            self.queue(id, work);
        }
        self.hand_over();
        Ok(())
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> Result<(), RunError> {
        for effect in effects {
            let Some(recording) = &mut self.recording else { return Ok(()) };
            match effect {
                Effect::Decode { id, piece, audio, language } => {
                    self.queue(id, Work::Piece { piece, audio, language });
                }
                Effect::Ask { id, question } => self.queue(id, Work::Seam(question)),
                Effect::Join { id, joined } => self.queue(id, Work::Join(joined)),
                Effect::Abort(id) => {
                    self.next.take_if(|(next, _)| *next == id);
                    self.wanted.take_if(|(wanted, _)| *wanted == id);
                    if let Some(task) = recording.task_of(id) {
                        self.worker.abort(task);
                    }
                }
                Effect::Segment { segment, is_final } => {
                    let job = recording.job;
                    self.wire.send(&FromEngine::Segment { job, segment, is_final })?;
                }
                Effect::Done(transcript) => {
                    let answer = recording.answer(transcript);
                    self.recording = None;
                    self.wanted = None;
                    self.wire.send(&answer)?;
                }
            }
        }
        if let Some(progress) = self.recording.as_mut().and_then(Recording::advance) {
            self.wire.send(&progress)?;
        }
        if let Some(sentence) = self.recording.as_mut().and_then(Recording::sentence) {
            self.wire.send(&sentence)?;
        }
        self.hand_over();
        Ok(())
    }

    fn queue(&mut self, id: DecodeId, work: Work) {
        let Some(recording) = &self.recording else { return };
        // A recording is paused only if no client waits for it.
        self.wanted = recording.stream.is_patient().then(|| (id, work.clone()));
        self.tasks += 1;
        let task = Task { id: TaskId(self.tasks), work, settings: Arc::clone(&recording.settings) };
        self.next = Some((id, task));
    }

    /// Gives the worker its next task, once it has loaded and is free.
    fn hand_over(&mut self) {
        if !self.loaded || self.busy.is_some() {
            return;
        }
        if let Some(probe) = &mut self.probe {
            let Some(work) = probe.work() else { return };
            self.tasks += 1;
            let id = TaskId(self.tasks);
            let task = Task { id, work, settings: Arc::clone(&probe.settings) };
            if self.worker.submit(task).is_ok() {
                self.busy = Some(id);
                probe.task = Some(id);
            }
            return;
        }
        let (Some((id, task)), Some(recording)) = (self.next.take(), &mut self.recording) else {
            return;
        };
        let handed = DecodeInFlight::new(id, &task);
        if self.worker.submit(task).is_ok() {
            self.busy = Some(handed.task);
            recording.handed_over(handed);
        }
    }

    fn done(
        &mut self,
        id: TaskId,
        result: Result<TaskResult, DecodeError>,
        took: Duration,
    ) -> Result<(), RunError> {
        self.busy.take_if(|busy| *busy == id);
        if let Some(probe) = self.probe.take_if(|probe| probe.task == Some(id)) {
            return Ok(self.wire.send(&probe.answer(result))?);
        }
        let Some(recording) = &mut self.recording else { return Ok(()) };
        self.wanted.take_if(|(wanted, _)| recording.task_of(*wanted) == Some(id));
        let effects = recording.done(id, result, took);
        self.pace = recording.pace;
        self.carry_out(effects)
    }
}
