//! The thread `v2m-decoder`: loads the model, executes one task at a time, and reports the results.
//!
//! The main thread polls [`Worker::wake`], a file descriptor, beside the socket.

use crate::decoder::{DecodeError, DecodeMonitor, Decoder};
use crate::model::{LoadError, Model};
use crate::news::{self, News, Reporter};
use crate::serving;
pub use crate::serving::Readied;
use crate::stream::piece::{together, transcribe};
use crate::stream::seams::Joined;
use crate::task::{Task, TaskId, TaskResult, Work};
use std::io;
use std::os::fd::BorrowedFd;
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
    Loaded(Readied),
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
    events: News<WorkerEvent>,
    aborted: Arc<AtomicU64>,
}

impl Worker {
    /// Starts the thread, which begins to load at once.
    ///
    /// # Errors
    /// When a thread or socketpair cannot be created.
    pub fn start(model: impl Model) -> io::Result<Self> {
        let (task_sender, tasks) = sync_channel(1);
        let (reporter, events) = news::channel()?;
        let aborted = Arc::new(AtomicU64::new(0));
        let flag = Arc::clone(&aborted);
        thread::Builder::new()
            .name("v2m-decoder".into())
            .spawn(move || work(model, &tasks, &reporter, &flag))?;
        Ok(Self { tasks: task_sender, events, aborted })
    }

    /// A file descriptor that becomes readable when [`Worker::news`] has an event.
    pub fn wake(&self) -> BorrowedFd<'_> {
        self.events.wake()
    }

    /// Returns the next event, if there is one.
    pub fn news(&mut self) -> Option<WorkerEvent> {
        self.events.next()
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

fn work(
    model: impl Model,
    tasks: &Receiver<Task>,
    reporter: &Reporter<WorkerEvent>,
    aborted: &AtomicU64,
) {
    let (program, file) = (model.program(), model.file().to_owned());
    let loaded = serving::load(program, file, || model.load(), Decoder::warm_up);
    let (mut decoder, took, warm_up) = match loaded {
        Ok(loaded) => loaded,
        Err(error) => {
            reporter.report(WorkerEvent::LoadFailed(error));
            return;
        }
    };
    let (multilingual, memory) = (decoder.multilingual(), decoder.memory());
    reporter.report(WorkerEvent::Loaded(Readied { multilingual, took, warm_up, memory }));
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

/// Why nothing can be decoded any more. One failed decode may be the piece's fault. If silence
/// cannot be decoded either, the device is at fault: it was lost, or other programs have taken its
/// memory.
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
    reporter: &'a Reporter<WorkerEvent>,
}

impl DecodeMonitor for TaskWatch<'_> {
    fn tick(&self) -> bool {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = self.last_beat.load(Ordering::Relaxed);
        // If the channel is full, the main thread has events to read and needs no beat.
        if Duration::from_millis(now - last.min(now)) >= BEAT
            && self.reporter.try_report(WorkerEvent::Beat(self.id))
        {
            self.last_beat.store(now, Ordering::Relaxed);
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
