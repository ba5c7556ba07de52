//! The program in a house of its own, and a peer of its socket.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use v2m_ipc::frame::{FrameDecoder, Framing};
use v2m_ipc::llm::{Answer, Endpoint, FailureKind, Provider, Question};

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
        self.write(below, text, mode);
        self
    }

    pub(crate) fn write(&self, below: &str, text: &str, mode: u32) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
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
        command.spawn().unwrap()
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
        let config = Some(self.house.path("config/v2m/config.toml"));
        Client { stream, answers: FrameDecoder::for_answers(Framing::Length), config }
    }

    /// One question on a connection of its own, to the endpoint that the configuration names.
    pub(crate) fn ask(&self, question: &Question) -> Answer {
        self.connect().ask(question)
    }

    /// One question on a connection of its own, whatever the configuration names.
    pub(crate) fn ask_uninvited(&self, question: &Question) -> Answer {
        Client { config: None, ..self.connect() }.ask(question)
    }

    /// Gives the key to the host of `url`, as the user does.
    pub(crate) fn give_key(&self, url: &str, key: &str) {
        let (_, rest) = url.split_once("://").unwrap();
        let file = format!("config/v2m/keys/{}", rest.split('/').next().unwrap());
        self.house.write(&file, key, 0o600);
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.house.path("log")).unwrap_or_default()
    }

    /// Starts it once more after its end, as systemd does.
    pub(crate) fn again(&mut self) {
        self.process = self.house.spawn();
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
    answers: FrameDecoder,
    /// Where the endpoint of each question is configured before it is asked.
    config: Option<PathBuf>,
}

impl Client {
    pub(crate) fn send(&mut self, question: &Question) {
        if let Some(path) = &self.config {
            configure(path, question);
        }
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

/// Names the question's endpoint in the configuration, whole or not at all: others may be reading
/// it.
pub(crate) fn configure(path: &Path, question: &Question) {
    let (Question::Rewrite { endpoint, .. }
    | Question::Translate { endpoint, .. }
    | Question::Check { endpoint }) = question;
    let provider = endpoint.provider.name();
    let url = endpoint.base_url.as_deref().unwrap_or_default();
    let text = format!("[llm]\nprovider = {provider:?}\nbase_url = {url:?}\n");
    let mut new = tempfile::NamedTempFile::new_in(path.parent().unwrap()).unwrap();
    new.write_all(text.as_bytes()).unwrap();
    new.persist(path).unwrap();
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
pub(crate) fn failed(answer: Answer) -> (FailureKind, String) {
    match answer {
        Answer::Failed { trouble, message } => (trouble, message),
        other => panic!("{other:?}"),
    }
}
