//! A desktop with its own thread, because calls to its display server block.
//!
//! The event loop sends orders to the thread. The thread serves the clipboard until another program
//! takes it, and sleeps while there are no requests.

use crate::deliver::display::worker::{Inbox, Serves, Worker};
use crate::deliver::error::DeliverError;
use crate::deliver::keys::remote::RemoteKeys;
use crate::deliver::order::Insertion;
use std::marker::PhantomData;
use tokio::sync::oneshot;
use tracing::debug;

/// The parts of a desktop, over one connection to its display server.
pub(crate) trait Desk: Serves {
    /// State that is kept from one text to the next, even without a connection.
    type Memory: Default;

    /// A text that a window has read.
    type Pasted;

    /// Connects. Blocks.
    fn open() -> Result<Self, DeliverError>;

    /// Puts a text into the window that has the keyboard. `remote` presses the keys if given, and
    /// the desk otherwise. `is_wanted` is called now and then, because the caller may have given
    /// up. Returns `None` if the text was typed, so that there is nothing to restore.
    async fn put(
        &mut self,
        order: &Insertion,
        remote: Option<RemoteKeys>,
        memory: &mut Self::Memory,
        is_wanted: impl Fn() -> bool,
    ) -> Result<Option<Self::Pasted>, DeliverError>;

    /// Restores the clipboard.
    async fn give_back(&mut self, pasted: Self::Pasted) -> Result<(), DeliverError>;

    /// Makes sure that the clipboard's content survives the end of v2m.
    fn leave(&mut self) -> Result<(), DeliverError> {
        Ok(())
    }
}

/// The event loop's handle of the thread.
#[derive(Debug)]
pub(crate) struct Thread<D> {
    worker: Worker<Work>,
    giving_back: Option<oneshot::Receiver<()>>,
    desk: PhantomData<fn() -> D>,
}

#[derive(Debug)]
enum Work {
    Put {
        order: Box<Insertion>,
        remote: Option<RemoteKeys>,
        reply: oneshot::Sender<Result<(), DeliverError>>,
        /// Dropped when the clipboard is restored.
        given_back: oneshot::Sender<()>,
    },
    Leave {
        done: oneshot::Sender<()>,
    },
}

impl<D: Desk> Thread<D> {
    /// Connects to no display yet.
    pub(crate) fn new() -> Self {
        Self { worker: Worker::new("v2m-cursor"), giving_back: None, desk: PhantomData }
    }

    /// Pastes, and returns when a window has taken the text; the clipboard is restored afterwards.
    /// Or types, and returns when all keys have been pressed. `remote` presses the keys that paste
    /// if given, and the desk otherwise.
    pub(crate) async fn carry_out(
        &mut self,
        order: Insertion,
        remote: Option<RemoteKeys>,
    ) -> Result<(), DeliverError> {
        let (reply, outcome) = oneshot::channel();
        let (given_back, giving_back) = oneshot::channel();
        let job = Work::Put { order: Box::new(order), remote, reply, given_back };
        self.worker.hand_over(job, work::<D>)?;
        self.giving_back = Some(giving_back);
        outcome.await.unwrap_or(Err(DeliverError::Hanging))
    }

    /// Waits until the clipboard is restored, and its content survives the end of v2m.
    pub(crate) async fn settle(&mut self) {
        if let Some(giving_back) = self.giving_back.take() {
            // An error means that the thread has dropped the sender, which means the same.
            let _ = giving_back.await;
        }
        let (done, left) = oneshot::channel();
        let leave = Work::Leave { done };
        if self.worker.is_started() && self.worker.hand_over(leave, work::<D>).is_ok() {
            let _ = left.await;
        }
    }

    /// Abandons the thread. Without its sender, it ends as soon as the display server answers.
    pub(crate) fn abandon(&mut self) {
        self.worker.abandon();
        self.giving_back = None;
    }
}

/// Runs until [`Thread`] drops its sender.
fn work<D: Desk>(inbox: &Inbox<Work>) {
    let mut memory = D::Memory::default();
    inbox.work(|desk: &mut Option<D>, job| match job {
        Work::Put { order, remote, reply, given_back } => {
            put(inbox, desk, &mut memory, (&order, remote), reply);
            drop(given_back);
        }
        Work::Leave { done } => {
            let left = desk.as_mut().map_or(Ok(()), D::leave);
            let _ = done.send(()); // the caller may have given up
            if let Err(problem) = left {
                debug!(reason = %problem, "the clipboard is not kept");
                // A broken connection would fail again.
                *desk = None;
            }
        }
    });
}

/// Delivers a text, reports the result, and then restores the clipboard.
fn put<D: Desk>(
    inbox: &Inbox<Work>,
    desk: &mut Option<D>,
    memory: &mut D::Memory,
    (order, remote): (&Insertion, Option<RemoteKeys>),
    reply: oneshot::Sender<Result<(), DeliverError>>,
) {
    // The caller has timed out and reported failure, so the text must not appear later.
    if reply.is_closed() {
        return;
    }
    let mut open = match desk.take().map_or_else(D::open, Ok) {
        Ok(open) => open,
        Err(problem) => {
            let _ = reply.send(Err(problem));
            return;
        }
    };
    let is_wanted = || !reply.is_closed();
    let given_back = match inbox.wait_for(open.put(order, remote, memory, is_wanted)) {
        Ok(pasted) => {
            let _ = reply.send(Ok(())); // a caller that timed out has already reported failure
            pasted.map_or(Ok(()), |pasted| inbox.wait_for(open.give_back(pasted)))
        }
        Err(problem) => {
            let is_broken =
                matches!(problem, DeliverError::Server(_) | DeliverError::Compositor(_));
            let _ = reply.send(Err(problem));
            if is_broken {
                return;
            }
            Ok(())
        }
    };
    match given_back {
        Ok(()) => *desk = Some(open),
        // A broken connection would fail again.
        Err(problem) => debug!(reason = %problem, "the clipboard was not given back"),
    }
}
