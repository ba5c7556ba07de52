//! The program in a private environment, and a client of its socket.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use v2m_ipc::frame::{FrameDecoder, Framing};
use v2m_ipc::llm::{Answer, Endpoint, FailureKind, Provider, Question};
pub(crate) use v2m_testkit::house::{House, PATIENCE, Program};

pub(crate) const TEXT: &str = "so um I think that we we should uh go";
pub(crate) const CLEAN: &str = "I think that we should go.";

/// Creates the environment of a program that has not been started yet.
pub(crate) fn new_house() -> House {
    House::new(env!("CARGO_BIN_EXE_v2m-llm"))
}

/// Starts a program without special settings.
pub(crate) fn plain_program() -> Program {
    new_house().start()
}

/// Actions of the daemon and the user.
pub(crate) trait Daemon {
    fn connect(&self) -> Client;

    /// Asks one question on a new connection, and configures its endpoint first.
    fn ask(&self, question: &Question) -> Answer;

    /// Asks one question on a new connection, without a change of the configuration.
    fn ask_uninvited(&self, question: &Question) -> Answer;

    /// Stores the key for the host of `url`.
    fn give_key(&self, url: &str, key: &str);
}

impl Daemon for Program {
    fn connect(&self) -> Client {
        let config = Some(self.house.path("config/v2m/config.toml"));
        let answers = FrameDecoder::for_answers(Framing::Length);
        Client { stream: self.house.stream(), answers, config }
    }

    fn ask(&self, question: &Question) -> Answer {
        self.connect().ask(question)
    }

    fn ask_uninvited(&self, question: &Question) -> Answer {
        Client { config: None, ..self.connect() }.ask(question)
    }

    fn give_key(&self, url: &str, key: &str) {
        self.house.give_key(url, key, 0o600);
    }
}

/// The daemon's end of a connection.
pub(crate) struct Client {
    pub(crate) stream: UnixStream,
    answers: FrameDecoder,
    /// The configuration in which each question's endpoint is entered first.
    config: Option<PathBuf>,
}

impl Client {
    pub(crate) fn send(&mut self, question: &Question) {
        if let Some(path) = &self.config {
            configure(path, question);
        }
        self.stream.write_all(&Framing::Length.encode(question)).unwrap();
    }

    /// Returns the next answer; `None` at the connection's end.
    pub(crate) fn next(&mut self) -> Option<Answer> {
        loop {
            if let Some(frame) = self.answers.next_frame().unwrap() {
                return Some(serde_json::from_slice(frame).unwrap());
            }
            let mut chunk = [0; 4096];
            let got = match self.stream.read(&mut chunk) {
                // A read with a time limit ends so when the machine was paused (signal(7)).
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                got => got.unwrap(),
            };
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

/// Enters the question's endpoint in the configuration, atomically, because others may be reading
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

/// Returns a question that rewrites [`TEXT`], with the usual bounds.
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

/// Returns the failure of a question; panics at any other answer.
#[track_caller]
pub(crate) fn failed(answer: Answer) -> (FailureKind, String) {
    match answer {
        Answer::Failed { trouble, message } => (trouble, message),
        other => panic!("{other:?}"),
    }
}
