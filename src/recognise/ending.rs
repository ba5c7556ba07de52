//! How an engine's process ends: by itself or killed. Also collects its output about the reason.
//!
//! The descriptions follow "the recogniser" in the messages of [`super::advice`].

use super::stderr::Listener;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::process::Child;
use tokio::time::{Instant, timeout_at};
use v2m_ipc::engine;
use v2m_messages::{tr, verbatim};

/// How long a process that has closed its end may take to exit by itself. Its own exit code says
/// more than our signal.
const LEAVE_LIMIT: Duration = Duration::from_millis(500);
/// How long a killed process may take to disappear. A process that is stuck in a driver is left to
/// the kernel.
const REAP_LIMIT: Duration = Duration::from_secs(2);
/// How long to wait for an ended process's output. Usually it is there at once.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Exit codes of an engine that cannot work here: its own (EX_UNAVAILABLE of sysexits.h), and that
/// of the loader when a library is missing.
const UNFIT: [i32; 2] = [engine::EXIT_UNFIT as i32, 127];

/// A running process. Killed when dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    stderr: Option<Listener>,
    on_gpu: bool,
    /// When waiting for its end began.
    ending: Option<Instant>,
    /// How the process ended, once known.
    reaped: Option<ProcessEnd>,
}

impl Process {
    /// Takes a spawned process with a pipe as its standard error.
    pub(super) fn new(mut child: Child, on_gpu: bool) -> Self {
        let stderr = child.stderr.take().map(Listener::spawn);
        Self { child, stderr, on_gpu, ending: None, reaped: None }
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Ends the process, unless it has ended by itself, and reports how it ended. `closed`: the
    /// process has closed its end of the socket, so it may be about to end. Cancel-safe: the time
    /// limits count from the first call.
    pub(super) async fn end(&mut self, closed: bool) -> Ending {
        let since = *self.ending.get_or_insert_with(Instant::now);
        let end = match self.reaped.clone() {
            Some(reaped) => reaped,
            None => self.reap(since, closed).await,
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

    async fn reap(&mut self, since: Instant, closed: bool) -> ProcessEnd {
        if closed && let Ok(ended) = timeout_at(since + LEAVE_LIMIT, self.child.wait()).await {
            return ProcessEnd::of(ended);
        }
        // It does not matter if the process is already gone. The wait shows any other error.
        let _ = self.child.start_kill();
        match timeout_at(since + LEAVE_LIMIT + REAP_LIMIT, self.child.wait()).await {
            // It ended by our signal.
            Ok(ended) => {
                let end = ProcessEnd { killed: false, ..ProcessEnd::of(ended) };
                let how = tr!("stopped listening, {how}", how = end.how);
                if closed { ProcessEnd { how, ..end } } else { end }
            }
            Err(_) => {
                let how = match self.on_gpu {
                    true => tr!("could not be killed; it may be stuck in a driver"),
                    false => tr!("could not be killed; it may be stuck in the kernel"),
                };
                ProcessEnd::told(how.to_owned())
            }
        }
    }
}

/// The end of a process.
#[derive(Clone, Debug)]
struct ProcessEnd {
    /// A description in words.
    how: String,
    code: Option<i32>,
    /// Whether it was killed by SIGKILL, but not by ours.
    killed: bool,
}

impl ProcessEnd {
    fn told(how: String) -> Self {
        Self { how, code: None, killed: false }
    }

    fn of(ended: io::Result<ExitStatus>) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let status = match ended {
            Ok(status) => status,
            Err(error) => return Self::told(tr!("could not be waited for: {error}", error)),
        };
        let how = match (status.signal(), status.code()) {
            (Some(signal), _) => tr!("ended by signal {signal}", signal),
            (None, Some(code)) => tr!("ended with exit code {code}", code),
            (None, None) => tr!("the recogniser" => "ended").to_owned(),
        };
        let killed = status.signal() == Some(rustix::process::Signal::KILL.as_raw());
        Self { how, code: status.code(), killed }
    }
}

/// How a process ended.
#[derive(Debug)]
pub(super) struct Ending {
    /// A description for people, after "the recogniser".
    pub(super) how: String,
    /// Whether the engine, or the system's loader, reported that it cannot work on this machine.
    pub(super) unfit: bool,
    /// Whether something else killed it: usually the kernel, because memory ran out.
    pub(super) killed: bool,
    /// Its output about the reason.
    pub(super) said: Option<String>,
}

impl Ending {
    /// Whether it most likely ran out of memory.
    pub(super) fn lacked_memory(&self) -> bool {
        // The messages of C++ when `new` fails, and of ggml when `malloc` fails.
        const WORDS: [&str; 4] = verbatim!([
            "std::bad_alloc",
            "mem_buffer != NULL",
            "insufficient memory",
            "failed to allocate"
        ]);
        let says = |said: &str| WORDS.iter().any(|word| said.contains(word));
        self.killed || self.said.as_deref().is_some_and(says)
    }
}
