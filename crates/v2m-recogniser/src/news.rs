//! A channel from a worker thread to the main thread, which polls it together with the socket.
//!
//! [`News::wake`] is a file descriptor, because Rust's own channels cannot be polled.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// How many events may wait for the main thread. If there are more, the worker thread blocks.
const MOST: usize = 16;

/// The main thread's end.
#[derive(Debug)]
pub(crate) struct News<E> {
    events: Receiver<E>,
    wake: UnixStream,
}

/// The worker thread's end.
#[derive(Debug)]
pub(crate) struct Reporter<E> {
    events: SyncSender<E>,
    waker: UnixStream,
}

/// Creates a channel.
///
/// # Errors
/// If no socketpair can be created.
pub(crate) fn channel<E>() -> io::Result<(Reporter<E>, News<E>)> {
    let (sender, events) = sync_channel(MOST);
    let (wake, waker) = UnixStream::pair()?;
    wake.set_nonblocking(true)?;
    waker.set_nonblocking(true)?;
    Ok((Reporter { events: sender, waker }, News { events, wake }))
}

impl<E> News<E> {
    /// Returns a file descriptor that becomes readable when [`Self::next`] has an event.
    pub(crate) fn wake(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Returns the next event, if there is one.
    pub(crate) fn next(&mut self) -> Option<E> {
        if let Ok(event) = self.events.try_recv() {
            return Some(event);
        }
        // Clear the wake-ups only when no event is left, and then look again: this may also have
        // cleared the wake-up of an event that was sent in between.
        let mut bytes = [0; 64];
        while matches!(self.wake.read(&mut bytes), Ok(n) if n > 0) {}
        self.events.try_recv().ok()
    }
}

impl<E> Reporter<E> {
    /// Reports an event. Returns false if the main thread has ended.
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
