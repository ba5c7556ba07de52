//! A clipboard of X11's that only holds what it is given: for desktops whose own clipboard ends
//! with its session.
//!
//! On Wayland it is XWayland's, where a program may hold the clipboard without a window.

use super::X11Clipboard;
use crate::deliver::clipboard::content::Content;
use crate::deliver::display::worker::{Inbox, Serves, Worker};
use crate::deliver::display::x11::Server;
use crate::deliver::error::DeliverError;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use tokio::sync::oneshot;
use tracing::debug;

/// Holds what it is given until another program takes the clipboard. Reaches for no display before.
#[derive(Debug)]
pub(crate) struct Holder(Worker<Work>);

#[derive(Debug)]
struct Work {
    content: Content,
    reply: oneshot::Sender<Result<(), DeliverError>>,
}

impl Default for Holder {
    fn default() -> Self {
        Self(Worker::new("v2m-holder"))
    }
}

impl Holder {
    /// Puts `content` on the clipboard, and gives it to others until something else is copied.
    pub(crate) async fn hold(&mut self, content: Content) -> Result<(), DeliverError> {
        let (reply, outcome) = oneshot::channel();
        self.0.hand_over(Work { content, reply }, work)?;
        outcome.await.unwrap_or(Err(DeliverError::Hanging))
    }

    /// Leaves the thread to itself: it ends as soon as the X server lets go of it.
    pub(crate) fn abandon(&mut self) {
        self.0.abandon();
    }
}

impl Serves for X11Clipboard {
    fn serve(&mut self, bell: BorrowedFd<'_>) -> Result<bool, DeliverError> {
        self.serve_until(bell).map(|()| true)
    }
}

fn work(inbox: &Inbox<Work>) {
    inbox.work(|kept: &mut Option<X11Clipboard>, Work { content, reply }| {
        let open = || Ok(X11Clipboard::of(Rc::new(Server::connect()?)));
        let outcome = kept
            .take()
            .map_or_else(open, Ok)
            .and_then(|clipboard| kept.insert(clipboard).hold(&content));
        if let Err(problem) = &outcome {
            debug!(reason = %problem, "the X server does not hold the clipboard");
            *kept = None;
        }
        let _ = reply.send(outcome); // who has left has another use for it
    });
}
