//! From f32 to 16-bit samples, for the store's WAV. Levels and resampling are not here: the first
//! is the daemon's, the second PipeWire's.

/// Converts samples of full scale ±1.0 to signed 16 bit: rounded to nearest, clamped, NaN to 0.
///
/// The scale is 32768, which 16-bit sources were divided by, so that those come back bit for bit.
/// No dither: it would undo just that, to mask rounding noise (−98 dBFS) that any microphone's own
/// noise covers already.
pub fn to_pcm16(samples: &[f32]) -> Vec<i16> {
    // A float to integer cast saturates, and takes NaN to 0.
    samples.iter().map(|sample| (sample * 32768.0).round() as i16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_16_bit_sample_comes_back_as_it_was() {
        let all: Vec<i16> = (i16::MIN..=i16::MAX).collect();
        let floats: Vec<f32> = all.iter().map(|&s| f32::from(s) / 32768.0).collect();
        assert_eq!(to_pcm16(&floats), all);
    }

    #[test]
    fn beyond_full_scale_is_clamped_and_between_is_rounded() {
        let odd = [1.0, 2.0, -1.5, f32::INFINITY, f32::NAN, 0.6 / 32768.0, -0.6 / 32768.0];
        assert_eq!(to_pcm16(&odd), [i16::MAX, i16::MAX, i16::MIN, i16::MAX, 0, 1, -1]);
    }
}
