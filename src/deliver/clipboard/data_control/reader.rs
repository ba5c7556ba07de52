//! Reads the content of another program's clipboard in all its formats.
//!
//! Reading is bounded in time and memory, because the owner may hang or hold a film.

use super::server::Server;
use crate::deliver::clipboard::Before;
use crate::deliver::clipboard::content::{Content, is_format, is_secret};
use crate::deliver::display::wayland::{Woken, broken};
use crate::deliver::error::DeliverError;
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;
use tracing::debug;

/// The names of text formats, the most reliable first. All of them are UTF-8 on Wayland.
const TEXT: [&str; 5] = ["text/plain;charset=utf-8", "UTF8_STRING", "text/plain", "TEXT", "STRING"];

/// The size of one read, in bytes.
const PIECE: usize = 64 << 10;

/// The result of asking for one format.
enum FormatRead {
    Whole(Vec<u8>),
    /// The content is longer than the limit.
    TooLarge,
    /// The time is up, or the clipboard has changed.
    Cut,
}

/// Reads the clipboard, as far as possible by `until`. If the clipboard changes meanwhile, the
/// result is of no use.
pub(crate) fn remember(
    server: &mut Server,
    until: Instant,
) -> Result<Before<Arc<Content>>, DeliverError> {
    let mut content = Content::default();
    let Some(offered) = &server.announced().selection else { return Ok(Before::Nothing) };
    if is_secret(&offered.formats) {
        debug!("the clipboard holds a secret, which is not given back");
        return Ok(Before::Unknown);
    }
    let formats: Vec<String> =
        offered.formats.iter().filter(|name| is_format(name)).cloned().collect();
    let mut left = Content::LIMIT;
    for format in formats {
        match read(server, &format, left, until)? {
            FormatRead::Whole(bytes) => {
                left -= bytes.len();
                content.formats.push((format, bytes));
            }
            FormatRead::TooLarge => {
                debug!(format, "a format of the clipboard is too large to remember")
            }
            FormatRead::Cut => {
                debug!(format, "the clipboard could not be read in time");
                break;
            }
        }
    }
    let is_lost = content.formats.is_empty();
    Ok(if is_lost { Before::Unknown } else { Before::Content(Arc::new(content)) })
}

/// Reads the text on the clipboard. `None`: there is none.
///
/// # Errors
/// [`DeliverError::Hanging`]: the text could not be read by `until`.
pub(crate) fn text(server: &mut Server, until: Instant) -> Result<Option<String>, DeliverError> {
    loop {
        let changes = server.announced().changes;
        let Some(offered) = &server.announced().selection else { return Ok(None) };
        let Some(format) = best_text(&offered.formats) else { return Ok(None) };
        match read(server, &format, Content::LIMIT, until)? {
            FormatRead::Whole(bytes) => {
                return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
            }
            FormatRead::TooLarge => return Ok(None),
            // The clipboard has changed.
            FormatRead::Cut if server.announced().changes != changes => {}
            FormatRead::Cut => return Err(DeliverError::Hanging),
        }
    }
}

/// Chooses the best text format among `formats`.
fn best_text(formats: &[String]) -> Option<String> {
    let known = || TEXT.iter().find(|name| formats.iter().any(|offered| offered == *name));
    let begins = |start| formats.iter().find(|name| name.starts_with(start)).cloned();
    // Plain text under another name, such as a charset in capitals; then marked-up text.
    known().map(|&name| name.into()).or_else(|| begins("text/plain")).or_else(|| begins("text/"))
}

/// Reads one format, `most` bytes at most.
fn read(
    server: &mut Server,
    format: &str,
    most: usize,
    until: Instant,
) -> Result<FormatRead, DeliverError> {
    let changes = server.announced().changes;
    let Some(offered) = &server.announced().selection else { return Ok(FormatRead::Cut) };
    // Only our end is non-blocking. The owner's end is shared with the owner, and few programs
    // expect it to be non-blocking.
    let (pipe, theirs) = pipe_with(PipeFlags::CLOEXEC).map_err(broken)?;
    fcntl_setfl(&pipe, OFlags::NONBLOCK).map_err(broken)?;
    offered.offer.receive(format, std::os::fd::AsFd::as_fd(&theirs));
    drop(theirs);
    let mut bytes = Vec::new();
    loop {
        let others = vec![PollFd::new(&pipe, PollFlags::IN)];
        let woken = server.wait(Some(until), None, others)?;
        match take(&pipe, &mut bytes, most).map_err(broken)? {
            PipeRead::All => return Ok(FormatRead::Whole(bytes)),
            PipeRead::TooMuch => return Ok(FormatRead::TooLarge),
            PipeRead::ForNow => {}
        }
        let is_late = woken == Woken::TimeIsUp || Instant::now() >= until;
        if is_late || server.announced().changes != changes {
            return Ok(FormatRead::Cut);
        }
    }
}

enum PipeRead {
    ForNow,
    All,
    TooMuch,
}

/// Reads the bytes that are available.
fn take(pipe: &OwnedFd, bytes: &mut Vec<u8>, most: usize) -> Result<PipeRead, Errno> {
    let mut piece = vec![0; PIECE];
    loop {
        match rustix::io::read(pipe, &mut piece[..]) {
            Ok(0) => return Ok(PipeRead::All),
            Ok(read) if bytes.len() + read > most => return Ok(PipeRead::TooMuch),
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
            Err(Errno::AGAIN) => return Ok(PipeRead::ForNow),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}
