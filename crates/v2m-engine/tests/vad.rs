//! Compares v2m's Silero with whisper.cpp's, frame by frame, over the sample recording.

#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use std::path::{Path, PathBuf};
use v2m_ipc::pcm::to_float;
use v2m_recogniser::vad::{FRAME, Silero};
use whisper_rs::{WhisperVadContext, WhisperVadContextParams};

fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/ggml-silero-v6.2.0.bin")
}

fn sample() -> Vec<f32> {
    let wav =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/sample.wav")).unwrap();
    // The sample's header is the plain one of 44 bytes.
    wav[44..].chunks_exact(2).map(|b| to_float(i16::from_le_bytes([b[0], b[1]]))).collect()
}

fn ours(audio: &[f32]) -> Vec<f32> {
    let mut silero = Silero::load(&model()).unwrap();
    audio.as_chunks::<FRAME>().0.iter().map(|frame| silero.probability(frame)).collect()
}

#[test]
fn probabilities_are_those_of_whisper_cpp() {
    whisper_rs::install_logging_hooks();
    let audio = sample();
    let audio = &audio[..audio.len() / FRAME * FRAME];
    let mut parameters = WhisperVadContextParams::new();
    parameters.set_n_threads(1);
    let mut theirs = WhisperVadContext::new(model().to_str().unwrap(), parameters).unwrap();
    theirs.detect_speech(audio).unwrap();
    let ours = ours(audio);
    assert_eq!(ours.len(), theirs.probabilities().len());
    // ggml rounds the inputs of each convolution to 16-bit floats.
    let apart = |(a, b): (&f32, &f32)| (a - b).abs();
    let worst = ours.iter().zip(theirs.probabilities()).map(apart).fold(0.0, f32::max);
    assert!(worst < 0.02, "{worst}");
    assert!(ours.iter().any(|p| *p > 0.9) && ours.iter().any(|p| *p < 0.1));
}
