//! A channel from a thread that computes to the main thread, which polls it beside the socket.
//!
//! [`News::wake`] is a file descriptor, because a channel of Rust's cannot be polled.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Events that may wait for the main thread. The thread that computes waits if there are more.
const MOST: usize = 16;

/// The main thread's end.
#[derive(Debug)]
pub(crate) struct News<E> {
    events: Receiver<E>,
    wake: UnixStream,
}

/// The end of the thread that computes.
#[derive(Debug)]
pub(crate) struct Reporter<E> {
    events: SyncSender<E>,
    waker: UnixStream,
}

/// Makes a channel.
///
/// # Errors
/// When there is no socketpair to be had.
pub(crate) fn channel<E>() -> io::Result<(Reporter<E>, News<E>)> {
    let (sender, events) = sync_channel(MOST);
    let (wake, waker) = UnixStream::pair()?;
    wake.set_nonblocking(true)?;
    waker.set_nonblocking(true)?;
    Ok((Reporter { events: sender, waker }, News { events, wake }))
}

impl<E> News<E> {
    /// A file descriptor that becomes readable when [`Self::next`] has an event.
    pub(crate) fn wake(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// The next event, if there is one.
    pub(crate) fn next(&mut self) -> Option<E> {
        if let Ok(event) = self.events.try_recv() {
            return Some(event);
        }
        // Only when nothing is left may the wake-ups be taken back, and then one must look again:
        // an event sent in between had its wake-up taken too.
        let mut bytes = [0; 64];
        while matches!(self.wake.read(&mut bytes), Ok(n) if n > 0) {}
        self.events.try_recv().ok()
    }
}

impl<E> Reporter<E> {
    /// Reports an event. False: the main thread has ended.
    pub(crate) fn report(&self, event: E) -> bool {
        let sent = self.events.send(event).is_ok();
        self.wake();
        sent
    }

    /// Reports an event unless the channel is full. Returns whether it did.
    pub(crate) fn try_report(&self, event: E) -> bool {
        let sent = self.events.try_send(event).is_ok();
        if sent {
            self.wake();
        }
        sent
    }

    fn wake(&self) {
        // A full socket already holds wake-ups.
        let _ = (&self.waker).write(&[1]);
    }
}
