//! What another program has on the clipboard, read in all its formats.
//!
//! Bounded in time and memory: its owner may hang, or hold a film.

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

/// Names of text, the surest first. All of them are UTF-8 on Wayland.
const TEXT: [&str; 5] = ["text/plain;charset=utf-8", "UTF8_STRING", "text/plain", "TEXT", "STRING"];

/// What one read may bring.
const PIECE: usize = 64 << 10;

/// What came of asking for one format.
enum FormatRead {
    Whole(Vec<u8>),
    /// More than there is room for.
    TooLarge,
    /// The time is up, or something else is on the clipboard now.
    Cut,
}

/// What is on the clipboard, as far as it can be read by `until`. If it changes meanwhile, what was
/// read is of no use.
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

/// The text on the clipboard. `None`: there is none.
///
/// # Errors
/// [`DeliverError::Hanging`]: it could not be read by `until`.
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
            // Something else is on it by now.
            FormatRead::Cut if server.announced().changes != changes => {}
            FormatRead::Cut => return Err(DeliverError::Hanging),
        }
    }
}

/// The name by which a text among these formats is asked for.
fn best_text(formats: &[String]) -> Option<String> {
    let known = || TEXT.iter().find(|name| formats.iter().any(|offered| offered == *name));
    let begins = |start| formats.iter().find(|name| name.starts_with(start)).cloned();
    // Plain text under another name, such as a charset in capitals; then marked-up text.
    known().map(|&name| name.into()).or_else(|| begins("text/plain")).or_else(|| begins("text/"))
}

/// Asks for one format, `most` bytes at most.
fn read(
    server: &mut Server,
    format: &str,
    most: usize,
    until: Instant,
) -> Result<FormatRead, DeliverError> {
    let changes = server.announced().changes;
    let Some(offered) = &server.announced().selection else { return Ok(FormatRead::Cut) };
    // Only our end: the owner's would be shared with it, and few expect that.
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

/// Reads what is there.
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
