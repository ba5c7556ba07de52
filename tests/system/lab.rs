//! What the tests take in hand: systemd, the journal, the socket, the microphone, the clipboard,
//! notifications.
//!
//! Every test begins with [`Lab::new`], which puts the machine in order whatever the test before
//! left behind; what a test changes it changes through this. Helpers panic with what they were
//! about: a test has nobody else to tell.

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

/// How long anything may take before a test gives up; generous, because nothing is measured here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The machine, in order: socket open, service stopped, no configuration, no overrides, nothing
/// notified.
pub(crate) struct Lab {
    /// `$XDG_RUNTIME_DIR`.
    pub(crate) runtime: PathBuf,
    /// `$HOME`.
    pub(crate) home: PathBuf,
}

impl Lab {
    /// Puts the machine in order.
    pub(crate) fn new() -> Self {
        let dir = |key| PathBuf::from(std::env::var_os(key).expect("run.sh sets it"));
        let lab = Self { runtime: dir("XDG_RUNTIME_DIR"), home: dir("HOME") };
        // What was left of an earlier test's recording must not be recovered in the next one.
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

    /// The socket clients connect to.
    pub(crate) fn socket(&self) -> PathBuf {
        self.runtime.join("v2m/v2m.sock")
    }

    /// A folder for models of the test's own.
    pub(crate) fn models(&self) -> PathBuf {
        self.home.join("models")
    }

    fn overrides(&self, unit: &str) -> PathBuf {
        self.runtime.join("systemd/user").join(format!("{unit}.d"))
    }

    /// Changes the service's unit by a drop-in of these lines, until the next test.
    pub(crate) fn override_service(&self, lines: &str) {
        self.override_unit("v2m.service", lines);
    }

    /// As [`Self::override_service`], for one of the services.
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

    /// Texts go to the clipboard, whatever window has the keyboard.
    pub(crate) fn copies(&self) {
        self.configure("[deliver]\nmode = \"clipboard\"\n");
    }

    /// Connects, as a press does.
    pub(crate) fn connect(&self) -> std::io::Result<Client> {
        let stream = UnixStream::connect(self.socket())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Client(BufReader::new(stream)))
    }

    /// A connection that must come about.
    pub(crate) fn client(&self) -> Client {
        self.connect().expect("v2m.socket takes connections")
    }

    /// Starts a recording, says [`PHRASE`], and leaves the recording running.
    pub(crate) fn record(&self) -> Client {
        let mut client = self.client();
        assert_eq!(client.ask("START_RECORDING")["state"], "recording");
        speak();
        client
    }

    /// Dictates [`PHRASE`] and expects its text; the answer's data.
    pub(crate) fn dictate(&self) -> Value {
        let answer = self.record().ask("STOP_RECORDING");
        assert_phrase(answer["text"].as_str().unwrap_or_default());
        answer
    }

    /// The records (JSON) of all dictations in the store, oldest first.
    pub(crate) fn records(&self) -> Vec<Value> {
        let found = fs::read_dir(self.home.join(".local/state/v2m/dictations"));
        let found = found.into_iter().flatten().map(|entry| entry.unwrap().path());
        let mut found: Vec<_> =
            found.filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
        found.sort_unstable();
        let read = |path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        found.into_iter().map(read).collect()
    }

    /// Every notification since the test began, replaced ones included, in order.
    pub(crate) fn notifications(&self) -> Vec<Notification> {
        let text = fs::read_to_string(self.runtime.join("notifications")).unwrap_or_default();
        let mut records: Vec<_> = text.split('\x1e').collect();
        // Behind the last separator is nothing, or a record that is just being written.
        records.pop();
        records.into_iter().map(Notification::parse).collect()
    }

    /// Waits for a notification whose body holds `text`; all there were until then.
    pub(crate) fn wait_for_notice(&self, text: &str) -> Vec<Notification> {
        wait_for(&format!("a notification of {text:?}"), || {
            Some(self.notifications()).filter(|told| told.iter().any(|n| n.body.contains(text)))
        })
    }
}

/// A notification as the daemon that shows it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notification {
    /// The same for one that replaces another.
    pub(crate) id: String,
    /// The program's name.
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

/// A connection, spoken in lines.
pub(crate) struct Client(BufReader<UnixStream>);

impl Client {
    /// Sends a request and reads its answer.
    pub(crate) fn call(&mut self, cmd: &str, data: Value) -> std::io::Result<Value> {
        self.send(cmd, data)?;
        self.receive()
    }

    /// As [`Self::ask`], with data.
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

    /// Sends a command and expects it to succeed; its data.
    pub(crate) fn ask(&mut self, cmd: &str) -> Value {
        self.ask_with(cmd, Value::Null)
    }

    /// Sends a command and expects it to fail; the code and the text of its error.
    pub(crate) fn refused(&mut self, cmd: &str) -> (String, String) {
        let answer = self.call(cmd, Value::Null).unwrap_or_else(|e| panic!("{cmd}: {e}"));
        assert_eq!(answer["status"], "error", "{cmd}: {answer}");
        let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        (text("code"), text("error"))
    }
}

/// A file that `run.sh` put beside this program.
pub(crate) fn beside(name: &str) -> PathBuf {
    std::env::current_exe().unwrap().with_file_name(name)
}

/// The recording that the tests dictate: 11 s of English.
pub(crate) fn sample() -> PathBuf {
    beside("sample.wav")
}

/// The last words of [`sample`], from its last pause on: 3 s, for tests that are about something
/// else.
pub(crate) const PHRASE: &str = "ask what you can do for your country";

/// The recording of [`PHRASE`], in a folder that the caller keeps as long as it plays.
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

/// Says [`PHRASE`] into the virtual microphone.
pub(crate) fn speak() {
    let folder = tempfile::tempdir().unwrap();
    Playing::start(&phrase(folder.path())).finish();
}

/// Panics unless `text` is [`PHRASE`].
pub(crate) fn assert_phrase(text: &str) {
    assert_eq!(words(text), words(PHRASE));
}

/// The words of a text, without case and punctuation.
pub(crate) fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '\'');
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// Panics unless `text` is what is said in [`sample`].
pub(crate) fn assert_sample(text: &str) {
    let said = fs::read_to_string(beside("sample.txt")).unwrap();
    assert_eq!(words(text), words(&said));
}

/// Runs a program; its standard output. Panics with all it said if it fails.
pub(crate) fn run(program: &str, args: &[&str]) -> String {
    let output = try_run(program, args);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {}\n{text}{errors}", output.status);
    text
}

/// Runs a program, whatever comes of it but that it does not end.
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

/// Waits for a program's end. One that does not come to it must not hold our pipes, and is killed.
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

/// A property of a unit, as `systemctl show` has it.
pub(crate) fn property(unit: &str, name: &str) -> String {
    systemctl(&["show", "--value", "--property", name, unit]).trim().to_owned()
}

/// A recording on its way into the virtual microphone. Ends with its owner.
pub(crate) struct Playing(Child);

impl Playing {
    /// Starts to play a WAV file; returns once its sound arrives in the microphone. The last
    /// incomplete quantum (up to 21 ms) is not played: that is how pw-cat ends.
    pub(crate) fn start(wav: &Path) -> Self {
        Self::into(wav, &[("MONO", "vmic:input_MONO")])
    }

    /// The same into the ports that are named beside the file's channels.
    pub(crate) fn into(wav: &Path, links: &[(&str, &str)]) -> Self {
        let channels: Vec<_> = links.iter().map(|(channel, _)| *channel).collect();
        let child = Command::new("pw-cat")
            .args(["--playback", "--target", "0", "-P", "{ node.name=feeder }"])
            .args(["--channel-map", &channels.join(",")])
            .arg(wav)
            .spawn()
            .expect("pw-cat is among the packages of the tests");
        // Until its port is linked the file waits at its first sample.
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

/// The clipboard's text, as another program pastes it.
pub(crate) fn clipboard() -> Option<String> {
    let output = try_run("timeout", &["10", "xclip", "-out", "-selection", "clipboard"]);
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Copies a text, as another program does.
pub(crate) fn copy(text: &str) {
    // xclip leaves a child behind that holds the text; it must not hold our pipes as well.
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
