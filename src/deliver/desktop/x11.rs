//! X11: the clipboard is a selection that v2m owns for the time of a paste, and keys are pressed through XTEST.
//!
//! All of it happens on a thread of its own, as X11's answers are waited for; the event loop only sends it orders. That
//! thread goes on giving others what is on the clipboard until another program takes it, and sleeps when nobody asks.
//! XWayland is not X11 in this sense: its keys reach only its own windows.

use crate::deliver::clipboard::content::Content;
use crate::deliver::clipboard::x11::Desk;
use crate::deliver::display::worker::{Ended, Inbox, Worker};
use crate::deliver::order::{Means, Order};
use crate::deliver::problem::Problem;
use tokio::sync::oneshot;
use tracing::debug;

/// The way to X11's windows.
#[derive(Debug, Default)]
pub(crate) struct X11 {
    worker: Worker<Job>,
    giving_back: Option<oneshot::Receiver<()>>,
}

#[derive(Debug)]
enum Job {
    Put {
        order: Box<Order>,
        reply: oneshot::Sender<Result<(), Problem>>,
        given_back: oneshot::Sender<()>,
    },
    Hold {
        content: Content,
        reply: oneshot::Sender<Result<(), Problem>>,
    },
    Leave {
        done: oneshot::Sender<()>,
    },
}

impl X11 {
    pub(crate) const NAME: &str = "x11";

    /// Reaches for no display yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Pastes, and answers when a window has taken the text; the clipboard is given back afterwards. Or types, and
    /// answers when all keys have been pressed.
    pub(crate) async fn carry_out(&mut self, order: Order) -> Result<(), Problem> {
        let (reply, outcome) = oneshot::channel();
        let (given_back, giving_back) = oneshot::channel();
        self.worker.hand_over(Job::Put { order: Box::new(order), reply, given_back }, work)?;
        self.giving_back = Some(giving_back);
        outcome.await.unwrap_or(Err(Problem::Hanging))
    }

    /// Puts `content` on the clipboard, and gives it to others until something else is copied. Presses nothing.
    pub(crate) async fn hold(&mut self, content: Content) -> Result<(), Problem> {
        let (reply, outcome) = oneshot::channel();
        self.worker.hand_over(Job::Hold { content, reply }, work)?;
        outcome.await.unwrap_or(Err(Problem::Hanging))
    }

    /// Waits until the clipboard has been given back, and is in good hands should v2m end.
    pub(crate) async fn settle(&mut self) {
        if let Some(giving_back) = self.giving_back.take() {
            // An error means the same: the thread has let go of it.
            let _ = giving_back.await;
        }
        let (done, left) = oneshot::channel();
        if self.worker.is_started() && self.worker.hand_over(Job::Leave { done }, work).is_ok() {
            let _ = left.await;
        }
    }

    /// Leaves the thread to itself: without its sender it ends as soon as the X server lets go of it.
    pub(crate) fn abandon(&mut self) {
        self.worker.abandon();
        self.giving_back = None;
    }
}

/// Whether a display answers that keys can be pressed on. Blocking.
pub(crate) fn is_there() -> Result<(), Problem> {
    Desk::open().map(drop)
}

/// Runs until [`X11`] lets go of its sender.
fn work(inbox: &Inbox<Job>) {
    let mut desk = None;
    loop {
        let job = match &mut desk {
            None => inbox.wait().map(Some).ok_or(Ended),
            Some(open) => {
                if let Err(problem) = Desk::serve(open, inbox.bell()) {
                    debug!(reason = %problem, "the connection to the X server has ended");
                    desk = None;
                }
                inbox.look()
            }
        };
        match job {
            Ok(Some(job)) => carry_out(&mut desk, job),
            Ok(None) => {}
            Err(Ended) => return,
        }
    }
}

fn carry_out(desk: &mut Option<Desk>, job: Job) {
    let outcome = match job {
        Job::Put { order, reply, given_back } => put(desk, &order, reply, given_back),
        Job::Hold { content, reply } => hold(desk, &content, reply),
        Job::Leave { done } => {
            let outcome = desk.as_mut().map_or(Ok(()), Desk::leave);
            let _ = done.send(()); // nobody waits any more
            outcome
        }
    };
    // What is left of a broken connection would fail again.
    if let Err(problem) = outcome {
        debug!(reason = %problem, "the clipboard was not given back");
        *desk = None;
    }
}

fn hold(
    desk: &mut Option<Desk>,
    content: &Content,
    reply: oneshot::Sender<Result<(), Problem>>,
) -> Result<(), Problem> {
    let outcome =
        desk.take().map_or_else(Desk::open, Ok).and_then(|open| desk.insert(open).hold(content));
    if outcome.is_err() {
        *desk = None;
    }
    let _ = reply.send(outcome); // who has left has another use for it
    Ok(())
}

/// Carries out an order and tells its outcome; the error is of what comes after.
fn put(
    desk: &mut Option<Desk>,
    order: &Order,
    reply: oneshot::Sender<Result<(), Problem>>,
    given_back: oneshot::Sender<()>,
) -> Result<(), Problem> {
    // Nobody waits any more: the user was told that it is not there, so it must not appear later.
    if reply.is_closed() {
        return Ok(());
    }
    let open = match desk.take().map_or_else(Desk::open, Ok) {
        Ok(open) => desk.insert(open),
        Err(problem) => {
            let _ = reply.send(Err(problem));
            return Ok(());
        }
    };
    let is_wanted = || !reply.is_closed();
    let outcome = match order.means {
        Means::Paste => open.paste(order, is_wanted).map(Some),
        Means::Type => open.write(order, is_wanted).map(|()| None),
    };
    match outcome {
        Ok(before) => {
            let _ = reply.send(Ok(())); // who has left meanwhile has told the user otherwise, and put it on the clipboard
            let outcome = before.map_or(Ok(()), |before| open.give_back(before));
            let _ = given_back.send(());
            outcome
        }
        Err(problem) => {
            let is_broken = matches!(problem, Problem::Server(_));
            let _ = reply.send(Err(problem));
            if is_broken {
                *desk = None;
            }
            Ok(())
        }
    }
}
