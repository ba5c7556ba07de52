//! The program in a house of its own, and a peer of its socket.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use v2m_ipc::frame::{FrameDecoder, Framing};
use v2m_ipc::llm::{Answer, Endpoint, FailureKind, Provider, Question};
pub(crate) use v2m_testkit::house::{House, PATIENCE, Program};

pub(crate) const TEXT: &str = "so um I think that we we should uh go";
pub(crate) const CLEAN: &str = "I think that we should go.";

/// One that is to be started.
pub(crate) fn new_house() -> House {
    House::new(env!("CARGO_BIN_EXE_v2m-llm"))
}

/// One that was started with nothing special.
pub(crate) fn plain_program() -> Program {
    new_house().start()
}

/// What the daemon and the user do with the program.
pub(crate) trait Daemon {
    fn connect(&self) -> Client;

    /// One question on a connection of its own, to the endpoint that the configuration names.
    fn ask(&self, question: &Question) -> Answer;

    /// One question on a connection of its own, whatever the configuration names.
    fn ask_uninvited(&self, question: &Question) -> Answer;

    /// Gives the key to the host of `url`.
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
