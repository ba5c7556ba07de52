//! One connection: questions in, answers out, in order.
//!
//! If the peer disconnects, its question is cancelled.

use crate::client::{Cancel, Client};
use crate::question::{self, Completion};
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;
use v2m_ipc::frame::{FrameDecoder, Framing};
use v2m_ipc::llm::{Answer, FailureKind, Question};
use v2m_messages::tr;
use v2m_net::configuration::renew;
use v2m_net::peer::{Came, FrameWait, Peer, not_understood};

/// The next input from the peer.
enum Next {
    /// A valid question.
    Question(Box<Question>),
    /// A frame that is not a question, with the reason. The next frame may be one.
    Nonsense(String),
    /// The next frame cannot be found any more. Send this message and close.
    Last(String),
    /// The end of the input.
    End,
}

/// An accepted peer.
pub struct Conversation<'a> {
    peer: Peer,
    client: &'a Client,
    idle: Duration,
    frames: FrameDecoder,
}

impl<'a> Conversation<'a> {
    /// Makes a conversation on a blocking stream. A peer that is silent for `idle` between
    /// questions is disconnected.
    pub fn new(stream: UnixStream, client: &'a Client, idle: Duration) -> Self {
        Self { peer: Peer::new(stream), client, idle, frames: FrameDecoder::for_requests() }
    }

    /// Answers questions until the peer is done or makes an error.
    ///
    /// # Errors
    /// The stream's errors.
    pub fn hold(&mut self) -> io::Result<()> {
        self.peer.limit_writes()?;
        loop {
            match self.next()? {
                Next::Question(question) => match self.ask(&question)? {
                    Completion::Answered(answer) => self.write(&answer)?,
                    Completion::Cancelled => return Ok(()),
                    Completion::Renew => renew(),
                },
                Next::Nonsense(why) => self.write(&bad(&why))?,
                Next::Last(why) => return self.close_with(&bad(&why)),
                Next::End => return Ok(()),
            }
        }
    }

    /// Reports that there is no room, and closes.
    ///
    /// # Errors
    /// The stream's errors.
    pub fn refuse(&mut self, most: usize) -> io::Result<()> {
        let message = self.peer.no_room(most)?;
        self.close_with(&Answer::Failed { trouble: FailureKind::Unavailable, message })
    }

    fn next(&mut self) -> io::Result<Next> {
        let mut wait = FrameWait::new(self.idle);
        let mut chunk = [0; 16 << 10];
        loop {
            if self.frames.framing() == Some(Framing::Lines) {
                let told = tr!("a frame begins with its 4-byte big-endian length");
                return Ok(Next::Last(told.into()));
            }
            match self.frames.next_frame() {
                Ok(Some(frame)) => return Ok(parse(frame)),
                Ok(None) => {}
                Err(too_long) => return Ok(Next::Last(too_long.to_string())),
            }
            match self.peer.read(&mut wait, self.frames.is_midway(), &mut chunk)? {
                Came::Bytes(got) => self.frames.push(&chunk[..got]),
                Came::End => return Ok(Next::End),
                Came::Late => {
                    let told = tr!("the question did not arrive completely in time");
                    return Ok(Next::Last(told.into()));
                }
                Came::Short => {
                    return Ok(Next::Last(tr!("the question ends before its length").into()));
                }
            }
        }
    }

    /// Answers the question. It is cancelled if the peer disconnects.
    fn ask(&self, question: &Question) -> io::Result<Completion> {
        let cancel = Arc::new(Cancel::default());
        self.peer.watched(&cancel, false, || question::answer(question, self.client, &cancel))
    }

    fn framed(&self, answer: &Answer) -> Vec<u8> {
        self.frames.framing().unwrap_or(Framing::Length).encode(answer)
    }

    fn write(&mut self, answer: &Answer) -> io::Result<()> {
        let frame = self.framed(answer);
        self.peer.send(&frame)
    }

    fn close_with(&mut self, answer: &Answer) -> io::Result<()> {
        let frame = self.framed(answer);
        self.peer.close_with(&frame)
    }
}

fn parse(frame: &[u8]) -> Next {
    match serde_json::from_slice(frame) {
        Ok(question) => Next::Question(Box::new(question)),
        // Report the position, not the content, which may be a text.
        Err(error) => Next::Nonsense(tr!(
            "no question that this version knows (line {line}, column {column})",
            line = error.line(),
            column = error.column()
        )),
    }
}

fn bad(why: &str) -> Answer {
    Answer::Failed { trouble: FailureKind::BadQuestion, message: not_understood(why) }
}
