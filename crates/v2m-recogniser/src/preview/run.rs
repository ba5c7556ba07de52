//! The main thread: frames in, frames out, one recording at a time.
//!
//! It never decodes and never waits for the thread that does, so it answers `Ping` whatever that does.
//! Each time some sound was heard, `Progress` tells how much of the recording that is.

use super::PreviewModel;
use super::worker::{Heard, Hearer};
use crate::model::{Device, LoadError};
use crate::recording::millis;
use crate::run::RunError;
use crate::wire::Wire;
use std::io;
use v2m_ipc::engine::{DecodeOptions, DecodeStats, Frame, FromEngine, Segment, ToEngine};
use v2m_messages::tr;

/// Serves on standard input until the daemon closes its end.
///
/// The thread may still be decoding when this returns. So a program with a C or C++ library must end
/// by `_exit`.
///
/// # Errors
/// When the socket breaks, a frame is not understood, or the model cannot be used.
pub fn serve(model: impl PreviewModel) -> Result<(), RunError> {
    serve_over(Wire::stdin()?, model)
}

/// Serves over this connection.
///
/// # Errors
/// As for [`serve`].
pub fn serve_over(wire: Wire, model: impl PreviewModel) -> Result<(), RunError> {
    match converse(wire, model) {
        // The daemon closed its end while a message was being written: a clean end too.
        Err(RunError::Wire(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn converse(mut wire: Wire, model: impl PreviewModel) -> Result<(), RunError> {
    let device = model.device();
    let bytes = match model.check() {
        Ok(bytes) => bytes,
        Err(error) => return Err(refuse(&mut wire, error)),
    };
    wire.send(&FromEngine::Loading { bytes })?;
    let hearer = Hearer::start(model)?;
    let mut preview = Preview { wire, hearer, device, language: String::new() };
    loop {
        let ready = preview.wire.wait(preview.hearer.wake())?;
        if ready.other {
            preview.news()?;
        }
        if ready.frame {
            match preview.wire.receive()? {
                Some(frame) => preview.frame(frame)?,
                None => return Ok(()),
            }
        }
    }
}

fn refuse(wire: &mut Wire, error: LoadError) -> RunError {
    let message = FromEngine::LoadFailed { failure: error.failure(), reason: error.to_string() };
    match wire.send(&message) {
        Ok(()) => error.into(),
        Err(broken) => broken.into(),
    }
}

struct Preview {
    wire: Wire,
    hearer: Hearer,
    device: Device,
    /// That of the last recording, as it was told; empty: it was to be found out.
    language: String,
}

impl Preview {
    fn frame(&mut self, frame: Frame<ToEngine>) -> Result<(), RunError> {
        match frame {
            Frame::Message(ToEngine::Ping { n }) => self.wire.send(&FromEngine::Pong { n })?,
            Frame::Message(ToEngine::Begin { job, options }) => {
                let language = spoken(options);
                self.language = language.clone().unwrap_or_default();
                self.hearer.begin(job, language);
            }
            Frame::Pcm { job, samples } => self.hearer.feed(job, &samples),
            Frame::Message(ToEngine::Finish { job }) => {
                if !self.hearer.complete(job) {
                    let reason = tr!("no recording with that number was started").into();
                    self.wire.send(&FromEngine::Failed { job, reason })?;
                }
            }
            Frame::Message(ToEngine::Cancel { .. } | ToEngine::Pause { .. }) => self.hearer.end(),
            // It was said when the model was loaded that nothing is paused here.
            Frame::Message(ToEngine::Resume { job }) => {
                let reason = tr!("no recording with that number was paused").into();
                self.wire.send(&FromEngine::Failed { job, reason })?;
            }
        }
        Ok(())
    }

    fn news(&mut self) -> Result<(), RunError> {
        while let Some(heard) = self.hearer.news() {
            match heard {
                Heard::Loaded { multilingual, took, warm_up, memory } => {
                    self.wire.send(&FromEngine::Loaded {
                        backend: self.device.backend.clone(),
                        device: self.device.name.clone(),
                        loaded_in_ms: millis(took),
                        warm_up_ms: millis(warm_up),
                        memory_bytes: memory,
                        multilingual,
                        pauses: false,
                    })?;
                }
                Heard::LoadFailed(error) => return Err(refuse(&mut self.wire, error)),
                Heard::Wrote { job, samples, text } => {
                    if let Some(text) = text {
                        let segment = Segment { start: 0, end: samples, text };
                        let is_final = false;
                        self.wire.send(&FromEngine::Segment { job, segment, is_final })?;
                    }
                    self.wire.send(&FromEngine::Progress { job, settled: samples })?;
                }
                Heard::Done { job, samples, text } => {
                    let segment = Segment { start: 0, end: samples, text: text.clone() };
                    let segments = Some(segment).filter(|it| !it.text.is_empty());
                    let segments = segments.into_iter().collect();
                    let stats = DecodeStats { samples, ..DecodeStats::default() };
                    let language = self.language.clone();
                    let answer = FromEngine::Final { job, text, language, segments, stats };
                    self.wire.send(&answer)?;
                }
                Heard::Failed { job, error } => {
                    self.wire.send(&FromEngine::Failed { job, reason: error.to_string() })?;
                }
            }
        }
        Ok(())
    }
}

/// The language that is spoken, if it is known.
fn spoken(options: DecodeOptions) -> Option<String> {
    let [only] = <[String; 1]>::try_from(options.languages).map_or([None], |[only]| [Some(only)]);
    options.language.or(only)
}
