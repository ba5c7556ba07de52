//! A thread for blocking work, because display servers answer in their own time. The event loop
//! only sends jobs to it, and a bell wakes it while it waits for its display server.
//!
//! The first job starts the thread, and a later job starts it again after it has ended. A thread
//! that hangs is abandoned and counted. Between two jobs the thread serves the clipboard to others,
//! and sleeps while there are no requests.

use crate::deliver::error::DeliverError;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use tokio::runtime::{Builder, Runtime};
use tracing::debug;

/// The most threads that may hang in a dead display server before no more are started.
const MAX_STUCK: usize = 3;
/// The most jobs that wait.
const WAITING: usize = 2;

/// The event loop's end of the channel to the thread.
#[derive(Debug)]
pub(crate) struct Worker<Work> {
    /// The thread's name.
    name: &'static str,
    line: Option<Line<Work>>,
    /// Counts the living threads. Each holds a clone.
    alive: Arc<()>,
}

#[derive(Debug)]
struct Line<Work> {
    // Dropped before the bell. Closing the bell wakes the thread.
    jobs: SyncSender<Work>,
    bell: OwnedFd,
}

/// The thread's end of the channel.
#[derive(Debug)]
pub(crate) struct Inbox<Work> {
    jobs: Receiver<Work>,
    bell: OwnedFd,
    runtime: Runtime,
}

/// A connection to a display that a thread keeps from one job to the next.
pub(crate) trait Serves: Sized {
    /// Serves the clipboard to others until `bell` rings. Returns whether there is anything left to
    /// serve. If not, the caller drops this value, and with it the connection.
    fn serve(&mut self, bell: BorrowedFd<'_>) -> Result<bool, DeliverError>;
}

impl<Work: Send + 'static> Worker<Work> {
    /// Creates a worker with this name for its thread. Starts no thread yet.
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, line: None, alive: Arc::default() }
    }

    /// Sends the thread a job. Starts the thread with `work` if there is none. `work` must end when
    /// its inbox does.
    pub(crate) fn hand_over(
        &mut self,
        job: Work,
        work: fn(&Inbox<Work>),
    ) -> Result<(), DeliverError> {
        let Some(line) = &self.line else { return self.start(job, work) };
        match line.send(job) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(DeliverError::Hanging),
            Err(TrySendError::Disconnected(job)) => self.start(job, work),
        }
    }

    /// Whether a thread has been started and not abandoned. It may have ended since.
    pub(crate) fn is_started(&self) -> bool {
        self.line.is_some()
    }

    /// Abandons the thread. It gets no more jobs, and ends as soon as the display server no longer
    /// blocks it.
    pub(crate) fn abandon(&mut self) {
        self.line = None;
    }

    fn start(&mut self, first: Work, work: fn(&Inbox<Work>)) -> Result<(), DeliverError> {
        if Arc::strong_count(&self.alive) > MAX_STUCK {
            return Err(DeliverError::Hanging);
        }
        let pipe = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK);
        let (heard, bell) = pipe.map_err(|errno| DeliverError::NoThread(errno.into()))?;
        let (jobs, inbox) = sync_channel(WAITING);
        let alive = Arc::clone(&self.alive);
        std::thread::Builder::new()
            .name(self.name.to_owned())
            .spawn(move || {
                // The thread waits for the display server directly, and for other parts of v2m with
                // this runtime.
                match Builder::new_current_thread().enable_time().build() {
                    Ok(runtime) => work(&Inbox { jobs: inbox, bell: heard, runtime }),
                    // Callers that wait for a job learn that it was dropped.
                    Err(error) => debug!(%error, "a thread for the display server cannot work"),
                }
                drop(alive);
            })
            .map_err(DeliverError::NoThread)?;
        let line = self.line.insert(Line { jobs, bell });
        line.send(first).map_err(|_| DeliverError::Hanging)
    }
}

impl<Work> Line<Work> {
    fn send(&self, job: Work) -> Result<(), TrySendError<Work>> {
        self.jobs.try_send(job)?;
        // A full pipe rings too.
        let _ = rustix::io::write(&self.bell, &[0]);
        Ok(())
    }
}

impl<Work> Inbox<Work> {
    /// Runs jobs until the event loop drops its end, and serves in between.
    pub(crate) fn work<D: Serves>(&self, mut carry_out: impl FnMut(&mut Option<D>, Work)) {
        let mut kept: Option<D> = None;
        loop {
            let job = match &mut kept {
                None => self.jobs.recv().map(Some).map_err(|_| Ended),
                Some(open) => {
                    let more = open.serve(self.bell.as_fd());
                    if let Err(problem) = &more {
                        debug!(reason = %problem, "the connection to the display server has ended");
                    }
                    // An idle connection would receive an event for each copy that any program
                    // makes.
                    if !matches!(more, Ok(true)) {
                        kept = None;
                    }
                    self.look()
                }
            };
            match job {
                Ok(Some(job)) => carry_out(&mut kept, job),
                Ok(None) => {}
                Err(Ended) => return,
            }
        }
    }

    /// Waits for `future` on this thread.
    pub(crate) fn wait_for<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Returns a job if one has arrived. Silences the bell.
    ///
    /// # Errors
    /// The event loop has dropped its end.
    fn look(&self) -> Result<Option<Work>, Ended> {
        let mut rung = [0; 16];
        while matches!(rustix::io::read(&self.bell, &mut rung), Ok(1..) | Err(Errno::INTR)) {}
        match self.jobs.try_recv() {
            Ok(job) => Ok(Some(job)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Ended),
        }
    }
}

/// The error when the event loop has dropped its end of the channel.
#[derive(Debug)]
struct Ended;
