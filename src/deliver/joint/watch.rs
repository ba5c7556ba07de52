//! Watches the user's activity after a text. The desktop reports it to a log, which is read for the
//! next text.

use super::between::{Between, Grain, Log, ShortcutPresses};
use rustix::pipe::{PipeFlags, pipe_with};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::debug;

/// How long the desktop may take to start reporting. It usually takes a few milliseconds. The text
/// has already arrived by then.
const BEGIN: Duration = Duration::from_millis(100);

/// A running watch, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct InputWatch {
    log: Arc<Mutex<Log>>,
    _end: End,
}

#[derive(Debug)]
enum End {
    /// The watch runs on a thread, which ends when this pipe closes.
    Thread {
        _bell: OwnedFd,
    },
    Task(JoinHandle<()>),
}

impl Drop for End {
    fn drop(&mut self) {
        if let Self::Task(task) = self {
            task.abort();
        }
    }
}

/// Notes the desktop's reports in the log.
#[derive(Debug)]
pub(crate) struct Recorder {
    log: Option<Arc<Mutex<Log>>>,
    grain: Grain,
    begun: Option<oneshot::Sender<Arc<Mutex<Log>>>>,
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorder {
    fn new(grain: Grain) -> (Self, oneshot::Receiver<Arc<Mutex<Log>>>) {
        let (begun, log) = oneshot::channel();
        (Self { log: None, grain, begun: Some(begun) }, log)
    }

    /// Starts the log when the desktop starts reporting. Returns whether the watch is still wanted.
    pub(crate) fn begin(&mut self) -> bool {
        let log = Arc::new(Mutex::new(Log::new(self.grain, Instant::now())));
        self.log = Some(Arc::clone(&log));
        self.begun.take().is_some_and(|begun| begun.send(log).is_ok())
    }

    /// Notes that a key or a button was pressed, or that the user has become active. Returns
    /// whether further reports are useful.
    pub(crate) fn active(&self) -> bool {
        self.log.as_ref().is_some_and(|log| lock(log).active(Instant::now()))
    }

    /// Notes that the user has been idle for `time`.
    pub(crate) fn idle(&self, time: Duration) {
        let now = Instant::now();
        if let Some(log) = &self.log {
            lock(log).idle(now.checked_sub(time).unwrap_or(now));
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if let Some(log) = &self.log {
            lock(log).end();
        }
    }
}

impl InputWatch {
    /// Watches on a separate thread, which must end when its pipe closes. `None`: the desktop does
    /// not report activity. Takes 100 ms at most.
    pub(crate) async fn by_thread(grain: Grain, work: fn(Recorder, OwnedFd)) -> Option<Self> {
        let pipe = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK);
        let (end, bell) = pipe.ok()?;
        let (recorder, log) = Recorder::new(grain);
        let thread = std::thread::Builder::new().name("v2m-hands".to_owned());
        thread.spawn(move || work(recorder, end)).ok()?;
        Self::begun(log, End::Thread { _bell: bell }).await
    }

    /// Watches in a task. `None`: the desktop does not report activity. Takes 100 ms at most.
    pub(crate) async fn by_task<T>(grain: Grain, work: impl FnOnce(Recorder) -> T) -> Option<Self>
    where
        T: Future<Output = ()> + Send + 'static,
    {
        let (recorder, log) = Recorder::new(grain);
        let task = tokio::spawn(work(recorder));
        Self::begun(log, End::Task(task)).await
    }

    async fn begun(log: oneshot::Receiver<Arc<Mutex<Log>>>, end: End) -> Option<Self> {
        let log = timeout(BEGIN, log).await.ok().and_then(Result::ok);
        if log.is_none() {
            debug!("the desktop does not tell when somebody does something");
        }
        Some(Self { log: log?, _end: end })
    }

    /// Creates a watch with this log.
    #[cfg(test)]
    pub(crate) fn of(log: Log) -> Self {
        let (_, bell) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        Self { log: Arc::new(Mutex::new(log)), _end: End::Thread { _bell: bell } }
    }

    pub(crate) fn between(&self, presses: &ShortcutPresses, now: Instant) -> Between {
        lock(&self.log).between(presses, now)
    }
}
