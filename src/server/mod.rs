//! The clients' socket: connections, their limits, and the way between wire types and the daemon's.
//!
//! The listener is given (systemd owns the socket): nothing here binds, unlinks or renames it. Wire
//! types stop here: requests become [`Call`]s, answers and events become JSON. What a command does
//! is decided elsewhere; only PING and SUBSCRIBE are answered here. Nothing dictated is logged.

mod connection;
mod convert;
mod feed;
mod refuse;
mod seats;

pub use refuse::refuse_pending;

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

/// Pause after a failed `accept` if no connection can give way: it fails for want of descriptors or
/// memory, which need time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What clients may take of the daemon. The defaults are the protocol's.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time. If more come, the one that has been silent longest gives way. Also
    /// the number of requests under way at a time, beside the presses.
    pub connections: usize,
    /// Further connections, for newcomers while nobody can give way.
    pub newcomers: usize,
    /// From a frame's first byte to its last.
    pub half_frame: Duration,
    /// For a peer to take an answer or event that does not fit into the socket's buffer.
    pub unread: Duration,
    /// For a newcomer to send its request before it may have to give way.
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

/// Serves the socket until `shutdown` is true (or its sender gone): then accepts no more, closes
/// idle connections, and returns when the open requests are answered.
///
/// A request that lies unread at that moment stays unread: its client sees a reset, knows by that
/// that nobody acted on it, and asks again.
pub async fn serve(
    listener: UnixListener,
    calls: CallSender,
    events: broadcast::Sender<Event>,
    shutdown: watch::Receiver<bool>,
) {
    Server::new(calls, events).serve(listener, shutdown).await;
}

/// What every connection shares.
#[derive(Debug)]
pub struct Server {
    /// Where commands go.
    pub calls: CallSender,
    /// Where subscribers' events come from. A subscriber that falls behind by the channel's
    /// capacity loses its connection.
    pub events: broadcast::Sender<Event>,
    /// What clients may take.
    pub limits: Limits,
    /// The only user who may connect.
    pub uid: u32,
    seats: Seats,
}

impl Server {
    /// A server with the protocol's limits, for the user whose process this is.
    pub fn new(calls: CallSender, events: broadcast::Sender<Event>) -> Self {
        let uid = rustix::process::geteuid().as_raw();
        Self { calls, events, limits: Limits::default(), uid, seats: Seats::default() }
    }

    /// As [`serve`].
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
                            // Those who give way do so before the next one comes.
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

    /// The directory and the socket's mode keep others out already; this holds where they were
    /// changed.
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
            Failure::new(Code::ShuttingDown, "v2m is stopping; the next request starts it again")
        };
        self.calls.send(Call { request, reply }).await.map_err(|_| ending())?;
        answer
            .await
            .unwrap_or_else(|_| Err(if self.calls.is_closed() { ending() } else { unanswered() }))
    }
}

fn unanswered() -> Failure {
    Failure::new(
        Code::Internal,
        "v2m did not answer the request. This is a bug; please report it, with: journalctl --user -u v2m",
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

/// Waits for the order to stop. A sender that is gone cannot give it any more, and means it.
async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|&stop| stop).await;
}

/// Writes one answer or event.
///
/// # Errors
/// The stream's, and `TimedOut` for a peer that does not read.
async fn write(stream: &mut UnixStream, bytes: &[u8], limit: Duration) -> io::Result<()> {
    use tokio::io::AsyncWriteExt;
    tokio::time::timeout(limit, stream.write_all(bytes)).await?
}

/// Reads what is there, at least one byte; 0 at the end.
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

/// As [`read`], of what has arrived by now: the runtime may not have noticed it yet.
///
/// # Errors
/// The stream's; `WouldBlock` if nothing has arrived.
fn read_now(stream: &UnixStream, buffer: &mut Vec<u8>) -> io::Result<usize> {
    buffer.resize(16 << 10, 0);
    let got = rustix::io::retry_on_intr(|| rustix::io::read(stream, &mut *buffer));
    buffer.truncate(*got.as_ref().unwrap_or(&0));
    Ok(got?)
}

/// Writes as much as fits without waiting: the last word to a peer whose place is needed.
fn write_now(stream: &UnixStream, bytes: &[u8]) {
    if let Err(error) = rustix::io::retry_on_intr(|| rustix::io::write(stream, bytes)) {
        debug!(%error, "a client that gives way was not told so");
    }
}

/// Whether the peer closed both ways: one that only sends no more still reads. Asked of the kernel,
/// since the runtime's own readiness may be older than the read that showed the end.
fn is_gone(stream: &UnixStream) -> io::Result<bool> {
    let mut fds = [PollFd::new(stream, PollFlags::empty())];
    poll(&mut fds, Some(&Timespec::default()))?;
    Ok(fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR))
}

/// How long what a peer still sends is dropped after the last word to it.
const DRAIN: Duration = Duration::from_secs(1);

/// Says a last word and closes. What the peer still sends is read and dropped for a moment, so that
/// a client that writes everything before it reads gets the answer instead of a broken pipe.
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
