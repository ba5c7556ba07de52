//! One engine process: how it is started, what is sent to it, and how long it has been silent.
//! Knows only the jobs' wire numbers.

use super::Backend;
use super::EngineSpec;
use super::candidates::Candidate;
use super::ending::{Ending, Process};
use super::link::Link;
use super::process;
use super::relay::Relay;
use super::vigil::{LOOK_EVERY, Vigil};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;
use tokio::time::Instant;
use tracing::info;
use v2m_ipc::engine::{self, FromEngine, ToEngine};
use v2m_ipc::remote::Endpoint;
use v2m_messages::tr;

/// The engine answers pings from a thread that does nothing heavy. This much counted silence
/// ([`Vigil`]) is a hang.
const PONG_LIMIT: Duration = Duration::from_secs(10);
/// The limit before the engine's first message. Until then it may be loading libraries of a
/// gigabyte, or waking up a driver.
const FIRST_PONG_LIMIT: Duration = Duration::from_secs(60);
/// If an engine waits this long for a processor in one silence, the journal says so.
const STARVED: Duration = Duration::from_secs(10);

/// Selects the part of the daemon's environment that an engine gets: the variables that compute
/// libraries read. The rest may contain secrets, such as keys for language models from the login
/// environment.
fn environment(
    all: impl Iterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (OsString, OsString)> {
    const NAMES: [&str; 11] = [
        "PATH",
        "HOME",
        // With LC_*: the language of its messages.
        "LANG",
        "LANGUAGE",
        "TMPDIR",
        "LD_LIBRARY_PATH",
        "RUST_BACKTRACE",
        "DRI_PRIME",
        // Vulkan looks for drivers there.
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

/// Returns the arguments for an engine that uses this server.
fn arguments(server: &Endpoint) -> Vec<String> {
    let Endpoint { base_url, model, connect_ms, total_ms } = server;
    let all = [
        ["--remote", base_url],
        ["--remote-model", model],
        ["--connect-ms", &connect_ms.to_string()],
        ["--total-ms", &total_ms.to_string()],
    ];
    // One argument each, so that no value is taken for an option.
    all.map(|[name, value]| format!("{name}={value}")).into()
}

/// A running engine. Killed when dropped.
#[derive(Debug)]
pub(super) struct EngineProcess {
    process: Process,
    /// The device that it runs on.
    pub(super) backend: Backend,
    link: Link,
    /// The connection to `v2m-remote`, for an engine without a model.
    _relay: Option<Relay>,
    /// Whether it can pause a job while it works on another one.
    pub(super) pauses: bool,
    /// Whether it has reported that it loads the model. If it fails before that, the program is to
    /// blame, not the model's file.
    pub(super) is_loading: bool,
    vigil: Vigil,
    next_look: Instant,
    pings: u64,
    /// When it was started.
    pub(super) started: Instant,
}

impl EngineProcess {
    /// Starts this engine, with one end of a socketpair as its standard input.
    pub(super) fn spawn(candidate: &Candidate, spec: &EngineSpec) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let link = Link::new(ours)?;
        let mut command = tokio::process::Command::new(&candidate.program);
        let (relay, output) = match candidate.backend.is_remote() {
            true => {
                let no_server = || io::Error::other(tr!("remote.base_url is not set"));
                command.args(arguments(spec.server.as_ref().ok_or_else(no_server)?));
                let (ours, theirs) = UnixStream::pair()?;
                (Some(Relay::spawn(ours)?), Stdio::from(OwnedFd::from(theirs)))
            }
            false => {
                command.arg("--model").arg(&spec.model);
                (None, Stdio::null())
            }
        };
        if let Some(vad) = &spec.vad {
            command.arg("--vad").arg(vad);
        }
        if spec.threads > 0 {
            command.arg("--threads").arg(spec.threads.to_string());
        }
        if spec.is_preview {
            command.arg("--preview");
        }
        command.env_clear().envs(environment(std::env::vars_os()));
        // Otherwise, when ggml aborts, it would have a debugger print its stack, and wait for that.
        command.env("GGML_NO_BACKTRACE", "1");
        let process = command
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(output)
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let now = Instant::now();
        Ok(Self {
            process: Process::new(process, candidate.backend.is_gpu()),
            backend: candidate.backend,
            link,
            _relay: relay,
            pauses: false,
            is_loading: false,
            vigil: Vigil::begin(now),
            next_look: now + LOOK_EVERY,
            pings: 0,
            started: now,
        })
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// Whether everything queued is written, so that more can be queued.
    pub(super) fn flushed(&self) -> bool {
        self.link.flushed()
    }

    pub(super) fn queue(&mut self, message: &ToEngine) {
        self.link.queue(&engine::encode_message(message));
    }

    pub(super) fn queue_pcm(&mut self, job: u32, samples: &[i16]) {
        self.link.queue(&engine::encode_pcm(job, samples));
    }

    /// Takes the messages that have arrived since the last call.
    pub(super) fn take_frames(&mut self) -> VecDeque<FromEngine> {
        std::mem::take(&mut self.link.frames)
    }

    /// Starts a period of work: the engine is checked from now on, and its silence starts at zero.
    pub(super) fn rouse(&mut self) {
        let now = Instant::now();
        // Processor time used before now does not belong to this silence.
        self.vigil.look(now, self.pid().and_then(process::look));
        self.vigil.rouse(now);
        self.next_look = now + LOOK_EVERY;
    }

    /// Notes that the engine made progress, or got new work.
    pub(super) fn progressed(&mut self) {
        self.vigil.progressed(Instant::now());
    }

    /// Returns when to check a busy engine again.
    pub(super) fn next_look(&self) -> Instant {
        self.next_look
    }

    /// Checks the engine and sends a ping. If the engine hangs, returns the reason, which follows
    /// "the recogniser" in messages. `most` is how long it may go without progress.
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
            let limit = if self.link.spoken { PONG_LIMIT } else { FIRST_PONG_LIMIT };
            if unanswered.counted >= limit {
                return Some(tr!(
                    "did not answer for {seconds} s and was ended",
                    seconds = limit.as_secs()
                ));
            }
        } else {
            self.pings += 1;
            self.vigil.pinged(now);
            self.queue(&ToEngine::Ping { n: self.pings });
        }
        let limit = most.filter(|most| silence.counted >= *most)?.as_secs();
        Some(match silence.computing() {
            true => {
                tr!("computed for {limit} s without progress and was ended", limit)
            }
            false => tr!("did nothing for {limit} s although it had work, and was ended", limit),
        })
    }

    /// Notes an answered ping.
    pub(super) fn pong(&mut self) {
        self.vigil.answered();
    }

    /// Reads what has already arrived.
    ///
    /// # Errors
    /// As for [`Self::turn`].
    pub(super) fn listen(&mut self) -> io::Result<()> {
        self.link.listen()
    }

    /// Reads and writes as soon as that is possible. Cancel-safe.
    ///
    /// # Errors
    /// `UnexpectedEof` if the engine has closed its end; others if it sends anything that is not a
    /// frame.
    pub(super) async fn turn(&mut self) -> io::Result<()> {
        self.link.turn().await
    }

    /// Releases the engine. A healthy engine ends by itself when its socket is closed, and has
    /// nothing to save.
    pub(super) fn dismiss(&mut self) {
        self.link.close();
    }

    /// Ends the process, unless it has ended by itself, and reports how it ended. Cancel-safe: the
    /// time limits count from the first call.
    pub(super) async fn end(&mut self) -> Ending {
        self.process.end(self.link.closed).await
    }
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
            "LANG",
            "LANGUAGE",
            "NOTIFY_SOCKET",
        ];
        let given = environment(all.into_iter().map(|name| (name.into(), "x".into())));
        let given: Vec<_> = given.map(|(name, _)| name).collect();
        assert_eq!(given, ["PATH", "VK_DRIVER_FILES", "LC_ALL", "LANG", "LANGUAGE"]);
    }
}
