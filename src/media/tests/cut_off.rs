//! Tests of files that are shorter than they declare, and of files from recorders that were killed.

use super::make::{self, tone};
use super::*;

/// Returns samples and notes of a file with these bytes.
fn of(name: &str, bytes: &[u8]) -> (Vec<i16>, String) {
    let dir = directory();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    let (samples, notes) = heard(&path).unwrap_or_else(|error| panic!("{error}"));
    (samples, notes.join("; "))
}

/// Asserts that a file has this sound and these notes.
#[track_caller]
fn assert_is(heard: &(Vec<i16>, String), sound: &[i16], notes: &str, case: &str) {
    assert_eq!((heard.0.len(), heard.1.as_str()), (sound.len(), notes), "{case}");
    assert!(heard.0 == sound, "{case}: other samples");
}

const EARLY: &str = "it ends early: its header promises more sound than there is";

#[test]
fn aiff_and_caf_give_the_sound_that_is_there() {
    let sound = tone(32_000);
    for (name, bytes, behind) in
        [("x.aiff", make::aiff(&sound), 14), ("x.caf", make::caf(&sound), 112)]
    {
        let end = bytes.len() - behind;
        assert_is(&of(name, &bytes), &sound, "", name);
        let cut = of(name, &bytes[..end - 20_000]);
        assert_is(&cut, &sound[..22_000], EARLY, name);
        // An odd number of bytes.
        let cut = of(name, &bytes[..end - 1]);
        assert_is(&cut, &sound[..31_999], EARLY, name);
        // The missing part is not sound then.
        for left in [0, 1, 5, 9, behind - 1] {
            let cut = of(name, &bytes[..end + left]);
            assert_is(&cut, &sound, "", &format!("{name}, {left} bytes behind its sound"));
        }
    }
}

#[test]
fn aiff_and_caf_of_a_recorder_that_was_killed_are_heard() {
    let sound = tone(32_000);
    let (aiff, caf) = (make::aiff(&sound), make::caf(&sound));
    let (aiff, caf) = (&aiff[..aiff.len() - 14], &caf[..caf.len() - 112]);
    for (form, data) in [(0_u32, 0_u32), (46, 8), (u32::MAX, u32::MAX), (4, 0x7fff_ff00)] {
        let mut bytes = aiff.to_vec();
        bytes[4..8].copy_from_slice(&form.to_be_bytes());
        bytes[42..46].copy_from_slice(&data.to_be_bytes());
        assert_is(&of("x.aiff", &bytes), &sound, "", &format!("{form} {data}"));
    }
    for data in [-1_i64, 0, 4] {
        let mut bytes = caf.to_vec();
        bytes[56..64].copy_from_slice(&data.to_be_bytes());
        assert_is(&of("x.caf", &bytes), &sound, "", &format!("{data}"));
    }
}

/// Finds the last element of a Matroska file with this id. Returns where it begins, and where its
/// body begins.
fn element(bytes: &[u8], id: &[u8]) -> (usize, usize) {
    let at = bytes.windows(id.len()).rposition(|found| found == id).unwrap();
    let size = bytes[at + id.len()].leading_zeros() as usize + 1;
    (at, at + id.len() + size)
}

const SEGMENT: &[u8] = &[0x18, 0x53, 0x80, 0x67];
const CUES: &[u8] = &[0x1c, 0x53, 0xbb, 0x6b];

#[test]
fn a_matroska_file_gives_the_sound_that_is_there() {
    let bytes = fs::read(fixture("gap-of-7s.mkv")).unwrap();
    let (whole, notes) = of("x.mkv", &bytes);
    assert_eq!(notes, "");
    let (cues, _) = element(&bytes, CUES);
    // The cut is in the index after the sound.
    for cut in [bytes.len() - 1, bytes.len() - 7, cues + 2] {
        assert_is(&of("x.mkv", &bytes[..cut]), &whole, "", &format!("{cut}"));
    }
    for cut in [cues - 3, cues - 1000] {
        let (samples, notes) = of("x.mkv", &bytes[..cut]);
        assert!(samples.len() + 16_000 > whole.len() && whole.starts_with(&samples[..100_000]));
        assert!(notes.starts_with("it ends early"), "{notes}");
    }
    let (samples, notes) = of("x.mkv", &bytes[..bytes.len() / 3]);
    assert!(samples.len() > 16_000, "{}", samples.len());
    assert!(notes.contains(" of 1") && notes.contains("ends early"), "{notes}");
}

/// A file as left by a recorder that writes into a pipe, or was killed.
#[test]
fn a_matroska_file_that_does_not_say_how_long_it_is_is_heard() {
    let mut bytes = fs::read(fixture("gap-of-7s.mkv")).unwrap();
    let (whole, _) = of("x.mkv", &bytes);
    let (cues, _) = element(&bytes, CUES);
    let (at, body) = element(&bytes, SEGMENT);
    bytes[at + 4..body].fill(0xff);
    bytes[at + 4] >>= body - at - 5;
    assert_is(&of("x.mkv", &bytes), &whole, "", "whole");
    assert_is(&of("x.mkv", &bytes[..cues]), &whole, "", "without an index");
    let (samples, notes) = of("x.mkv", &bytes[..cues - 3000]);
    assert!(samples.len() > 16_000 && notes.contains("ends early"), "{} {notes}", samples.len());
}

#[test]
fn an_mp4_file_without_its_tables_is_told_as_such() {
    let dir = directory();
    let path = dir.path().join("x.m4a");
    let bytes = [make::boxed(b"ftyp", b"M4A \0\0\0\0isom"), make::boxed(b"mdat", &[7; 5000])];
    fs::write(&path, bytes.concat()).unwrap();
    let error = heard(&path).unwrap_err();
    assert!(matches!(error, MediaError::Broken { .. }));
    assert!(error.to_string().contains("table of contents (moov) is missing"), "{error}");
}

/// Damage in the second of two streams that were joined to one file.
#[test]
fn a_stream_of_an_ogg_file_that_cannot_be_read_is_told() {
    let one = fs::read(fixture("tone.ogg")).unwrap();
    let (alone, _) = of("x.ogg", &one);
    // The second stream gets another number, as an encoder would give it.
    let other = renumbered(&one, 77);
    let joined = |second: &[u8]| of("x.ogg", &[&one[..], second, &renumbered(&one, 78)].concat());
    let (samples, notes) = joined(&other);
    assert_eq!((samples.len(), notes.as_str()), (alone.len() * 3, ""));
    let pages: Vec<_> = other.windows(4).enumerate().filter(|(_, it)| it == b"OggS").collect();
    // Damage its first page, the page after that, and the mark of its first page.
    for place in [pages[0].0 + 30, pages[1].0 + 40, pages[0].0] {
        let mut damaged = other.clone();
        damaged[place] ^= 0xff;
        let (samples, notes) = joined(&damaged);
        assert_eq!(samples.len(), alone.len() * 2, "{place}");
        assert!(notes.contains("one of the streams that were joined to it"), "{place}: {notes}");
    }
}

/// Gives an Ogg stream another number.
fn renumbered(stream: &[u8], serial: u32) -> Vec<u8> {
    let mut bytes = stream.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let segments = usize::from(bytes[at + 26]);
        let body: usize =
            bytes[at + 27..at + 27 + segments].iter().map(|it| usize::from(*it)).sum();
        let page = &mut bytes[at..at + 27 + segments + body];
        page[14..18].copy_from_slice(&serial.to_le_bytes());
        page[22..26].fill(0);
        let check = page.iter().fold(0_u32, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte) << 24, |sum, _| {
                if sum >> 31 == 1 { sum << 1 ^ 0x04c1_1db7 } else { sum << 1 }
            })
        });
        page[22..26].copy_from_slice(&check.to_le_bytes());
        at += page.len();
    }
    bytes
}
