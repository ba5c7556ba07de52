//! How an engine's process ends: by itself, or because it is killed; and what it said of the
//! reason.

use super::stderr::Listener;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::process::Child;
use tokio::time::{Instant, timeout_at};
use v2m_ipc::engine;

/// How long a process that has closed its end may take to be gone by itself: its own exit code says
/// more than our signal.
const LEAVE_LIMIT: Duration = Duration::from_millis(500);
/// How long a killed process may take to be gone. One that is stuck in a driver is left to the
/// kernel.
const REAP_LIMIT: Duration = Duration::from_secs(2);
/// What an ended process printed is there at once, as a rule.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Exit codes of an engine that cannot work here: its own (EX_UNAVAILABLE of sysexits.h), and that
/// of the loader, which misses a library.
const UNFIT: [i32; 2] = [engine::EXIT_UNFIT as i32, 127];

/// A running process. Killed when dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    stderr: Option<Listener>,
    on_gpu: bool,
    /// Since when its end is waited for.
    ending: Option<Instant>,
    /// How it ended.
    reaped: Option<ProcessEnd>,
}

impl Process {
    /// One that was spawned, with a pipe as its standard error.
    pub(super) fn new(mut child: Child, on_gpu: bool) -> Self {
        let stderr = child.stderr.take().map(Listener::spawn);
        Self { child, stderr, on_gpu, ending: None, reaped: None }
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Ends the process, if it has not ended by itself, and tells how. `closed`: it has closed its
    /// end of the socket, so it may be about to end. Cancel-safe: its limits count from the first
    /// call.
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
        // Already gone is as good; anything else shows in the wait.
        let _ = self.child.start_kill();
        match timeout_at(since + LEAVE_LIMIT + REAP_LIMIT, self.child.wait()).await {
            // By this signal.
            Ok(ended) => {
                let end = ProcessEnd { killed: false, ..ProcessEnd::of(ended) };
                let how = format!("stopped listening, {}", end.how);
                if closed { ProcessEnd { how, ..end } } else { end }
            }
            Err(_) => {
                let stuck = if self.on_gpu { "a driver" } else { "the kernel" };
                ProcessEnd::told(format!("could not be killed; it may be stuck in {stuck}"))
            }
        }
    }
}

/// The end of a process.
#[derive(Clone, Debug)]
struct ProcessEnd {
    /// In words.
    how: String,
    code: Option<i32>,
    /// By SIGKILL, and not by ours.
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
