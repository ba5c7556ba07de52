//! An X11 clipboard that only holds the content it is given, for desktops where a session's
//! clipboard content disappears with the session.
//!
//! On Wayland, this is XWayland's clipboard, which a program without a window may own.

use super::X11Clipboard;
use crate::deliver::clipboard::content::Content;
use crate::deliver::display::worker::{Inbox, Serves, Worker};
use crate::deliver::display::x11::Server;
use crate::deliver::error::DeliverError;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use tokio::sync::oneshot;
use tracing::debug;

/// Holds content until another program takes the clipboard. It connects to no display before the
/// first [`Self::hold`].
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
    /// Puts `content` on the clipboard, and serves it until something else is copied.
    pub(crate) async fn hold(&mut self, content: Content) -> Result<(), DeliverError> {
        let (reply, outcome) = oneshot::channel();
        self.0.hand_over(Work { content, reply }, work)?;
        outcome.await.unwrap_or(Err(DeliverError::Hanging))
    }

    /// Abandons the thread. It ends as soon as the X server no longer blocks it.
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
        let _ = reply.send(outcome); // the caller may have given up
    });
}
