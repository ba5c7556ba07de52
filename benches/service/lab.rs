//! The environment: a private PipeWire with a virtual microphone, a session bus, a display if Xvfb
//! is installed, and the service, which the first connection to its socket starts.

use crate::process;
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use v2m_ipc::client::Client;
use v2m_ipc::message::{self, ResponseStatus};
use v2m_testkit::pipewire::PipeWire;

/// The result of a measurement.
pub(crate) type BenchResult<T> = Result<T, Box<dyn Error>>;

/// The microphone's name.
pub(crate) const MICROPHONE: &str = "vmic";
/// Only a hang takes longer.
const PATIENCE: Duration = Duration::from_secs(120);
/// The models to use; the first one that exists is taken.
const MODELS: [&str; 2] = ["base-q8_0", "tiny.en-q8_0"];

/// The environment of the service.
pub(crate) struct Lab {
    pub(crate) sound: PipeWire,
    /// The model's name.
    pub(crate) model: &'static str,
    models: PathBuf,
    display: Option<(Child, String)>,
}

impl Lab {
    pub(crate) fn new() -> BenchResult<Self> {
        let models = std::env::var_os("V2M_TEST_MODELS")
            .map(PathBuf::from)
            .ok_or("V2M_TEST_MODELS names no folder of models: run `make bench`")?;
        let there = |name: &&str| models.join(v2m_models::paths::file_name(name)).exists();
        let model = MODELS
            .into_iter()
            .find(there)
            .ok_or_else(|| format!("none of {MODELS:?} in {}", models.display()))?;
        Ok(Self { sound: PipeWire::start(&[MICROPHONE]), model, models, display: display() })
    }

    /// Returns a service that has no connection yet, so no process of v2m runs.
    pub(crate) fn service(&self, settings: &[(&str, &str)]) -> BenchResult<Service> {
        let dir = tempfile::tempdir()?;
        let (socket, notify) = (dir.path().join("v2m.sock"), dir.path().join("notify"));
        let log = dir.path().join("log");
        let manager = UnixDatagram::bind(&notify)?;
        manager.set_read_timeout(Some(PATIENCE))?;
        let mut command = self.sound.command("systemd-socket-activate");
        command.arg("--listen").arg(&socket);
        let mut pass = |name: &str, value: &Path| {
            command.arg("-E").arg(format!("{name}={}", value.display()));
        };
        for (name, value) in self.sound.environment() {
            pass(name, &value);
        }
        pass("NOTIFY_SOCKET", &notify);
        pass("V2M_MODEL_DIR", &self.models);
        pass("V2M_ASSET_DIR", &Path::new(env!("CARGO_MANIFEST_DIR")).join("assets"));
        pass("V2M_ENGINE__MODEL", Path::new(self.model));
        if let Some((_, name)) = &self.display {
            pass("DISPLAY", Path::new(name));
        }
        for (name, value) in settings {
            pass(name, Path::new(value));
        }
        command.arg(env!("CARGO_BIN_EXE_v2m")).stderr(std::fs::File::create(&log)?);
        // systemd-socket-activate becomes the service by exec, so this is the service's process
        // too.
        let process = command.spawn().map_err(|e| format!("systemd-socket-activate: {e}"))?;
        let service = Service { process, socket, log, manager, _dir: dir };
        // The socket's file exists before anything listens on it.
        until("the socket", || service.told().is_ok_and(|log| log.contains("Listening on")))?;
        Ok(service)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some((process, _)) = &mut self.display {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Starts a display, so that the clipboard has its real cost.
fn display() -> Option<(Child, String)> {
    let mut command = Command::new("Xvfb");
    command.args(["-displayfd", "1", "-screen", "0", "64x64x24", "-nolisten", "tcp"]);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut number = String::new();
    BufReader::new(process.stdout.take()?).read_line(&mut number).ok()?;
    Some((process, format!(":{}", number.trim())))
}

/// The service, or the process that becomes the service at the first connection.
pub(crate) struct Service {
    process: Child,
    pub(crate) socket: PathBuf,
    log: PathBuf,
    manager: UnixDatagram,
    _dir: TempDir,
}

impl Service {
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    fn told(&self) -> std::io::Result<String> {
        std::fs::read_to_string(&self.log)
    }

    /// Returns the recogniser's process id.
    pub(crate) fn engine(&self) -> BenchResult<u32> {
        let children = process::children(self.pid());
        children.first().copied().ok_or_else(|| "the engine does not run".into())
    }

    pub(crate) fn client(&self) -> BenchResult<Client> {
        Ok(Client::connect_to(&self.socket)?)
    }

    /// Waits until the model is loaded, as the service manager would.
    pub(crate) fn ready(&self) -> BenchResult<()> {
        let mut datagram = [0; 4096];
        loop {
            let length = self.manager.recv(&mut datagram)?;
            let told = String::from_utf8_lossy(&datagram[..length]);
            if told.lines().any(|line| line == "READY=1") {
                return Ok(());
            }
        }
    }

    /// Starts the service by a first connection, and waits until the model is loaded.
    pub(crate) fn warm_up(&self) -> BenchResult<()> {
        ask(&mut self.client()?, &message::Command::Ping)?;
        self.ready()
    }

    /// Returns `v2m-send` with one command, as a shortcut runs it.
    pub(crate) fn send(&self, command: &str) -> Command {
        let mut send = Command::new(env!("CARGO_BIN_EXE_v2m-send"));
        send.arg(command).env("V2M_SOCKET_PATH", &self.socket);
        send.stdin(Stdio::null()).stdout(Stdio::null());
        send
    }

    /// Returns the time of the last recording from the press's arrival in the daemon to the first
    /// samples, according to the service's log.
    pub(crate) fn first_sample(&self) -> BenchResult<Duration> {
        let log = self.told()?;
        let told = log.rsplit_once("first_sample_us=").ok_or("the log tells no first sample")?.1;
        let digits = told.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        Ok(Duration::from_micros(digits.parse()?))
    }

    /// Ends the service in an orderly way.
    pub(crate) fn shut_down(mut self) -> BenchResult<()> {
        ask(&mut self.client()?, &message::Command::Shutdown)?;
        until("the end", || matches!(self.process.try_wait(), Ok(Some(_))))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Sends a request that must succeed, and returns its data.
pub(crate) fn ask(
    client: &mut Client,
    command: &message::Command,
) -> BenchResult<serde_json::Value> {
    let answer = client.request(command)?;
    match answer.status {
        ResponseStatus::Success => Ok(answer.data),
        _ => Err(format!("{}: {}", command.name(), answer.error.unwrap_or_default()).into()),
    }
}

/// Waits for a condition that sends no event.
pub(crate) fn until(what: &str, mut seen: impl FnMut() -> bool) -> BenchResult<()> {
    let deadline = Instant::now() + PATIENCE;
    while !seen() {
        if Instant::now() > deadline {
            return Err(format!("waited in vain for {what}").into());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Runs a command, which must succeed. Returns its duration.
pub(crate) fn timed(command: &mut Command) -> BenchResult<Duration> {
    let start = Instant::now();
    let status = command.status()?;
    let took = start.elapsed();
    if status.success() { Ok(took) } else { Err(format!("{command:?}: {status}").into()) }
}
