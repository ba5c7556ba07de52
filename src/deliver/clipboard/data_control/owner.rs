//! The owner of the clipboard, which serves its content to programs that ask for it.
//!
//! Large content is sent as fast as its reader takes it, to several programs at once if necessary.

use super::protocol::DataSource;
use super::server::{ClipboardEvent, Server, SourceId};
use crate::deliver::clipboard::content::Content;
use crate::deliver::display::wayland::Mark;
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tracing::debug;

/// The most transfers at once. One more ends the oldest, because its reader has forgotten it.
const TRANSFERS: usize = 32;

/// An event that concerns our content on the clipboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A program has asked for our content.
    Asked {
        /// The last of our marks that the compositor had processed by then.
        after: Mark,
    },
    /// Another program owns the clipboard now.
    Lost,
}

/// The clipboard's content while it is ours, and the running transfers.
#[derive(Debug, Default)]
pub(crate) struct Owner {
    held: Option<OwnedSource>,
    /// Sources that we have replaced. They are kept until the compositor confirms it, because a
    /// program may have asked for them before.
    replaced: Vec<OwnedSource>,
    transfers: Vec<Transfer>,
}

#[derive(Debug)]
struct OwnedSource {
    number: SourceId,
    source: Box<dyn DataSource>,
    content: Arc<Content>,
}

impl Drop for OwnedSource {
    fn drop(&mut self) {
        self.source.destroy();
    }
}

#[derive(Debug)]
struct Transfer {
    pipe: OwnedFd,
    content: Arc<Content>,
    /// The format's index in `content`.
    format: usize,
    sent: usize,
}

impl Owner {
    /// Returns the clipboard's content, if it is ours.
    pub(crate) fn content(&self) -> Option<&Arc<Content>> {
        self.held.as_ref().map(|held| &held.content)
    }

    /// Whether a program is still reading content.
    pub(crate) fn is_giving(&self) -> bool {
        !self.transfers.is_empty()
    }

    /// Whether there is nothing left to serve.
    pub(crate) fn is_done(&self) -> bool {
        self.held.is_none() && self.transfers.is_empty()
    }

    /// Takes the clipboard.
    pub(crate) fn own(&mut self, server: &mut Server, content: Arc<Content>) {
        let (number, source) = server.own(&content.names());
        self.replaced.extend(self.held.replace(OwnedSource { number, source, content }));
    }

    /// Clears the clipboard, so that it has no owner.
    pub(crate) fn clear(&mut self, server: &Server) {
        server.clear();
        self.replaced.extend(self.held.take());
    }

    /// Handles an event of the compositor.
    pub(crate) fn handle(&mut self, said: ClipboardEvent) -> Option<Event> {
        match said {
            ClipboardEvent::Asked { source, format, pipe, after } => {
                let is_held = |held: &&OwnedSource| held.number == source;
                let current = self.held.as_ref().filter(is_held);
                let known = current.or_else(|| self.replaced.iter().find(is_held))?;
                let (is_current, content) = (current.is_some(), Arc::clone(&known.content));
                self.begin(content, &format, pipe);
                is_current.then_some(Event::Asked { after })
            }
            ClipboardEvent::Cancelled(source) => {
                self.replaced.retain(|held| held.number != source);
                self.held.take_if(|held| held.number == source).map(|_| Event::Lost)
            }
            ClipboardEvent::Finished => None,
        }
    }

    fn begin(&mut self, content: Arc<Content>, name: &str, pipe: OwnedFd) {
        // Dropping the pipe closes it without a byte: a format that was not offered is empty.
        let Some(format) = content.formats.iter().position(|(known, _)| known == name) else {
            return;
        };
        let nonblocking =
            fcntl_getfl(&pipe).and_then(|flags| fcntl_setfl(&pipe, flags | OFlags::NONBLOCK));
        if let Err(errno) = nonblocking {
            debug!(%errno, "a program wants the clipboard in a file that is none");
            return;
        }
        let mut transfer = Transfer { pipe, content, format, sent: 0 };
        if transfer.go_on() {
            return;
        }
        if self.transfers.len() >= TRANSFERS {
            self.transfers.remove(0);
        }
        self.transfers.push(transfer);
    }

    /// Writes as much as the readers take now.
    pub(crate) fn go_on(&mut self) {
        self.transfers.retain_mut(|transfer| !transfer.go_on());
    }

    /// Returns the pipes to wait for before going on.
    pub(crate) fn waiting(&self) -> Vec<PollFd<'_>> {
        let pipes = self.transfers.iter().map(|transfer| &transfer.pipe);
        pipes.map(|pipe| PollFd::new(pipe, PollFlags::OUT)).collect()
    }
}

impl Transfer {
    /// Writes as much as the reader takes now. Returns whether the transfer is over.
    fn go_on(&mut self) -> bool {
        let (_, bytes) = &self.content.formats[self.format];
        while self.sent < bytes.len() {
            match rustix::io::write(&self.pipe, &bytes[self.sent..]) {
                Ok(0) => return true,
                Ok(written) => self.sent += written,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return false,
                Err(errno) => {
                    debug!(%errno, "a program has stopped reading the clipboard");
                    return true;
                }
            }
        }
        true
    }
}
