//! Keys that somebody else presses for this thread: where the compositor offers no virtual keyboard, the portal's task.

use super::virtual_keyboard::Presser;
use crate::chord::Chord;
use crate::deliver::problem::Problem;
use tokio::sync::{mpsc, oneshot};

/// A combination that is to be pressed and released.
#[derive(Debug)]
pub(crate) struct Request {
    /// The keys.
    pub(crate) chord: Chord,
    /// What came of it. Dropped unanswered: nothing.
    pub(crate) done: oneshot::Sender<Result<(), Problem>>,
}

/// The thread's end: where it asks for keys.
#[derive(Clone, Debug)]
pub(crate) struct RemoteKeys(mpsc::Sender<Request>);

impl RemoteKeys {
    /// Both ends. Whoever answers must do so in bounded time: the thread waits.
    pub(crate) fn channel() -> (Self, mpsc::Receiver<Request>) {
        let (requests, inbox) = mpsc::channel(1);
        (Self(requests), inbox)
    }
}

/// One combination, ready to be pressed.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) keys: RemoteKeys,
    pub(crate) chord: Chord,
}

impl Presser for Remote {
    fn press(&self) -> Result<(), Problem> {
        let (done, outcome) = oneshot::channel();
        let request = Request { chord: self.chord.clone(), done };
        self.keys.0.blocking_send(request).map_err(|_gone| Problem::Hanging)?;
        outcome.blocking_recv().unwrap_or(Err(Problem::Hanging))
    }
}
