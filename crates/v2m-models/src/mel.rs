//! The mel filter bank in a ggml file. whisper.cpp multiplies spectra with it and computes none
//! itself.
//!
//! Slaney's scale, as in librosa's defaults and OpenAI's `mel_filters.npz`: linear below 1 kHz,
//! logarithmic above, each triangle scaled to unit area. Computed in f64 and rounded to f32 where
//! librosa rounds, so that the bits match the published ones.

/// Number of bins of a spectrum: 400 samples at 16 kHz.
pub(crate) const BINS: usize = 201;

const LINEAR_STEP: f64 = 200.0 / 3.0;
const BREAK_HZ: f64 = 1000.0;
const BREAK_MEL: f64 = BREAK_HZ / LINEAR_STEP;

fn log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

fn to_mel(hz: f64) -> f64 {
    if hz < BREAK_HZ { hz / LINEAR_STEP } else { BREAK_MEL + (hz / BREAK_HZ).ln() / log_step() }
}

fn to_hz(mel: f64) -> f64 {
    if mel < BREAK_MEL {
        mel * LINEAR_STEP
    } else {
        BREAK_HZ * (log_step() * (mel - BREAK_MEL)).exp()
    }
}

/// Returns `mels` rows of [`BINS`] weights.
pub(crate) fn filters(mels: usize) -> Vec<f32> {
    let step = to_mel(8000.0) / (mels + 1) as f64;
    let mut edges: Vec<f64> = (0..=mels).map(|i| to_hz(i as f64 * step)).collect();
    edges.push(to_hz(to_mel(8000.0)));
    let mut bank = Vec::with_capacity(mels * BINS);
    for e in edges.windows(3) {
        let scale = 2.0 / (e[2] - e[0]);
        for bin in 0..BINS {
            let hz = bin as f64 * 40.0;
            let rise = (hz - e[0]) / (e[1] - e[0]);
            let fall = (e[2] - hz) / (e[2] - e[1]);
            let height = rise.min(fall).max(0.0) as f32;
            // `+ 0.0` turns -0.0 into +0.0, as in the published files.
            bank.push((f64::from(height) * scale) as f32 + 0.0);
        }
    }
    bank
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_filter_is_a_triangle_of_unit_area() {
        for mels in [80, 128] {
            let bank = filters(mels);
            assert_eq!(bank.len(), mels * BINS);
            for row in bank.chunks(BINS) {
                assert!(row.iter().all(|w| *w >= 0.0 && w.is_sign_positive()));
                let area: f32 = row.iter().sum::<f32>() * 40.0;
                // 40 Hz bins sample the narrow low triangles coarsely: with 128 mels these are 46
                // Hz wide.
                assert!((0.3..1.7).contains(&area), "{area}");
            }
        }
    }

    #[test]
    fn known_values() {
        // First filters of OpenAI's mel_filters.npz (80 mels).
        let bank = filters(80);
        assert_eq!(bank[0], 0.0);
        assert!((bank[1] - 0.024_862_6).abs() < 1e-6, "{}", bank[1]);
        assert!((to_hz(to_mel(440.0)) - 440.0).abs() < 1e-9);
        assert!((to_hz(to_mel(4400.0)) - 4400.0).abs() < 1e-9);
    }
}
