//! The program in a house of its own, and a peer of its socket.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use v2m_ipc::frame::{Decoder, Framing};
use v2m_ipc::llm::{Answer, Endpoint, Provider, Question, Trouble};

/// Longer than anything takes on the slowest machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const TEXT: &str = "so um I think that we we should uh go";
pub(crate) const CLEAN: &str = "I think that we should go.";

/// A program that is to be started.
pub(crate) struct House {
    directory: TempDir,
    listener: UnixListener,
    variables: Vec<(String, OsString)>,
    args: Vec<String>,
}

impl House {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for folder in ["home", "config/v2m"] {
            fs::create_dir_all(directory.path().join(folder)).unwrap();
        }
        let listener = UnixListener::bind(directory.path().join("llm.sock")).unwrap();
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

    /// A file of the user's with these rights.
    pub(crate) fn file(self, below: &str, text: &str, mode: u32) -> Self {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        self
    }

    pub(crate) fn start(self) -> Program {
        let log = File::options().append(true).create(true).open(self.path("log")).unwrap();
        let mut command = Command::new("sh");
        command
            // The socket comes in as standard input and goes on as the first passed descriptor.
            .args(["-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\" 3<&0 0</dev/null"])
            .arg(env!("CARGO_BIN_EXE_v2m-llm"))
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
        Program { process: command.spawn().unwrap(), house: self }
    }
}

/// A program that runs.
pub(crate) struct Program {
    pub(crate) process: Child,
    pub(crate) house: House,
}

impl Program {
    /// Starts it with nothing special.
    pub(crate) fn plain() -> Self {
        House::new().start()
    }

    pub(crate) fn connect(&self) -> Client {
        let stream = UnixStream::connect(self.house.path("llm.sock")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client { stream, answers: Decoder::for_answers(Framing::Length) }
    }

    /// One question on a connection of its own.
    pub(crate) fn ask(&self, question: &Question) -> Answer {
        self.connect().ask(question)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.house.path("log")).unwrap_or_default()
    }

    /// How it ended of itself.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
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
    answers: Decoder,
}

impl Client {
    pub(crate) fn send(&mut self, question: &Question) {
        self.stream.write_all(&Framing::Length.encode(question)).unwrap();
    }

    /// The next answer; `None` at the connection's end.
    pub(crate) fn next(&mut self) -> Option<Answer> {
        loop {
            if let Some(frame) = self.answers.next_frame().unwrap() {
                return Some(serde_json::from_slice(frame).unwrap());
            }
            let mut chunk = [0; 4096];
            let got = self.stream.read(&mut chunk).unwrap();
            if got == 0 {
                return None;
            }
            self.answers.push(&chunk[..got]);
        }
    }

    pub(crate) fn ask(&mut self, question: &Question) -> Answer {
        self.send(question);
        self.next().expect("an answer")
    }
}

pub(crate) fn endpoint(base_url: &str) -> Endpoint {
    Endpoint {
        provider: Provider::OpenAi,
        base_url: Some(base_url.to_owned()),
        model: "m".into(),
        temperature: 0.2,
        connect_ms: 20_000,
        total_ms: 40_000,
    }
}

/// Of [`TEXT`], by the usual bounds.
pub(crate) fn rewrite(endpoint: Endpoint) -> Question {
    rewrite_of(TEXT, endpoint)
}

pub(crate) fn rewrite_of(text: &str, endpoint: Endpoint) -> Question {
    let accept = Some(v2m_ipc::llm::Bounds::default());
    Question::Rewrite { endpoint, instruction: "Correct it.".into(), text: text.into(), accept }
}

pub(crate) fn text(text: &str) -> Answer {
    Answer::Text { text: text.to_owned() }
}

/// What a failed question is answered; anything else is a failed test.
#[track_caller]
pub(crate) fn failed(answer: Answer) -> (Trouble, String) {
    match answer {
        Answer::Failed { trouble, message } => (trouble, message),
        other => panic!("{other:?}"),
    }
}
