//! Tests that the machine meets the other tests' assumptions. If these tests fail, the others prove
//! nothing.

use crate::lab::{self, Lab, Playing};
use std::process::Command;

/// 48 kHz mono, like the virtual microphone, so that nothing is resampled.
const SPEC: hound::WavSpec = hound::WavSpec {
    channels: 1,
    sample_rate: 48_000,
    bits_per_sample: 16,
    sample_format: hound::SampleFormat::Int,
};

#[test]
fn the_virtual_microphone_carries_sound_sample_by_sample() {
    let _lab = Lab::new();
    let dir = tempfile::tempdir().unwrap();
    let (fed, heard) = (dir.path().join("fed.wav"), dir.path().join("heard.wav"));
    // Noise without repetition matches itself at one position only. (The generator of Numerical
    // Recipes.)
    let mut seed = 1_u32;
    let noise = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 17) as i16 - (1 << 14)
    });
    let noise: Vec<i16> = noise.take(48_000).collect();
    let mut writer = hound::WavWriter::create(&fed, SPEC).unwrap();
    // pw-cat plays whole quanta and drops the rest, so silence follows.
    let silence = std::iter::repeat_n(&0, 2048);
    noise.iter().chain(silence).for_each(|&s| writer.write_sample(s).unwrap());
    writer.finalize().unwrap();

    let mut recorder = Command::new("pw-record")
        .args(["--target", "vmic", "--rate", "48000", "--channels", "1", "--format", "s16"])
        .args(["-P", "{ node.name=recorder }"])
        .arg(&heard)
        .spawn()
        .unwrap();
    lab::wait_for("the recorder's link", || {
        lab::run("pw-link", &["--links"]).contains("recorder").then_some(())
    });
    Playing::start(&fed).finish();
    // Like Ctrl+C, so that the file is closed properly.
    lab::run("kill", &["-INT", &recorder.id().to_string()]);
    lab::ended("the recorder", &mut recorder);

    let heard = hound::WavReader::open(&heard).unwrap().into_samples().map(Result::unwrap);
    let heard: Vec<i16> = heard.collect();
    let near = |a: &i16, b: &i16| a.abs_diff(*b) <= 1;
    let fits = |at: &[i16]| at.iter().zip(&noise).all(|(a, b)| near(a, b));
    assert!(heard.windows(noise.len()).any(fits), "{} samples do not hold it", heard.len());
}

#[test]
fn the_clipboard_gives_back_what_was_copied() {
    let _lab = Lab::new();
    lab::copy("Grüße, “日本” €");
    assert_eq!(lab::clipboard().as_deref(), Some("Grüße, “日本” €"));
}

#[test]
fn notifications_can_be_read_back_with_the_ones_they_replace() {
    let lab = Lab::new();
    let id = lab::run("notify-send", &["--print-id", "first", "two\nlines"]);
    lab::run("notify-send", &["--replace-id", id.trim(), "second", ""]);
    let told = lab::wait_for("two notifications", || {
        Some(lab.notifications()).filter(|told| told.len() == 2)
    });
    assert_eq!((told[0].summary.as_str(), told[0].body.as_str()), ("first", "two\nlines"));
    assert_eq!((told[1].summary.as_str(), &told[1].id), ("second", &told[0].id));
}

#[test]
fn the_journal_keeps_what_services_say() {
    let _lab = Lab::new();
    lab::run("systemd-cat", &["--identifier=speaker", "echo", "hello"]);
    lab::wait_for("the journal", || {
        lab::run("journalctl", &["--user", "--identifier=speaker", "--output=cat"])
            .lines()
            .any(|line| line == "hello")
            .then_some(())
    });
}
