//! Keys that somebody else presses for a thread: where the compositor offers no virtual keyboard,
//! the portal's task.

use super::Keys;
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
#[derive(Debug)]
pub(crate) struct RemoteKeys {
    requests: mpsc::Sender<Request>,
    chord: Option<Chord>,
}

impl RemoteKeys {
    /// Both ends. Whoever answers must do so in bounded time: the thread waits.
    pub(crate) fn channel() -> (Self, mpsc::Receiver<Request>) {
        let (requests, inbox) = mpsc::channel(1);
        (Self { requests, chord: None }, inbox)
    }
}

impl Keys for RemoteKeys {
    async fn find(&mut self, chord: &Chord) -> Result<(), Problem> {
        self.chord = Some(chord.clone());
        Ok(())
    }

    fn are_apart(&self) -> bool {
        true
    }

    async fn press(&mut self) -> Result<(), Problem> {
        let (done, outcome) = oneshot::channel();
        let chord = self.chord.clone().ok_or(Problem::NoWay)?;
        let request = Request { chord, done };
        self.requests.send(request).await.map_err(|_gone| Problem::Hanging)?;
        outcome.await.unwrap_or(Err(Problem::Hanging))
    }
}
