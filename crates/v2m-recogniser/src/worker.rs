//! The thread `v2m-decoder`: loads the model, executes one task at a time, and reports the results.
//!
//! The main thread polls [`Worker::wake`], a file descriptor, beside the socket.

use crate::decoder::{DecodeError, DecodeMonitor, Decoder};
use crate::model::{LoadError, Model};
use crate::stream::piece::{together, transcribe};
use crate::stream::seams::Joined;
use crate::task::{Task, TaskId, TaskResult, Work};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};
use v2m_messages::tr;

/// The shortest time between two progress reports of a decode.
const BEAT: Duration = Duration::from_millis(200);

/// An event of the worker.
#[derive(Debug)]
pub enum WorkerEvent {
    /// The model is loaded.
    Loaded {
        /// Whether the model knows languages besides English.
        multilingual: bool,
        /// The time since the worker started.
        took: Duration,
        /// The part of that time for the first decode.
        warm_up: Duration,
        /// Memory in bytes that the model and its working memory use on the device.
        memory: u64,
    },
    /// The model could not be loaded. The worker has ended.
    LoadFailed(LoadError),
    /// The device does not work any more. The worker has ended.
    DeviceFailed(String),
    /// The task has made progress.
    Beat(TaskId),
    /// The task is over.
    Done {
        /// The task's number.
        id: TaskId,
        /// The result.
        result: Result<TaskResult, DecodeError>,
        /// The time that it took.
        took: Duration,
    },
}

/// The main thread's handle.
#[derive(Debug)]
pub struct Worker {
    tasks: SyncSender<Task>,
    events: Receiver<WorkerEvent>,
    wake: UnixStream,
    aborted: Arc<AtomicU64>,
}

impl Worker {
    /// Starts the thread, which begins to load at once.
    ///
    /// # Errors
    /// When a thread or socketpair cannot be created.
    pub fn start(model: impl Model) -> io::Result<Self> {
        let (task_sender, tasks) = sync_channel(1);
        let (event_sender, events) = sync_channel(16);
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        waker.set_nonblocking(true)?;
        let aborted = Arc::new(AtomicU64::new(0));
        let reporter = Reporter { events: event_sender, waker };
        let flag = Arc::clone(&aborted);
        thread::Builder::new()
            .name("v2m-decoder".into())
            .spawn(move || work(model, &tasks, &reporter, &flag))?;
        Ok(Self { tasks: task_sender, events, wake, aborted })
    }

    /// A file descriptor that becomes readable when [`Worker::news`] has an event.
    pub fn wake(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Returns the next event, if there is one.
    pub fn news(&mut self) -> Option<WorkerEvent> {
        if let Ok(event) = self.events.try_recv() {
            return Some(event);
        }
        // Wake-ups may be taken back only when no event is left. Then check again: if an event was
        // sent in between, its wake-up was taken too.
        let mut bytes = [0; 64];
        while matches!(self.wake.read(&mut bytes), Ok(n) if n > 0) {}
        self.events.try_recv().ok()
    }

    /// Hands over a task.
    ///
    /// # Errors
    /// Returns the task if the worker has not taken the one before yet, or has ended.
    pub fn submit(&self, task: Task) -> Result<(), Task> {
        self.tasks.try_send(task).map_err(|error| match error {
            TrySendError::Full(task) | TrySendError::Disconnected(task) => task,
        })
    }

    /// Ends this task and all before it as soon as the decoder can be interrupted.
    pub fn abort(&self, id: TaskId) {
        self.aborted.fetch_max(id.0, Ordering::Relaxed);
    }
}

struct Reporter {
    events: SyncSender<WorkerEvent>,
    waker: UnixStream,
}

impl Reporter {
    /// Reports an event. False: the main thread has ended.
    fn report(&self, event: WorkerEvent) -> bool {
        let sent = self.events.send(event).is_ok();
        self.wake();
        sent
    }

    fn wake(&self) {
        // A full socket already holds wake-ups.
        let _ = (&self.waker).write(&[1]);
    }
}

fn work(model: impl Model, tasks: &Receiver<Task>, reporter: &Reporter, aborted: &AtomicU64) {
    let started = Instant::now();
    let (program, file) = (model.program(), model.file().to_owned());
    let mut decoder = match model.load() {
        Ok(decoder) => decoder,
        Err(error) => {
            reporter.report(WorkerEvent::LoadFailed(error));
            return;
        }
    };
    let read = Instant::now();
    if let Err(error) = decoder.warm_up() {
        reporter.report(WorkerEvent::LoadFailed(useless(program, file, &error)));
        return;
    }
    reporter.report(WorkerEvent::Loaded {
        multilingual: decoder.multilingual(),
        took: started.elapsed(),
        warm_up: read.elapsed(),
        memory: decoder.memory(),
    });
    while let Ok(task) = tasks.recv() {
        let started = Instant::now();
        let last_beat = AtomicU64::new(0);
        let watch = TaskWatch { id: task.id, started, last_beat, aborted, reporter };
        let result = answer(&mut decoder, &watch, &task);
        if let Some(reason) = device_failure(&result, || decoder.still_computes()) {
            reporter.report(WorkerEvent::DeviceFailed(reason));
            return;
        }
        if !reporter.report(WorkerEvent::Done { id: task.id, result, took: started.elapsed() }) {
            return;
        }
    }
}

fn answer(
    decoder: &mut impl Decoder,
    watch: &dyn DecodeMonitor,
    task: &Task,
) -> Result<TaskResult, DecodeError> {
    let settings = &task.settings;
    match &task.work {
        Work::Piece { piece, audio, language } => {
            transcribe(decoder, watch, piece, audio, settings, language.as_deref())
                .map(TaskResult::Piece)
        }
        Work::Seam(question) => decoder.leads(question, watch).map(TaskResult::Seam),
        Work::Join(Joined { audio, voice, language }) => {
            together(decoder, watch, audio, *voice, settings, language).map(TaskResult::Join)
        }
        Work::Language { audio, before } => decoder
            .identify(audio, &settings.languages, before.as_deref(), watch)
            .map(TaskResult::Language),
    }
}

/// Turns the failure to decode silence into the reason that a loaded model cannot be used.
fn useless(program: &'static str, file: PathBuf, error: &DecodeError) -> LoadError {
    match error {
        DecodeError::Lost(why) => LoadError::Remote(why.clone()),
        DecodeError::NoNumbers => {
            LoadError::Broken { path: file, why: tr!("its weights do not compute numbers").into() }
        }
        _ => LoadError::Unsupported {
            program,
            why: tr!(
                "the model is loaded, and a second of silence cannot be decoded: {error}",
                error
            ),
        },
    }
}

/// Returns why nothing can be decoded any more. One failed decode may be the piece's fault. If
/// silence cannot be decoded either, the device is at fault: it was lost, or other programs have
/// taken its memory.
fn device_failure<T>(
    result: &Result<T, DecodeError>,
    still_computes: impl FnOnce() -> Result<(), DecodeError>,
) -> Option<String> {
    if let Err(DecodeError::Lost(why)) = result {
        return Some(why.clone());
    }
    let Err(error @ (DecodeError::Failed(_) | DecodeError::NoNumbers)) = result else {
        return None;
    };
    still_computes().err().map(|again| tr!("{error}; and for silence: {again}", error, again))
}

struct TaskWatch<'a> {
    id: TaskId,
    started: Instant,
    /// Milliseconds after `started`.
    last_beat: AtomicU64,
    aborted: &'a AtomicU64,
    reporter: &'a Reporter,
}

impl DecodeMonitor for TaskWatch<'_> {
    fn tick(&self) -> bool {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = self.last_beat.load(Ordering::Relaxed);
        // If the channel is full, the main thread has events to read and needs no beat.
        if Duration::from_millis(now - last.min(now)) >= BEAT
            && self.reporter.events.try_send(WorkerEvent::Beat(self.id)).is_ok()
        {
            self.last_beat.store(now, Ordering::Relaxed);
            self.reporter.wake();
        }
        self.aborted.load(Ordering::Relaxed) >= self.id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_failed_when_it_cannot_do_anything_any_more() {
        let broken = || Err(DecodeError::Failed("code -6".into()));
        let failed = || Err(DecodeError::Failed("code -7".into()));
        let reason = device_failure::<()>(&failed(), broken).unwrap();
        assert!(reason.contains("-7") && reason.contains("-6"), "{reason}");
        // The device works, so the piece was at fault.
        assert_eq!(device_failure::<()>(&failed(), || Ok(())), None);
        let unasked = || panic!("not to be tried");
        let lost = Err(DecodeError::Lost("gone".into()));
        assert_eq!(device_failure::<()>(&lost, unasked).as_deref(), Some("gone"));
        assert_eq!(device_failure(&Ok(()), unasked), None);
        assert_eq!(device_failure::<()>(&Err(DecodeError::Aborted), unasked), None);
    }
}
