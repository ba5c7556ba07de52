//! Silero, whisper.cpp's implementation: the probability of speech in every 512 samples (32 ms).

use crate::model::{LoadError, file};
use std::path::Path;
use thiserror::Error;
use whisper_rs::{WhisperVadContext, WhisperVadContextParams};

/// Samples in one of Silero's frames.
pub const FRAME: usize = 512;

/// Silero could not compute.
#[derive(Debug, Error)]
#[error("the voice activity model failed: {0}")]
pub struct VadError(whisper_rs::WhisperError);

/// The loaded model.
#[derive(Debug)]
pub struct Silero {
    context: WhisperVadContext,
}

impl Silero {
    /// Loads the model after checking that it is one.
    ///
    /// # Errors
    /// When the file cannot be read or is no Silero model.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        file::silero(path)?;
        let broken = |why: String| LoadError::Broken { path: path.into(), why };
        let name = path.to_str().ok_or_else(|| broken("its path is not UTF-8".into()))?;
        let mut parameters = WhisperVadContextParams::new();
        // A frame is too little work to share.
        parameters.set_n_threads(1);
        let context = WhisperVadContext::new(name, parameters)
            .map_err(|error| broken(format!("whisper.cpp refuses it: {error}")))?;
        Ok(Self { context })
    }

    /// Probability of speech for each frame of `samples`, from a fresh state; the last frame is
    /// filled up with zeros.
    ///
    /// # Errors
    /// When ggml cannot compute.
    pub fn probabilities(&mut self, samples: &[f32]) -> Result<&[f32], VadError> {
        self.context.detect_speech(samples).map_err(VadError)?;
        Ok(self.context.probabilities())
    }
}
