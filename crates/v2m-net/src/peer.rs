//! An accepted peer: reads its input within limits, watches it during its question, and sends a
//! last message. Each program defines its own frames.

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

/// The longest time from a frame's first byte to its last.
const HALF_FRAME: Duration = Duration::from_secs(5);
/// The longest time that the peer may not read.
const UNREAD: Duration = Duration::from_secs(5);
/// The time for which further input is dropped after the last message.
const DRAIN: Duration = Duration::from_secs(1);

/// The other end of a connection.
pub struct Peer {
    stream: UnixStream,
}

/// The time limits for one frame.
pub struct FrameWait {
    idle: Duration,
    since: Instant,
    begun: Option<Instant>,
}

impl FrameWait {
    /// Starts the wait. A peer that begins no frame for `idle` is disconnected.
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

/// The result of waiting for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// The number of bytes received.
    Bytes(usize),
    /// The peer is done, or has been silent for too long, between two frames.
    End,
    /// The frame was not completed in time.
    Late,
    /// The peer ended in the middle of a frame.
    Short,
}

impl Peer {
    /// Makes a peer on a blocking stream.
    pub fn new(stream: UnixStream) -> Self {
        Self { stream }
    }

    /// Limits the time that the peer may not read.
    ///
    /// # Errors
    /// The stream's errors.
    pub fn limit_writes(&self) -> io::Result<()> {
        self.stream.set_write_timeout(Some(UNREAD))
    }

    /// Reads more of a frame. `midway`: a part of the frame has arrived.
    ///
    /// # Errors
    /// The stream's errors.
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

    /// Runs `ask`, and cancels it if the peer disconnects in the meantime; with `or_speaks` also if
    /// the peer sends something.
    ///
    /// # Errors
    /// The system's errors. `ask` was not run.
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
            // Wakes the watch. The counter of a new eventfd is not full.
            let _ = rustix::io::write(&done, &1_u64.to_ne_bytes());
            answer
        }))
    }

    /// Sends a complete frame.
    ///
    /// # Errors
    /// The stream's errors.
    pub fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        self.stream.write_all(frame)
    }

    /// Sends a last frame and closes. Further input is read and dropped for a moment, so that a
    /// peer that writes everything before it reads gets the answer instead of a broken pipe.
    ///
    /// # Errors
    /// The stream's errors.
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

    /// Returns the message for a peer when there is no room, before it is closed.
    ///
    /// # Errors
    /// The stream's errors.
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

/// Returns the message for a peer that sent an unreadable question.
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

    /// Whether the question was cancelled. Otherwise it would wait for an hour.
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
