//! Words while somebody speaks: a recogniser that writes as it hears, and never has the last word.
//!
//! What is delivered comes from another engine, which is given whole pieces. So nothing here is cut,
//! guarded, joined or decoded twice, and at the stop nobody waits for an answer.
//!
//! | module | what it is for |
//! |---|---|
//! | [`run`] | the main thread: frames in, frames out, one recording at a time |
//! | `worker` | the thread that hears: it loads the model and reports what is written |
//! | [`growing`] | a decoder of whole pieces, made one that writes as it hears |
//!
//! The frames are those of any engine ([`v2m_ipc::engine`]). The whole text so far is one segment that
//! is not final, from the first sample to the last one that was heard.

pub mod growing;
pub mod run;
mod worker;

use crate::decoder::{DecodeError, DecodeMonitor};
use crate::model::{Device, LoadError};
use std::path::Path;

/// A model that was named on the command line, with the device that computes it.
pub trait PreviewModel: Send + 'static {
    /// The program's name, for messages.
    fn program(&self) -> &'static str;

    /// The model's file.
    fn file(&self) -> &Path;

    /// The device that computes.
    fn device(&self) -> Device;

    /// Checks the file without loading it, and returns its size in bytes.
    ///
    /// # Errors
    /// When the file is missing, or is no complete model that can write while somebody speaks.
    fn check(&self) -> Result<u64, LoadError>;

    /// Loads the model, on the thread that hears.
    ///
    /// # Errors
    /// When the decoder's library refuses it, or memory does not suffice.
    fn load(self) -> Result<Box<dyn PreviewDecoder>, LoadError>;
}

/// A loaded model that writes as it hears.
pub trait PreviewDecoder {
    /// Whether the model knows languages other than English.
    fn multilingual(&self) -> bool;

    /// Bytes that the model and its working memory take on the device; 0 if unknown.
    fn memory(&self) -> u64;

    /// Hears a moment of silence, so that everything that is created at the first use exists.
    ///
    /// # Errors
    /// When the model cannot be used.
    fn warm_up(&mut self) -> Result<(), DecodeError>;

    /// Begins another recording in this language (ISO 639-1); `None`: it is to be found out.
    ///
    /// # Errors
    /// When the model does not know the language.
    fn begin(&mut self, language: Option<&str>) -> Result<(), DecodeError>;

    /// Takes the next samples (16 kHz mono). What of them cannot be computed yet is kept.
    ///
    /// # Errors
    /// [`DecodeError`]. The recording is then over for this decoder.
    fn hear(&mut self, audio: &[f32], watch: &dyn DecodeMonitor) -> Result<(), DecodeError>;

    /// The whole text so far, without artefacts. It may change anywhere with each call of
    /// [`Self::hear`].
    fn text(&self) -> &str;
}
