//! Lists the sources that PipeWire has at the moment, for `v2m doctor`. Blocks the caller's thread,
//! so it is not for the daemon's event loop.

use super::CaptureError;
use super::channels::{beside, is_called};
use super::clock::{self, Nanos};
use super::connection::{Connection, new_context};
use super::thread::{new_loop, turn};
use super::volume::VolumeQuestion;
use super::worker::ANSWER;
use pipewire::main_loop::MainLoopRc;

/// A microphone, or any other node that PipeWire offers as a source of audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// `node.name`: the name that the configuration uses.
    pub name: String,
    /// The name to show to people.
    pub description: String,
    /// `port.name` of each channel that is recorded, 64 at most. The configuration may add one of
    /// them to the source's name.
    pub channels: Vec<String>,
    /// Whether this source is recorded when the configuration names none.
    pub is_default: bool,
    /// Whether the source is muted, or turned down to nothing.
    pub is_silenced: bool,
}

impl Source {
    /// Whether the configuration's `wanted` means this source, or one of its channels.
    pub fn is_called(&self, wanted: &str) -> bool {
        let has = |channel: &str| self.channels.iter().any(|port| is_called(port, channel));
        self.name == wanted || beside(&self.name, wanted).is_some_and(has)
    }

    /// Whether the configuration's `wanted` has the form of a channel of this source. The source
    /// may not have that channel.
    pub fn may_be_meant(&self, wanted: &str) -> bool {
        beside(&self.name, wanted).is_some()
    }
}

/// Lists the sources that are available now. Blocks for milliseconds, 3 s at most.
///
/// # Errors
/// [`CaptureError::NoPipeWire`], [`CaptureError::NoAnswer`] or [`CaptureError::PipeWireStopped`].
/// An empty list is no error.
pub fn sources() -> Result<Vec<Source>, CaptureError> {
    let mainloop = new_loop()?;
    let mut connection = Connection::open(&new_context(&mainloop)?)?;
    let deadline = clock::after(clock::now(), ANSWER);
    until(&mainloop, &mut connection, deadline, Connection::ready)?;
    let sources = connection.sources();
    let questions: Vec<_> =
        sources.iter().map(|(id, _)| VolumeQuestion::ask(&connection, *id)).collect();
    if let Some(asked) = connection.round_trip() {
        until(&mainloop, &mut connection, deadline, |connection| connection.is_back(asked))?;
    }
    let told = |((_, source), question): ((u32, Source), Option<VolumeQuestion>)| Source {
        is_silenced: question.is_some_and(|question| question.is_silenced()),
        ..source
    };
    Ok(sources.into_iter().zip(questions).map(told).collect())
}

/// Runs the loop until `told` returns true, PipeWire has stopped, or the deadline has passed.
fn until(
    mainloop: &MainLoopRc,
    connection: &mut Connection,
    deadline: Nanos,
    mut told: impl FnMut(&mut Connection) -> bool,
) -> Result<(), CaptureError> {
    while !told(connection) {
        if let Some(reason) = connection.dead() {
            return Err(CaptureError::PipeWireStopped(reason));
        }
        if clock::now() >= deadline {
            return Err(CaptureError::NoAnswer(ANSWER));
        }
        turn(mainloop, deadline);
    }
    Ok(())
}
