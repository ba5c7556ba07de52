//! Tests of files that are cut off or damaged.

use super::*;

#[test]
fn a_file_that_ends_too_early_gives_what_there_is() {
    let dir = directory();
    let path = dir.path().join("x.flac");
    let whole = fs::read(fixture("tone.flac")).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let samples = read(&path).unwrap();
    assert!(!samples.is_empty() && samples.len() < read(&fixture("tone.flac")).unwrap().len());
}

/// Regression: rubato panicked over these samples, and the file was refused.
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
        // One odd sample in a tone: everything is the tone except the surroundings of that sample.
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
        // Both channels are as loud as a float can be, so their sum is infinite.
        write(&|_| f32::MAX);
        let loud = read(&path).unwrap();
        assert_eq!(loud[RATE as usize / 2], i16::MAX, "{rate}");
    }
}

#[test]
fn what_is_damaged_gives_the_rest_and_says_so() {
    let (_, seconds, notes) = case("cut-off.m4a");
    assert!(seconds > 3.0 && notes.contains("ends early"), "{seconds} {notes}");
    let (_, seconds, notes) = case("hole.mkv");
    assert!(seconds > 4.0 && notes.contains("breaks off"), "{seconds} {notes}");
}

#[test]
fn a_hole_is_silence_of_its_length_and_told() {
    let dir = directory();
    let path = dir.path().join("x.flac");
    let mut bytes = fs::read(fixture("opposite-phase.flac")).unwrap();
    let (from, to) = (bytes.len() / 3, bytes.len() / 2);
    bytes[from..to].fill(0x55);
    fs::write(&path, bytes).unwrap();
    let (samples, notes) = heard(&path).unwrap();
    let whole = read(&fixture("opposite-phase.flac")).unwrap().len();
    assert!(samples.len().abs_diff(whole) < 2000, "{} of {whole}", samples.len());
    assert!(notes.join("; ").contains("could not be decoded"), "{notes:?}");
}
