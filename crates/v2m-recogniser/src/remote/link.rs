//! The way to `v2m-remote`: waiting for an answer while the worker may be told to abort.

use crate::decoder::DecodeMonitor;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use v2m_ipc::engine::{self, Frame};
use v2m_ipc::remote::{Answer, FailureKind, Question};
use v2m_messages::tr;

/// How often the worker's abort flag is looked at while the server works.
const LOOK: Duration = Duration::from_millis(50);

/// How long `v2m-remote` may take beyond the server's own limit, and for the answer to a question
/// that was cancelled.
const MARGIN: Duration = Duration::from_secs(5);

/// The answer, for which the server may take that long; the question is cancelled if the worker is told
/// to abort.
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
        // It was answered before the end of the question got there.
        Some(Frame::Message(Answer::Text { .. })) if cancelled => {
            let (kind, message) = (FailureKind::Cancelled, String::new());
            Ok(Answer::Failed { kind, message })
        }
        Some(Frame::Message(answer)) => Ok(answer),
        Some(Frame::Pcm { .. }) => Err(io::ErrorKind::InvalidData.into()),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The daemon or `v2m-remote` is gone, or does not answer.
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
