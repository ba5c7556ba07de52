//! One connection: questions in, answers out, in order.
//!
//! Who is gone while a model is asked is not answered, and the model is not asked any further.

use crate::client::{Cancel, Client};
use crate::question::{self, Completion};
use rustix::event::{EventfdFlags, eventfd};
use std::io::{self, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use v2m_ipc::frame::{FrameDecoder, Framing};
use v2m_ipc::llm::{Answer, FailureKind, Question};
use v2m_ipc::reading::read_through_signals;
use v2m_messages::{tr, verbatim};
use v2m_net::configuration::renew;
use v2m_net::listen::{readable, watch};
use v2m_net::log;

/// How long a question may take from its first byte to its last.
const HALF_FRAME: Duration = Duration::from_secs(5);
/// How long a peer may not read.
const UNREAD: Duration = Duration::from_secs(5);
/// How long what a peer still sends is dropped after the last word to it.
const DRAIN: Duration = Duration::from_secs(1);

/// What comes next.
enum Next {
    /// A frame that is a question.
    Question(Box<Question>),
    /// A frame that is none, and why; the next one may be.
    Nonsense(String),
    /// Where a frame would begin cannot be told any more: say this and close.
    Last(String),
    /// Nothing more.
    End,
}

/// A peer that was let in.
pub struct Conversation<'a> {
    stream: UnixStream,
    client: &'a Client,
    idle: Duration,
    frames: FrameDecoder,
}

impl<'a> Conversation<'a> {
    /// On a blocking stream. A peer that is silent for `idle` between questions is left.
    pub fn new(stream: UnixStream, client: &'a Client, idle: Duration) -> Self {
        Self { stream, client, idle, frames: FrameDecoder::for_requests() }
    }

    /// Answers questions until the peer is done or errs.
    ///
    /// # Errors
    /// The stream's.
    pub fn hold(&mut self) -> io::Result<()> {
        self.stream.set_write_timeout(Some(UNREAD))?;
        loop {
            match self.next()? {
                Next::Question(question) => match self.ask(&question)? {
                    Completion::Answered(answer) => self.write(&answer)?,
                    Completion::Cancelled => return Ok(()),
                    Completion::Renew => renew(),
                },
                Next::Nonsense(why) => self.write(&bad(why))?,
                Next::Last(why) => return self.close_with(&bad(why)),
                Next::End => return Ok(()),
            }
        }
    }

    /// Says that there is no room, and closes.
    ///
    /// # Errors
    /// The stream's.
    pub fn refuse(&mut self, most: usize) -> io::Result<()> {
        self.stream.set_write_timeout(Some(DRAIN))?;
        let message = tr!(
            "v2m-llm serves {most} connections at once, and all are taken; try again later",
            most
        );
        log::warning(&message);
        self.close_with(&Answer::Failed { trouble: FailureKind::Unavailable, message })
    }

    fn next(&mut self) -> io::Result<Next> {
        let (mut begun, came) = (None, Instant::now());
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
            let midway = self.frames.is_midway();
            let since = if midway { *begun.get_or_insert_with(Instant::now) } else { came };
            let limit = if midway { HALF_FRAME } else { self.idle };
            if !readable(&self.stream, limit.saturating_sub(since.elapsed()))? {
                let cut = || Next::Last(tr!("the question was begun and not ended in time").into());
                return Ok(if midway { cut() } else { Next::End });
            }
            let mut chunk = [0; 16 << 10];
            let got = read_through_signals(&mut self.stream, &mut chunk)?;
            if got == 0 {
                let cut = || Next::Last(tr!("the question ends before its length").into());
                return Ok(if midway { cut() } else { Next::End });
            }
            self.frames.push(&chunk[..got]);
        }
    }

    /// What the question comes to; it is given up if nobody waits for it any more.
    fn ask(&self, question: &Question) -> io::Result<Completion> {
        let cancel = Arc::new(Cancel::default());
        let done = eventfd(0, EventfdFlags::CLOEXEC)?;
        Ok(thread::scope(|scope| {
            let name = "v2m-llm-watch".to_owned();
            let watch = || watch(&self.stream, &done, &cancel, false);
            if let Err(error) = thread::Builder::new().name(name).spawn_scoped(scope, watch) {
                log::debug(&verbatim!(format!("no thread to see whether the peer stays: {error}")));
            }
            let answer = question::answer(question, self.client, &cancel);
            // Wakes the watch; the counter of a new eventfd is not full.
            let _ = rustix::io::write(&done, &1_u64.to_ne_bytes());
            answer
        }))
    }

    fn write(&mut self, answer: &Answer) -> io::Result<()> {
        let framing = self.frames.framing().unwrap_or(Framing::Length);
        self.stream.write_all(&framing.encode(answer))
    }

    /// Says a last word and closes. What the peer still sends is read and dropped for a moment, so
    /// that one that writes everything before it reads gets the answer instead of a broken pipe.
    fn close_with(&mut self, answer: &Answer) -> io::Result<()> {
        self.write(answer)?;
        self.stream.shutdown(Shutdown::Write)?;
        let begun = Instant::now();
        let mut dropped = [0; 16 << 10];
        while readable(&self.stream, DRAIN.saturating_sub(begun.elapsed()))?
            && read_through_signals(&mut self.stream, &mut dropped)? > 0
        {}
        Ok(())
    }
}

fn parse(frame: &[u8]) -> Next {
    match serde_json::from_slice(frame) {
        Ok(question) => Next::Question(Box::new(question)),
        // Where it stopped, not what stands there: that may be a text.
        Err(error) => Next::Nonsense(tr!(
            "no question that this version knows (line {line}, column {column})",
            line = error.line(),
            column = error.column()
        )),
    }
}

fn bad(why: String) -> Answer {
    let message = tr!("v2m-llm does not understand what it is asked: {why}", why);
    Answer::Failed { trouble: FailureKind::BadQuestion, message }
}
