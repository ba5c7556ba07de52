//! One look at PipeWire: which sources are there. For `v2m doctor`; blocking, on the caller's
//! thread. Not for the daemon's event loop.

use super::CaptureError;
use super::clock;
use super::connection::Connection;
use super::thread::{new_loop, turn};
use super::worker::ANSWER;

/// A microphone, or whatever else PipeWire takes for a source of audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// `node.name`: what the configuration names.
    pub name: String,
    /// What people call it.
    pub description: String,
    /// Whether it is recorded when the configuration names none.
    pub is_default: bool,
}

/// The sources that are there now. Blocks for milliseconds, 3 s at most.
///
/// # Errors
/// [`CaptureError::NoPipeWire`], [`CaptureError::NoAnswer`] or [`CaptureError::PipeWireStopped`].
/// An empty list is no error.
pub fn sources() -> Result<Vec<Source>, CaptureError> {
    let mainloop = new_loop()?;
    let mut connection = Connection::open(&mainloop)?;
    let deadline = clock::after(clock::now(), ANSWER);
    while !connection.ready() {
        if let Some(reason) = connection.dead() {
            return Err(CaptureError::PipeWireStopped(reason));
        }
        if clock::now() >= deadline {
            return Err(CaptureError::NoAnswer(ANSWER));
        }
        turn(&mainloop, deadline);
    }
    Ok(connection.sources())
}
