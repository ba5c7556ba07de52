//! The socket from systemd: accepts connections, limits their number, and decides when the program
//! ends.
//!
//! Nothing here binds or unlinks a socket. When nobody has been connected for a while, the program
//! ends, and the next connection starts it again. SIGTERM ends it at once, by the kernel's default
//! action.

use crate::cancel::Cancel;
use crate::{log, program};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::net::sockopt;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use v2m_ipc::listen::{self, NoSocket};
use v2m_messages::{tr, verbatim};

/// The largest number of simultaneous connections.
pub const CONNECTIONS: usize = 8;
/// The largest number of further connections that get a refusal at the same time.
const REFUSALS: usize = 8;
/// The pause when the system cannot create another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why there is no socket to listen on.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The program was started by hand, or as a service without its socket.
    #[error(
        "{}",
        tr!(
            "{program} was started without a socket to listen on. systemd passes it, and starts the program when it is \
             needed: `systemctl --user start {program}.socket`, which v2m does by itself once {setting} is set. To try \
             it by hand: `systemd-socket-activate -l \"$XDG_RUNTIME_DIR/{program}-try.sock\" {program}`",
            program = program().name,
            setting = program().wanted_by
        )
    )]
    Missing,
    /// More than one socket was passed.
    #[error(
        "{}",
        tr!(
            "{program} was started with {count} sockets and needs exactly one: \
             `systemctl --user cat {program}.socket {program}.service`",
            program = program().name,
            count = .0
        )
    )]
    TooMany(usize),
    /// The passed file descriptor is not a usable socket.
    #[error(
        "{}",
        tr!(
            "{program} was started with a socket it cannot listen on ({error}). It must be one Unix stream socket that is \
             listening (ListenStream= a path, Accept=no): `systemctl --user cat {program}.socket`",
            program = program().name,
            error = .0
        )
    )]
    Unusable(#[source] io::Error),
}

/// Takes the one Unix stream socket that systemd passed, and sets it to non-blocking.
///
/// # Errors
/// Fails if there is none, if there are several, or if it is not a listening Unix stream socket.
/// The text says what to do.
pub fn listener() -> Result<UnixListener, SocketError> {
    listen::listener().map_err(|error| match error {
        NoSocket::Missing => SocketError::Missing,
        NoSocket::TooMany(count) => SocketError::TooMany(count),
        NoSocket::Unusable(error) => SocketError::Unusable(error),
    })
}

/// Signals the end of a connection's thread.
struct Bell(Arc<OwnedFd>);

impl Drop for Bell {
    fn drop(&mut self) {
        // The counter cannot overflow: each thread adds one.
        let _ = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }
}

/// Handles one connection until its end. False: there is no room, and the peer gets a refusal.
pub type Conversation = dyn Fn(UnixStream, bool) -> io::Result<()> + Send + Sync;

/// Serves until nobody has been connected for `idle`. For each connection, `hold` is called on a
/// thread with this name.
///
/// # Errors
/// The system's errors for the listening socket. A connection's own errors end only that
/// connection.
pub fn serve(
    listener: &UnixListener,
    idle: Duration,
    thread: &str,
    hold: &Arc<Conversation>,
) -> io::Result<()> {
    let ended = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
    let mut threads = 0;
    let mut quiet = Instant::now();
    loop {
        let left = (threads == 0).then(|| idle.saturating_sub(quiet.elapsed()));
        let full = threads >= CONNECTIONS + REFUSALS;
        wait(listener, &ended, full, left)?;
        let gone = ended_since(&ended);
        if gone > 0 {
            threads -= gone;
            quiet = Instant::now();
        }
        match if full { None } else { accept(listener) } {
            Some(stream) => {
                let room = threads < CONNECTIONS;
                begin(stream, thread, hold, Bell(Arc::clone(&ended)), room);
                threads += 1;
            }
            None if threads == 0 && quiet.elapsed() >= idle => return Ok(()),
            None => {}
        }
    }
}

/// Waits until a peer connects (unless it is full), a thread ends, or the time is over.
fn wait(
    listener: &UnixListener,
    ended: &OwnedFd,
    full: bool,
    left: Option<Duration>,
) -> io::Result<()> {
    let limit = left.map(|left| Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: left.subsec_nanos().into(),
    });
    let mut fds = [PollFd::new(ended, PollFlags::IN), PollFd::new(listener, PollFlags::IN)];
    let count = if full { 1 } else { 2 };
    match poll(&mut fds[..count], limit.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn ended_since(ended: &OwnedFd) -> usize {
    let mut count = [0; 8];
    match rustix::io::read(ended, &mut count) {
        Ok(8) => usize::try_from(u64::from_ne_bytes(count)).unwrap_or_default(),
        _ => 0,
    }
}

/// Returns the next connection of this user, if there is one.
fn accept(listener: &UnixListener) -> Option<UnixStream> {
    match listener.accept() {
        Ok((stream, _)) => is_own(&stream).then_some(stream),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) =>
        {
            None
        }
        Err(error) => {
            log::warning(&verbatim!(format!("cannot accept a connection: {error}")));
            // The missing resource will not be available at once.
            thread::sleep(ACCEPT_PAUSE);
            None
        }
    }
}

/// The directory and the socket's mode already exclude other users. This check helps if they were
/// changed.
fn is_own(stream: &UnixStream) -> bool {
    match sockopt::socket_peercred(stream) {
        Ok(peer) if peer.uid == rustix::process::getuid() => true,
        Ok(peer) => {
            let (uid, pid) = (peer.uid.as_raw(), peer.pid.as_raw_nonzero());
            log::warning(&verbatim!(format!(
                "a connection of another user was closed (uid {uid}, pid {pid})"
            )));
            false
        }
        Err(error) => {
            log::warning(&verbatim!(format!(
                "a connection whose user cannot be told was closed: {error}"
            )));
            false
        }
    }
}

/// Handles a connection on a thread of its own. The bell rings when that is over, even if the
/// thread cannot be created.
fn begin(stream: UnixStream, name: &str, hold: &Arc<Conversation>, bell: Bell, room: bool) {
    let hold = Arc::clone(hold);
    let thread = thread::Builder::new().name(name.into()).spawn(move || {
        let _bell = bell;
        if let Err(error) = hold(stream, room) {
            log::debug(&verbatim!(format!("a connection ended: {error}")));
        }
    });
    if let Err(error) = thread {
        log::warning(&verbatim!(format!("no thread for a connection, which was closed: {error}")));
    }
}

/// Waits until there is input or the end of the stream. Returns false if the time is over.
///
/// # Errors
/// The errors of poll(2).
pub fn readable(stream: &UnixStream, limit: Duration) -> io::Result<bool> {
    let limit = Timespec {
        tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    };
    let mut fds = [PollFd::new(stream, PollFlags::IN)];
    loop {
        match poll(&mut fds, Some(&limit)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Cancels the question if the peer disconnects, and with `or_speaks` also if it sends something. A
/// peer that only stops sending may still read. Returns once `done` is signalled.
pub fn watch(peer: &UnixStream, done: &OwnedFd, cancel: &Cancel, or_speaks: bool) {
    let wanted = if or_speaks { PollFlags::IN } else { PollFlags::empty() };
    let mut fds = [PollFd::new(peer, wanted), PollFd::new(done, PollFlags::IN)];
    while let Ok(0) | Err(rustix::io::Errno::INTR) = poll(&mut fds, None) {}
    let ends = wanted | PollFlags::HUP | PollFlags::ERR;
    if fds[1].revents().is_empty() && fds[0].revents().intersects(ends) {
        cancel.cancel();
    }
}
