//! Tests of sound in many formats: rates, channels, codecs, joined files.

use super::*;

#[test]
fn sixteen_khz_mono_comes_back_bit_for_bit() {
    let dir = directory();
    let path = dir.path().join("x.wav");
    let samples: Vec<i16> = (i16::MIN..=i16::MAX).collect();
    let mut writer = hound::WavWriter::create(&path, spec(1, RATE, 16)).unwrap();
    samples.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
    writer.finalize().unwrap();
    assert_eq!(read(&path).unwrap(), samples);
}

#[test]
fn any_rate_and_any_channels_keep_length_pitch_and_level() {
    let dir = directory();
    let path = dir.path().join("x.wav");
    let rates = [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000, 12_345];
    for (index, rate) in rates.into_iter().enumerate() {
        let channels = [1, 2, 6][index % 3];
        let spec = spec(channels, rate, [16, 24, 32][index / 3]);
        write_tone(&path, spec, rate * 3 / 2, 1000.0);
        let samples = read(&path).unwrap();
        assert_eq!(samples.len(), 24_000, "{spec:?}");
        let (amplitude, rest) = component(&samples, 1000.0);
        // The silent channels are not mixed in.
        let expected = 16_384.0;
        assert!((amplitude / expected - 1.0).abs() < 0.01, "{spec:?}: {amplitude}");
        assert!(rest < expected / 300.0, "{spec:?}: {rest}");
    }
}

#[test]
fn what_sixteen_khz_cannot_carry_is_not_folded_back() {
    let dir = directory();
    let path = dir.path().join("x.wav");
    write_tone(&path, spec(1, 48_000, 16), 48_000, 9_500.0);
    let (_, rest) = component(&read(&path).unwrap(), 1000.0);
    assert!(rest < 20.0, "{rest}");
}

#[test]
fn sound_stays_where_it_was() {
    let dir = directory();
    let path = dir.path().join("x.wav");
    let mut writer = hound::WavWriter::create(&path, spec(1, 48_000, 16)).unwrap();
    for frame in 0..48_000 {
        writer.write_sample(if frame == 30_000 { i16::MAX } else { 0 }).unwrap();
    }
    writer.finalize().unwrap();
    let samples = read(&path).unwrap();
    let loudest = samples.iter().enumerate().max_by_key(|(_, sample)| sample.unsigned_abs());
    assert!(loudest.unwrap().0.abs_diff(10_000) <= 1, "{loudest:?}");
}

#[test]
fn compressed_files_are_heard() {
    for name in ["tone.flac", "tone.ogg", "tone.mp3", "tone.aiff"] {
        let samples = read(&fixture(name)).unwrap();
        let (amplitude, rest) = component(&samples, 1000.0);
        assert!((amplitude - 16_384.0).abs() < 600.0, "{name}: {amplitude}");
        assert!(rest < 300.0, "{name}: {rest}");
    }
}

#[test]
fn sound_that_changes_its_form_is_heard_to_its_end() {
    let (samples, seconds, notes) = case("mono-then-stereo.mp3");
    assert!((9.5..10.7).contains(&seconds) && notes.is_empty(), "{seconds} {notes}");
    assert!(loudest(&samples, 7.0, seconds) > 3000);
}

#[test]
fn files_that_were_joined_are_heard_to_the_end() {
    let dir = directory();
    for name in ["tone.mp3", "tone.ogg"] {
        let path = dir.path().join(name);
        let one = fs::read(fixture(name)).unwrap();
        fs::write(&path, [one.clone(), one].concat()).unwrap();
        let (one, two) = (read(&fixture(name)).unwrap().len(), read(&path).unwrap().len());
        assert!(two * 10 > one * 17, "{name}: {two} of twice {one}");
    }
}

/// Tags and similar data after the sound.
#[test]
fn what_stands_behind_the_sound_is_no_damage() {
    let dir = directory();
    let id3v1 = [&b"TAG"[..], b"A title", &[0; 118]].concat();
    let ape = [&b"APETAGEX\xd0\x07\0\0\x20\0\0\0"[..], &[0; 16]].concat();
    for name in ["tone.mp3", "tone.flac", "tone.ogg", "tone.aiff"] {
        let whole = fs::read(fixture(name)).unwrap();
        let (alone, _) = heard(&fixture(name)).unwrap();
        for behind in [&id3v1[..], &ape, &[0; 1000], b"\n"] {
            let path = dir.path().join(name);
            fs::write(&path, [&whole[..], behind].concat()).unwrap();
            let (samples, notes) = heard(&path).unwrap();
            // symphonia loses the last frame of a FLAC file to the data after it, 0.07 s here.
            let other = samples.len().abs_diff(alone.len());
            assert!(other < 1600 && notes.is_empty(), "{name}: {other} samples, {notes:?}");
        }
    }
    // The files are joined, each with its own tags.
    let one = fs::read(fixture("tone.mp3")).unwrap();
    let path = dir.path().join("x.mp3");
    fs::write(&path, [&one[..], &id3v1, &one, &id3v1].concat()).unwrap();
    assert_eq!(heard(&path).unwrap().1, [""; 0]);
}
