//! One engine process and the frames to and from it. Knows nothing of jobs beyond their wire numbers.

use super::EngineSpec;
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};
use v2m_ipc::engine::{self, Frame, FromEngine, ToEngine};

/// How often a busy engine is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(2);
/// The engine answers pings from a thread that does nothing heavy: this much silence is a hang,
/// not load.
const PONG_LIMIT: Duration = Duration::from_secs(10);
/// How long a process that has closed its end may take to be gone by itself: its own exit code says
/// more than our signal.
const LEAVE_LIMIT: Duration = Duration::from_millis(500);
/// How long a killed process may take to be gone. One that is stuck in a driver is left to the kernel.
const REAP_LIMIT: Duration = Duration::from_secs(2);

/// A running engine process. Killed when dropped.
#[derive(Debug)]
pub(super) struct Child {
    process: tokio::process::Child,
    stream: UnixStream,
    /// Bytes to write, and how many of them are written.
    out: Vec<u8>,
    written: usize,
    /// Bytes read that are no whole frame yet.
    input: Vec<u8>,
    pub(super) frames: VecDeque<FromEngine>,
    /// The last sign of progress, for the hang limit.
    pub(super) progress: Instant,
    next_ping: Instant,
    unanswered_ping: Option<Instant>,
    pings: u64,
    /// When it was started.
    pub(super) started: Instant,
    /// It has closed its end.
    closed: bool,
    /// Since when its end is waited for.
    ending: Option<Instant>,
}

impl Child {
    /// Starts the engine, with one end of a socketpair as its standard input.
    pub(super) fn spawn(spec: &EngineSpec) -> io::Result<Self> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut command = tokio::process::Command::new(&spec.program);
        command.arg("--model").arg(&spec.model);
        if let Some(vad) = &spec.vad {
            command.arg("--vad").arg(vad);
        }
        if spec.threads > 0 {
            command.arg("--threads").arg(spec.threads.to_string());
        }
        // What systemd says to the daemon is not meant for its child.
        for name in [
            "NOTIFY_SOCKET",
            "WATCHDOG_PID",
            "WATCHDOG_USEC",
            "LISTEN_PID",
            "LISTEN_FDS",
            "LISTEN_FDNAMES",
        ] {
            command.env_remove(name);
        }
        let process = command
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let now = Instant::now();
        Ok(Self {
            process,
            stream: UnixStream::from_std(ours)?,
            out: Vec::new(),
            written: 0,
            input: Vec::new(),
            frames: VecDeque::new(),
            progress: now,
            next_ping: now + PING_EVERY,
            unanswered_ping: None,
            pings: 0,
            started: now,
            closed: false,
            ending: None,
        })
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// Whether everything queued is written: the time to queue more.
    pub(super) fn flushed(&self) -> bool {
        self.written == self.out.len()
    }

    pub(super) fn queue(&mut self, message: &ToEngine) {
        self.queue_bytes(&engine::encode_message(message));
    }

    pub(super) fn queue_pcm(&mut self, job: u32, samples: &[i16]) {
        self.queue_bytes(&engine::encode_pcm(job, samples));
    }

    fn queue_bytes(&mut self, bytes: &[u8]) {
        if self.flushed() {
            self.out.clear();
            self.written = 0;
        }
        self.out.extend_from_slice(bytes);
    }

    /// Starts a span of work: pings from now on, the progress clock starts anew.
    pub(super) fn rouse(&mut self) {
        let now = Instant::now();
        self.progress = now;
        self.next_ping = now + PING_EVERY;
        self.unanswered_ping = None;
    }

    /// When to look again at a busy engine: the next ping, or the end of patience with the last one.
    pub(super) fn ping_deadline(&self) -> Instant {
        self.unanswered_ping.map_or(self.next_ping, |sent| sent + PONG_LIMIT)
    }

    /// Sends the ping that is due. `false`: the last one has stayed unanswered too long.
    pub(super) fn ping(&mut self) -> bool {
        let now = Instant::now();
        if let Some(sent) = self.unanswered_ping {
            return now < sent + PONG_LIMIT;
        }
        if now >= self.next_ping {
            self.pings += 1;
            self.unanswered_ping = Some(now);
            self.queue(&ToEngine::Ping { n: self.pings });
        }
        true
    }

    /// Notes an answered ping.
    pub(super) fn pong(&mut self) {
        self.unanswered_ping = None;
        self.next_ping = Instant::now() + PING_EVERY;
    }

    /// Moves bytes as soon as any can be moved; whole frames end up in `frames`. Cancel-safe.
    ///
    /// # Errors
    /// `UnexpectedEof` when the engine has closed its end; others when it sends what is no frame.
    pub(super) async fn turn(&mut self) -> io::Result<()> {
        let wanted = if self.flushed() {
            Interest::READABLE
        } else {
            Interest::READABLE | Interest::WRITABLE
        };
        let ready = self.stream.ready(wanted).await?;
        if ready.is_writable() {
            match self.stream.try_write(&self.out[self.written..]) {
                Ok(n) => self.written += n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                // The engine may have said why before it closed its end: read that first.
                Err(e) if is_closed(&e) => {
                    self.out.clear();
                    self.written = 0;
                }
                Err(e) => return Err(e),
            }
        }
        if ready.is_readable() {
            self.read()?;
        }
        Ok(())
    }

    fn read(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.try_read(&mut buffer) {
            Ok(0) => return Err(self.close()),
            Ok(n) => self.input.extend_from_slice(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            // An end like any other: that of a process that had not read everything.
            Err(e) if is_closed(&e) => return Err(self.close()),
            Err(e) => return Err(e),
        }
        while let Some(header) = self.input.first_chunk::<4>() {
            let end = 4 + engine::frame_length(*header)?;
            let Some(body) = self.input.get(4..end) else { break };
            match engine::decode(body)? {
                Frame::Message(message) => self.frames.push_back(message),
                Frame::Pcm { .. } => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "PCM from the engine"));
                }
            }
            self.input.drain(..end);
        }
        Ok(())
    }

    fn close(&mut self) -> io::Error {
        self.closed = true;
        io::ErrorKind::UnexpectedEof.into()
    }

    /// Ends the process, if it has not ended by itself, and tells how. Cancel-safe: its limits count
    /// from the first call.
    pub(super) async fn end(&mut self) -> String {
        let since = *self.ending.get_or_insert_with(Instant::now);
        if self.closed
            && let Ok(ended) = timeout_at(since + LEAVE_LIMIT, self.process.wait()).await
        {
            return describe(ended);
        }
        // Already gone is as good; anything else shows in the wait.
        let _ = self.process.start_kill();
        match timeout_at(since + LEAVE_LIMIT + REAP_LIMIT, self.process.wait()).await {
            Ok(ended) if self.closed => format!("stopped listening, {}", describe(ended)),
            Ok(ended) => describe(ended),
            Err(_) => "could not be killed; it may be stuck in a driver".to_owned(),
        }
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

fn describe(ended: io::Result<ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt;
    let status = match ended {
        Ok(status) => status,
        Err(error) => return format!("could not be waited for: {error}"),
    };
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("ended by signal {signal}"),
        (None, Some(code)) => format!("ended with exit code {code}"),
        (None, None) => "ended".to_owned(),
    }
}
