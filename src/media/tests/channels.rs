//! Tests of the mixing of channels.

use super::*;

#[test]
fn channels_that_cancel_one_another_are_heard() {
    let (samples, seconds, notes) = case("opposite-phase.flac");
    assert!(loudest(&samples, 0.0, seconds) > 3000 && notes.is_empty(), "{seconds} {notes}");
}

/// Two voices in four channels, one of them loud: both are kept, and the silent channels do not
/// make them quieter.
#[test]
fn everybody_is_heard_however_many_channels_there_are() {
    let dir = directory();
    let path = dir.path().join("x.wav");
    let mut writer = hound::WavWriter::create(&path, spec(4, RATE, 16)).unwrap();
    let tone = |frame: u32, hertz: f64, level: f64| {
        let phase = f64::from(frame) * hertz / f64::from(RATE) * std::f64::consts::TAU;
        (phase.sin() * level) as i16
    };
    for frame in 0..RATE {
        for sample in [tone(frame, 440.0, 16_000.0), tone(frame, 1000.0, 4_000.0), 0, 0] {
            writer.write_sample(sample).unwrap();
        }
    }
    writer.finalize().unwrap();
    let samples = read(&path).unwrap();
    for (hertz, expected) in [(440.0, 8_000.0), (1000.0, 2_000.0)] {
        let (amplitude, _) = component(&samples, hertz);
        assert!((amplitude - expected).abs() < 50.0, "{hertz}: {amplitude}");
    }
}

/// Two channels with opposite phases and some noise of their own: one channel is used throughout,
/// because each change of sign would be a click.
#[test]
fn of_channels_that_cancel_one_another_one_is_kept() {
    let dir = directory();
    let path = dir.path().join("x.wav");
    let mut writer = hound::WavWriter::create(&path, spec(2, RATE, 16)).unwrap();
    let mut noise = 1_u32;
    for frame in 0..RATE * 4 {
        let phase = f64::from(frame) * 440.0 / f64::from(RATE) * std::f64::consts::TAU;
        for sign in [1.0, -1.0] {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let sample = phase.sin() * 8_000.0 * sign + f64::from(noise >> 26);
            writer.write_sample(sample as i16).unwrap();
        }
    }
    writer.finalize().unwrap();
    let samples = read(&path).unwrap();
    let (amplitude, rest) = component(&samples, 440.0);
    assert!(amplitude > 7_900.0 && rest < 300.0, "{amplitude} {rest}");
}
