//! Refuses connections: those beyond the limit, and all waiting ones when the service cannot start.

use super::{Limits, read_now, write_now};
use crate::session::Failure;
use std::io::{ErrorKind, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};
use tracing::{debug, warn};
use v2m_ipc::frame::{FrameDecoder, Framing};
use v2m_ipc::message::Response;
use v2m_ipc::reading::read_through_signals;
use v2m_messages::tr;

/// The time for all of [`refuse_pending`].
const PENDING_TIME: Duration = Duration::from_millis(500);

/// The time for one client in [`refuse_pending`] to send its request and take its answer.
const CLIENT_TIME: Duration = Duration::from_millis(100);

/// How many reads of 16 KiB a refused client gets: enough for the longest request.
const MOST_READS: usize = 66;

/// Answers a client, without waiting, that there are too many. Uses the framing of the client's
/// bytes so far, or the most common framing if it has sent nothing.
pub(super) fn at_once(stream: &tokio::net::UnixStream, limits: Limits) {
    let mut sent = Vec::new();
    let mut framing = None;
    // Closing a socket with unread bytes would reset the connection. A client takes a reset as
    // permission to ask again.
    for _ in 0..MOST_READS {
        match read_now(stream, &mut sent) {
            Ok(got) if got > 0 => framing = framing.or(Some(Framing::of_first_byte(sent[0]))),
            _ => break,
        }
    }
    let framing = framing.unwrap_or(Framing::Length);
    let most = limits.connections + limits.newcomers;
    warn!(most, "a connection was refused: {most} clients wait for answers");
    let say = tr!("{n} client waits for v2m's answer. Try again when it is answered."
        | "{n} clients wait for v2m's answers. Try again when one is answered." % most);
    write_now(stream, &framing.encode(&Response::error("busy", say, ().into())));
}

/// Returns the answer to a connection that gives way to another one.
pub(super) fn gives_way(limits: Limits) -> Response {
    let most = limits.connections;
    let say = tr!(
        "v2m closes this connection: more than {most} are open, and this one was silent longest. Connect again.",
        most
    );
    Response::error("busy", say, ().into())
}

/// Answers every connection that waits in the socket's queue with `failure`, and closes it. This is
/// for a service that must end at once (bad configuration). If those connections stayed in the
/// queue, systemd would restart the service for the same press until it gives up the socket.
///
/// Blocks for half a second at most.
pub fn refuse_pending(listener: UnixListener, failure: &Failure) {
    let end = Instant::now() + PENDING_TIME;
    let answer = super::convert::failure(failure.clone(), None);
    if let Err(error) = listener.set_nonblocking(true) {
        warn!(%error, "cannot answer the connections that wait: {error}");
        return;
    }
    while Instant::now() < end {
        match listener.accept() {
            Ok((stream, _)) => {
                if let Err(error) = refuse_one(stream, &answer) {
                    debug!(%error, "a waiting connection could not be answered");
                }
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => return,
            Err(error) => {
                warn!(%error, "cannot accept a connection that waits: {error}");
                return;
            }
        }
    }
}

fn refuse_one(mut stream: UnixStream, answer: &Response) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(CLIENT_TIME))?;
    let framing = read_one(&mut stream);
    stream.write_all(&framing.encode(answer))
}

/// Reads a request, to learn its framing and so that closing does not reset the connection. A
/// client would take a reset as permission to ask again.
fn read_one(stream: &mut UnixStream) -> Framing {
    let end = Instant::now() + CLIENT_TIME;
    let mut request = FrameDecoder::for_requests();
    let mut chunk = [0; 16 << 10];
    while matches!(request.next_frame(), Ok(None)) {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            break;
        }
        match read_through_signals(stream, &mut chunk) {
            Ok(0) => break,
            Ok(got) => request.push(&chunk[..got]),
            Err(_) => break,
        }
    }
    request.framing().unwrap_or(Framing::Length)
}
