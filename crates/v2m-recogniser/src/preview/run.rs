//! The main thread: frames in, frames out, one recording at a time.
//!
//! It never decodes and never waits for the thread that does, so it answers `Ping` whatever that does.
//! Each time some sound was heard, `Progress` tells how much of the recording that is.

use super::PreviewModel;
use super::worker::{Heard, Hearer};
use crate::model::Device;
use crate::run::RunError;
use crate::serving::{self, Serving, refuse};
use crate::wire::Wire;
use std::os::fd::BorrowedFd;
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
    serving::ended(converse(wire, model))
}

fn converse(mut wire: Wire, model: impl PreviewModel) -> Result<(), RunError> {
    let device = model.device();
    let bytes = match model.check() {
        Ok(bytes) => bytes,
        Err(error) => return Err(refuse(&mut wire, error)),
    };
    wire.send(&FromEngine::Loading { bytes })?;
    let hearer = Hearer::start(model)?;
    serving::converse(Preview { wire, hearer, device, language: String::new() })
}

struct Preview {
    wire: Wire,
    hearer: Hearer,
    device: Device,
    /// That of the last recording, as it was told; empty: it was to be found out.
    language: String,
}

impl Serving for Preview {
    fn wire(&self) -> &Wire {
        &self.wire
    }

    fn wire_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }

    fn wake(&self) -> BorrowedFd<'_> {
        self.hearer.wake()
    }

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
                Heard::Loaded(readied) => {
                    self.wire.send(&readied.message(&self.device, false))?;
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
