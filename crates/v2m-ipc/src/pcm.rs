//! Sound between the programs: 16 kHz, mono, signed 16 bit.

use std::time::Duration;

/// The sample rate of all PCM between capture, store, sound files and engine.
pub const SAMPLE_RATE: u32 = 16_000;

/// The 16-bit value of a full-scale float 1.0. 16-bit sources are divided by this when they become
/// floats, so a sample that is converted both ways stays the same bit for bit.
const FULL_SCALE: f32 = 32_768.0;

/// The number of samples in `count` milliseconds.
pub const fn milliseconds(count: u64) -> u64 {
    count * (SAMPLE_RATE as u64 / 1000)
}

/// Returns the number of samples in a duration of whole milliseconds.
pub fn samples_in(time: Duration) -> u64 {
    milliseconds(u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 1000))
}

/// Returns the duration of this many samples, in seconds.
pub fn in_seconds(samples: u64) -> f64 {
    samples as f64 / f64::from(SAMPLE_RATE)
}

/// The number of samples in `count` seconds.
pub const fn seconds(count: u64) -> u64 {
    count * SAMPLE_RATE as u64
}

/// Converts a sample of full scale ±1.0 to signed 16 bit. It is rounded to the nearest value and
/// clamped. NaN becomes 0.
///
/// There is no dither, because it would change samples that were 16 bit before. It would only hide
/// rounding noise of −98 dBFS, which every microphone's own noise already covers.
pub fn from_float(sample: f32) -> i16 {
    // A cast from float to integer saturates, and turns NaN into 0.
    (sample * FULL_SCALE).round() as i16
}

/// Converts a 16-bit sample to a float of full scale ±1.0.
pub fn to_float(sample: i16) -> f32 {
    f32::from(sample) / FULL_SCALE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_16_bit_sample_comes_back_as_it_was() {
        for sample in i16::MIN..=i16::MAX {
            assert_eq!(from_float(to_float(sample)), sample);
        }
    }

    #[test]
    fn beyond_full_scale_is_clamped_and_between_is_rounded() {
        let odd = [1.0, 2.0, -1.5, f32::INFINITY, f32::NAN, 0.6 / 32768.0, -0.6 / 32768.0];
        assert_eq!(odd.map(from_float), [i16::MAX, i16::MAX, i16::MIN, i16::MAX, 0, 1, -1]);
    }
}
