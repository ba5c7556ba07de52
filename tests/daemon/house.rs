//! A private environment with a socket, models and a configuration, and the service that runs in
//! it.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;
use tempfile::TempDir;
use v2m_testkit::digest::Digest;

pub(crate) use v2m_testkit::wait_for;

/// Far longer than any step here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A configuration without delivery and sounds, because there is no desktop, and with the double as
/// its model.
pub(crate) const CONFIG: &str = "[engine]\nmodel = \"double\"\n[feedback]\nsounds = false\n\
    [deliver]\nmode = \"none\"\nnotify = false\n";

/// The part of the environment that outlives the service.
pub(crate) struct House {
    dir: TempDir,
    /// systemd's copy of the socket: a connection waits in it until a service accepts it.
    listener: UnixListener,
    manager: UnixDatagram,
    /// The runtime folder of PipeWire, if it runs.
    pub(crate) pipewire: Option<PathBuf>,
    /// The session bus's address, if there is one.
    pub(crate) bus: Option<String>,
    /// The system bus's address, if there is one.
    pub(crate) system_bus: Option<String>,
    /// The X server's display, if there is one.
    pub(crate) display: Option<String>,
    /// A folder with libraries that the machine lacks.
    pub(crate) libraries: Option<PathBuf>,
}

impl House {
    /// Creates a house with a model `double` with that script, selected in the configuration.
    pub(crate) fn new(script: &str) -> Self {
        let house = Self::without_model();
        house.model("double", script);
        house
    }

    pub(crate) fn without_model() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["run", "home", "data/v2m/models", "config/v2m", "state", "engines"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let listener = UnixListener::bind(dir.path().join("run/v2m.sock")).unwrap();
        let manager = UnixDatagram::bind(dir.path().join("run/notify")).unwrap();
        manager.set_read_timeout(Some(PATIENCE)).unwrap();
        let house = Self {
            dir,
            listener,
            manager,
            pipewire: None,
            bus: None,
            system_bus: None,
            display: None,
            libraries: None,
        };
        house.install("");
        house.configure(CONFIG);
        house
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    /// Replaces a model atomically.
    pub(crate) fn model(&self, name: &str, script: &str) {
        fs::write(self.path("new"), script).unwrap();
        fs::rename(self.path("new"), self.model_file(name, "bin")).unwrap();
    }

    /// Returns the path of a file beside the model of that name: the double's marks.
    pub(crate) fn model_file(&self, name: &str, ending: &str) -> PathBuf {
        self.path("data/v2m/models").join(format!("ggml-{name}.{ending}"))
    }

    /// Ends the wait of the rule `wait` in the double's script.
    pub(crate) fn go(&self) {
        fs::write(self.model_file("double", "go"), "").unwrap();
    }

    /// Returns the process ids of the double's lives.
    pub(crate) fn lives(&self, name: &str) -> Vec<i32> {
        let lives = fs::read_to_string(self.model_file(name, "lives")).unwrap_or_default();
        lives.lines().filter_map(|line| line.parse().ok()).collect()
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.path("config/v2m/config.toml")
    }

    /// Replaces the configuration atomically.
    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.path("new"), text).unwrap();
        fs::rename(self.path("new"), self.config_file()).unwrap();
    }

    /// Connects, whether or not a service runs.
    pub(crate) fn connect(&self) -> Client {
        let stream = UnixStream::connect(self.path("run/v2m.sock")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client(BufReader::new(stream))
    }

    /// Installs the double as the engine with that suffix, for example `-cuda`. The empty suffix is
    /// the processor's engine.
    pub(crate) fn install(&self, suffix: &str) {
        let program = self.path(&format!("engines/v2m-engine{suffix}"));
        std::os::unix::fs::symlink(double(), program).unwrap();
    }

    /// Replaces the engine's file, as an installer does.
    pub(crate) fn upgrade_engine(&self) {
        let newer = self.path("engines/newer");
        fs::copy(double(), &newer).unwrap();
        fs::rename(newer, self.path("engines/v2m-engine")).unwrap();
    }

    fn system_bus(&self) -> String {
        let none = || format!("unix:path={}", self.path("none").display());
        self.system_bus.clone().unwrap_or_else(none)
    }

    /// Starts the service.
    pub(crate) fn start(self) -> Service {
        let log = File::options().append(true).create(true).open(self.path("log")).unwrap();
        let mut command = Command::new("sh");
        command
            // The socket arrives as standard input and is passed on as the first socket-activation
            // descriptor.
            .args(["-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" 3<&0 0</dev/null"])
            .arg(env!("CARGO_BIN_EXE_v2m"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path("home"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("NOTIFY_SOCKET", self.path("run/notify"))
            // What the real logind says about this machine's screen must not matter.
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.system_bus())
            .env("V2M_ENGINE", self.path("engines/v2m-engine"))
            .stdin(OwnedFd::from(self.listener.try_clone().unwrap()))
            .stdout(Stdio::null())
            .stderr(log);
        if let Some(dir) = &self.pipewire {
            command.env("PIPEWIRE_RUNTIME_DIR", dir);
        }
        if let Some(address) = &self.bus {
            command.env("DBUS_SESSION_BUS_ADDRESS", address);
        }
        if let Some(display) = &self.display {
            command.env("DISPLAY", display);
        }
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        let process = command.spawn().unwrap();
        let logged = self.log().len();
        Service { process, told: Mutex::default(), logged, house: Some(self) }
    }

    /// Reads and drops all further messages to the service manager. If a test sends many and reads
    /// none, the service blocks once the socket is full.
    pub(crate) fn ignore_manager(&self) {
        let manager = self.manager.try_clone().unwrap();
        std::thread::spawn(move || while manager.recv(&mut [0; 4096]).is_ok() {});
    }

    /// Returns the service's log so far, of all its lives.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Returns the store's files with that ending, oldest first.
    pub(crate) fn kept(&self, ending: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("state/v2m/dictations")).into_iter().flatten();
        let mut kept: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        kept.retain(|path| path.extension().is_some_and(|e| e == ending));
        kept.sort_unstable();
        kept
    }

    /// Returns the only dictation's record.
    pub(crate) fn record(&self) -> Value {
        let [path] = &self.kept("json")[..] else { panic!("{:?}", self.kept("json")) };
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    /// Returns all records in the store, oldest first.
    pub(crate) fn records(&self) -> Vec<Value> {
        let read = |path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        self.kept("json").into_iter().map(read).collect()
    }

    /// Returns the double's text for the only recording in the store.
    pub(crate) fn text_of_recording(&self) -> String {
        let [path] = &self.kept("wav")[..] else { panic!("{:?}", self.kept("wav")) };
        text_of(&v2m::store::read_pcm(path).unwrap())
    }
}

/// Returns the double's text for that sound.
pub(crate) fn text_of(sound: &[i16]) -> String {
    let mut digest = Digest::default();
    digest.hear(sound);
    digest.text()
}

fn double() -> PathBuf {
    example("fake-engine", "fake-engine")
}

/// Returns the path of a double that `cargo test` builds with the tests.
pub(crate) fn example(name: &str, file: &str) -> PathBuf {
    let double = Path::new(env!("CARGO_BIN_EXE_v2m")).with_file_name("examples").join(file);
    assert!(
        double.exists(),
        "build the double: cargo build --package v2m-testkit --example {name}"
    );
    double
}

/// The running service. If it still runs when this is dropped, it is killed.
pub(crate) struct Service {
    process: Child,
    /// The messages to the service manager that have been read.
    told: Mutex<Vec<String>>,
    /// The length of its earlier lives' log.
    logged: usize,
    house: Option<House>,
}

impl std::ops::Deref for Service {
    type Target = House;

    fn deref(&self) -> &House {
        self.house.as_ref().expect("taken out only at the end")
    }
}

impl Service {
    /// Waits for READY=1, and returns the status sent with it.
    pub(crate) fn ready(&self) -> String {
        let datagram = self.tells("READY=1");
        let status = datagram.lines().find_map(|line| line.strip_prefix("STATUS="));
        status.unwrap_or_default().to_owned()
    }

    /// Waits until the service manager gets a message that contains `what`, and returns the whole
    /// datagram.
    pub(crate) fn tells(&self, what: &str) -> String {
        loop {
            let mut datagram = [0; 4096];
            let length = self.manager.recv(&mut datagram).unwrap_or_else(|error| {
                panic!("{what} was not told: {error}; {:?}\n{}", self.told, self.log())
            });
            let datagram = String::from_utf8_lossy(&datagram[..length]).into_owned();
            self.told.lock().unwrap().push(datagram.clone());
            if datagram.contains(what) {
                return datagram;
            }
        }
    }

    /// Returns whether a message read so far contains `what`.
    pub(crate) fn has_told(&self, what: &str) -> bool {
        self.told.lock().unwrap().iter().any(|datagram| datagram.contains(what))
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits until the service has ended.
    pub(crate) fn ended(mut self) -> (ExitStatus, House) {
        let status = wait_for("its end", || self.process.try_wait().unwrap());
        (status, self.house.take().expect("taken out only here"))
    }

    /// Ends the service in an orderly way, which must be possible whatever happened before.
    pub(crate) fn end(self) -> House {
        assert_eq!(self.connect().ask("SHUTDOWN")["message"], "SHUTTING_DOWN");
        let before = self.logged;
        let (status, house) = self.ended();
        assert!(status.success(), "{status}\n{}", house.log());
        assert!(!house.log()[before..].contains("ERROR"), "{}", house.log());
        house
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if self.house.is_some() {
            if std::thread::panicking() {
                eprintln!("the service's log:\n{}", self.log());
            }
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// A connection with one JSON object per line.
pub(crate) struct Client(BufReader<UnixStream>);

impl Client {
    pub(crate) fn send(&mut self, cmd: &str, data: Value) {
        let request = json!({ "cmd": cmd, "data": data });
        self.0.get_mut().write_all(format!("{request}\n").as_bytes()).unwrap();
    }

    /// Closes the sending side.
    pub(crate) fn no_more(&self) {
        self.0.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
    }

    /// Returns the next answer or event; `None` at the end.
    pub(crate) fn receive(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(serde_json::from_str(&line).unwrap()),
            Err(error) => panic!("waited in vain for an answer: {error}"),
        }
    }

    pub(crate) fn call(&mut self, cmd: &str, data: Value) -> Value {
        self.send(cmd, data);
        self.receive().unwrap_or_else(|| panic!("no answer to {cmd}"))
    }

    /// Sends a request that must succeed, and returns its data.
    pub(crate) fn ask_with(&mut self, cmd: &str, data: Value) -> Value {
        let answer = self.call(cmd, data);
        assert_eq!(answer["status"], "success", "{cmd}: {answer}");
        answer["data"].clone()
    }

    pub(crate) fn ask(&mut self, cmd: &str) -> Value {
        self.ask_with(cmd, Value::Null)
    }

    /// Sends a request that must fail, and returns its error's code and text.
    pub(crate) fn refused_with(&mut self, cmd: &str, data: Value) -> (String, String) {
        failure(&self.call(cmd, data))
    }

    pub(crate) fn refused(&mut self, cmd: &str) -> (String, String) {
        self.refused_with(cmd, Value::Null)
    }

    /// Turns the client into a subscriber.
    pub(crate) fn subscribe(mut self, events: &[&str]) -> Self {
        self.ask_with("SUBSCRIBE", json!({ "events": events }));
        self
    }

    /// Waits for an event of that kind in which `key` is `value`.
    pub(crate) fn until(&mut self, kind: &str, key: &str, value: &str) -> Value {
        loop {
            let event = self.receive().unwrap_or_else(|| panic!("no {kind} {key}={value} came"));
            if event["data"]["type"] == kind && event["data"][key] == value {
                return event["data"].clone();
            }
        }
    }
}

/// Returns the code and text of an error answer.
pub(crate) fn failure(answer: &Value) -> (String, String) {
    assert_eq!(answer["status"], "error", "{answer}");
    let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
    (text("code"), text("error"))
}
