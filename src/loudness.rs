//! Measures the loudness of a recording: voice, noise floor and clipping, and whether that is good
//! enough.
//!
//! All messages to the user about it are here, for the service and for `v2m doctor`.

use crate::call::Level;
use v2m_messages::tr;

/// Samples per level: a tenth of a second at 16 kHz.
pub const SPAN: usize = 1_600;
/// The level of digital silence, dBFS: below the floor of 16 bits.
pub const FLOOR_DBFS: f32 = -120.0;
/// The minimum number of spans to distinguish a voice from its pauses: one second.
const ENOUGH: u32 = 10;
/// The share of spans at or below the noise floor. Pauses between words take a larger share than
/// that, even in continuous speech.
const PAUSES: f32 = 0.05;
/// The minimum share of spans with voice.
const VOICE: f32 = 0.1;
/// The maximum number of loud spans required: somebody may say one word and be silent for the rest.
const WORD: u32 = 5;
/// A sample of at least this amplitude (full scale ±1.0) counts as clipped: converters stop there.
const CLIPPED: f32 = 0.999;

/// Below this level, in dBFS, a voice is too quiet. Above it, no word is lost (measured:
/// `docs/performance.md`, “Level and noise”).
const QUIET_DBFS: f32 = -65.0;
/// Minimum distance of the voice above the noise floor, in dB. A noisier voice loses words: at 15
/// dB twice as many as without noise, at 10 dB three times as many (measured there). Clean
/// recordings have 16 dB and more.
const NOISY_DB: f32 = 12.0;
/// The share of clipped samples at which words are lost: whole vowels are cut off.
const LOUD: f32 = 0.005;

/// Measures a recording as it arrives, in constant memory.
#[derive(Clone, Debug)]
pub struct Loudness {
    /// Number of spans at each level, from [`FLOOR_DBFS`] to 0 in steps of 1 dB.
    levels: [u32; 121],
    clipped: u64,
    samples: u64,
    energy: f64,
    /// The highest sample of the span.
    peak: f32,
    spanned: usize,
}

/// Measurements of a recording.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sound {
    /// Root mean square of the voice, dBFS.
    pub voice_dbfs: f32,
    /// Root mean square of the pauses, dBFS.
    pub floor_dbfs: f32,
    /// The share of samples at full scale, 0 to 1.
    pub clipped: f32,
}

/// A fault of a microphone's sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// The voice is too quiet.
    Quiet,
    /// The voice is hardly louder than the noise.
    Noisy,
    /// The voice is cut off at full scale.
    Loud,
}

impl Default for Loudness {
    fn default() -> Self {
        Self { levels: [0; 121], clipped: 0, samples: 0, energy: 0.0, peak: 0.0, spanned: 0 }
    }
}

impl Loudness {
    /// Adds samples of full scale ±1.0, 16 kHz. Returns the levels of the spans that they complete.
    pub fn hear(&mut self, samples: &[f32]) -> Vec<Level> {
        self.samples += samples.len() as u64;
        let mut levels = Vec::new();
        for &sample in samples {
            self.clipped += u64::from(sample.abs() >= CLIPPED);
            self.peak = self.peak.max(sample.abs());
            self.energy += f64::from(sample) * f64::from(sample);
            self.spanned += 1;
            if self.spanned == SPAN {
                let rms_dbfs = dbfs((self.energy / SPAN as f64).sqrt() as f32);
                self.levels[(rms_dbfs - FLOOR_DBFS).round() as usize] += 1;
                levels.push(Level { rms_dbfs, peak_dbfs: dbfs(self.peak) });
                (self.energy, self.peak, self.spanned) = (0.0, 0.0, 0);
            }
        }
        levels
    }

    /// Returns the measurements; `None` if the recording is too short.
    pub fn measured(&self) -> Option<Sound> {
        let spans: u32 = self.levels.iter().sum();
        if spans < ENOUGH {
            return None;
        }
        let of = |share: f32| (spans as f32 * share) as u32;
        // This many spans are quieter than the floor, or louder than the voice.
        let (quieter, louder) = (of(PAUSES), of(VOICE).clamp(1, WORD) - 1);
        Some(Sound {
            voice_dbfs: self.level_after(spans - 1 - louder),
            floor_dbfs: self.level_after(quieter),
            clipped: self.clipped as f32 / self.samples.max(1) as f32,
        })
    }

    /// Returns the level, in dBFS, of the span that has `quieter` spans below it.
    fn level_after(&self, mut quieter: u32) -> f32 {
        let found = self.levels.iter().position(|count| {
            let is_here = quieter < *count;
            quieter = quieter.saturating_sub(*count);
            is_here
        });
        found.map_or(0.0, |index| index as f32 + FLOOR_DBFS)
    }
}

impl Sound {
    /// Returns the fault of a recording in which somebody spoke; `None` if there is none.
    pub fn fault(&self) -> Option<Fault> {
        if self.clipped >= LOUD {
            Some(Fault::Loud)
        } else if self.voice_dbfs < QUIET_DBFS {
            Some(Fault::Quiet)
        } else if self.voice_dbfs - self.floor_dbfs < NOISY_DB {
            Some(Fault::Noisy)
        } else {
            None
        }
    }

    /// Describes the fault and its remedy in sentences for the user. `microphone` is its name.
    pub fn told(&self, fault: Fault, microphone: &str) -> String {
        match fault {
            Fault::Quiet => tr!(
                "The microphone is too quiet ({microphone}): your voice has {level} dBFS. Turn it \
                 up in the sound settings, or speak closer to it.",
                microphone,
                level = format_args!("{:.0}", self.voice_dbfs)
            ),
            Fault::Noisy => tr!(
                "The microphone is noisy ({microphone}): your voice is only {distance} dB above \
                 the noise. Speak closer to it, turn off what makes the noise, or choose another \
                 microphone.",
                microphone,
                distance = format_args!("{:.0}", (self.voice_dbfs - self.floor_dbfs).max(0.0))
            ),
            Fault::Loud => tr!(
                "The microphone is too loud ({microphone}): {percent} % of the sound is cut off. \
                 Turn it down in the sound settings.",
                microphone,
                percent = format_args!("{:.1}", self.clipped * 100.0)
            ),
        }
    }
}

/// Converts an amplitude of full scale 1.0 to dBFS. NaN counts as silence, as in stored samples.
pub fn dbfs(amplitude: f32) -> f32 {
    let level = 20.0 * amplitude.log10();
    if level.is_nan() { FLOOR_DBFS } else { level.clamp(FLOOR_DBFS, 0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Measures words of amplitude `voice` with pauses of amplitude `pause`.
    fn measured(voice: f32, pause: f32) -> Sound {
        let mut loudness = Loudness::default();
        for span in 0..40 {
            let amplitude = if span % 4 == 0 { pause } else { voice };
            loudness.hear(&[amplitude, -amplitude].repeat(SPAN / 2));
        }
        loudness.measured().unwrap()
    }

    #[test]
    fn voice_floor_and_clipping_are_told_apart() {
        let sound = measured(0.1, 0.001);
        assert_eq!((sound.voice_dbfs, sound.floor_dbfs, sound.clipped), (-20.0, -60.0, 0.0));
        assert_eq!(sound.fault(), None);
        assert_eq!(measured(0.0004, 0.0).fault(), Some(Fault::Quiet));
        assert_eq!(measured(0.1, 0.05).fault(), Some(Fault::Noisy));
        assert_eq!(measured(1.0, 0.001).fault(), Some(Fault::Loud));
        let mut rare = Loudness::default();
        for span in 0..600 {
            rare.hear(&[if span < 6 { 0.1 } else { 0.001 }; SPAN]);
        }
        assert_eq!(rare.measured().unwrap().fault(), None, "one word in a minute");
        let mut short = Loudness::default();
        short.hear(&[0.1; SPAN * 9]);
        assert_eq!(short.measured(), None);
    }

    #[test]
    fn a_fault_says_what_was_measured_and_what_to_do() {
        let sound = measured(0.1, 0.05);
        assert_eq!(
            sound.told(Fault::Noisy, "USB"),
            "The microphone is noisy (USB): your voice is only 6 dB above the noise. Speak closer to it, turn off \
             what makes the noise, or choose another microphone."
        );
        assert!(measured(0.0004, 0.0).told(Fault::Quiet, "USB").contains("-68 dBFS"));
        assert!(measured(1.0, 0.001).told(Fault::Loud, "USB").contains("75.0 %"));
    }

    #[test]
    fn levels_are_relative_to_full_scale_whatever_a_source_sends() {
        let mut loudness = Loudness::default();
        assert_eq!(loudness.hear(&[0.5; 800]), []);
        let levels = loudness.hear(&[-0.5; 2_400]);
        assert_eq!(levels.len(), 2);
        assert!((levels[0].rms_dbfs + 6.02).abs() < 0.01, "{levels:?}");
        let all = |dbfs| [Level { rms_dbfs: dbfs, peak_dbfs: dbfs }];
        // A source may send anything.
        assert_eq!(loudness.hear(&[f32::NAN; SPAN]), all(FLOOR_DBFS));
        assert_eq!(loudness.hear(&[f32::INFINITY; SPAN]), all(0.0));
        // One loud sample affects only the peak of its tenth of a second.
        let mut click = [0.0; SPAN];
        click[7] = 1.0;
        let level = loudness.hear(&click)[0];
        assert!(level.peak_dbfs == 0.0 && level.rms_dbfs < -30.0, "{level:?}");
        assert_eq!(loudness.hear(&[0.0; SPAN]), all(FLOOR_DBFS));
    }
}
