//! One engine process and the frames to and from it. Knows nothing of jobs beyond their wire numbers.

use super::EngineSpec;
use super::candidates::{Backend, Candidate};
use super::process;
use super::stderr::Listener;
use super::vigil::{LOOK_EVERY, Vigil};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};
use tracing::info;
use v2m_ipc::engine::{self, Frame, FromEngine, ToEngine};

/// The engine answers pings from a thread that does nothing heavy: this much silence that counts ([`Vigil`]) is a hang.
const PONG_LIMIT: Duration = Duration::from_secs(10);
/// Before it has said its first word it may be busy with libraries of a gigabyte and a driver that wakes up.
const FIRST_PONG_LIMIT: Duration = Duration::from_secs(60);
/// Waiting for a processor for so long in one silence is told in the journal.
const STARVED: Duration = Duration::from_secs(10);
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
    /// It can keep a job as it is while it is at work on another one.
    pub(super) pauses: bool,
    pub(super) frames: VecDeque<FromEngine>,
    vigil: Vigil,
    next_look: Instant,
    pings: u64,
    /// When it was started.
    pub(super) started: Instant,
    /// It has closed its end.
    closed: bool,
    /// Since when its end is waited for.
    ending: Option<Instant>,
    /// How it ended.
    reaped: Option<End>,
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
            pauses: false,
            frames: VecDeque::new(),
            vigil: Vigil::begin(now),
            next_look: now + LOOK_EVERY,
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

    /// Starts a span of work: it is looked at from now on, and its silence begins anew.
    pub(super) fn rouse(&mut self) {
        let now = Instant::now();
        // What it used before is not used in this silence.
        self.vigil.look(now, self.pid().and_then(process::look));
        self.vigil.rouse(now);
        self.next_look = now + LOOK_EVERY;
    }

    /// It got on, or has something new to do.
    pub(super) fn progressed(&mut self) {
        self.vigil.progressed(Instant::now());
    }

    /// When to look at a busy engine again.
    pub(super) fn next_look(&self) -> Instant {
        self.next_look
    }

    /// Looks how it does, and asks whether it is there. Why it is taken for hung, if it is: `most` is how long it may be
    /// without progress.
    pub(super) fn look(&mut self, most: Option<Duration>) -> Option<String> {
        let now = Instant::now();
        self.next_look = now + LOOK_EVERY;
        let starved = self.vigil.without_progress().starved;
        self.vigil.look(now, self.pid().and_then(process::look));
        let silence = self.vigil.without_progress();
        if starved < STARVED && silence.starved >= STARVED {
            info!("the recogniser waits for a processor: other programs leave it none");
        }
        if let Some(unanswered) = self.vigil.without_answer() {
            let limit = if self.spoken { PONG_LIMIT } else { FIRST_PONG_LIMIT };
            if unanswered.counted >= limit {
                return Some(format!("did not answer for {} s and was ended", limit.as_secs()));
            }
        } else {
            self.pings += 1;
            self.vigil.pinged(now);
            self.queue(&ToEngine::Ping { n: self.pings });
        }
        let limit = most.filter(|most| silence.counted >= *most)?.as_secs();
        Some(match silence.computing() {
            true => format!("computed for {limit} s without getting any further and was ended"),
            false => format!("did nothing for {limit} s though it had work and was ended"),
        })
    }

    /// Notes an answered ping.
    pub(super) fn pong(&mut self) {
        self.vigil.answered();
    }

    /// Takes in what has already arrived.
    ///
    /// # Errors
    /// As [`Self::turn`].
    pub(super) fn listen(&mut self) -> io::Result<()> {
        while self.read()? {}
        Ok(())
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

    /// Whether anything was there.
    fn read(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.try_read(&mut buffer) {
            Ok(0) => return Err(self.close()),
            Ok(n) => self.input.extend_from_slice(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
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
        Ok(true)
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
        let end = match self.reaped.clone() {
            Some(reaped) => reaped,
            None => self.reap(since).await,
        };
        self.reaped = Some(end.clone());
        let said = match &mut self.stderr {
            Some(stderr) => stderr.reason(since + LEAVE_LIMIT + REAP_LIMIT + LAST_WORDS).await,
            None => None,
        };
        self.stderr = None;
        let unfit = end.code.is_some_and(|code| UNFIT.contains(&code));
        Ending { unfit, how: end.how, killed: end.killed, said }
    }

    async fn reap(&mut self, since: Instant) -> End {
        if self.closed
            && let Ok(ended) = timeout_at(since + LEAVE_LIMIT, self.process.wait()).await
        {
            return End::of(ended);
        }
        // Already gone is as good; anything else shows in the wait.
        let _ = self.process.start_kill();
        match timeout_at(since + LEAVE_LIMIT + REAP_LIMIT, self.process.wait()).await {
            // By this signal.
            Ok(ended) => {
                let end = End { killed: false, ..End::of(ended) };
                let how = format!("stopped listening, {}", end.how);
                if self.closed { End { how, ..end } } else { end }
            }
            Err(_) => {
                let stuck = if self.backend.is_gpu() { "a driver" } else { "the kernel" };
                End::told(format!("could not be killed; it may be stuck in {stuck}"))
            }
        }
    }
}

/// The end of a process.
#[derive(Clone, Debug)]
struct End {
    /// In words.
    how: String,
    code: Option<i32>,
    /// By SIGKILL, and not by ours.
    killed: bool,
}

impl End {
    fn told(how: String) -> Self {
        Self { how, code: None, killed: false }
    }

    fn of(ended: io::Result<ExitStatus>) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let status = match ended {
            Ok(status) => status,
            Err(error) => return Self::told(format!("could not be waited for: {error}")),
        };
        let how = match (status.signal(), status.code()) {
            (Some(signal), _) => format!("ended by signal {signal}"),
            (None, Some(code)) => format!("ended with exit code {code}"),
            (None, None) => "ended".to_owned(),
        };
        let killed = status.signal() == Some(rustix::process::Signal::KILL.as_raw());
        Self { how, code: status.code(), killed }
    }
}

/// How a process ended.
#[derive(Debug)]
pub(super) struct Ending {
    /// For people, after "the recogniser".
    pub(super) how: String,
    /// It, or the system's loader, has said that it cannot work on this machine.
    pub(super) unfit: bool,
    /// Somebody else killed it: the kernel, as a rule, because there was no memory left.
    pub(super) killed: bool,
    /// What it printed of the reason.
    pub(super) said: Option<String>,
}

impl Ending {
    /// Whether there was, most likely, no memory left for it.
    pub(super) fn lacked_memory(&self) -> bool {
        // What C++ says when `new` fails, and ggml when `malloc` does.
        const WORDS: [&str; 4] =
            ["std::bad_alloc", "mem_buffer != NULL", "insufficient memory", "failed to allocate"];
        let says = |said: &str| WORDS.iter().any(|word| said.contains(word));
        self.killed || self.said.as_deref().is_some_and(says)
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
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
