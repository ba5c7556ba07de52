//! The interfaces that the tests use: systemd, the journal, the socket, the microphone, the
//! clipboard, notifications.
//!
//! Every test begins with [`Lab::new`], which resets the machine whatever the previous test left
//! behind. A test changes the machine only through this. Helpers panic with a message that says
//! what they were doing.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use v2m_testkit::wait_for;

/// How long any step may take before a test gives up. It is generous, because nothing is measured
/// here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The machine in its initial state: socket open, service stopped, no configuration, no overrides,
/// no notifications.
pub(crate) struct Lab {
    /// `$XDG_RUNTIME_DIR`.
    pub(crate) runtime: PathBuf,
    /// `$HOME`.
    pub(crate) home: PathBuf,
}

impl Lab {
    /// Resets the machine.
    pub(crate) fn new() -> Self {
        let dir = |key| PathBuf::from(std::env::var_os(key).expect("run.sh sets it"));
        let lab = Self { runtime: dir("XDG_RUNTIME_DIR"), home: dir("HOME") };
        // Otherwise the rest of an earlier test's recording would be recovered in the next test.
        let _ = try_run(
            "systemctl",
            &[
                "--user",
                "stop",
                "v2m.service",
                "v2m-llm.socket",
                "v2m-remote.socket",
                "v2m-osd.service",
                "v2m-tray.service",
            ],
        );
        for unit in ["v2m.service", "v2m-llm.service", "v2m-remote.service", "v2m-osd.service"] {
            let _ = fs::remove_dir_all(lab.overrides(unit));
        }
        let _ = fs::remove_dir_all(lab.home.join(".config/v2m"));
        let _ = fs::remove_dir_all(lab.home.join(".local/state/v2m"));
        let _ = fs::remove_dir_all(lab.models());
        let _ = fs::remove_file(lab.runtime.join("notifications"));
        systemctl(&["daemon-reload"]);
        let _ = try_run("systemctl", &["--user", "reset-failed", "v2m*"]);
        systemctl(&["enable", "--quiet", "--now", "v2m.socket"]);
        lab
    }

    /// Returns the path of the socket that clients connect to.
    pub(crate) fn socket(&self) -> PathBuf {
        self.runtime.join("v2m/v2m.sock")
    }

    /// Returns the path of a folder for the test's own models.
    pub(crate) fn models(&self) -> PathBuf {
        self.home.join("models")
    }

    fn overrides(&self, unit: &str) -> PathBuf {
        self.runtime.join("systemd/user").join(format!("{unit}.d"))
    }

    /// Adds a drop-in with these lines to the service's unit, until the next test.
    pub(crate) fn override_service(&self, lines: &str) {
        self.override_unit("v2m.service", lines);
    }

    /// Like [`Self::override_service`], for one of the services.
    pub(crate) fn override_unit(&self, unit: &str, lines: &str) {
        let folder = self.overrides(unit);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("test.conf"), format!("[Service]\n{lines}\n")).unwrap();
        systemctl(&["daemon-reload"]);
    }

    /// Writes the configuration.
    pub(crate) fn configure(&self, text: &str) {
        let folder = self.home.join(".config/v2m");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config.toml"), text).unwrap();
    }

    /// Configures delivery to the clipboard, whichever window has the keyboard focus.
    pub(crate) fn copies(&self) {
        self.configure("[deliver]\nmode = \"clipboard\"\n");
    }

    /// Connects, as a press does.
    pub(crate) fn connect(&self) -> std::io::Result<Client> {
        let stream = UnixStream::connect(self.socket())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Client(BufReader::new(stream)))
    }

    /// Connects; panics if that fails.
    pub(crate) fn client(&self) -> Client {
        self.connect().expect("v2m.socket takes connections")
    }

    /// Starts a recording, plays [`PHRASE`], and leaves the recording running.
    pub(crate) fn record(&self) -> Client {
        let mut client = self.client();
        assert_eq!(client.ask("START_RECORDING")["state"], "recording");
        speak();
        client
    }

    /// Dictates [`PHRASE`], checks its text, and returns the answer's data.
    pub(crate) fn dictate(&self) -> Value {
        let answer = self.record().ask("STOP_RECORDING");
        assert_phrase(answer["text"].as_str().unwrap_or_default());
        answer
    }

    /// Returns the records (JSON) of all dictations in the store, oldest first.
    pub(crate) fn records(&self) -> Vec<Value> {
        let found = fs::read_dir(self.home.join(".local/state/v2m/dictations"));
        let found = found.into_iter().flatten().map(|entry| entry.unwrap().path());
        let mut found: Vec<_> =
            found.filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
        found.sort_unstable();
        // A dictation without speech is deleted meanwhile.
        let read = |path| {
            fs::read(path).inspect_err(|error| {
                assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
            })
        };
        let records = found.into_iter().filter_map(|path| read(path).ok());
        records.map(|record| serde_json::from_slice(&record).unwrap()).collect()
    }

    /// Returns all notifications since the test began, in order, including replaced ones.
    pub(crate) fn notifications(&self) -> Vec<Notification> {
        let text = fs::read_to_string(self.runtime.join("notifications")).unwrap_or_default();
        let mut records: Vec<_> = text.split('\x1e').collect();
        // After the last separator there is nothing, or a record that is still being written.
        records.pop();
        records.into_iter().map(Notification::parse).collect()
    }

    /// Waits for a notification that contains `text` in its body. Returns all notifications until
    /// then.
    pub(crate) fn wait_for_notice(&self, text: &str) -> Vec<Notification> {
        wait_for(&format!("a notification of {text:?}"), || {
            Some(self.notifications()).filter(|told| told.iter().any(|n| n.body.contains(text)))
        })
    }
}

/// A notification, as the notification daemon received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notification {
    /// Its id. A notification that replaces another one has the same id.
    pub(crate) id: String,
    /// The name of the sending program.
    pub(crate) app: String,
    /// Its headline.
    pub(crate) summary: String,
    /// Its text.
    pub(crate) body: String,
}

impl Notification {
    fn parse(record: &str) -> Self {
        let mut fields = record.split('\x1f').map(str::to_owned);
        let mut next = || fields.next().expect("record-notification writes four fields");
        Self { id: next(), app: next(), summary: next(), body: next() }
    }
}

/// A connection with one JSON object per line.
pub(crate) struct Client(BufReader<UnixStream>);

impl Client {
    /// Sends a request and reads its answer.
    pub(crate) fn call(&mut self, cmd: &str, data: Value) -> std::io::Result<Value> {
        self.send(cmd, data)?;
        self.receive()
    }

    /// Like [`Self::ask`], with data.
    pub(crate) fn ask_with(&mut self, cmd: &str, data: Value) -> Value {
        let answer = self.call(cmd, data).unwrap_or_else(|e| panic!("{cmd}: {e}"));
        assert_eq!(answer["status"], "success", "{cmd}: {answer}");
        answer["data"].clone()
    }

    /// Sends a request.
    pub(crate) fn send(&mut self, cmd: &str, data: Value) -> std::io::Result<()> {
        let request = json!({ "cmd": cmd, "data": data });
        self.0.get_mut().write_all(format!("{request}\n").as_bytes())
    }

    /// Reads the next answer or event.
    pub(crate) fn receive(&mut self) -> std::io::Result<Value> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_str(&line)?)
    }

    /// Sends a command that must succeed, and returns its data.
    pub(crate) fn ask(&mut self, cmd: &str) -> Value {
        self.ask_with(cmd, Value::Null)
    }

    /// Sends a command that must fail, and returns its error's code and text.
    pub(crate) fn refused(&mut self, cmd: &str) -> (String, String) {
        let answer = self.call(cmd, Value::Null).unwrap_or_else(|e| panic!("{cmd}: {e}"));
        assert_eq!(answer["status"], "error", "{cmd}: {answer}");
        let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        (text("code"), text("error"))
    }
}

/// Returns the path of a file that `run.sh` has put beside this program.
pub(crate) fn beside(name: &str) -> PathBuf {
    std::env::current_exe().unwrap().with_file_name(name)
}

/// Returns the path of the recording that the tests dictate: 11 s of English.
pub(crate) fn sample() -> PathBuf {
    beside("sample.wav")
}

/// The last words of [`sample`], after its last pause: 3 s, for tests of other features.
pub(crate) const PHRASE: &str = "ask what you can do for your country";

/// Writes the recording of [`PHRASE`] into a folder, which the caller keeps as long as it plays.
pub(crate) fn phrase(folder: &Path) -> PathBuf {
    let mut whole = hound::WavReader::open(sample()).unwrap();
    let path = folder.join("phrase.wav");
    let mut part = hound::WavWriter::create(&path, whole.spec()).unwrap();
    let from = whole.duration() - 16_000 * 3;
    whole.seek(from).unwrap();
    let samples = whole.samples::<i16>();
    samples.for_each(|s| part.write_sample(s.unwrap()).unwrap());
    part.finalize().unwrap();
    path
}

/// Plays [`PHRASE`] into the virtual microphone.
pub(crate) fn speak() {
    let folder = tempfile::tempdir().unwrap();
    Playing::start(&phrase(folder.path())).finish();
}

/// Panics unless `text` is [`PHRASE`].
pub(crate) fn assert_phrase(text: &str) {
    assert_eq!(words(text), words(PHRASE));
}

/// Returns the words of a text in lower case, without punctuation.
pub(crate) fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '\'');
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// Panics unless `text` is that of [`sample`].
pub(crate) fn assert_sample(text: &str) {
    let said = fs::read_to_string(beside("sample.txt")).unwrap();
    assert_eq!(words(text), words(&said));
}

/// Runs a program, and returns its standard output. Panics with its whole output if it fails.
pub(crate) fn run(program: &str, args: &[&str]) -> String {
    let output = try_run(program, args);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {}\n{text}{errors}", output.status);
    text
}

/// Runs a program, and returns its output even if it fails. Panics if it does not end.
pub(crate) fn try_run(program: &str, args: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap_or_else(|e| panic!("{program} cannot be run: {e}"));
    let pid = Pid::from_child(&child);
    let (tell, told) = mpsc::sync_channel(1);
    thread::spawn(move || tell.send(child.wait_with_output()));
    let Ok(output) = told.recv_timeout(PATIENCE) else {
        let _ = kill_process(pid, Signal::KILL);
        panic!("waited in vain for the end of {program} {args:?}");
    };
    output.expect("its pipes can be read")
}

/// Waits for a program's end. A program that hangs is killed, so that it does not keep our pipes
/// open.
pub(crate) fn ended(what: &str, child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            return status;
        }
        if Instant::now() >= deadline {
            let _ = child.kill();
            panic!("waited in vain for the end of {what}");
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// `systemctl --user`.
pub(crate) fn systemctl(args: &[&str]) -> String {
    run("systemctl", &[&["--user"], args].concat())
}

/// Returns a property of a unit, as `systemctl show` prints it.
pub(crate) fn property(unit: &str, name: &str) -> String {
    systemctl(&["show", "--value", "--property", name, unit]).trim().to_owned()
}

/// A recording that is played into the virtual microphone. It ends when this is dropped.
pub(crate) struct Playing(Child);

impl Playing {
    /// Starts to play a WAV file. Returns once its sound reaches the microphone. pw-cat does not
    /// play the last incomplete quantum (up to 21 ms).
    pub(crate) fn start(wav: &Path) -> Self {
        Self::into(wav, &[("MONO", "vmic:input_MONO")])
    }

    /// Like `start`, with a port for each of the file's channels.
    pub(crate) fn into(wav: &Path, links: &[(&str, &str)]) -> Self {
        let channels: Vec<_> = links.iter().map(|(channel, _)| *channel).collect();
        let child = Command::new("pw-cat")
            .args(["--playback", "--target", "0", "-P", "{ node.name=feeder }"])
            .args(["--channel-map", &channels.join(",")])
            .arg(wav)
            .spawn()
            .expect("pw-cat is among the packages of the tests");
        // Playback starts once its port is linked.
        for (channel, port) in links {
            wait_for("the feeder's port", || {
                let link = try_run("pw-link", &[&format!("feeder:output_{channel}"), port]);
                link.status.success().then_some(())
            });
        }
        Self(child)
    }

    /// Waits for the end of the file.
    pub(crate) fn finish(mut self) {
        let status = ended("what is played", &mut self.0);
        assert!(status.success(), "pw-cat: {status}");
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the clipboard's text, as another program would paste it.
pub(crate) fn clipboard() -> Option<String> {
    let output = try_run("timeout", &["10", "xclip", "-out", "-selection", "clipboard"]);
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Copies a text, as another program does.
pub(crate) fn copy(text: &str) {
    // xclip leaves a child that serves the text. It must not keep our pipes open.
    let mut xclip = Command::new("xclip")
        .args(["-in", "-selection", "clipboard"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("xclip is among the packages of the tests");
    xclip.stdin.take().expect("it was asked for").write_all(text.as_bytes()).unwrap();
    assert!(ended("xclip", &mut xclip).success());
}
