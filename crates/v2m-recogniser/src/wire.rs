//! The socketpair on standard input, as frames of [`v2m_ipc::engine`].
//!
//! Reading waits for the socket and for the worker at once, so that a `Ping` is answered while the
//! worker loads or decodes. Only the main thread reads and writes here.

use rustix::event::{PollFd, PollFlags, poll};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use v2m_ipc::engine::{self, Frame, FromEngine, ToEngine};
use v2m_messages::tr;

/// The result of [`Wire::wait`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// A frame, or the end, can be read.
    pub frame: bool,
    /// The other file descriptor can be read.
    pub other: bool,
}

/// The connection to the daemon.
#[derive(Debug)]
pub struct Wire {
    socket: UnixStream,
}

impl Wire {
    /// Takes the socket from standard input.
    ///
    /// # Errors
    /// When standard input cannot be duplicated or is not a socket.
    pub fn stdin() -> io::Result<Self> {
        let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        socket.local_addr().map_err(|_| {
            io::Error::other(tr!(
                "standard input is not a socket; v2m starts this program by itself"
            ))
        })?;
        Ok(Self { socket })
    }

    /// Uses this end of a socketpair.
    #[must_use]
    pub fn over(socket: UnixStream) -> Self {
        Self { socket }
    }

    /// Blocks until the daemon has sent something or `other` can be read.
    ///
    /// # Errors
    /// The errors of poll(2).
    pub fn wait(&self, other: impl AsFd) -> io::Result<Readiness> {
        let mut fds =
            [PollFd::new(&self.socket, PollFlags::IN), PollFd::new(&other, PollFlags::IN)];
        loop {
            match poll(&mut fds, None) {
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => {
                    let [frame, other] = fds.map(|fd| !fd.revents().is_empty());
                    return Ok(Readiness { frame, other });
                }
            }
        }
    }

    /// Reads one frame. `None` if the daemon has closed its end.
    ///
    /// # Errors
    /// When the stream ends inside a frame, or a frame is invalid.
    pub fn receive(&mut self) -> io::Result<Option<Frame<ToEngine>>> {
        engine::read_frame(&mut self.socket)
    }

    /// Writes one message.
    ///
    /// # Errors
    /// The socket's errors.
    pub fn send(&mut self, message: &FromEngine) -> io::Result<()> {
        engine::write_message(&mut self.socket, message)
    }
}
