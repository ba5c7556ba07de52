//! One client's connection: requests in, answers out, in order.

use super::convert::{self, Asked};
use super::seats::{Doing, Seat};
use super::{Server, close_with, feed, is_gone, read, read_now, refuse, stopped, write, write_now};
use crate::call::{Answer, Request};
use crate::session::{Code, Failure};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};
use v2m_ipc::frame::{FrameDecoder, Framing};
use v2m_ipc::message::{Command, EventName, Refusal, Response};
use v2m_messages::tr;

/// How often v2m checks whether the client of a long request has left.
const GONE_EVERY: Duration = Duration::from_secs(1);

/// The next step on a connection.
enum Next {
    /// A request, or why it is not valid.
    Request(Result<Command, Refusal>),
    /// An error that ends the conversation: send this answer and close.
    Last(Response),
    /// Another client needs the place: send an answer if that does not block, and close.
    GiveWay,
    /// The peer sends nothing more.
    End,
}

/// A client that was admitted.
pub(super) struct Connection {
    stream: UnixStream,
    server: Arc<Server>,
    seat: Arc<Seat>,
    shutdown: watch::Receiver<bool>,
    requests: FrameDecoder,
    chunk: Vec<u8>,
    /// Whether the peer sends no more. It may still read.
    half_closed: bool,
    /// Whether the connection must give way, once it has answered the requests that have arrived.
    leaves: bool,
}

impl Connection {
    pub(super) fn new(
        stream: UnixStream,
        server: Arc<Server>,
        seat: Arc<Seat>,
        shutdown: watch::Receiver<bool>,
    ) -> Self {
        Self {
            stream,
            server,
            seat,
            shutdown,
            requests: FrameDecoder::for_requests(),
            chunk: Vec::new(),
            half_closed: false,
            leaves: false,
        }
    }

    /// Answers requests until the peer is done or makes an error. If it subscribes, sends events
    /// until the end.
    pub(super) async fn converse(mut self) -> io::Result<()> {
        loop {
            let next = self.next().await?;
            let is_crowded = self.server.seats.asking() >= self.server.limits.connections;
            if matches!(next, Next::Request(_)) {
                self.seat.is_now(Doing::Asking);
            }
            let response = match next {
                Next::Request(Err(refusal)) => refusal.into(),
                Next::Request(Ok(command)) => match convert::request(command) {
                    Asked::Pong => Response::success(&"PONG"),
                    Asked::Events(wanted) => return self.subscribe(wanted).await,
                    // A press is always admitted. Other requests are admitted up to a limit.
                    Asked::Call { request, original } if is_crowded && !request.is_press() => {
                        let most = self.server.limits.connections;
                        let say = tr!(
                            "{n} request is under way already. Try again when it is answered."
                                | "{n} requests are under way already. Try again when one is answered."
                                    % most
                        );
                        respond(Err(Failure::new(Code::Busy, say)), original)
                    }
                    // If the client leaves, cancel its request: this may be hours of work, or work
                    // that costs money. All other requests are carried out even if the client
                    // leaves.
                    Asked::Call {
                        request: request @ (Request::TranscribeFile { .. } | Request::Text(_)),
                        original,
                    } => {
                        tokio::select! {
                            result = self.server.call(request) => respond(result, original),
                            () = gone(&self.stream) => return Ok(()),
                        }
                    }
                    // The answer may be megabytes. Encode it as JSON on a separate thread.
                    Asked::Call {
                        request:
                            request @ (Request::TestRules { .. } | Request::List(_) | Request::Show(_)),
                        original,
                    } => {
                        let result = self.server.call(request).await;
                        let framing = self.framing();
                        let encoded = move || framing.encode(&respond(result, original));
                        let bytes = spawn_blocking(encoded).await?;
                        self.write(&bytes).await?;
                        continue;
                    }
                    Asked::Call { request, original } => {
                        respond(self.server.call(request).await, original)
                    }
                },
                Next::Last(response) => return self.close_with(&response).await,
                Next::GiveWay => {
                    let last = refuse::gives_way(self.server.limits);
                    return self.close_with(&last).await;
                }
                Next::End => return Ok(()),
            };
            let bytes = self.framing().encode(&response);
            self.write(&bytes).await?;
        }
    }

    /// Writes an answer. A peer that does not read it may have to give way.
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.seat.is_now(Doing::Idle);
        tokio::select! {
            biased;
            written = write(&mut self.stream, bytes, self.server.limits.unread) => written,
            () = self.seat.told_to_leave() => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }

    fn framing(&self) -> Framing {
        self.requests.framing().unwrap_or(Framing::Length)
    }

    async fn subscribe(self, wanted: Vec<EventName>) -> io::Result<()> {
        let framing = self.framing();
        feed::run(self.stream, framing, wanted, (&self.server, &self.seat), self.shutdown).await
    }

    async fn close_with(mut self, response: &Response) -> io::Result<()> {
        let framing = self.framing();
        if self.leaves {
            write_now(&self.stream, &framing.encode(response));
            return Ok(());
        }
        tokio::select! {
            biased;
            closed = close_with(&mut self.stream, framing, response, self.server.limits) => closed,
            () = self.seat.told_to_leave() => Ok(()),
        }
    }

    async fn next(&mut self) -> io::Result<Next> {
        let mut begun = None;
        loop {
            match self.requests.next_frame() {
                Ok(Some(frame)) => return Ok(Next::Request(Command::parse(frame))),
                Ok(None) if self.half_closed => return Ok(self.rest()),
                Ok(None) if self.leaves => return Ok(Next::GiveWay),
                Ok(None) => {}
                Err(too_long) => {
                    let say = tr!("the request is not read: {too_long}", too_long);
                    return Ok(Next::Last(Response::error("too_large", say, ().into())));
                }
            }
            let midway = self.requests.is_midway();
            if midway && begun.is_none() {
                begun = Some(Instant::now());
                self.seat.is_now(Doing::Beginning);
            }
            let overdue = async {
                match begun {
                    Some(begun) => sleep_until(begun + self.server.limits.half_frame).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stopped(&mut self.shutdown) => return Ok(Next::End),
                got = read(&self.stream, &mut self.chunk) => {
                    self.half_closed = got? == 0;
                    self.requests.push(&self.chunk);
                }
                () = self.seat.told_to_leave() => {
                    self.leaves = true;
                    match read_now(&self.stream, &mut self.chunk) {
                        Ok(got) => {
                            self.half_closed = got == 0;
                            self.requests.push(&self.chunk);
                        }
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) => return Err(error),
                    }
                }
                () = overdue, if midway => {
                    let say = tr!(
                        "the request did not arrive completely in time; send its 4-byte big-endian \
                         length and all of it"
                    );
                    return Ok(Next::Last(bad_request(say)));
                }
            }
        }
    }

    /// Handles the rest of the stream after the peer's last byte.
    fn rest(&mut self) -> Next {
        let cut = self.requests.is_midway() && self.framing() == Framing::Length;
        match self.requests.last_line() {
            Some(line) => Next::Request(Command::parse(line)),
            None if cut => Next::Last(bad_request(tr!(
                "the request ends before its length; send its 4-byte big-endian length and all of it"
            ))),
            None => Next::End,
        }
    }
}

fn respond(result: Result<Answer, Failure>, original: Option<String>) -> Response {
    match result {
        Ok(answer) => convert::answer(answer),
        Err(failure) => convert::failure(failure, original),
    }
}

/// Waits until the peer is gone. Polls, because after an end of file the runtime's readiness shows
/// no later events.
async fn gone(stream: &UnixStream) {
    loop {
        if is_gone(stream).unwrap_or(false) {
            return;
        }
        sleep(GONE_EVERY).await;
    }
}

fn bad_request(say: &str) -> Response {
    Response::error("bad_request", say, ().into())
}
