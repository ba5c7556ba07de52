//! Keys that the portal's task presses for a thread, if the compositor offers no virtual keyboard.

use super::Keys;
use crate::chord::Chord;
use crate::deliver::error::DeliverError;
use tokio::sync::{mpsc, oneshot};

/// A request to press and release a combination.
#[derive(Debug)]
pub(crate) struct ChordRequest {
    /// The combination to press.
    pub(crate) chord: Chord,
    /// Receives the result. Dropped unanswered: nothing was pressed.
    pub(crate) done: oneshot::Sender<Result<(), DeliverError>>,
}

/// The thread's end of the channel, which requests keys.
#[derive(Debug)]
pub(crate) struct RemoteKeys {
    requests: mpsc::Sender<ChordRequest>,
    chord: Option<Chord>,
}

impl RemoteKeys {
    /// Creates both ends of the channel. The receiver must answer in bounded time, because the
    /// thread waits.
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
