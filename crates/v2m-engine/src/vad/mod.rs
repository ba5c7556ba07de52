//! Where somebody speaks: Silero's probability of speech in every frame of 512 samples (32 ms).
//!
//! The thresholds and what follows from them are the stream policy's.

mod net;

pub use net::FRAME;

use crate::model::{LoadError, file};
use crate::stream::VoiceActivity;
use net::{Net, State};
use std::path::Path;

/// The voice activity model, or its absence: then everything is taken for speech.
#[derive(Debug)]
pub enum Voice {
    /// Silero.
    Silero(Box<Silero>),
    /// No model was given.
    Everything,
}

impl Voice {
    /// Loads the model, if one is given.
    ///
    /// # Errors
    /// Those of [`Silero::load`].
    pub fn load(path: Option<&Path>) -> Result<Self, LoadError> {
        Ok(match path {
            Some(path) => Self::Silero(Box::new(Silero::load(path)?)),
            None => Self::Everything,
        })
    }

    /// Another recording begins.
    pub fn reset(&mut self) {
        if let Self::Silero(silero) = self {
            silero.reset();
        }
    }
}

impl VoiceActivity for Voice {
    fn probability(&mut self, frame: &[f32; FRAME]) -> f32 {
        match self {
            Self::Silero(silero) => silero.probability(frame),
            Self::Everything => 1.0,
        }
    }
}

/// The loaded model and what it remembers of the frames so far.
#[derive(Debug)]
pub struct Silero {
    net: Net,
    state: State,
}

impl Silero {
    /// Loads the model.
    ///
    /// # Errors
    /// When the file cannot be read or is no Silero model.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let net = Net::new(file::silero(path)?).ok_or_else(|| LoadError::Broken {
            path: path.into(),
            why: "its tensors are not those of Silero 5 or 6".into(),
        })?;
        Ok(Self { net, state: State::default() })
    }

    /// Probability of speech, 0 to 1, in the frame that follows the frames given so far.
    pub fn probability(&mut self, frame: &[f32; FRAME]) -> f32 {
        self.net.probability(frame, &mut self.state)
    }

    /// Forgets the frames so far: another recording begins.
    pub fn reset(&mut self) {
        self.state = State::default();
    }
}
