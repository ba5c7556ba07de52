//! One connection: sound and questions in, answers out, in order.
//!
//! A question that the peer cancels, or waits for no longer, is not asked any further.

use crate::client::Client;
use crate::question::{self, Completion};
use rustix::event::{EventfdFlags, eventfd};
use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use v2m_ipc::engine::{self, Frame};
use v2m_ipc::reading::read_through_signals;
use v2m_ipc::remote::{Answer, FailureKind, Question};
use v2m_messages::{tr, verbatim};
use v2m_net::cancel::Cancel;
use v2m_net::configuration::renew;
use v2m_net::listen::{readable, watch};
use v2m_net::log;

/// How long a frame may take from its first byte to its last.
const HALF_FRAME: Duration = Duration::from_secs(5);
/// How long a peer may not read.
const UNREAD: Duration = Duration::from_secs(5);
/// How long what a peer still sends is dropped after the last word to it.
const DRAIN: Duration = Duration::from_secs(1);
/// A recogniser keeps its connection as long as it lives, and may have nothing to ask for hours.
const BETWEEN: Duration = Duration::from_secs(86_400);

/// A peer that was let in.
pub struct Conversation<'a> {
    stream: UnixStream,
    client: &'a Client,
    /// Bytes that are no whole frame yet.
    input: Vec<u8>,
    /// The sound that came last.
    sound: Vec<i16>,
}

impl<'a> Conversation<'a> {
    /// On a blocking stream.
    pub fn new(stream: UnixStream, client: &'a Client) -> Self {
        Self { stream, client, input: Vec::new(), sound: Vec::new() }
    }

    /// Answers questions until the peer is done or errs.
    ///
    /// # Errors
    /// The stream's.
    pub fn hold(&mut self) -> io::Result<()> {
        self.stream.set_write_timeout(Some(UNREAD))?;
        loop {
            match self.next() {
                Ok(None) => return Ok(()),
                Ok(Some(Frame::Pcm { samples, .. })) => self.sound = samples,
                // It came too late: the question has its answer.
                Ok(Some(Frame::Message(Question::Cancel))) => {}
                Ok(Some(Frame::Message(question))) => {
                    let sound = std::mem::take(&mut self.sound);
                    match self.ask(&question, &sound)? {
                        Completion::Answered(answer) => self.write(&answer)?,
                        Completion::Renew => renew(),
                    }
                }
                // Where a frame would begin cannot be told any more.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    let why = error.to_string();
                    let message =
                        tr!("v2m-remote does not understand what it is asked: {why}", why);
                    let kind = FailureKind::BadQuestion;
                    return self.close_with(&Answer::Failed { kind, message });
                }
                Err(error) => return Err(error),
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
            "v2m-remote serves {most} connections at once, and all are taken; try again later",
            most
        );
        log::warning(&message);
        self.close_with(&Answer::Failed { kind: FailureKind::Unavailable, message })
    }

    /// The next frame; `None` at the end.
    fn next(&mut self) -> io::Result<Option<Frame<Question>>> {
        let mut begun = None;
        loop {
            if let Some(header) = self.input.first_chunk::<4>() {
                let end = 4 + engine::frame_length(*header)?;
                if let Some(body) = self.input.get(4..end) {
                    let frame = engine::decode(body)?;
                    self.input.drain(..end);
                    return Ok(Some(frame));
                }
            }
            let midway = !self.input.is_empty();
            let limit = match midway {
                true => HALF_FRAME.saturating_sub(begun.get_or_insert_with(Instant::now).elapsed()),
                false => BETWEEN,
            };
            let cut = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
            if !readable(&self.stream, limit)? {
                let told = cut(tr!("a frame was begun and not ended in time"));
                return if midway { Err(told) } else { Ok(None) };
            }
            let mut chunk = [0; 64 << 10];
            let got = read_through_signals(&mut self.stream, &mut chunk)?;
            if got == 0 {
                let told = cut(tr!("the question ends before its length"));
                return if midway { Err(told) } else { Ok(None) };
            }
            self.input.extend_from_slice(&chunk[..got]);
        }
    }

    /// What the question comes to; it is given up if the peer says anything more, or is gone.
    fn ask(&self, question: &Question, sound: &[i16]) -> io::Result<Completion> {
        let cancel = Arc::new(Cancel::default());
        // What came behind the question is its end.
        if !self.input.is_empty() {
            cancel.cancel();
        }
        let done = eventfd(0, EventfdFlags::CLOEXEC)?;
        Ok(thread::scope(|scope| {
            let name = "v2m-remote-watch".to_owned();
            let watch = || watch(&self.stream, &done, &cancel, true);
            if let Err(error) = thread::Builder::new().name(name).spawn_scoped(scope, watch) {
                log::debug(&verbatim!(format!("no thread to see whether the peer stays: {error}")));
            }
            let answer = question::answer(question, sound, self.client, &cancel);
            // Wakes the watch; the counter of a new eventfd is not full.
            let _ = rustix::io::write(&done, &1_u64.to_ne_bytes());
            answer
        }))
    }

    fn write(&mut self, answer: &Answer) -> io::Result<()> {
        engine::write_message(&mut self.stream, answer)
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
