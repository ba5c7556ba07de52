//! The listening socket that systemd passes to a program it starts (sd_listen_fds(3)).
//!
//! Nothing here binds or unlinks a socket. Each program decides what to do without a socket, and
//! has its own messages for that.

use listenfd::ListenFd;
use std::io;
use std::os::unix::net::UnixListener;
use v2m_messages::tr;

/// Why there is no socket to listen on.
#[derive(Debug)]
pub enum NoSocket {
    /// The program was started by hand, or as a service without its socket.
    Missing,
    /// More than one socket was passed.
    TooMany(usize),
    /// The passed file descriptor is not a usable socket.
    Unusable(io::Error),
}

/// Takes the one Unix stream socket that systemd passed, and sets it to non-blocking.
///
/// # Errors
/// Fails if there is none, if there are several, or if it is not a listening Unix stream socket.
pub fn listener() -> Result<UnixListener, NoSocket> {
    let mut passed = ListenFd::from_env();
    match passed.len() {
        0 => return Err(NoSocket::Missing),
        1 => {}
        count => return Err(NoSocket::TooMany(count)),
    }
    let listener = passed.take_unix_listener(0).map_err(NoSocket::Unusable)?;
    let listener = listener.ok_or(NoSocket::Missing)?;
    if !rustix::net::sockopt::socket_acceptconn(&listener)
        .map_err(|error| NoSocket::Unusable(error.into()))?
    {
        return Err(NoSocket::Unusable(io::Error::other(tr!("it is a connection"))));
    }
    listener.set_nonblocking(true).map_err(NoSocket::Unusable)?;
    Ok(listener)
}
