//! One engine process and the frames to and from it. Knows nothing of jobs beyond their wire numbers.

use super::EngineSpec;
use super::candidates::{Backend, Candidate};
use super::stderr::Listener;
use std::collections::VecDeque;
use std::ffi::OsString;
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
/// Before it has said its first word it may be busy with libraries of a gigabyte and a driver that wakes up.
const FIRST_PONG_LIMIT: Duration = Duration::from_secs(60);
/// How long a process that has closed its end may take to be gone by itself: its own exit code says
/// more than our signal.
const LEAVE_LIMIT: Duration = Duration::from_millis(500);
/// How long a killed process may take to be gone. One that is stuck in a driver is left to the kernel.
const REAP_LIMIT: Duration = Duration::from_secs(2);
/// What an ended process printed is there at once, as a rule.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Exit codes of an engine that cannot work here: its own (EX_UNAVAILABLE of sysexits.h), and that of the loader, which
/// misses a library.
const UNFIT: [i32; 2] = [engine::EXIT_UNFIT as i32, 127];

/// What of the daemon's environment an engine is given: what libraries for computing read. The rest may hold secrets, as keys for
/// language models that a login put there.
fn environment(
    all: impl Iterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (OsString, OsString)> {
    const NAMES: [&str; 10] = [
        "PATH",
        "HOME",
        "LANG",
        "TMPDIR",
        "LD_LIBRARY_PATH",
        "RUST_BACKTRACE",
        "DRI_PRIME",
        // Where Vulkan looks for drivers.
        "XDG_DATA_DIRS",
        "XDG_DATA_HOME",
        "XDG_CONFIG_DIRS",
    ];
    const FAMILIES: [&str; 14] = [
        "LC_", "OMP_", "GOMP_", "KMP_", "GGML_", "CUDA_", "NVIDIA_", "VK_", "MESA_", "AMD_",
        "RADV_", "ANV_", "INTEL_", "__NV_",
    ];
    all.filter(|(name, _)| {
        let name = name.to_string_lossy();
        NAMES.contains(&&*name) || FAMILIES.iter().any(|family| name.starts_with(family))
    })
}

/// A running engine process. Killed when dropped.
#[derive(Debug)]
pub(super) struct Child {
    process: tokio::process::Child,
    /// What it computes with.
    pub(super) backend: Backend,
    stderr: Option<Listener>,
    stream: UnixStream,
    /// Bytes to write, and how many of them are written.
    out: Vec<u8>,
    written: usize,
    /// Bytes read that are no whole frame yet.
    input: Vec<u8>,
    /// It has said something.
    spoken: bool,
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
    /// How it ended, and its exit code if there is one.
    reaped: Option<(String, Option<i32>)>,
}

impl Child {
    /// Starts that engine, with one end of a socketpair as its standard input.
    pub(super) fn spawn(candidate: &Candidate, spec: &EngineSpec) -> io::Result<Self> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut command = tokio::process::Command::new(&candidate.program);
        command.arg("--model").arg(&spec.model);
        if let Some(vad) = &spec.vad {
            command.arg("--vad").arg(vad);
        }
        if spec.threads > 0 {
            command.arg("--threads").arg(spec.threads.to_string());
        }
        command.env_clear().envs(environment(std::env::vars_os()));
        // ggml would have a debugger print its stack when it aborts, and wait for that.
        command.env("GGML_NO_BACKTRACE", "1");
        let mut process = command
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let now = Instant::now();
        Ok(Self {
            backend: candidate.backend,
            stderr: process.stderr.take().map(Listener::spawn),
            process,
            stream: UnixStream::from_std(ours)?,
            out: Vec::new(),
            written: 0,
            input: Vec::new(),
            spoken: false,
            frames: VecDeque::new(),
            progress: now,
            next_ping: now + PING_EVERY,
            unanswered_ping: None,
            pings: 0,
            started: now,
            closed: false,
            ending: None,
            reaped: None,
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
        self.unanswered_ping.map_or(self.next_ping, |sent| sent + self.patience())
    }

    fn patience(&self) -> Duration {
        if self.spoken { PONG_LIMIT } else { FIRST_PONG_LIMIT }
    }

    /// Sends the ping that is due. `false`: the last one has stayed unanswered too long.
    pub(super) fn ping(&mut self) -> bool {
        let now = Instant::now();
        if let Some(sent) = self.unanswered_ping {
            return now < sent + self.patience();
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
                Frame::Message(message) => {
                    self.spoken = true;
                    self.frames.push_back(message);
                }
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

    /// Lets it go: a sound engine ends by itself when its socket is closed, and has nothing to save.
    pub(super) fn dismiss(&mut self) {
        // One that is gone already has nothing to be shut down.
        let _ = rustix::net::shutdown(&self.stream, rustix::net::Shutdown::Both);
        self.closed = true;
    }

    /// Ends the process, if it has not ended by itself, and tells how. Cancel-safe: its limits count
    /// from the first call.
    pub(super) async fn end(&mut self) -> Ending {
        let since = *self.ending.get_or_insert_with(Instant::now);
        let (how, code) = match self.reaped.clone() {
            Some(reaped) => reaped,
            None => self.reap(since).await,
        };
        self.reaped = Some((how.clone(), code));
        let said = match &mut self.stderr {
            Some(stderr) => stderr.reason(since + LEAVE_LIMIT + REAP_LIMIT + LAST_WORDS).await,
            None => None,
        };
        self.stderr = None;
        Ending { unfit: code.is_some_and(|code| UNFIT.contains(&code)), how, said }
    }

    async fn reap(&mut self, since: Instant) -> (String, Option<i32>) {
        if self.closed
            && let Ok(ended) = timeout_at(since + LEAVE_LIMIT, self.process.wait()).await
        {
            return describe(ended);
        }
        // Already gone is as good; anything else shows in the wait.
        let _ = self.process.start_kill();
        match timeout_at(since + LEAVE_LIMIT + REAP_LIMIT, self.process.wait()).await {
            Ok(ended) if self.closed => {
                let (how, code) = describe(ended);
                (format!("stopped listening, {how}"), code)
            }
            Ok(ended) => describe(ended),
            Err(_) => ("could not be killed; it may be stuck in a driver".to_owned(), None),
        }
    }
}

/// How a process ended.
#[derive(Debug)]
pub(super) struct Ending {
    /// For people, after "the recogniser".
    pub(super) how: String,
    /// It, or the system's loader, has said that it cannot work on this machine.
    pub(super) unfit: bool,
    /// What it printed of the reason.
    pub(super) said: Option<String>,
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

/// In words, and the exit code if there is one.
fn describe(ended: io::Result<ExitStatus>) -> (String, Option<i32>) {
    use std::os::unix::process::ExitStatusExt;
    let status = match ended {
        Ok(status) => status,
        Err(error) => return (format!("could not be waited for: {error}"), None),
    };
    let how = match (status.signal(), status.code()) {
        (Some(signal), _) => format!("ended by signal {signal}"),
        (None, Some(code)) => format!("ended with exit code {code}"),
        (None, None) => "ended".to_owned(),
    };
    (how, status.code())
}

#[cfg(test)]
mod tests {
    use super::environment;

    #[test]
    fn an_engine_is_given_no_secret() {
        let all = [
            "PATH",
            "OPENAI_API_KEY",
            "VK_DRIVER_FILES",
            "DBUS_SESSION_BUS_ADDRESS",
            "LC_ALL",
            "NOTIFY_SOCKET",
        ];
        let given = environment(all.into_iter().map(|name| (name.into(), "x".into())));
        let given: Vec<_> = given.map(|(name, _)| name).collect();
        assert_eq!(given, ["PATH", "VK_DRIVER_FILES", "LC_ALL"]);
    }
}
