//! A thread for what must be waited for: display servers answer in their own time. The event loop
//! only sends it orders, and a bell wakes it from waiting for its display server.
//!
//! It is started by the first order, and again when it has ended. One that hangs is left to itself,
//! and counted. Between two orders the thread gives others what is on the clipboard, and sleeps
//! when nobody asks.

use crate::deliver::error::DeliverError;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use tokio::runtime::{Builder, Runtime};
use tracing::debug;

/// Threads that may hang at once in a dead display server before no more are started.
const MAX_STUCK: usize = 3;
/// Orders that wait.
const WAITING: usize = 2;

/// The event loop's end.
#[derive(Debug)]
pub(crate) struct Worker<Work> {
    /// The thread's.
    name: &'static str,
    line: Option<Line<Work>>,
    /// Counts the threads alive: each holds a clone.
    alive: Arc<()>,
}

#[derive(Debug)]
struct Line<Work> {
    // Dropped before the bell, whose end wakes the thread.
    jobs: SyncSender<Work>,
    bell: OwnedFd,
}

/// The thread's end.
#[derive(Debug)]
pub(crate) struct Inbox<Work> {
    jobs: Receiver<Work>,
    bell: OwnedFd,
    runtime: Runtime,
}

/// What a thread keeps of a display from one order to the next.
pub(crate) trait Serves: Sized {
    /// Gives others what is on the clipboard, until `bell` rings; whether there is anything left to
    /// give. If not, it is dropped, and with it the connection.
    fn serve(&mut self, bell: BorrowedFd<'_>) -> Result<bool, DeliverError>;
}

impl<Work: Send + 'static> Worker<Work> {
    /// One whose thread is called so. Starts none yet.
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, line: None, alive: Arc::default() }
    }

    /// Gives the thread an order; starts it with `work` if there is none. `work` is to end when its
    /// inbox does.
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

    /// Whether there is a thread, as far as is known.
    pub(crate) fn is_started(&self) -> bool {
        self.line.is_some()
    }

    /// Leaves the thread to itself: without its orders it ends as soon as the display server lets
    /// go of it.
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
                // It waits for the display server by itself, and for other parts of v2m by this.
                match Builder::new_current_thread().enable_time().build() {
                    Ok(runtime) => work(&Inbox { jobs: inbox, bell: heard, runtime }),
                    // Whoever waits for an order hears that it is dropped.
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
        // A full pipe rings as well.
        let _ = rustix::io::write(&self.bell, &[0]);
        Ok(())
    }
}

impl<Work> Inbox<Work> {
    /// Carries out orders until none will come any more, and serves in between.
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
                    // A connection without a purpose would be told of each copy that anybody makes.
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

    /// The order that has come, if one has. Silences the bell.
    ///
    /// # Errors
    /// None will come any more.
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

/// The event loop has let go of the thread.
#[derive(Debug)]
struct Ended;
