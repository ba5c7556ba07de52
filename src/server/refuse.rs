//! Connections that are told no: the one too many, and all that wait when the service cannot start.

use super::{Limits, read_now, write_now};
use crate::session::Failure;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};
use tracing::{debug, warn};
use v2m_ipc::frame::{FrameDecoder, Framing};
use v2m_ipc::message::Response;

/// Time for all of [`refuse_pending`].
const PENDING_TIME: Duration = Duration::from_millis(500);

/// Time for one client in [`refuse_pending`] to send its request and to take its answer.
const CLIENT_TIME: Duration = Duration::from_millis(100);

/// Reads of 16 KiB from a client that is refused: enough for the longest request.
const MOST_READS: usize = 66;

/// Tells a client that there are too many, without waiting for anything, in the framing of what it
/// has sent so far. One that has sent nothing gets the framing that most clients speak.
pub(super) fn at_once(stream: &tokio::net::UnixStream, limits: Limits) {
    let mut sent = Vec::new();
    let mut framing = None;
    // Closing a socket with bytes unread would reset the connection, which a client takes as leave
    // to ask again.
    for _ in 0..MOST_READS {
        match read_now(stream, &mut sent) {
            Ok(got) if got > 0 => framing = framing.or(Some(Framing::of_first_byte(sent[0]))),
            _ => break,
        }
    }
    let framing = framing.unwrap_or(Framing::Length);
    let most = limits.connections + limits.newcomers;
    warn!(most, "a connection was refused: {most} clients wait for answers");
    let say = format!("{most} clients wait for v2m's answers. Try again when one is answered.");
    write_now(stream, &framing.encode(&Response::error("busy", say, ().into())));
}

/// What a connection is told that gives way to another one.
pub(super) fn gives_way(limits: Limits) -> Response {
    let most = limits.connections;
    let say = format!(
        "v2m closes this connection: more than {most} are open, and this one was silent longest. Connect again."
    );
    Response::error("busy", say, ().into())
}

/// Answers every connection that waits in the socket's queue with `failure`, and closes it: for a
/// service that must end at once (bad configuration). Left in the queue, those connections would
/// make systemd start it again for the same press, until it gives the socket up.
///
/// Blocking, and bounded: half a second in all.
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

/// Reads a request, for its framing and so that closing does not reset the connection: a client
/// would take a reset as leave to ask again.
fn read_one(stream: &mut UnixStream) -> Framing {
    let end = Instant::now() + CLIENT_TIME;
    let mut request = FrameDecoder::for_requests();
    let mut chunk = [0; 16 << 10];
    while matches!(request.next_frame(), Ok(None)) {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            break;
        }
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(got) => request.push(&chunk[..got]),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    request.framing().unwrap_or(Framing::Length)
}
