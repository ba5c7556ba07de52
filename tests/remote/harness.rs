//! The program in a house of its own, and a peer of its socket.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use v2m_ipc::engine::{self, Frame};
use v2m_ipc::remote::{Answer, Endpoint, FailureKind, Question};
use v2m_testkit::wait_for;

/// Longer than anything takes on the slowest machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const SOUND: [i16; 1600] = [321; 1600];

/// A program that is to be started.
pub(crate) struct House {
    directory: TempDir,
    listener: UnixListener,
    variables: Vec<(String, OsString)>,
    args: Vec<String>,
}

impl House {
    /// Whose configuration allows this address.
    pub(crate) fn of(url: &str) -> Self {
        let house = Self::bare();
        house.configure(&format!("[engine]\nbackend = \"remote\"\n[remote]\nbase_url = {url:?}\n"));
        house
    }

    pub(crate) fn bare() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for folder in ["home", "config/v2m"] {
            fs::create_dir_all(directory.path().join(folder)).unwrap();
        }
        let listener = UnixListener::bind(directory.path().join("remote.sock")).unwrap();
        Self { directory, listener, variables: Vec::new(), args: Vec::new() }
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join(below)
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.args = args.iter().map(|&arg| arg.to_owned()).collect();
        self
    }

    /// Writes the configuration, as a whole.
    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.path("new"), text).unwrap();
        fs::rename(self.path("new"), self.path("config/v2m/config.toml")).unwrap();
    }

    /// Gives the key to the host of `url`, as the user does, with these rights.
    pub(crate) fn give_key(&self, url: &str, key: &str, mode: u32) {
        let (_, rest) = url.split_once("://").unwrap();
        let folder = self.path("config/v2m/keys");
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(rest.split('/').next().unwrap());
        fs::write(&file, key).unwrap();
        fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
    }

    /// Connects before there is a program: systemd starts it for a connection that waits.
    pub(crate) fn connect(&self) -> Client {
        let stream = UnixStream::connect(self.path("remote.sock")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client { stream }
    }

    pub(crate) fn start(self) -> Program {
        Program { process: self.spawn(), house: self }
    }

    fn spawn(&self) -> Child {
        let log = File::options().append(true).create(true).open(self.path("log")).unwrap();
        let mut command = Command::new("sh");
        command
            // The socket comes in as standard input and goes on as the first passed descriptor.
            .args(["-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\" 3<&0 0</dev/null"])
            .arg(env!("CARGO_BIN_EXE_v2m-remote"))
            .args(&self.args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path("home"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("V2M_LOG", "debug")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(OwnedFd::from(self.listener.try_clone().unwrap()))
            .stdout(Stdio::null())
            .stderr(log);
        command.spawn().unwrap()
    }
}

/// A program that runs.
pub(crate) struct Program {
    pub(crate) process: Child,
    pub(crate) house: House,
}

impl Program {
    pub(crate) fn connect(&self) -> Client {
        self.house.connect()
    }

    /// One question about [`SOUND`] on a connection of its own.
    pub(crate) fn ask(&self, question: &Question) -> Answer {
        self.connect().ask(&SOUND, question)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.house.path("log")).unwrap_or_default()
    }

    /// How it ended of itself.
    pub(crate) fn end(&mut self) -> ExitStatus {
        wait_for("its end", || self.process.try_wait().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The daemon's end of a connection.
pub(crate) struct Client {
    pub(crate) stream: UnixStream,
}

impl Client {
    pub(crate) fn send(&mut self, sound: &[i16], question: &Question) {
        self.stream.write_all(&engine::encode_pcm(1, sound)).unwrap();
        self.stream.write_all(&engine::encode_message(question)).unwrap();
    }

    /// The next answer; `None` at the connection's end.
    pub(crate) fn next(&mut self) -> Option<Answer> {
        match engine::read_frame(&mut self.stream).unwrap()? {
            Frame::Message(answer) => Some(answer),
            Frame::Pcm { .. } => panic!("sound is no answer"),
        }
    }

    pub(crate) fn ask(&mut self, sound: &[i16], question: &Question) -> Answer {
        self.send(sound, question);
        self.next().expect("an answer")
    }
}

pub(crate) fn endpoint(url: &str) -> Endpoint {
    Endpoint { base_url: url.to_owned(), model: "m".into(), connect_ms: 20_000, total_ms: 40_000 }
}

/// What is said, in English.
pub(crate) fn english(url: &str) -> Question {
    Question::Transcribe {
        endpoint: endpoint(url),
        language: Some("en".into()),
        translate: false,
        prompt: String::new(),
    }
}

pub(crate) fn text(text: &str) -> Answer {
    Answer::Text { text: text.to_owned(), language: None }
}

/// What a failed question is answered; anything else is a failed test.
#[track_caller]
pub(crate) fn failed(answer: Answer) -> (FailureKind, String) {
    match answer {
        Answer::Failed { kind, message } => (kind, message),
        other => panic!("{other:?}"),
    }
}
