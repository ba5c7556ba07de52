//! The clients' socket: connections, their limits, and the conversion between wire types and the
//! daemon's types.
//!
//! The caller provides the listener, because systemd owns the socket. Nothing here binds, unlinks
//! or renames it. Wire types stop here: requests become [`Call`]s; answers and events become JSON.
//! Other modules decide what a command does; only PING and SUBSCRIBE are answered here. Nothing
//! dictated is logged.

mod connection;
mod convert;
mod feed;
mod refuse;
mod seats;

pub use refuse::refuse_pending;
use v2m_messages::tr;

use crate::call::{Answer, Call, CallSender, Event, Request};
use crate::session::{Code, Failure};
use connection::Connection;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use seats::{Entry, Seat, Seats};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{broadcast, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::{debug, warn};
use v2m_ipc::message::Response;

/// The pause after a failed `accept` if no connection can give way. Descriptors or memory are then
/// exhausted, and take time to become free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Limits for clients. The defaults are the protocol's.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections may be open. If more come, the one that has been silent longest gives
    /// way. This is also the limit of requests under way, apart from presses.
    pub connections: usize,
    /// Additional connections for newcomers, used while no connection can give way.
    pub newcomers: usize,
    /// The time from a frame's first byte to its last.
    pub half_frame: Duration,
    /// The time for a peer to take an answer or event that does not fit into the socket's buffer.
    pub unread: Duration,
    /// The time for a newcomer to send its request before it may have to give way.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            newcomers: 64,
            half_frame: Duration::from_secs(5),
            unread: Duration::from_secs(5),
            grace: Duration::from_millis(300),
        }
    }
}

/// Serves the socket until `shutdown` is true or its sender is gone. Then it accepts no more
/// connections, closes idle ones, and returns when the open requests are answered.
///
/// A request that is unread at that moment stays unread. Its client sees a reset, concludes that
/// nobody acted on the request, and asks again.
pub async fn serve(
    listener: UnixListener,
    calls: CallSender,
    events: broadcast::Sender<Event>,
    shutdown: watch::Receiver<bool>,
) {
    Server::new(calls, events).serve(listener, shutdown).await;
}

/// The state that all connections share.
#[derive(Debug)]
pub struct Server {
    /// Takes the calls.
    pub calls: CallSender,
    /// Sends the subscribers' events. A subscriber that falls behind by the channel's capacity
    /// loses its connection.
    pub events: broadcast::Sender<Event>,
    /// The limits for clients.
    pub limits: Limits,
    /// The only user who may connect.
    pub uid: u32,
    seats: Seats,
}

impl Server {
    /// Makes a server with the protocol's limits, for the user who runs this process.
    pub fn new(calls: CallSender, events: broadcast::Sender<Event>) -> Self {
        let uid = rustix::process::geteuid().as_raw();
        Self { calls, events, limits: Limits::default(), uid, seats: Seats::default() }
    }

    /// Serves the socket, as [`serve`] does.
    pub async fn serve(self, listener: UnixListener, mut shutdown: watch::Receiver<bool>) {
        let server = Arc::new(self);
        let mut conversations = JoinSet::new();
        loop {
            let stop = shutdown.clone();
            tokio::select! {
                biased;
                () = stopped(&mut shutdown) => break,
                Some(_) = conversations.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) if !server.is_own(&stream) => drop(stream),
                    Ok((stream, _)) => match server.seats.enter(&server.limits) {
                        Entry::In(seat) => {
                            conversations.spawn(converse(stream, Arc::clone(&server), seat, stop));
                        }
                        Entry::InPlaceOf(seat) => {
                            conversations.spawn(converse(stream, Arc::clone(&server), seat, stop));
                            // Let the connections that give way close before the next one is
                            // accepted.
                            tokio::task::yield_now().await;
                        }
                        Entry::Full => refuse::at_once(&stream, server.limits),
                    },
                    Err(error) => {
                        warn!(%error, "cannot accept a connection: {error}");
                        if server.seats.free_one() {
                            tokio::task::yield_now().await;
                        } else {
                            sleep(ACCEPT_PAUSE).await;
                        }
                    }
                },
            }
        }
        drop(listener);
        while conversations.join_next().await.is_some() {}
    }

    /// Whether the peer is this user. The directory and the socket's mode already keep others out;
    /// this check still works if they were changed.
    fn is_own(&self, stream: &UnixStream) -> bool {
        match stream.peer_cred() {
            Ok(peer) if peer.uid() == self.uid => true,
            Ok(peer) => {
                warn!(uid = peer.uid(), pid = peer.pid(), "another user's connection was closed");
                false
            }
            Err(error) => {
                warn!(%error, "a connection was closed, as its user cannot be told: {error}");
                false
            }
        }
    }

    async fn call(&self, request: Request) -> Result<Answer, Failure> {
        let (reply, answer) = oneshot::channel();
        let ending = || {
            let text = tr!("v2m is stopping; the next request starts it again");
            Failure::new(Code::ShuttingDown, text)
        };
        let unheard = |_| ending().may_ask_again();
        self.calls.send(Call { request, reply }).await.map_err(unheard)?;
        answer
            .await
            .unwrap_or_else(|_| Err(if self.calls.is_closed() { ending() } else { unanswered() }))
    }
}

fn unanswered() -> Failure {
    Failure::new(
        Code::Internal,
        tr!(
            "v2m did not answer the request. This is a bug; please report it, with: journalctl --user -u v2m"
        ),
    )
}

async fn converse(
    stream: UnixStream,
    server: Arc<Server>,
    seat: Arc<Seat>,
    shutdown: watch::Receiver<bool>,
) {
    if let Err(error) = Connection::new(stream, server, seat, shutdown).converse().await {
        debug!(%error, "a client's connection ended");
    }
}

/// Waits for the order to stop. A dropped sender counts as such an order.
async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|&stop| stop).await;
}

/// Writes one answer or event.
///
/// # Errors
/// The stream's errors, and `TimedOut` for a peer that does not read.
async fn write(stream: &mut UnixStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    use tokio::io::AsyncWriteExt;
    tokio::time::timeout(limit, stream.write_all(bytes)).await?
}

/// Reads the available bytes, at least one. Returns 0 at the end.
async fn read(stream: &UnixStream, buffer: &mut Vec<u8>) -> io::Result<usize> {
    const CHUNK: usize = 16 << 10;
    loop {
        stream.readable().await?;
        buffer.clear();
        buffer.reserve(CHUNK);
        match stream.try_read_buf(buffer) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            result => return result,
        }
    }
}

/// Reads the bytes that have arrived by now, even if the runtime has not noticed them yet.
///
/// # Errors
/// The stream's errors, and `WouldBlock` if nothing has arrived.
fn read_now(stream: &UnixStream, buffer: &mut Vec<u8>) -> io::Result<usize> {
    buffer.resize(16 << 10, 0);
    let got = rustix::io::retry_on_intr(|| rustix::io::read(stream, &mut *buffer));
    buffer.truncate(*got.as_ref().unwrap_or(&0));
    Ok(got?)
}

/// Writes as much as fits without waiting: the last answer to a peer that must give way.
fn write_now(stream: &UnixStream, bytes: &[u8]) {
    if let Err(error) = rustix::io::retry_on_intr(|| rustix::io::write(stream, bytes)) {
        debug!(%error, "a client that gives way was not told so");
    }
}

/// Whether the peer closed both directions. A peer that closed only its sending side still reads.
/// Asks the kernel, because the runtime's readiness may be older than the read that showed the end.
fn is_gone(stream: &UnixStream) -> io::Result<bool> {
    let mut fds = [PollFd::new(stream, PollFlags::empty())];
    poll(&mut fds, Some(&Timespec::default()))?;
    Ok(fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR))
}

/// How long v2m reads and drops a peer's remaining bytes after the last answer.
const DRAIN: Duration = Duration::from_secs(1);

/// Sends a last answer and closes. For a moment, reads and drops the peer's remaining bytes. So a
/// client that writes everything before it reads gets the answer instead of a broken pipe.
async fn close_with(
    stream: &mut UnixStream,
    framing: v2m_ipc::frame::Framing,
    response: &Response,
    limits: Limits,
) -> io::Result<()> {
    use tokio::io::AsyncWriteExt;
    write(stream, &framing.encode(response), limits.unread).await?;
    stream.shutdown().await?;
    let mut dropped = Vec::new();
    let drain = async {
        while read(stream, &mut dropped).await? > 0 {}
        Ok(())
    };
    tokio::time::timeout(DRAIN, drain).await.unwrap_or(Ok(()))
}
