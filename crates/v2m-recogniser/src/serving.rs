//! Shared parts of the main threads of recogniser and preview: the loop over frames and events, and
//! the report of a loaded or refused model.

use crate::decoder::DecodeError;
use crate::model::{Device, LoadError};
use crate::recording::millis;
use crate::run::RunError;
use crate::wire::Wire;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use v2m_ipc::engine::{Frame, FromEngine, ToEngine};
use v2m_messages::tr;

/// A main thread. It never computes.
pub(crate) trait Serving {
    /// Returns the connection to the daemon.
    fn wire(&self) -> &Wire;

    /// Returns the connection, to read and write.
    fn wire_mut(&mut self) -> &mut Wire;

    /// Returns a file descriptor that becomes readable when there are events for [`Self::news`].
    fn wake(&self) -> BorrowedFd<'_>;

    /// Handles a frame from the daemon.
    fn frame(&mut self, frame: Frame<ToEngine>) -> Result<(), RunError>;

    /// Handles the events of the worker thread.
    fn news(&mut self) -> Result<(), RunError>;
}

/// Serves until the daemon closes its end.
pub(crate) fn converse(mut thread: impl Serving) -> Result<(), RunError> {
    loop {
        let ready = thread.wire().wait(thread.wake())?;
        if ready.other {
            thread.news()?;
        }
        if ready.frame {
            match thread.wire_mut().receive()? {
                Some(frame) => thread.frame(frame)?,
                None => return Ok(()),
            }
        }
    }
}

/// Turns a broken pipe into a clean end: the daemon closed its end while a message was being
/// written.
pub(crate) fn ended(served: Result<(), RunError>) -> Result<(), RunError> {
    match served {
        Err(RunError::Wire(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        served => served,
    }
}

/// Reports to the daemon that the model cannot be used. Returns the error that ends the engine.
pub(crate) fn refuse(wire: &mut Wire, error: LoadError) -> RunError {
    let message = FromEngine::LoadFailed { failure: error.failure(), reason: error.to_string() };
    match wire.send(&message) {
        Ok(()) => error.into(),
        Err(broken) => broken.into(),
    }
}

/// Data about a loaded model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readied {
    /// Whether the model knows languages other than English.
    pub multilingual: bool,
    /// How long loading took, including the first decode.
    pub took: Duration,
    /// How much of that the first decode took.
    pub warm_up: Duration,
    /// Bytes that the model and its working memory take on the device; 0 if unknown.
    pub memory: u64,
}

impl Readied {
    /// Returns the message to the daemon. `pauses`: whether recordings can be paused.
    pub(crate) fn message(self, device: &Device, pauses: bool) -> FromEngine {
        FromEngine::Loaded {
            backend: device.backend.clone(),
            device: device.name.clone(),
            loaded_in_ms: millis(self.took),
            warm_up_ms: millis(self.warm_up),
            memory_bytes: self.memory,
            multilingual: self.multilingual,
            pauses,
        }
    }
}

/// Loads a model and has it decode a moment of silence. Also returns how long everything took, and
/// how much of that the silence took.
pub(crate) fn load<D>(
    program: &'static str,
    file: PathBuf,
    load: impl FnOnce() -> Result<D, LoadError>,
    warm_up: impl FnOnce(&mut D) -> Result<(), DecodeError>,
) -> Result<(D, Duration, Duration), LoadError> {
    let started = Instant::now();
    let mut decoder = load()?;
    let read = Instant::now();
    warm_up(&mut decoder).map_err(|error| useless(program, file, &error))?;
    Ok((decoder, started.elapsed(), read.elapsed()))
}

/// Returns why a loaded model that cannot decode silence is unusable.
fn useless(program: &'static str, file: PathBuf, error: &DecodeError) -> LoadError {
    match error {
        DecodeError::Lost(why) => LoadError::Remote(why.clone()),
        DecodeError::NoNumbers => {
            LoadError::Broken { path: file, why: tr!("its weights do not compute numbers").into() }
        }
        _ => LoadError::Unsupported {
            program,
            why: tr!(
                "the model is loaded, and a second of silence cannot be decoded: {error}",
                error
            ),
        },
    }
}
