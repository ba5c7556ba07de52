//! Computes the sounds when they are needed. They were made for v2m and are dedicated to the public
//! domain (CC0 1.0). Pure: `player` plays them.
//!
//! The microphone picks up the start sound. So it is short, quiet and unlike a voice: two plain,
//! high, rising tones. (Measured with the engine's Silero over many loudnesses, noises and
//! positions: 0.15 of 1, the same as for the noise alone. Tones an octave lower reach 0.5 to 0.9.)
//! The stop sound is its mirror image. The problem sound is three equal tones.

use std::f64::consts::{PI, TAU};

/// Samples per second of [`Sound::samples`]. Most sound cards use this rate, so nothing is
/// resampled.
pub const RATE: u32 = 48_000;

/// A sound that v2m plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sound {
    /// The recording has started: speak.
    Start,
    /// The recording has ended.
    Stop,
    /// Something went wrong: look at the screen.
    Problem,
}

/// The attack time of a tone, in seconds. A sudden start would be heard as a click.
const ATTACK: f64 = 0.008;

/// The level of the loudest sample, in dB relative to full scale.
pub const PEAK_DBFS: f64 = -24.0;

/// A tone, or a rest.
struct Tone {
    hz: f64,
    seconds: f64,
}

const fn note(hz: f64, milliseconds: u32) -> Tone {
    Tone { hz, seconds: milliseconds as f64 / 1000.0 }
}

/// A6 and D7, a fourth apart.
const LOW: Tone = note(1760.0, 50);
const HIGH: Tone = note(2349.32, 60);
/// G6.
const PIP: Tone = note(1567.98, 80);
const REST: Tone = note(0.0, 30);

impl Sound {
    /// All sounds.
    pub const ALL: [Self; 3] = [Self::Start, Self::Stop, Self::Problem];

    /// Returns the name in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Problem => "problem",
        }
    }

    fn notes(self) -> &'static [Tone] {
        match self {
            Self::Start => &[LOW, HIGH],
            Self::Stop => &[HIGH, LOW],
            Self::Problem => &[PIP, REST, PIP, REST, PIP],
        }
    }

    /// Returns the whole sound: mono, full scale ±1.0, at [`RATE`]. It begins and ends in silence.
    pub fn samples(self) -> Vec<f32> {
        let wave: Vec<f64> = self.notes().iter().flat_map(Tone::wave).collect();
        let loudest = wave.iter().fold(f64::MIN_POSITIVE, |loudest, s| s.abs().max(loudest));
        let gain = 10f64.powf(PEAK_DBFS / 20.0) / loudest;
        wave.into_iter().map(|sample| (sample * gain) as f32).collect()
    }
}

impl Tone {
    fn wave(&self) -> impl Iterator<Item = f64> {
        let count = (self.seconds * f64::from(RATE)).round() as u32;
        (0..count).map(move |i| {
            let at = f64::from(i) / f64::from(RATE);
            (TAU * self.hz * at).sin() * envelope(at, self.seconds)
        })
    }
}

/// Returns the loudness of a tone, 0 to 1, at the time `at`. It rises and then falls, each along
/// half a cosine.
fn envelope(at: f64, seconds: f64) -> f64 {
    let half_cosine = |part: f64| 0.5 - 0.5 * (PI * part.clamp(0.0, 1.0)).cos();
    half_cosine(at / ATTACK) * half_cosine((seconds - at) / (seconds - ATTACK))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(sound: Sound) -> f64 {
        sound.samples().len() as f64 * 1000.0 / f64::from(RATE)
    }

    /// Returns the share of a tone in the samples (Goertzel's sum, computed directly).
    fn tone(samples: &[f32], hz: f64) -> f64 {
        let turn = |i: usize| TAU * hz * i as f64 / f64::from(RATE);
        let sum = |part: fn(f64) -> f64| -> f64 {
            samples.iter().enumerate().map(|(i, s)| f64::from(*s) * part(turn(i))).sum()
        };
        sum(f64::sin).hypot(sum(f64::cos))
    }

    #[test]
    fn they_are_short() {
        assert!(milliseconds(Sound::Start) <= 120.0 && milliseconds(Sound::Stop) <= 120.0);
        assert!((200.0..=300.0).contains(&milliseconds(Sound::Problem)));
    }

    #[test]
    fn they_are_equally_loud_and_far_from_clipping() {
        for sound in Sound::ALL {
            let samples = sound.samples();
            let peak = samples.iter().fold(0f32, |peak, s| s.abs().max(peak));
            let dbfs = 20.0 * f64::from(peak).log10();
            assert!((dbfs - PEAK_DBFS).abs() < 0.01, "{sound:?}: {dbfs}");
            let mean = samples.iter().sum::<f32>() / samples.len() as f32;
            assert!(mean.abs() < 1e-4, "{sound:?} pushes the membrane to one side: {mean}");
        }
    }

    /// A jump between samples, including at the ends, would be heard as a click.
    #[test]
    fn no_sample_is_further_from_the_next_than_in_a_steady_tone() {
        for sound in Sound::ALL {
            let samples = [&[0.0], &sound.samples()[..], &[0.0]].concat();
            let peak = samples.iter().fold(0f32, |peak, s| s.abs().max(peak));
            let steepest = peak * (TAU * 2_400.0 / f64::from(RATE)) as f32;
            let jump = samples.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0f32, f32::max);
            assert!(jump <= steepest, "{sound:?}: {jump} of {steepest}");
        }
    }

    #[test]
    fn the_first_and_last_milliseconds_are_next_to_silent() {
        for sound in Sound::ALL {
            let samples = sound.samples();
            let peak = samples.iter().fold(0f32, |peak, s| s.abs().max(peak));
            let (first, last) = (&samples[..48], &samples[samples.len() - 48..]);
            let loudest = first.iter().chain(last).fold(0f32, |loudest, s| s.abs().max(loudest));
            assert!(loudest < peak / 20.0, "{sound:?}: {loudest} of {peak}");
        }
    }

    #[test]
    fn start_goes_up_stop_goes_down_and_a_problem_goes_on_alike() {
        let heard = |sound: Sound, end: bool| {
            let samples = sound.samples();
            let (first, last) = samples.split_at(samples.len() / 2);
            let half = if end { last } else { first };
            let tones = [PIP.hz, LOW.hz, HIGH.hz];
            let loudest =
                (0..3).max_by(|&a, &b| tone(half, tones[a]).total_cmp(&tone(half, tones[b])));
            loudest.unwrap()
        };
        let melody = |sound| (heard(sound, false), heard(sound, true));
        assert_eq!(melody(Sound::Start), (1, 2));
        assert_eq!(melody(Sound::Stop), (2, 1));
        assert_eq!(melody(Sound::Problem), (0, 0));
    }
}
