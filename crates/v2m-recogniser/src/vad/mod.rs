//! Voice activity: Silero's probability of speech in every frame of 512 samples (32 ms).
//!
//! The stream policy has the thresholds.

mod net;
mod silero;

pub use net::FRAME;

use crate::model::LoadError;
use crate::stream::VoiceActivity;
use net::{Net, NetState};
use std::path::Path;
use v2m_messages::tr;

/// The peak that quiet recordings are raised to before the model gets them.
const TARGET: f32 = 0.1;

/// The largest gain: 20 dB. Noise with this gain was still distinguished from voice.
const MOST_GAIN: f32 = 10.0;

/// The factor by which the remembered peak falls in each frame: to half in 10 s.
const DECAY: f32 = 0.997_8;

/// The voice activity model for the stream. Without a model everything counts as voice.
#[derive(Debug)]
pub struct VoiceDetector {
    silero: Option<Box<Silero>>,
    peak: f32,
}

impl VoiceDetector {
    /// Loads the model, if one is given.
    ///
    /// # Errors
    /// The errors of [`Silero::load`].
    pub fn load(path: Option<&Path>) -> Result<Self, LoadError> {
        Ok(Self { silero: path.map(Silero::load).transpose()?.map(Box::new), peak: 0.0 })
    }

    /// Begins another recording.
    pub fn reset(&mut self) {
        self.take();
    }

    /// Takes out the state of the recording so far, and begins another one.
    pub fn take(&mut self) -> VadState {
        let state = self.silero.as_mut().map(|silero| std::mem::take(&mut silero.state));
        VadState { state, peak: std::mem::take(&mut self.peak) }
    }

    /// Continues the recording that this state was taken from.
    pub fn restore(&mut self, memory: VadState) {
        self.peak = memory.peak;
        if let (Some(silero), Some(state)) = (&mut self.silero, memory.state) {
            silero.state = state;
        }
    }
}

/// The state of a [`VoiceDetector`] within a recording.
#[derive(Debug)]
pub struct VadState {
    state: Option<NetState>,
    peak: f32,
}

impl VoiceActivity for VoiceDetector {
    /// Raises quiet recordings, because Silero misses quiet speech in noise that it detects when
    /// both are louder. The gain depends only on earlier and current frames, not on chunks.
    fn probability(&mut self, frame: &[f32; FRAME]) -> f32 {
        let Some(silero) = &mut self.silero else { return 1.0 };
        let loudest = frame.iter().fold(0.0, |peak: f32, sample| peak.max(sample.abs()));
        self.peak = loudest.max(self.peak * DECAY);
        let gain = (TARGET / self.peak).clamp(1.0, MOST_GAIN);
        silero.probability(&frame.map(|sample| sample * gain))
    }
}

/// The loaded model, and its state after the frames so far.
#[derive(Debug)]
pub struct Silero {
    net: Net,
    state: NetState,
}

impl Silero {
    /// Loads the model.
    ///
    /// # Errors
    /// When the file cannot be read or is not a Silero model.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let net = Net::new(silero::read(path)?).ok_or_else(|| LoadError::Voice {
            path: path.into(),
            why: tr!("its tensors are not those of Silero 5 or 6").into(),
        })?;
        Ok(Self { net, state: NetState::default() })
    }

    /// Returns the probability of speech, 0 to 1, in the frame that follows the frames before it.
    pub fn probability(&mut self, frame: &[f32; FRAME]) -> f32 {
        let probability = self.net.probability(frame, &mut self.state);
        if probability.is_nan() {
            // Damaged weights may give NaN. Then treat everything as speech, so that no word is
            // lost.
            self.reset();
            return 1.0;
        }
        probability
    }

    /// Clears the state, because another recording begins.
    pub fn reset(&mut self) {
        self.state = NetState::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice() -> VoiceDetector {
        let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets");
        VoiceDetector::load(Some(&assets.join("ggml-silero-v6.2.0.bin"))).unwrap()
    }

    /// Returns the probabilities for these frames of a tone that swells.
    fn hear(voice: &mut VoiceDetector, hertz: f32, frames: std::ops::Range<usize>) -> Vec<f32> {
        let sample = |at: usize| (at as f32 * hertz / 2500.0).sin() * (at % 9000) as f32 / 30_000.0;
        let frame = |at: usize| std::array::from_fn(|sample_at| sample(at * FRAME + sample_at));
        frames.map(|at| voice.probability(&frame(at))).collect()
    }

    #[test]
    fn a_recording_that_another_came_between_is_heard_as_without_it() {
        let undisturbed = hear(&mut voice(), 180.0, 0..40);
        let mut voice = voice();
        let before = hear(&mut voice, 180.0, 0..20);
        let memory = voice.take();
        let between = hear(&mut voice, 3000.0, 0..20);
        assert_eq!(
            between,
            hear(&mut self::voice(), 3000.0, 0..20),
            "it forgets what it gives away"
        );
        voice.restore(memory);
        let after = hear(&mut voice, 180.0, 20..40);
        assert_eq!([before, after].concat(), undisturbed);
        let mut forgetful = self::voice();
        assert_ne!(hear(&mut forgetful, 180.0, 20..40), undisturbed[20..]);
    }
}
