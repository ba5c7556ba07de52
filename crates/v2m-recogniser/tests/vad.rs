//! Tests of Silero with the sample recording: its state from earlier frames matters, and is cleared
//! when it should be. A test of `v2m-engine` compares its figures with whisper.cpp's.

#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use std::path::{Path, PathBuf};
use v2m_ipc::pcm::to_float;
use v2m_recogniser::vad::{FRAME, Silero};

fn assets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets")
}

fn silero() -> Silero {
    Silero::load(&assets().join("ggml-silero-v6.2.0.bin")).unwrap()
}

fn sample() -> Vec<f32> {
    let wav = std::fs::read(assets().join("sample.wav")).unwrap();
    // The sample's header is the plain one of 44 bytes.
    wav[44..].chunks_exact(2).map(|b| to_float(i16::from_le_bytes([b[0], b[1]]))).collect()
}

fn heard(silero: &mut Silero, audio: &[f32]) -> Vec<f32> {
    audio.as_chunks::<FRAME>().0.iter().map(|frame| silero.probability(frame)).collect()
}

#[test]
fn the_past_matters_and_reset_forgets_it() {
    let audio = sample();
    let mut used = silero();
    let whole = heard(&mut used, &audio);
    assert!(whole.iter().any(|p| *p > 0.9) && whole.iter().any(|p| *p < 0.1));
    assert_ne!(whole[100..], heard(&mut silero(), &audio[100 * FRAME..]));
    used.reset();
    assert_eq!(whole, heard(&mut used, &audio));
}
