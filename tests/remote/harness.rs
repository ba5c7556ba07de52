//! The program in a private environment, and a client of its socket.

use std::io::Write;
use std::os::unix::net::UnixStream;
use v2m_ipc::engine::{self, Frame};
use v2m_ipc::remote::{Answer, Endpoint, FailureKind, Question};
use v2m_testkit::house::{House, Program};

pub(crate) const SOUND: [i16; 1600] = [321; 1600];

/// Creates an environment with a configuration that allows this address.
pub(crate) fn house_of(url: &str) -> House {
    let house = bare_house();
    house.configure(&format!("[engine]\nbackend = \"remote\"\n[remote]\nbase_url = {url:?}\n"));
    house
}

/// Creates an environment without a configuration.
pub(crate) fn bare_house() -> House {
    House::new(env!("CARGO_BIN_EXE_v2m-remote"))
}

/// Connects as the daemon does.
pub(crate) trait Connect {
    fn connect(&self) -> Client;

    /// Asks one question about [`SOUND`] on a new connection.
    fn ask(&self, question: &Question) -> Answer {
        self.connect().ask(&SOUND, question)
    }
}

impl Connect for House {
    fn connect(&self) -> Client {
        Client { stream: self.stream() }
    }
}

impl Connect for Program {
    fn connect(&self) -> Client {
        self.house.connect()
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

    /// Returns the next answer; `None` at the connection's end.
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

/// Returns a question that asks for an English transcription.
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

/// Returns the failure of a question; panics at any other answer.
#[track_caller]
pub(crate) fn failed(answer: Answer) -> (FailureKind, String) {
    match answer {
        Answer::Failed { kind, message } => (kind, message),
        other => panic!("{other:?}"),
    }
}
