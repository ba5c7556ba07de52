//! A double of `v2m-llm` on its socket: it answers as configured, and records the questions.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;
use v2m_ipc::frame::{FrameDecoder, Framing};
use v2m_ipc::llm::{Answer, FailureKind, Question};

const PATIENCE: Duration = Duration::from_secs(30);

/// The reaction to a question.
#[derive(Clone)]
pub enum Act {
    /// Answers with the text in capitals.
    Shout,
    /// Sends this answer.
    Say(Answer),
    /// Sends no answer, and waits until the peer disconnects.
    Wait,
    /// Closes the connection.
    Leave,
}

impl Act {
    pub fn fail(trouble: FailureKind, message: &str) -> Self {
        Self::Say(Answer::Failed { trouble, message: message.into() })
    }
}

/// An event that the double reports.
#[derive(Debug, PartialEq)]
pub enum Seen {
    Asked(Question),
    /// The peer that was kept waiting has disconnected (after [`Act::Wait`]).
    Left,
}

pub struct Llm(Receiver<Seen>);

impl Llm {
    /// Listens at `socket`. Each connection uses up one entry of the list; further ones get
    /// [`Act::Shout`].
    pub fn at(socket: &Path, acts: Vec<Act>) -> Self {
        std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
        let listener = UnixListener::bind(socket).unwrap();
        let (seen, log) = channel();
        thread::spawn(move || {
            let mut acts = acts.into_iter();
            while let Ok((stream, _)) = listener.accept() {
                let act = acts.next().unwrap_or(Act::Shout);
                let seen = seen.clone();
                thread::spawn(move || serve(stream, &act, &seen));
            }
        });
        Self(log)
    }

    pub fn seen(&self) -> Seen {
        self.0.recv_timeout(PATIENCE).expect("v2m-llm's double sees something")
    }

    pub fn asked(&self) -> Question {
        match self.seen() {
            Seen::Asked(question) => question,
            Seen::Left => panic!("somebody left"),
        }
    }

    pub fn saw_nothing_more(&self) {
        assert!(self.0.try_recv().is_err());
    }
}

fn serve(mut stream: UnixStream, act: &Act, seen: &Sender<Seen>) {
    let mut frames = FrameDecoder::for_requests();
    let mut chunk = [0; 8192];
    let question: Question = loop {
        if let Some(frame) = frames.next_frame().unwrap() {
            break serde_json::from_slice(frame).unwrap();
        }
        match stream.read(&mut chunk).unwrap() {
            0 => return,
            got => frames.push(&chunk[..got]),
        }
    };
    // The test may have ended.
    let _ = seen.send(Seen::Asked(question.clone()));
    let answer = match act {
        Act::Leave => return,
        Act::Wait => {
            let _ = stream.read(&mut chunk);
            let _ = seen.send(Seen::Left);
            return;
        }
        Act::Say(answer) => answer.clone(),
        Act::Shout => match question {
            Question::Rewrite { text, .. } | Question::Translate { text, .. } => {
                Answer::Text { text: text.to_uppercase() }
            }
            Question::Check { .. } => Answer::Checked { detail: "fine".into() },
        },
    };
    let _ = stream.write_all(&Framing::Length.encode(&answer));
    // Wait until the peer has read the answer.
    let _ = stream.read(&mut chunk);
}
