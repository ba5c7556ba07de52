//! The connection to `v2m-remote`: waits for an answer that the worker may abort.

use crate::decoder::DecodeMonitor;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use v2m_ipc::engine::{self, Frame};
use v2m_ipc::remote::{Answer, FailureKind, Question};
use v2m_messages::tr;

/// How often to check the worker's abort flag while the server works.
const LOOK: Duration = Duration::from_millis(50);

/// How much longer than the server's limit `v2m-remote` may take, and how long it may take to
/// answer a cancelled question.
const MARGIN: Duration = Duration::from_secs(5);

/// Waits for the answer. `server`: how long the server may take. Cancels the question if the worker
/// must abort.
pub(super) fn wait(
    link: &mut UnixStream,
    server: Duration,
    watch: &dyn DecodeMonitor,
) -> io::Result<Answer> {
    let limit = server.saturating_add(MARGIN);
    let mut end = Instant::now() + limit;
    let mut cancelled = false;
    while !readable(link, LOOK)? {
        if watch.tick() && !cancelled {
            cancelled = true;
            end = end.min(Instant::now() + MARGIN);
            engine::write_message(&mut *link, &Question::Cancel)?;
        }
        if Instant::now() >= end {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
    match engine::read_frame(&mut *link)? {
        // The answer was sent before the cancellation arrived.
        Some(Frame::Message(Answer::Text { .. })) if cancelled => {
            let (kind, message) = (FailureKind::Cancelled, String::new());
            Ok(Answer::Failed { kind, message })
        }
        Some(Frame::Message(answer)) => Ok(answer),
        Some(Frame::Pcm { .. }) => Err(io::ErrorKind::InvalidData.into()),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Returns the message that the daemon or `v2m-remote` has exited or does not answer.
pub(super) fn gone(error: &io::Error) -> String {
    tr!("v2m-remote does not answer ({error}); see why: journalctl --user -u v2m-remote", error)
}

fn readable(link: &UnixStream, limit: Duration) -> io::Result<bool> {
    let limit = Timespec {
        tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    };
    let mut fds = [PollFd::new(link, PollFlags::IN)];
    loop {
        match poll(&mut fds, Some(&limit)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
