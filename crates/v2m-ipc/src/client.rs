//! A small blocking client: connects, sends requests, or listens to events.
//!
//! It has no time limit: a STOP takes as long as its transcription. It does not check whether the
//! socket exists before it connects, because connecting is what starts the service.

use crate::data::{Event, Leftover};
use crate::frame::{FrameDecoder, Framing, MAX_REQUEST};
use crate::message::{Command, EventName, Response, ResponseStatus};
use crate::reading::read_through_signals;
use serde::Deserialize;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use v2m_messages::tr;

/// The largest number of times that a request is sent. See [`Client::request`].
pub const ATTEMPTS: u32 = 6;

/// The pause before the second attempt, because flushing the socket's queue takes a moment. Each
/// further pause is twice as long, so that all of them together take 0.6 s.
const PAUSE: Duration = Duration::from_millis(20);

/// Why a request has no answer.
#[derive(Debug)]
pub enum ClientError {
    /// No process listens on the socket.
    Connect {
        /// The socket's path.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Another user's process listens on the socket. Nothing was sent to it, because it could read
    /// dictations.
    Foreign {
        /// The socket's path.
        path: PathBuf,
        /// The user id of that process.
        uid: u32,
    },
    /// The socket's path is unknown, because `XDG_RUNTIME_DIR` and `/proc` are missing, or its
    /// directory belongs to another user.
    NoPath(String),
    /// The connection ended after the request was sent and before its answer. The request may have
    /// been executed.
    Lost(io::Error),
    /// The answer cannot be understood.
    BadAnswer(String),
    /// The request is longer than the service reads.
    TooLong,
    /// A subscription was refused.
    Refused(Box<Response>),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect { path, source } => f.write_str(&tr!(
                "cannot connect to v2m at {path}: {source}; to enable it: \
                 systemctl --user enable --now v2m.socket",
                path = path.display(),
                source = v2m_messages::system_error(source)
            )),
            Self::Foreign { path, uid } => f.write_str(&tr!(
                "cannot connect to v2m at {path}: another user's process (uid {uid}) listens there. \
                 Nothing was sent to it; check XDG_RUNTIME_DIR and V2M_SOCKET_PATH",
                path = path.display(),
                uid
            )),
            Self::NoPath(why) => f.write_str(&tr!("cannot find v2m's socket: {why}", why)),
            Self::Lost(reason) => f.write_str(&tr!(
                "v2m stopped before it answered ({reason}). A recording is kept, and transcribed at \
                 the next start; transcribe a file again. See why: journalctl --user -u v2m",
                reason
            )),
            Self::BadAnswer(why) => f.write_str(&tr!(
                "v2m's answer cannot be understood ({why}). If client and service have different \
                 versions: systemctl --user restart v2m",
                why
            )),
            Self::TooLong => f.write_str(&tr!(
                "the request is longer than the {limit} bytes that v2m reads",
                limit = MAX_REQUEST
            )),
            Self::Refused(answer) => {
                f.write_str(answer.error.as_deref().unwrap_or_else(|| tr!("refused")))
            }
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connect { source, .. } | Self::Lost(source) => Some(source),
            Self::Foreign { .. }
            | Self::NoPath(_)
            | Self::BadAnswer(_)
            | Self::TooLong
            | Self::Refused(_) => None,
        }
    }
}

/// Returns the path of the socket: `V2M_SOCKET_PATH`, else `$XDG_RUNTIME_DIR/v2m/v2m.sock`, else
/// `/tmp/v2m_<uid>/v2m.sock`. An empty variable counts as unset.
///
/// # Errors
/// [`ClientError::NoPath`] if `/proc` does not show the uid, or if the directory under `/tmp`
/// belongs to another user, who could read dictations.
pub fn socket_path() -> Result<PathBuf, ClientError> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    match named_path(set("V2M_SOCKET_PATH"), set("XDG_RUNTIME_DIR")) {
        Some(path) => Ok(path),
        None => path_under_tmp(Path::new("/tmp")),
    }
}

fn named_path(socket: Option<OsString>, runtime_dir: Option<OsString>) -> Option<PathBuf> {
    socket
        .map(PathBuf::from)
        .or_else(|| runtime_dir.map(|dir| PathBuf::from(dir).join("v2m/v2m.sock")))
}

fn path_under_tmp(tmp: &Path) -> Result<PathBuf, ClientError> {
    // The owner of /proc/self is the effective uid. std has no call for that.
    let uid = std::fs::metadata("/proc/self")
        .map_err(|error| {
            ClientError::NoPath(tr!("XDG_RUNTIME_DIR is not set, and /proc/self: {error}", error))
        })?
        .uid();
    let directory = tmp.join(format!("v2m_{uid}"));
    match std::fs::symlink_metadata(&directory) {
        Ok(meta) if meta.uid() != uid || !meta.is_dir() => Err(ClientError::NoPath(tr!(
            "{path} belongs to somebody else; set XDG_RUNTIME_DIR or V2M_SOCKET_PATH",
            path = directory.display()
        ))),
        // If the directory does not exist, connecting reports it.
        _ => Ok(directory.join("v2m.sock")),
    }
}

/// A connection to the service, kept for any number of requests.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    stream: UnixStream,
    answers: FrameDecoder,
}

impl Client {
    /// Connects to the socket of [`socket_path`].
    ///
    /// # Errors
    /// [`ClientError::NoPath`], [`ClientError::Connect`], [`ClientError::Foreign`].
    pub fn connect() -> Result<Self, ClientError> {
        Self::connect_to(&socket_path()?)
    }

    /// Connects to the socket at `path`, if the listening process belongs to the user: v2m, or the
    /// user's systemd for it.
    ///
    /// # Errors
    /// [`ClientError::Connect`], [`ClientError::Foreign`].
    pub fn connect_to(path: &Path) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(path)
            .map_err(|source| ClientError::Connect { path: path.to_owned(), source })?;
        let peer = rustix::net::sockopt::socket_peercred(&stream);
        let peer =
            peer.map_err(|e| ClientError::Connect { path: path.to_owned(), source: e.into() })?;
        if peer.uid != rustix::process::geteuid() {
            return Err(ClientError::Foreign { path: path.to_owned(), uid: peer.uid.as_raw() });
        }
        let answers = FrameDecoder::for_answers(Framing::Length);
        Ok(Self { path: path.to_owned(), stream, answers })
    }

    /// Sets a time limit for answers, after which requests fail with [`ClientError::Lost`]. Then
    /// drop the client, because the answer may still come.
    ///
    /// # Errors
    /// The system's errors.
    pub fn answer_within(&self, limit: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(limit))
    }

    /// Sends a request and waits for its answer, success or error.
    ///
    /// If it is certain that nothing was done for a request, it is sent again on a new connection,
    /// up to [`ATTEMPTS`] times in all. Either a stopping service says so in its answer
    /// ([`crate::data::Leftover::again`]), or the request was never read. Such requests are
    /// ordinary: a service that ends leaves connections in the socket's queue, and systemd
    /// (`FlushPending=yes`) resets them. The error shows it: a peer that closes a Unix socket with
    /// unread bytes resets it (`ECONNRESET`), and a peer that closed earlier refuses the write
    /// (`EPIPE`). An end without an error and without an answer proves the opposite: the request
    /// was read. Sending it again could record twice, so this is [`ClientError::Lost`].
    ///
    /// # Errors
    /// [`ClientError::TooLong`], [`ClientError::Connect`] or [`ClientError::Foreign`] if
    /// reconnecting fails, [`ClientError::Lost`], [`ClientError::BadAnswer`].
    pub fn request(&mut self, command: &Command) -> Result<Response, ClientError> {
        self.ask(command).map(|(answer, _)| answer)
    }

    /// Sends a request like [`Self::request`], and also returns the answer's JSON as it came.
    ///
    /// # Errors
    /// The errors of [`Self::request`].
    pub fn request_raw(&mut self, command: &Command) -> Result<(Response, String), ClientError> {
        self.ask(command)
    }

    /// Turns the connection into a stream of events.
    ///
    /// # Errors
    /// The errors of [`Self::request`], and [`ClientError::Refused`].
    pub fn subscribe(mut self, events: &[EventName]) -> Result<Subscription, ClientError> {
        let answer = self.request(&Command::Subscribe { events: events.to_vec() })?;
        match answer.status {
            ResponseStatus::Success => Ok(Subscription { client: self }),
            ResponseStatus::Error | ResponseStatus::Event => {
                Err(ClientError::Refused(Box::new(answer)))
            }
        }
    }

    fn ask(&mut self, command: &Command) -> Result<(Response, String), ClientError> {
        let request = Framing::Length.encode(&command.to_request());
        if request.len() - 4 > MAX_REQUEST {
            return Err(ClientError::TooLong);
        }
        let mut attempt = 1;
        loop {
            match self.exchange(&request) {
                Ok(answer) => {
                    let (answer, json) = read_answer(answer)?;
                    if attempt == ATTEMPTS || !may_ask_again(&answer) {
                        return Ok((answer, json));
                    }
                }
                Err(AttemptError::Unread(e)) if attempt == ATTEMPTS => {
                    return Err(ClientError::Connect { path: self.path.clone(), source: e });
                }
                Err(AttemptError::Unread(_)) => {}
                Err(AttemptError::Lost(e)) => return Err(ClientError::Lost(e)),
                Err(AttemptError::TooLong) => {
                    return Err(ClientError::BadAnswer(tr!("too long").into()));
                }
            }
            thread::sleep(PAUSE * 2_u32.pow(attempt - 1));
            attempt += 1;
            *self = Self::connect_to(&self.path)?;
        }
    }

    fn exchange(&mut self, request: &[u8]) -> Result<String, AttemptError> {
        let written = self.stream.write_all(request);
        let read = self.read_frame();
        match (written, read) {
            // This holds after a failed write too: a peer that refuses (busy, too long) may answer
            // without reading.
            (_, Ok(Some(answer))) => Ok(answer),
            (Ok(()), Ok(None)) => Err(AttemptError::Lost(ErrorKind::UnexpectedEof.into())),
            // A request that was not completely written cannot have been executed.
            (Err(e), Ok(None)) | (Err(e), Err(AttemptError::Unread(_) | AttemptError::Lost(_))) => {
                Err(AttemptError::Unread(e))
            }
            (_, Err(failed)) => Err(failed),
        }
    }

    /// Reads the next frame. `None` at the end of the stream.
    fn read_frame(&mut self) -> Result<Option<String>, AttemptError> {
        let mut chunk = [0; 8192];
        loop {
            if let Some(frame) = self.answers.next_frame().map_err(|_| AttemptError::TooLong)? {
                return Ok(Some(String::from_utf8_lossy(frame).into_owned()));
            }
            match read_through_signals(&mut self.stream, &mut chunk) {
                Ok(0) if self.answers.is_midway() => {
                    return Err(AttemptError::Lost(ErrorKind::UnexpectedEof.into()));
                }
                Ok(0) => return Ok(None),
                Ok(got) => self.answers.push(&chunk[..got]),
                Err(e) if e.kind() == ErrorKind::ConnectionReset && !self.answers.is_midway() => {
                    return Err(AttemptError::Unread(e));
                }
                Err(e) => return Err(AttemptError::Lost(e)),
            }
        }
    }
}

/// Why an attempt got no answer.
enum AttemptError {
    /// The request was not read.
    Unread(io::Error),
    /// The request may have been read.
    Lost(io::Error),
    /// The answer is longer than [`crate::frame::MAX_ANSWER`].
    TooLong,
}

/// Whether the service did nothing for the request, because it is stopping.
fn may_ask_again(answer: &Response) -> bool {
    let leftover = || Leftover::deserialize(&answer.data).unwrap_or_default();
    answer.status == ResponseStatus::Error && leftover().again
}

fn read_answer(json: String) -> Result<(Response, String), ClientError> {
    match serde_json::from_str(&json) {
        Ok(answer) => Ok((answer, json)),
        Err(e) => Err(ClientError::BadAnswer(e.to_string())),
    }
}

/// A connection that carries events.
#[derive(Debug)]
pub struct Subscription {
    client: Client,
}

impl Subscription {
    /// Waits for the next event. Also returns its JSON as it came. Returns `None` when the service
    /// has ended the stream. An event of a kind unknown to this client comes only as JSON.
    ///
    /// # Errors
    /// [`ClientError::Lost`], [`ClientError::BadAnswer`], and [`ClientError::Refused`] if the
    /// service needs the connection for another client.
    pub fn next_event(&mut self) -> Result<Option<(Option<Event>, String)>, ClientError> {
        let json = match self.client.read_frame() {
            Ok(Some(json)) => json,
            Ok(None) => return Ok(None),
            Err(AttemptError::Unread(e) | AttemptError::Lost(e)) => {
                return Err(ClientError::Lost(e));
            }
            Err(AttemptError::TooLong) => {
                return Err(ClientError::BadAnswer(tr!("too long").into()));
            }
        };
        let (frame, json) = read_answer(json)?;
        if frame.status == ResponseStatus::Error {
            return Err(ClientError::Refused(Box::new(frame)));
        }
        Ok(Some((serde_json::from_value(frame.data).ok(), json)))
    }
}

#[cfg(test)]
mod tests;
