//! A subscriber's connection: it carries event frames, and nothing else.
//!
//! The events' channel and the socket's buffer are its limits. A subscriber that falls behind in
//! the channel, or does not empty the buffer, loses its connection. Nothing waits for it.

use super::seats::{Doing, Seat};
use super::{Server, convert, is_gone, read, refuse, stopped, write, write_now};
use crate::call::Event;
use std::io;
use tokio::net::UnixStream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tracing::warn;
use v2m_ipc::data::Subscribed;
use v2m_ipc::frame::Framing;
use v2m_ipc::message::{EventName, Response};

/// Answers the subscription, then writes events until the peer leaves or the service stops.
///
/// # Errors
/// The stream's errors, and `TimedOut` for a subscriber that does not read.
pub(super) async fn run(
    mut stream: UnixStream,
    framing: Framing,
    wanted: Vec<EventName>,
    (server, seat): (&Server, &Seat),
    mut shutdown: watch::Receiver<bool>,
) -> io::Result<()> {
    // Subscribe before answering: a client that has the answer must not miss an event.
    let mut events = server.events.subscribe();
    let answer = Response::success(&Subscribed { subscribed: wanted.clone() });
    write(&mut stream, &framing.encode(&answer), server.limits.unread).await?;
    seat.is_now(Doing::Listening);
    let mut ignored = Vec::new();
    let mut half_closed = false;
    loop {
        tokio::select! {
            biased;
            event = events.recv() => match event {
                Ok(event) if !wants(&wanted, &event) => {}
                Ok(event) => {
                    let Some(event) = convert::event(event) else { continue };
                    let bytes = framing.encode(&Response::event(&event));
                    write(&mut stream, &bytes, server.limits.unread).await.inspect_err(|error| {
                        warn!(%error, "a subscriber did not read and was disconnected: {error}");
                    })?;
                    seat.is_now(Doing::Listening);
                }
                Err(RecvError::Lagged(missed)) => {
                    warn!(missed, "a subscriber was {missed} events behind and was disconnected");
                    return Ok(());
                }
                Err(RecvError::Closed) => return Ok(()),
            },
            () = stopped(&mut shutdown) => return Ok(()),
            () = seat.told_to_leave() => {
                warn!("a subscriber was disconnected, as its place was needed");
                write_now(&stream, &framing.encode(&refuse::gives_way(server.limits)));
                return Ok(());
            }
            got = read(&stream, &mut ignored), if !half_closed => if got? == 0 {
                // A half-closed peer still listens. If it leaves later, the next write notices.
                if is_gone(&stream)? {
                    return Ok(());
                }
                half_closed = true;
            },
        }
    }
}

fn wants(wanted: &[EventName], event: &Event) -> bool {
    wanted.iter().any(|name| name.name() == event.name())
}
