//! One connection: sound and questions in, answers out, in order.
//!
//! A question is cancelled if the peer cancels it or disconnects.

use crate::client::Client;
use crate::question::{self, Completion};
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;
use v2m_ipc::engine::{self, Frame};
use v2m_ipc::remote::{Answer, FailureKind, Question};
use v2m_messages::tr;
use v2m_net::cancel::Cancel;
use v2m_net::configuration::renew;
use v2m_net::peer::{Came, FrameWait, Peer, not_understood};

/// The longest silence between questions. A recogniser keeps its connection as long as it lives,
/// and may send nothing for hours.
const BETWEEN: Duration = Duration::from_secs(86_400);

/// An accepted peer.
pub struct Conversation<'a> {
    peer: Peer,
    client: &'a Client,
    /// The bytes of an incomplete frame.
    input: Vec<u8>,
    /// The last sound received.
    sound: Vec<i16>,
}

impl<'a> Conversation<'a> {
    /// Makes a conversation on a blocking stream.
    pub fn new(stream: UnixStream, client: &'a Client) -> Self {
        Self { peer: Peer::new(stream), client, input: Vec::new(), sound: Vec::new() }
    }

    /// Answers questions until the peer is done or makes an error.
    ///
    /// # Errors
    /// The stream's errors.
    pub fn hold(&mut self) -> io::Result<()> {
        self.peer.limit_writes()?;
        loop {
            match self.next() {
                Ok(None) => return Ok(()),
                Ok(Some(Frame::Pcm { samples, .. })) => self.sound = samples,
                // The cancellation came too late: the question has its answer.
                Ok(Some(Frame::Message(Question::Cancel))) => {}
                Ok(Some(Frame::Message(question))) => {
                    let sound = std::mem::take(&mut self.sound);
                    match self.ask(&question, &sound)? {
                        Completion::Answered(answer) => self.write(&answer)?,
                        Completion::Renew => renew(),
                    }
                }
                // The next frame cannot be found any more.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    let message = not_understood(&error.to_string());
                    let kind = FailureKind::BadQuestion;
                    return self.close_with(&Answer::Failed { kind, message });
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Reports that there is no room, and closes.
    ///
    /// # Errors
    /// The stream's errors.
    pub fn refuse(&mut self, most: usize) -> io::Result<()> {
        let message = self.peer.no_room(most)?;
        self.close_with(&Answer::Failed { kind: FailureKind::Unavailable, message })
    }

    /// Returns the next frame. `None` at the end.
    fn next(&mut self) -> io::Result<Option<Frame<Question>>> {
        let mut wait = FrameWait::new(BETWEEN);
        let mut chunk = [0; 64 << 10];
        let cut = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
        loop {
            if let Some(header) = self.input.first_chunk::<4>() {
                let end = 4 + engine::frame_length(*header)?;
                if let Some(body) = self.input.get(4..end) {
                    let frame = engine::decode(body)?;
                    self.input.drain(..end);
                    return Ok(Some(frame));
                }
            }
            match self.peer.read(&mut wait, !self.input.is_empty(), &mut chunk)? {
                Came::Bytes(got) => self.input.extend_from_slice(&chunk[..got]),
                Came::End => return Ok(None),
                Came::Late => return Err(cut(tr!("a frame did not arrive completely in time"))),
                Came::Short => return Err(cut(tr!("the question ends before its length"))),
            }
        }
    }

    /// Answers the question. It is cancelled if the peer sends anything or disconnects.
    fn ask(&self, question: &Question, sound: &[i16]) -> io::Result<Completion> {
        let cancel = Arc::new(Cancel::default());
        // Input after the question cancels it.
        if !self.input.is_empty() {
            cancel.cancel();
        }
        let ask = || question::answer(question, sound, self.client, &cancel);
        self.peer.watched(&cancel, true, ask)
    }

    fn write(&mut self, answer: &Answer) -> io::Result<()> {
        self.peer.send(&engine::encode_message(answer))
    }

    fn close_with(&mut self, answer: &Answer) -> io::Result<()> {
        self.peer.close_with(&engine::encode_message(answer))
    }
}
