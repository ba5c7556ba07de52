//! What the main threads of a recogniser and of a preview have in common: the loop over frames and news,
//! and what is told of a model that was loaded or refused.

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

/// A main thread, which never computes.
pub(crate) trait Serving {
    /// The connection to the daemon.
    fn wire(&self) -> &Wire;

    /// The same, to read and write.
    fn wire_mut(&mut self) -> &mut Wire;

    /// A file descriptor that becomes readable when there is news.
    fn wake(&self) -> BorrowedFd<'_>;

    /// Handles a frame of the daemon's.
    fn frame(&mut self, frame: Frame<ToEngine>) -> Result<(), RunError>;

    /// Handles what the thread that computes has told.
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

/// That the daemon closed its end while a message was being written is a clean end too.
pub(crate) fn ended(served: Result<(), RunError>) -> Result<(), RunError> {
    match served {
        Err(RunError::Wire(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        served => served,
    }
}

/// Tells the daemon that the model cannot be used.
pub(crate) fn refuse(wire: &mut Wire, error: LoadError) -> RunError {
    let message = FromEngine::LoadFailed { failure: error.failure(), reason: error.to_string() };
    match wire.send(&message) {
        Ok(()) => error.into(),
        Err(broken) => broken.into(),
    }
}

/// What is known of a model once it is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readied {
    /// Whether the model knows languages beside English.
    pub multilingual: bool,
    /// How long loading took, the first decode included.
    pub took: Duration,
    /// How much of that the first decode took.
    pub warm_up: Duration,
    /// Bytes that the model and its working memory take on the device.
    pub memory: u64,
}

impl Readied {
    /// The message to the daemon. `pauses`: whether recordings can be paused.
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

/// Loads a model and has it decode a moment of silence. Also returns how long all of that took, and the
/// silence.
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

/// Why a loaded model cannot be used: it cannot decode silence.
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
