//! Tests of headers that declare less, or more, than there is.

use super::*;

/// Makes a WAV file of a second with these lengths in its header instead of the true ones, and with
/// `behind` after its sound.
fn wav_that_says(riff: u32, data: u32, behind: &[u8]) -> (Vec<i16>, Vec<String>) {
    let dir = directory();
    let path = dir.path().join("x.wav");
    write_tone(&path, spec(1, RATE, 16), RATE, 440.0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[4..8].copy_from_slice(&riff.to_le_bytes());
    bytes[40..44].copy_from_slice(&data.to_le_bytes());
    bytes.extend(behind);
    fs::write(&path, bytes).unwrap();
    heard(&path).unwrap()
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
    // The data after the sound is not sound.
    let (samples, _) = wav_that_says(8, true_data, b"LIST\x04\0\0\0INFO");
    assert_eq!(samples.len(), RATE as usize);
    for behind in [&b"_PMX\x04\0\0\0<x/>"[..], b"LIST\xff\0\0\0INFO"] {
        assert_eq!(wav_that_says(8, true_data, behind).0.len(), RATE as usize);
    }
    // The file is cut off.
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
