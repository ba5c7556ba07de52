//! A thread for what must be waited for: display servers answer in their own time. The event loop only sends it orders, and
//! a bell wakes it from waiting for its display server.
//!
//! It is started by the first order, and again when it has ended. One that hangs is left to itself, and counted.

use crate::deliver::problem::Problem;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};

/// Threads that may hang at once in a dead display server before no more are started.
const MAX_STUCK: usize = 3;
/// Orders that wait.
const WAITING: usize = 2;

/// The event loop's end.
#[derive(Debug)]
pub(crate) struct Worker<Job> {
    line: Option<Line<Job>>,
    /// Counts the threads alive: each holds a clone.
    alive: Arc<()>,
}

#[derive(Debug)]
struct Line<Job> {
    // Dropped before the bell, whose end wakes the thread.
    jobs: SyncSender<Job>,
    bell: OwnedFd,
}

/// The thread's end.
#[derive(Debug)]
pub(crate) struct Inbox<Job> {
    jobs: Receiver<Job>,
    bell: OwnedFd,
}

impl<Job> Default for Worker<Job> {
    fn default() -> Self {
        Self { line: None, alive: Arc::default() }
    }
}

impl<Job: Send + 'static> Worker<Job> {
    /// Gives the thread an order; starts it with `work` if there is none. `work` is to end when its inbox does.
    pub(crate) fn hand_over(&mut self, job: Job, work: fn(&Inbox<Job>)) -> Result<(), Problem> {
        let Some(line) = &self.line else { return self.start(job, work) };
        match line.send(job) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(Problem::Hanging),
            Err(TrySendError::Disconnected(job)) => self.start(job, work),
        }
    }

    /// Whether there is a thread, as far as is known.
    pub(crate) fn is_started(&self) -> bool {
        self.line.is_some()
    }

    /// Leaves the thread to itself: without its orders it ends as soon as the display server lets go of it.
    pub(crate) fn abandon(&mut self) {
        self.line = None;
    }

    fn start(&mut self, first: Job, work: fn(&Inbox<Job>)) -> Result<(), Problem> {
        if Arc::strong_count(&self.alive) > MAX_STUCK {
            return Err(Problem::Hanging);
        }
        let pipe = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK);
        let (heard, bell) = pipe.map_err(|errno| Problem::NoThread(errno.into()))?;
        let (jobs, inbox) = sync_channel(WAITING);
        let inbox = Inbox { jobs: inbox, bell: heard };
        let alive = Arc::clone(&self.alive);
        std::thread::Builder::new()
            .name("v2m-cursor".to_owned())
            .spawn(move || {
                work(&inbox);
                drop(alive);
            })
            .map_err(Problem::NoThread)?;
        let line = self.line.insert(Line { jobs, bell });
        line.send(first).map_err(|_| Problem::Hanging)
    }
}

impl<Job> Line<Job> {
    fn send(&self, job: Job) -> Result<(), TrySendError<Job>> {
        self.jobs.try_send(job)?;
        // A full pipe rings as well.
        let _ = rustix::io::write(&self.bell, &[0]);
        Ok(())
    }
}

impl<Job> Inbox<Job> {
    /// Waits for the next order; `None`: none will come.
    pub(crate) fn wait(&self) -> Option<Job> {
        self.jobs.recv().ok()
    }

    /// Readable when [`Self::look`] has news.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// The order that has come, if one has. Silences the bell.
    ///
    /// # Errors
    /// None will come any more.
    pub(crate) fn look(&self) -> Result<Option<Job>, Ended> {
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
pub(crate) struct Ended;
