//! A peer that was let in: what it sends is read within limits, it is watched while its question is
//! asked, and left with a last word. What a frame is, each program knows.

use crate::cancel::Cancel;
use crate::listen::{readable, watch};
use crate::{log, program};
use rustix::event::{EventfdFlags, eventfd};
use std::io::{self, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use v2m_ipc::reading::read_through_signals;
use v2m_messages::{tr, verbatim};

/// How long a frame may take from its first byte to its last.
const HALF_FRAME: Duration = Duration::from_secs(5);
/// How long a peer may not read.
const UNREAD: Duration = Duration::from_secs(5);
/// How long what a peer still sends is dropped after the last word to it.
const DRAIN: Duration = Duration::from_secs(1);

/// The other end of a connection.
pub struct Peer {
    stream: UnixStream,
}

/// How long a frame is waited for.
pub struct FrameWait {
    idle: Duration,
    since: Instant,
    begun: Option<Instant>,
}

impl FrameWait {
    /// From now on. A peer that begins none for `idle` is left.
    pub fn new(idle: Duration) -> Self {
        Self { idle, since: Instant::now(), begun: None }
    }

    fn left(&mut self, midway: bool) -> Duration {
        let (limit, since) = match midway {
            true => (HALF_FRAME, *self.begun.get_or_insert_with(Instant::now)),
            false => (self.idle, self.since),
        };
        limit.saturating_sub(since.elapsed())
    }
}

/// What came of waiting for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// So many bytes.
    Bytes(usize),
    /// The peer is done, or has been silent for long, between two frames.
    End,
    /// The frame was not ended in time.
    Late,
    /// The peer is done in the middle of a frame.
    Short,
}

impl Peer {
    /// On a blocking stream.
    pub fn new(stream: UnixStream) -> Self {
        Self { stream }
    }

    /// Limits how long the peer may not read.
    ///
    /// # Errors
    /// The stream's.
    pub fn limit_writes(&self) -> io::Result<()> {
        self.stream.set_write_timeout(Some(UNREAD))
    }

    /// Reads more of a frame. `midway`: a part of it has come.
    ///
    /// # Errors
    /// The stream's.
    pub fn read(
        &mut self,
        wait: &mut FrameWait,
        midway: bool,
        buffer: &mut [u8],
    ) -> io::Result<Came> {
        if !readable(&self.stream, wait.left(midway))? {
            return Ok(if midway { Came::Late } else { Came::End });
        }
        match read_through_signals(&mut self.stream, buffer)? {
            0 if midway => Ok(Came::Short),
            0 => Ok(Came::End),
            got => Ok(Came::Bytes(got)),
        }
    }

    /// Runs `ask`, and cancels when the peer is gone meanwhile; with `or_speaks` also when it says
    /// something more.
    ///
    /// # Errors
    /// The system's: `ask` was not run.
    pub fn watched<T>(
        &self,
        cancel: &Arc<Cancel>,
        or_speaks: bool,
        ask: impl FnOnce() -> T,
    ) -> io::Result<T> {
        let done = eventfd(0, EventfdFlags::CLOEXEC)?;
        Ok(thread::scope(|scope| {
            let name = format!("{}-watch", program().name);
            let watch = || watch(&self.stream, &done, cancel, or_speaks);
            if let Err(error) = thread::Builder::new().name(name).spawn_scoped(scope, watch) {
                log::debug(&verbatim!(format!("no thread to see whether the peer stays: {error}")));
            }
            let answer = ask();
            // Wakes the watch; the counter of a new eventfd is not full.
            let _ = rustix::io::write(&done, &1_u64.to_ne_bytes());
            answer
        }))
    }

    /// Sends a frame, whole.
    ///
    /// # Errors
    /// The stream's.
    pub fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        self.stream.write_all(frame)
    }

    /// Sends a last frame and closes. What the peer still sends is read and dropped for a moment, so
    /// that one that writes everything before it reads gets the answer instead of a broken pipe.
    ///
    /// # Errors
    /// The stream's.
    pub fn close_with(&mut self, frame: &[u8]) -> io::Result<()> {
        self.send(frame)?;
        self.stream.shutdown(Shutdown::Write)?;
        let begun = Instant::now();
        let mut dropped = [0; 16 << 10];
        while readable(&self.stream, DRAIN.saturating_sub(begun.elapsed()))?
            && read_through_signals(&mut self.stream, &mut dropped)? > 0
        {}
        Ok(())
    }

    /// What a peer is told for whom there is no room, before it is closed.
    ///
    /// # Errors
    /// The stream's.
    pub fn no_room(&self, most: usize) -> io::Result<String> {
        self.stream.set_write_timeout(Some(DRAIN))?;
        let message = tr!(
            "{program} serves at most {most} connections at once; try again later",
            program = program().name,
            most
        );
        log::warning(&message);
        Ok(message)
    }
}

/// What a peer is told whose question cannot be read.
pub fn not_understood(why: &str) -> String {
    tr!("{program} does not understand the request: {why}", program = program().name, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Peer, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Peer::new(ours), theirs)
    }

    fn read(peer: &mut Peer, idle: Duration, midway: bool) -> Came {
        peer.read(&mut FrameWait::new(idle), midway, &mut [0; 8]).unwrap()
    }

    #[test]
    fn an_end_is_told_from_a_cut() {
        let hour = Duration::from_secs(3600);
        let (mut peer, mut other) = pair();
        other.write_all(b"abc").unwrap();
        assert_eq!(read(&mut peer, hour, false), Came::Bytes(3));
        assert_eq!(read(&mut peer, Duration::ZERO, false), Came::End);
        drop(other);
        assert_eq!(read(&mut peer, hour, true), Came::Short);
        assert_eq!(read(&mut peer, hour, false), Came::End);
    }

    #[test]
    fn a_frame_that_was_begun_long_ago_is_late() {
        let (mut peer, _other) = pair();
        let begun = Instant::now().checked_sub(HALF_FRAME);
        let mut wait = FrameWait { begun, ..FrameWait::new(Duration::from_secs(3600)) };
        assert_eq!(peer.read(&mut wait, true, &mut [0; 8]).unwrap(), Came::Late);
    }

    /// Whether the question was ended; otherwise it waits for an hour.
    fn is_cancelled(peer: &Peer, or_speaks: bool) -> bool {
        let cancel = Arc::new(Cancel::default());
        peer.watched(&cancel, or_speaks, || !cancel.wait(Duration::from_secs(3600))).unwrap()
    }

    #[test]
    fn who_leaves_cancels() {
        let (peer, other) = pair();
        drop(other);
        assert!(is_cancelled(&peer, false));
    }

    #[test]
    fn who_speaks_cancels_where_that_is_meant() {
        let (peer, mut other) = pair();
        other.write_all(b"x").unwrap();
        assert!(is_cancelled(&peer, true));
    }

    #[test]
    fn the_last_word_comes_before_the_end() {
        use std::io::Read;
        let (mut peer, mut other) = pair();
        let end = thread::spawn(move || {
            let mut said = String::new();
            other.read_to_string(&mut said).unwrap();
            said
        });
        peer.close_with(b"bye").unwrap();
        assert_eq!(end.join().unwrap(), "bye");
    }
}
