//! Tests with real files of many formats, and with files that are not sound.

mod any_bytes;
mod channels;
mod child;
mod cut_off;
mod damage;
mod forms;
mod fragments;
mod headers;
mod make;
mod refused;
mod timing;
mod tracks;

use super::*;
use std::fs;

/// Returns all samples of a file, and the notes about them.
fn heard(path: &Path) -> Result<(Vec<i16>, Vec<String>), MediaError> {
    track(path, None)
}

/// Returns all samples of this sound track, and the notes about them.
fn track(path: &Path, number: Option<u32>) -> Result<(Vec<i16>, Vec<String>), MediaError> {
    let mut bytes = Vec::new();
    let decoded = super::read(path, number, &mut bytes)?;
    assert_eq!(bytes.len() as u64, decoded.samples * 2);
    let pairs = bytes.chunks_exact(2);
    Ok((pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect(), decoded.notes))
}

/// Returns all samples of a file.
fn read(path: &Path) -> Result<Vec<i16>, MediaError> {
    heard(path).map(|(samples, _)| samples)
}

/// Returns the length of the samples in seconds.
fn seconds(samples: &[i16]) -> f64 {
    samples.len() as f64 / f64::from(RATE)
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media").join(name)
}

/// Writes a sine of `hertz` with half the full amplitude in the first channel, and silence in the
/// others.
fn write_tone(path: &Path, spec: hound::WavSpec, frames: u32, hertz: f64) {
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for frame in 0..frames {
        let phase = f64::from(frame) * hertz * std::f64::consts::TAU / f64::from(spec.sample_rate);
        for channel in 0..spec.channels {
            let value = if channel == 0 { phase.sin() / 2.0 } else { 0.0 };
            match spec.sample_format {
                hound::SampleFormat::Float => writer.write_sample(value as f32).unwrap(),
                hound::SampleFormat::Int => {
                    let full = f64::from(1u32 << (spec.bits_per_sample - 1)) - 1.0;
                    writer.write_sample((value * full) as i32).unwrap();
                }
            }
        }
    }
    writer.finalize().unwrap();
}

fn spec(channels: u16, sample_rate: u32, bits_per_sample: u16) -> hound::WavSpec {
    let sample_format =
        if bits_per_sample == 32 { hound::SampleFormat::Float } else { hound::SampleFormat::Int };
    hound::WavSpec { channels, sample_rate, bits_per_sample, sample_format }
}

/// Returns the amplitude of the component at `hertz` (Goertzel's sum), and the root mean square of
/// the rest. Both are measured in the middle of the sound, away from its edges.
fn component(samples: &[i16], hertz: f64) -> (f64, f64) {
    let middle = &samples[samples.len() / 8..samples.len() * 7 / 8];
    let (mut re, mut im, mut power) = (0.0, 0.0, 0.0);
    for (n, sample) in middle.iter().enumerate() {
        let (value, phase) =
            (f64::from(*sample), n as f64 * hertz * std::f64::consts::TAU / f64::from(RATE));
        re += value * phase.cos();
        im += value * phase.sin();
        power += value * value;
    }
    let count = middle.len() as f64;
    let amplitude = 2.0 * re.hypot(im) / count;
    (amplitude, (power / count - amplitude * amplitude / 2.0).max(0.0).sqrt())
}

/// Returns samples, seconds and notes of a case in `tests/media`: the sample recording, 11 s of
/// speech, in a file of that kind.
fn case(name: &str) -> (Vec<i16>, f64, String) {
    let (samples, notes) = heard(&fixture(name)).unwrap();
    let length = seconds(&samples);
    (samples, length, notes.join("; "))
}

/// Returns the loudest sample between two times, in seconds.
fn loudest(samples: &[i16], from: f64, to: f64) -> u16 {
    let [from, to] = [from, to].map(|time| (time * f64::from(RATE)) as usize);
    samples[from..to.min(samples.len())].iter().map(|it| it.unsigned_abs()).max().unwrap_or(0)
}
