//! Shows words while the user speaks, with a recogniser that transcribes sound as it arrives. Its
//! text is never delivered.
//!
//! The delivered text comes from another engine, which gets whole pieces. So nothing here is cut,
//! guarded, joined or decoded twice, and nobody waits for an answer at the stop.
//!
//! | module | what it is for |
//! |---|---|
//! | [`run`] | the main thread: frames in, frames out, one recording at a time |
//! | `worker` | the worker thread: loads the model, transcribes, reports the text |
//! | [`growing`] | adapts a decoder of whole pieces: decodes the open piece again while it grows |
//!
//! The frames are the same as for any engine ([`v2m_ipc::engine`]). The whole text so far is one
//! segment that is not final, from the first sample to the last one processed.

pub mod growing;
pub mod run;
mod worker;

use crate::decoder::{DecodeError, DecodeMonitor};
use crate::model::{Device, LoadError};
use std::path::Path;

/// A model named on the command line, with the device that computes it.
pub trait PreviewModel: Send + 'static {
    /// Returns the program's name, for messages.
    fn program(&self) -> &'static str;

    /// Returns the model's file.
    fn file(&self) -> &Path;

    /// Returns the device that computes.
    fn device(&self) -> Device;

    /// Checks the file without loading it, and returns its size in bytes.
    ///
    /// # Errors
    /// If the file is missing, or is not a complete model that can be used for the preview.
    fn check(&self) -> Result<u64, LoadError>;

    /// Loads the model, on the worker thread.
    ///
    /// # Errors
    /// If the decoder's library refuses it, or there is not enough memory.
    fn load(self) -> Result<Box<dyn PreviewDecoder>, LoadError>;
}

/// A loaded model that transcribes sound as it arrives.
pub trait PreviewDecoder {
    /// Whether the model knows languages other than English.
    fn multilingual(&self) -> bool;

    /// Returns the bytes that the model and its working memory take on the device; 0 if unknown.
    fn memory(&self) -> u64;

    /// Transcribes a moment of silence, so that everything created at the first use exists.
    ///
    /// # Errors
    /// If the model cannot be used.
    fn warm_up(&mut self) -> Result<(), DecodeError>;

    /// Begins another recording in this language (ISO 639-1). `None`: it must be detected.
    ///
    /// # Errors
    /// If the model does not know the language.
    fn begin(&mut self, language: Option<&str>) -> Result<(), DecodeError>;

    /// Takes the next samples (16 kHz mono). Samples that cannot be processed yet are kept.
    ///
    /// # Errors
    /// Any [`DecodeError`]. The recording is then over for this decoder.
    fn hear(&mut self, audio: &[f32], watch: &dyn DecodeMonitor) -> Result<(), DecodeError>;

    /// Returns the whole text so far, without artefacts. Each call of [`Self::hear`] may change any
    /// part of it.
    fn text(&self) -> &str;
}
