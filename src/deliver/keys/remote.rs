//! Keys that somebody else presses for a thread: where the compositor offers no virtual keyboard,
//! the portal's task.

use super::Keys;
use crate::chord::Chord;
use crate::deliver::error::DeliverError;
use tokio::sync::{mpsc, oneshot};

/// A combination that is to be pressed and released.
#[derive(Debug)]
pub(crate) struct ChordRequest {
    /// The keys.
    pub(crate) chord: Chord,
    /// What came of it. Dropped unanswered: nothing.
    pub(crate) done: oneshot::Sender<Result<(), DeliverError>>,
}

/// The thread's end: where it asks for keys.
#[derive(Debug)]
pub(crate) struct RemoteKeys {
    requests: mpsc::Sender<ChordRequest>,
    chord: Option<Chord>,
}

impl RemoteKeys {
    /// Both ends. Whoever answers must do so in bounded time: the thread waits.
    pub(crate) fn channel() -> (Self, mpsc::Receiver<ChordRequest>) {
        let (requests, inbox) = mpsc::channel(1);
        (Self { requests, chord: None }, inbox)
    }
}

impl Keys for RemoteKeys {
    async fn find(&mut self, chord: &Chord) -> Result<(), DeliverError> {
        self.chord = Some(chord.clone());
        Ok(())
    }

    fn are_apart(&self) -> bool {
        true
    }

    async fn press(&mut self) -> Result<(), DeliverError> {
        let (done, outcome) = oneshot::channel();
        let chord = self.chord.clone().ok_or(DeliverError::NoWay)?;
        let request = ChordRequest { chord, done };
        self.requests.send(request).await.map_err(|_gone| DeliverError::Hanging)?;
        outcome.await.unwrap_or(Err(DeliverError::Hanging))
    }
}
