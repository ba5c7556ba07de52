//! The thread `v2m-whisper`: owns the model, takes one task at a time, reports what comes of it.
//!
//! It is waited for by [`Worker::wake`], a file descriptor that can be polled beside the socket.

use crate::args::Args;
use crate::decode::{DecodeError, Options, Watch, Whisper};
use crate::device::Device;
use crate::model::{LoadError, cpu};
use crate::stream::piece::{Settings, together, transcribe};
use crate::stream::seam::Lead;
use crate::stream::seams::{Joined, Question};
use crate::stream::{Decoder, Hypothesis, Outcome, Piece};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// How often at most a running decode says that it gets on.
const BEAT: Duration = Duration::from_millis(200);

/// Number of a task, rising.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskId(pub u64);

/// Something to decode.
#[derive(Debug)]
pub struct Task {
    /// Its number.
    pub id: TaskId,
    /// What.
    pub work: Work,
    /// How.
    pub settings: Arc<Settings>,
}

/// What is to be decoded.
#[derive(Clone, Debug)]
pub enum Work {
    /// A piece.
    Piece {
        /// Which of its recording.
        piece: Piece,
        /// Its samples, 16 kHz mono.
        audio: Vec<f32>,
        /// The language, if it is known.
        language: Option<String>,
    },
    /// A question about a seam.
    Seam(Question),
    /// Several pieces as one.
    Join(Joined),
}

/// What came of it.
#[derive(Debug)]
pub enum Answer {
    /// The piece's text.
    Piece(Outcome),
    /// How the text may go on after the seam.
    Seam(Vec<Lead>),
    /// What several pieces say as one, if that is to be believed.
    Join(Option<Hypothesis>),
}

impl Answer {
    /// The piece's text.
    pub fn piece(self) -> Option<Outcome> {
        match self {
            Self::Piece(outcome) => Some(outcome),
            Self::Seam(_) | Self::Join(_) => None,
        }
    }

    /// How the text may go on.
    pub fn seam(self) -> Option<Vec<Lead>> {
        match self {
            Self::Seam(leads) => Some(leads),
            Self::Piece(_) | Self::Join(_) => None,
        }
    }

    /// What several pieces say as one.
    pub fn join(self) -> Option<Hypothesis> {
        match self {
            Self::Join(heard) => heard,
            Self::Piece(_) | Self::Seam(_) => None,
        }
    }
}

/// What the worker tells.
#[derive(Debug)]
pub enum Event {
    /// The model is loaded.
    Loaded {
        /// Whether the model knows languages beside English.
        multilingual: bool,
        /// Since the worker started.
        took: Duration,
        /// Of that, the first decode.
        warm_up: Duration,
        /// Bytes it takes, with its working memory, where it computes.
        memory: u64,
    },
    /// It is not; the worker has ended.
    LoadFailed(LoadError),
    /// What computes does so no more; the worker has ended.
    DeviceFailed(String),
    /// The task gets on.
    Beat(TaskId),
    /// The task is over.
    Done {
        /// Which.
        id: TaskId,
        /// What came of it.
        result: Result<Answer, DecodeError>,
        /// How long it took.
        took: Duration,
    },
}

/// The main thread's handle.
#[derive(Debug)]
pub struct Worker {
    tasks: SyncSender<Task>,
    events: Receiver<Event>,
    wake: UnixStream,
    aborted: Arc<AtomicU64>,
}

impl Worker {
    /// Starts the thread, which begins to load at once.
    ///
    /// # Errors
    /// When there is no thread or socketpair to be had.
    pub fn start(args: &Args, device: &Device) -> io::Result<Self> {
        let (task_sender, tasks) = sync_channel(1);
        let (event_sender, events) = sync_channel(16);
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        waker.set_nonblocking(true)?;
        let aborted = Arc::new(AtomicU64::new(0));
        let reporter = Reporter { events: event_sender, waker };
        let (args, device, flag) = (args.clone(), device.clone(), aborted.clone());
        thread::Builder::new()
            .name("v2m-whisper".into())
            .spawn(move || work(&args, &device, &tasks, &reporter, &flag))?;
        Ok(Self { tasks: task_sender, events, wake, aborted })
    }

    /// Becomes readable when [`Worker::news`] has something.
    pub fn wake(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// The next event, if there is one.
    pub fn news(&mut self) -> Option<Event> {
        if let Ok(event) = self.events.try_recv() {
            return Some(event);
        }
        // Only when nothing is left may the wake-ups be taken back, and then one must look again:
        // an event sent in between had its wake-up taken too.
        let mut bytes = [0; 64];
        while matches!(self.wake.read(&mut bytes), Ok(n) if n > 0) {}
        self.events.try_recv().ok()
    }

    /// Hands over a task. Gives it back while the slot is taken.
    ///
    /// # Errors
    /// The task, when the worker has not taken the one before yet, or has ended.
    pub fn submit(&self, task: Task) -> Result<(), Task> {
        self.tasks.try_send(task).map_err(|error| match error {
            TrySendError::Full(task) | TrySendError::Disconnected(task) => task,
        })
    }

    /// Ends this task and all before it as soon as whisper.cpp can be interrupted.
    pub fn abort(&self, id: TaskId) {
        self.aborted.fetch_max(id.0, Ordering::Relaxed);
    }
}

struct Reporter {
    events: SyncSender<Event>,
    waker: UnixStream,
}

impl Reporter {
    /// False when the main thread is gone.
    fn report(&self, event: Event) -> bool {
        let sent = self.events.send(event).is_ok();
        self.wake();
        sent
    }

    fn wake(&self) {
        // A full socket already holds wake-ups.
        let _ = (&self.waker).write(&[1]);
    }
}

/// Context of the first decode on a processor, in units of 20 ms: as short as may be, to allocate the buffers.
const CPU_WARM_UP: usize = 64;
/// Context of the first decode on a GPU, in units of 20 ms: that of a short piece. CUDA loads each kernel when it is first
/// used, and which one is used depends on the size: after a decode of 64 units the first text took 60 ms longer than
/// the later ones (base-q8_0, H100).
const GPU_WARM_UP: usize = 640;

fn work(
    args: &Args,
    device: &Device,
    tasks: &Receiver<Task>,
    reporter: &Reporter,
    aborted: &AtomicU64,
) {
    let started = Instant::now();
    let before = device.memory();
    let default_threads = || {
        if device.is_gpu() { cpu::threads_beside_gpu() } else { cpu::threads() }
    };
    let threads = args.threads.unwrap_or_else(default_threads);
    let options = Options { threads, flash_attention: args.flash_attention };
    let mut whisper = match Whisper::load(&args.model, options) {
        Ok(whisper) => whisper,
        Err(error) => {
            reporter.report(Event::LoadFailed(error));
            return;
        }
    };
    let read = Instant::now();
    let context = if device.is_gpu() { GPU_WARM_UP } else { CPU_WARM_UP };
    if let Err(error) = whisper.warm_up(context) {
        reporter.report(Event::LoadFailed(useless(&args.model, &error)));
        return;
    }
    let (multilingual, warm_up) = (whisper.multilingual(), read.elapsed());
    let memory = device.taken(before);
    reporter.report(Event::Loaded { multilingual, took: started.elapsed(), warm_up, memory });
    while let Ok(task) = tasks.recv() {
        let started = Instant::now();
        let last_beat = AtomicU64::new(0);
        let watch = TaskWatch { id: task.id, started, last_beat, aborted, reporter };
        let mut decoder = whisper.watched(&watch);
        let result = match &task.work {
            Work::Piece { piece, audio, language } => {
                transcribe(&mut decoder, piece, audio, &task.settings, language.as_deref())
                    .map(Answer::Piece)
            }
            Work::Seam(question) => decoder.leads(question).map(Answer::Seam),
            Work::Join(Joined { audio, voice, language }) => {
                together(&mut decoder, audio, *voice, &task.settings, language).map(Answer::Join)
            }
        };
        if let Some(reason) = device_failure(&result, || whisper.warm_up(CPU_WARM_UP)) {
            reporter.report(Event::DeviceFailed(reason));
            return;
        }
        if !reporter.report(Event::Done { id: task.id, result, took: started.elapsed() }) {
            return;
        }
    }
}

/// Why a model that was loaded is of no use: silence cannot be decoded.
fn useless(model: &Path, error: &DecodeError) -> LoadError {
    match error {
        DecodeError::NoNumbers => LoadError::Broken {
            path: model.into(),
            why: "its weights do not compute numbers".into(),
        },
        _ => LoadError::Unsupported(format!(
            "the model is loaded, and a second of silence cannot be decoded: {error}"
        )),
    }
}

/// Why nothing can be decoded any more. A decode may fail for its piece's sake; when silence cannot be decoded
/// either, it is the device: one that was lost, or whose memory others have taken.
fn device_failure<T>(
    result: &Result<T, DecodeError>,
    still_computes: impl FnOnce() -> Result<(), DecodeError>,
) -> Option<String> {
    let Err(error @ (DecodeError::Whisper(_) | DecodeError::NoNumbers)) = result else {
        return None;
    };
    still_computes().err().map(|again| format!("{error}; and for silence: {again}"))
}

struct TaskWatch<'a> {
    id: TaskId,
    started: Instant,
    /// Milliseconds after `started`.
    last_beat: AtomicU64,
    aborted: &'a AtomicU64,
    reporter: &'a Reporter,
}

impl Watch for TaskWatch<'_> {
    fn tick(&self) -> bool {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = self.last_beat.load(Ordering::Relaxed);
        // A beat that finds the channel full is not needed: the main thread has news to read.
        if Duration::from_millis(now - last.min(now)) >= BEAT
            && self.reporter.events.try_send(Event::Beat(self.id)).is_ok()
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
    use whisper_rs::WhisperError;

    #[test]
    fn a_device_has_failed_when_it_cannot_do_anything_any_more() {
        let broken = || Err(DecodeError::Whisper(WhisperError::GenericError(-6)));
        let failed = || Err(DecodeError::Whisper(WhisperError::GenericError(-7)));
        let reason = device_failure::<()>(&failed(), broken).unwrap();
        assert!(reason.contains("-7") && reason.contains("-6"), "{reason}");
        // The piece was to blame, or nothing was.
        assert_eq!(device_failure::<()>(&failed(), || Ok(())), None);
        let unasked = || panic!("not to be tried");
        assert_eq!(device_failure(&Ok(()), unasked), None);
        assert_eq!(device_failure::<()>(&Err(DecodeError::Aborted), unasked), None);
    }
}
