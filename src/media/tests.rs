//! Real files of many forms, and files that are no sound.

use super::*;
use proptest::prelude::*;
use std::fs;
use std::io::{Read, Seek};
use std::process::Command;

const HOUR: Duration = Duration::from_secs(3600);

/// All samples of a file.
fn read(path: &Path) -> Result<Vec<i16>, MediaError> {
    let mut bytes = Vec::new();
    let decoded = super::read(path, &mut bytes)?;
    assert_eq!(bytes.len() as u64, decoded.samples * 2);
    Ok(bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect())
}

/// What a child wrote.
fn spooled(command: Command, path: &Path, longest: Duration) -> Result<Vec<u8>, MediaError> {
    let mut spool = tempfile::tempfile().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let decoded = runtime.block_on(apart::read_within(command, path, &spool, longest))?;
    let mut bytes = Vec::new();
    spool.rewind().unwrap();
    spool.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, decoded.samples * 2);
    Ok(bytes)
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media").join(name)
}

/// A sine of `hertz` with half the full amplitude in the first channel, silence in the others.
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

/// Amplitude of the component at `hertz` (Goertzel's sum), and the root mean square of the rest;
/// of the middle of the sound, away from its edges.
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
        // The silent channels are left out.
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
fn a_file_that_ends_too_early_gives_what_there_is() {
    let dir = directory();
    let path = dir.path().join("x.flac");
    let whole = fs::read(fixture("tone.flac")).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let samples = read(&path).unwrap();
    assert!(!samples.is_empty() && samples.len() < read(&fixture("tone.flac")).unwrap().len());
}

#[test]
fn what_is_no_sound_is_a_clear_error() {
    let dir = directory();
    let path = |name: &str| dir.path().join(name);
    let put = |name: &str, bytes: &[u8]| fs::write(path(name), bytes).unwrap();
    put("empty.wav", b"");
    put("text.wav", b"Dear all,\n".repeat(5000).as_slice());
    put("text.mp3", b"Dear all,\n".repeat(5000).as_slice());
    write_tone(&path("silent.wav"), spec(1, RATE, 16), 0, 1.0);
    rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe.wav"), rustix::fs::Mode::RWXU).unwrap();
    fs::create_dir(path("directory.wav")).unwrap();
    let error = |name: &str| read(&path(name)).unwrap_err();
    assert!(matches!(error("missing.wav"), MediaError::Open { .. }));
    assert!(matches!(error("empty.wav"), MediaError::Unknown { .. }));
    assert!(matches!(error("text.wav"), MediaError::Unknown { .. }));
    assert!(matches!(error("text.mp3"), MediaError::Unknown { .. }));
    assert!(matches!(error("silent.wav"), MediaError::Empty { .. }));
    assert!(matches!(error("pipe.wav"), MediaError::NotAFile { .. }));
    assert!(matches!(error("directory.wav"), MediaError::NotAFile { .. }));
    assert!(matches!(read(Path::new("/dev/zero")).unwrap_err(), MediaError::NotAFile { .. }));
    let opus = read(&fixture("opus.ogg")).unwrap_err();
    assert!(matches!(opus, MediaError::Unknown { .. }) && opus.to_string().contains("ffmpeg"));
    for name in ["missing.wav", "empty.wav", "text.wav", "silent.wav", "pipe.wav"] {
        assert!(error(name).to_string().contains(name), "{}", error(name));
    }
}

#[test]
fn a_file_that_is_too_long_is_refused() {
    let dir = directory();
    let path = dir.path().join("x.wav");
    write_tone(&path, spec(1, 8000, 16), 8000, 440.0);
    let decode = |max| {
        decode::decode(&path, open(&path).unwrap(), max, &mut Vec::new()).map(|it| it.samples)
    };
    assert_eq!(decode(u64::from(RATE)).unwrap(), u64::from(RATE));
    let error = decode(u64::from(RATE) / 2);
    assert!(matches!(error.unwrap_err(), MediaError::TooLong { .. }));
}

/// rubato panicked over them, and the file was refused.
#[test]
fn samples_that_are_no_numbers_are_silence_and_the_rest_is_heard() {
    let dir = directory();
    let path = dir.path().join("x.wav");
    let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -f32::NAN];
    for rate in [8_000, RATE, 44_100] {
        let write = |sample: &dyn Fn(u32) -> f32| {
            let mut writer = hound::WavWriter::create(&path, spec(2, rate, 32)).unwrap();
            for frame in 0..rate {
                writer.write_sample(sample(frame)).unwrap();
                writer.write_sample(sample(frame)).unwrap();
            }
            writer.finalize().unwrap();
        };
        write(&|frame| odd[frame as usize % odd.len()]);
        assert_eq!(read(&path).unwrap(), vec![0; RATE as usize], "{rate}");
        // One odd sample in a tone: all but what is next to it is the tone.
        let tone =
            |frame: u32| (frame as f32 * 440.0 * std::f32::consts::TAU / rate as f32).sin() / 2.0;
        write(&tone);
        let whole = read(&path).unwrap();
        for odd in odd {
            write(&|frame| if frame == rate / 2 { odd } else { tone(frame) });
            let heard = read(&path).unwrap();
            assert_eq!(heard.len(), whole.len());
            let differ = heard.iter().zip(&whole).filter(|(a, b)| a.abs_diff(**b) > 200).count();
            assert!(differ < 100, "{rate} {odd}: {differ} samples differ");
        }
        // As loud as a float can be, in both channels: their sum is infinite.
        write(&|_| f32::MAX);
        let loud = read(&path).unwrap();
        assert_eq!(loud[RATE as usize / 2], i16::MAX, "{rate}");
    }
}

fn script(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

#[test]
fn a_child_s_sound_and_its_reasons_come_through() {
    let dir = directory();
    let path = dir.path().join("x.wav");
    fs::write(&path, [1, 0, 0, 0x80]).unwrap();
    assert_eq!(spooled(script("cat \"$0\""), &path, HOUR).unwrap(), [1, 0, 0, 0x80]);
    let told = spooled(script("echo 'reading it: no sound' >&2; exit 65"), &path, HOUR);
    let told = told.unwrap_err();
    assert_eq!(told.to_string(), "reading it: no sound");
}

#[test]
fn a_child_that_dies_is_an_error_about_its_file() {
    let dir = directory();
    let path = dir.path().join("x.wav");
    fs::write(&path, b"x").unwrap();
    for death in ["kill -ABRT $$", "cat /dev/zero | head -c 5000; exit 101", "exit 65", "printf x"]
    {
        let error = spooled(script(death), &path, HOUR).unwrap_err();
        assert!(matches!(error, MediaError::Broken { .. }), "{death}: {error}");
    }
    let error = spooled(Command::new("/nowhere/v2m"), &path, HOUR).unwrap_err();
    assert!(matches!(error, MediaError::Child { .. }));
}

#[test]
fn a_disk_that_is_full_is_told() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (mut output, mut errors) = (full, Vec::new());
    let code = apart::answer(&fixture("tone.flac"), &mut output, &mut errors);
    let errors = String::from_utf8(errors).unwrap();
    assert!(code == 65 && errors.contains("make room"), "{errors}");
}

/// Also one that has closed its output: it would be waited for all the same.
#[test]
fn a_child_that_does_not_end_is_ended() {
    let dir = directory();
    let path = dir.path().join("x.wav");
    fs::write(&path, b"x").unwrap();
    for hang in ["exec sleep 3600", "printf xx; exec sleep 3600 >&- 2>&-"] {
        let limit = Duration::from_millis(50);
        let error = spooled(script(hang), &path, limit).unwrap_err();
        assert!(matches!(error, MediaError::Stuck { .. }), "{hang}: {error}");
    }
}

/// The parent opens nothing: a file system that does not answer would hold it.
#[test]
fn only_the_child_opens_the_file() {
    let told =
        spooled(script("printf xx; echo \"$0\" >&2; exit 65"), Path::new("/nowhere/x"), HOUR);
    assert_eq!(told.unwrap_err().to_string(), "/nowhere/x");
}

#[test]
fn a_child_whose_caller_leaves_is_ended() {
    let dir = directory();
    let (path, pid) = (dir.path().join("x.wav"), dir.path().join("pid"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let gone = |pid: &str| !Path::new(&format!("/proc/{pid}/cmdline")).exists();
    runtime.block_on(async {
        let mut command = script("echo $$ > \"$1.new\"; mv \"$1.new\" \"$1\"; exec sleep 3600");
        command.arg("sh").arg(&pid);
        let spool = tempfile::tempfile().unwrap();
        let reading = apart::read_within(command, &path, &spool, HOUR);
        let begun = async {
            while !pid.exists() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            result = reading => panic!("{result:?}"),
            () = begun => {}
        }
        let pid = fs::read_to_string(&pid).unwrap();
        // The runtime collects what it has killed.
        while !gone(pid.trim()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
}

#[test]
fn the_child_writes_its_samples_or_says_why_not() {
    let dir = directory();
    let path = dir.path().join("x.wav");
    write_tone(&path, spec(1, RATE, 16), 100, 440.0);
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    assert_eq!(apart::answer(&path, &mut output, &mut errors), 0);
    let samples = read(&path).unwrap();
    assert_eq!(output, samples.iter().flat_map(|s| s.to_le_bytes()).collect::<Vec<_>>());
    assert_eq!(apart::answer(dir.path(), &mut output, &mut errors), 65);
    assert!(String::from_utf8(errors).unwrap().contains("regular file"));
}

/// Seconds and notes of a case in `tests/media`: the sample recording, 11 s of speech, in a file of that kind.
fn case(name: &str) -> (Vec<i16>, f64, String) {
    let mut bytes = Vec::new();
    let decoded = super::read(&fixture(name), &mut bytes).unwrap();
    let samples: Vec<_> =
        bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let seconds = samples.len() as f64 / f64::from(RATE);
    (samples, seconds, decoded.notes.join("; "))
}

/// The loudest sample between two times, in seconds.
fn loudest(samples: &[i16], from: f64, to: f64) -> u16 {
    let [from, to] = [from, to].map(|time| (time * f64::from(RATE)) as usize);
    samples[from..to.min(samples.len())].iter().map(|it| it.unsigned_abs()).max().unwrap_or(0)
}

#[test]
fn sound_that_changes_its_form_is_heard_to_its_end() {
    let (samples, seconds, notes) = case("mono-then-stereo.mp3");
    assert!((9.5..10.7).contains(&seconds) && notes.is_empty(), "{seconds} {notes}");
    assert!(loudest(&samples, 7.0, seconds) > 3000);
}

#[test]
fn what_is_damaged_gives_the_rest_and_says_so() {
    let (_, seconds, notes) = case("cut-off.m4a");
    assert!(seconds > 3.0 && notes.contains("ends early"), "{seconds} {notes}");
    let (_, seconds, notes) = case("hole.mkv");
    assert!(seconds > 4.0 && notes.contains("breaks off"), "{seconds} {notes}");
}

#[test]
fn sound_stands_where_its_time_stamps_say() {
    let (samples, seconds, notes) = case("sound-5s-late.mp4");
    assert!((9.5..10.7).contains(&seconds) && notes.is_empty(), "{seconds} {notes}");
    assert!(loudest(&samples, 0.0, 4.9) < 50 && loudest(&samples, 5.0, seconds) > 3000);
    let (samples, seconds, notes) = case("gap-of-7s.mkv");
    assert!(seconds > 12.0 && notes.is_empty(), "{seconds} {notes}");
    let silent =
        (0..(seconds as usize)).filter(|s| loudest(&samples, *s as f64, *s as f64 + 1.0) < 50);
    assert!(silent.count() >= 6);
}

#[test]
fn what_an_edit_list_hides_is_not_heard() {
    let (_, seconds, notes) = case("trimmed-by-edit-list.mp4");
    assert!((5.6..5.8).contains(&seconds) && notes.is_empty(), "{seconds} {notes}");
}

#[test]
fn a_track_that_is_not_silent_is_taken() {
    let (samples, seconds, notes) = case("first-track-silent.mp4");
    assert!(loudest(&samples, 0.0, seconds) > 3000);
    assert!(notes.contains("track 2 of its 2"), "{notes}");
}

#[test]
fn channels_that_cancel_one_another_are_heard() {
    let (samples, seconds, notes) = case("opposite-phase.flac");
    assert!(loudest(&samples, 0.0, seconds) > 3000 && notes.is_empty(), "{seconds} {notes}");
}

/// Two voices in four channels, one loud: neither is left out, and the silent channels do not turn them down.
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

/// Opposite phases with some noise of their own: one of them all the time, or each change of sign is a click.
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

/// What an edit list of these entries (milliseconds, ticks of 16 kHz) shows of the 11 s of a case.
fn edited(entries: &[(u32, i32)]) -> (f64, String) {
    let dir = directory();
    let path = dir.path().join("x.mp4");
    let mut bytes = fs::read(fixture("trimmed-by-edit-list.mp4")).unwrap();
    // The sound's is the last. It becomes longer, at the end of a file whose tables come last, so only lengths change.
    let at = bytes.windows(4).rposition(|name| name == b"elst").unwrap() - 4;
    let old = 28;
    let mut list = b"elst\0\0\0\0".to_vec();
    list.extend(u32::try_from(entries.len()).unwrap().to_be_bytes());
    for (duration, media) in entries {
        list.extend(duration.to_be_bytes().iter().chain(&media.to_be_bytes()));
        list.extend(0x1_0000_u32.to_be_bytes());
    }
    let size = u32::try_from(list.len() + 4).unwrap();
    bytes.splice(at..at + old, size.to_be_bytes().into_iter().chain(list));
    let more = size - old as u32;
    for name in [b"moov", b"trak", b"edts"] {
        let at = bytes.windows(4).rposition(|other| other == name).unwrap() - 4;
        let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) + more;
        bytes[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }
    fs::write(&path, bytes).unwrap();
    let mut output = Vec::new();
    let decoded = super::read(&path, &mut output).unwrap();
    (decoded.samples as f64 / f64::from(RATE), decoded.notes.join("; "))
}

#[test]
fn every_stretch_that_an_edit_list_shows_is_heard() {
    let second = 16_000;
    for (entries, seconds) in [
        (&[(2000, second), (3000, 6 * second)][..], 5.0),
        (&[(2000, 0), (2000, -1), (4000, 2 * second)], 8.0),
        (&[(1000, -1), (3000, second)], 4.0),
    ] {
        let (heard, notes) = edited(entries);
        assert!((heard - seconds).abs() < 0.15 && notes.is_empty(), "{entries:?}: {heard} {notes}");
    }
    // Out of order: all of it, and it is said.
    let (heard, notes) = edited(&[(2000, 6 * second), (4000, 0)]);
    assert!(heard > 10.0 && notes.contains("edit list"), "{heard} {notes}");
}

#[test]
fn a_hole_is_silence_of_its_length_and_told() {
    let dir = directory();
    let path = dir.path().join("x.flac");
    let mut bytes = fs::read(fixture("opposite-phase.flac")).unwrap();
    let (from, to) = (bytes.len() / 3, bytes.len() / 2);
    bytes[from..to].fill(0x55);
    fs::write(&path, bytes).unwrap();
    let mut output = Vec::new();
    let decoded = super::read(&path, &mut output).unwrap();
    let whole = read(&fixture("opposite-phase.flac")).unwrap().len() as u64;
    assert!(decoded.samples.abs_diff(whole) < 2000, "{} of {whole}", decoded.samples);
    assert!(decoded.notes.join("; ").contains("could not be decoded"), "{:?}", decoded.notes);
}

/// A WAV file of a second, with these lengths in its header in place of the true ones, and with this behind its sound.
fn wav_that_says(riff: u32, data: u32, behind: &[u8]) -> (Vec<i16>, Vec<String>) {
    let dir = directory();
    let path = dir.path().join("x.wav");
    write_tone(&path, spec(1, RATE, 16), RATE, 440.0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[4..8].copy_from_slice(&riff.to_le_bytes());
    bytes[40..44].copy_from_slice(&data.to_le_bytes());
    bytes.extend(behind);
    fs::write(&path, bytes).unwrap();
    let mut output = Vec::new();
    let decoded = super::read(&path, &mut output).unwrap();
    let pairs = output.chunks_exact(2);
    (pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect(), decoded.notes)
}

#[test]
fn a_files_length_outranks_its_header() {
    let true_data = RATE * 2;
    for (riff, data) in [
        (8, 0),
        (0x7fff_ff24, 0x7fff_ff00),
        (8, 0x8000_0000),
        (0, 0),
        (u32::MAX, u32::MAX),
        (100, true_data),
        (true_data + 36, 1000),
    ] {
        let (samples, notes) = wav_that_says(riff, data, &[]);
        assert_eq!((samples.len(), notes.len()), (RATE as usize, 0), "{riff} {data}");
    }
    // What follows the sound is not sound.
    let (samples, _) = wav_that_says(8, true_data, b"LIST\x04\0\0\0INFO");
    assert_eq!(samples.len(), RATE as usize);
    for behind in [&b"_PMX\x04\0\0\0<x/>"[..], b"LIST\xff\0\0\0INFO"] {
        assert_eq!(wav_that_says(8, true_data, behind).0.len(), RATE as usize);
    }
    // Cut off.
    let (samples, notes) = wav_that_says(8, true_data * 2, &[]);
    assert_eq!(samples.len(), RATE as usize);
    assert!(notes[0].contains("ends early"), "{notes:?}");
}

#[test]
fn rf64_is_read() {
    let dir = directory();
    let path = dir.path().join("x.wav");
    write_tone(&path, spec(1, RATE, 16), RATE, 440.0);
    let whole = read(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let long = u64::from(RATE) * 2;
    let ds64 = [(long + 72).to_le_bytes(), long.to_le_bytes(), u64::from(RATE).to_le_bytes()];
    let head = [&b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0"[..], &ds64.concat(), &[0; 4]].concat();
    let mut rest = bytes[12..].to_vec();
    rest[28..32].copy_from_slice(&u32::MAX.to_le_bytes());
    fs::write(&path, [head, rest].concat()).unwrap();
    assert_eq!(read(&path).unwrap(), whole);
}

/// How many samples came; `None` for an error, and for a panic of the decoder, which some damage
/// causes: that is what the child process is for.
fn read_as_a_child(path: &Path) -> Option<usize> {
    std::panic::catch_unwind(|| read(path)).ok()?.ok().map(|samples| samples.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_files_are_read_or_refused(
        name in prop_oneof![Just("tone.flac"), Just("tone.ogg"), Just("tone.mp3"), Just("tone.aiff")],
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..20),
        head in any::<bool>(),
    ) {
        let mut bytes = fs::read(fixture(name)).unwrap();
        let reach = if head { bytes.len().min(120) } else { bytes.len() };
        for (index, byte) in damage {
            bytes[index.index(reach)] = byte;
        }
        let dir = directory();
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        prop_assert_ne!(read_as_a_child(&path), Some(0));
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        magic in prop_oneof!["RIFF....WAVEfmt ", "fLaC", "OggS", "ID3", "FORM....AIFF", "caff", "....ftyp", ""],
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let dir = directory();
        let path = dir.path().join("x");
        fs::write(&path, [magic.as_bytes(), &bytes].concat()).unwrap();
        prop_assert_ne!(read_as_a_child(&path), Some(0));
    }
}
