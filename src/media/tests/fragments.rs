//! Tests of MP4 files of fragments: their places in time, and where they are cut off.

use super::make::{self, Part, tone};
use super::*;

const SECOND: u64 = RATE as u64;

fn of(bytes: &[u8]) -> (Vec<i16>, String) {
    let dir = directory();
    let path = dir.path().join("x.mp4");
    fs::write(&path, bytes).unwrap();
    let (samples, notes) = heard(&path).unwrap_or_else(|error| panic!("{error}"));
    (samples, notes.join("; "))
}

/// Makes a file of one track. Each fragment has a second of sound, and declares that it begins at
/// this time, in seconds.
fn beginning(times: &[Option<f64>]) -> Vec<u8> {
    let part = |time: &Option<f64>| -> Vec<(u32, Part)> {
        let time = time.map(|time| (time * SECOND as f64) as u64);
        vec![(1, (time, tone(16_000)))]
    };
    make::fragmented(1, &times.iter().map(part).collect::<Vec<_>>())
}

/// Lists the seconds that contain sound.
fn heard_in(samples: &[i16]) -> Vec<usize> {
    let second = |at: &usize| loudest(samples, *at as f64 + 0.01, *at as f64 + 0.99) > 1000;
    (0..samples.len().div_ceil(16_000)).filter(second).collect()
}

#[test]
fn a_fragment_stands_where_it_says() {
    for (times, expected) in [
        (&[Some(0.0), Some(1.0), Some(2.0)][..], vec![0, 1, 2]),
        (&[Some(0.0), Some(4.0), Some(5.0)], vec![0, 4, 5]),
        // Fragments without a time follow the one before.
        (&[None, None], vec![0, 1]),
        (&[Some(0.0), Some(3.0), None], vec![0, 3, 4]),
        // A part of a broadcast.
        (&[Some(50_000.0), Some(50_002.0)], vec![0, 2]),
        // Wrong times: the fragments would overlap.
        (&[Some(0.0), Some(0.0), Some(0.0)], vec![0, 1, 2]),
    ] {
        let (samples, notes) = of(&beginning(times));
        assert_eq!((heard_in(&samples), notes.as_str()), (expected, ""), "{times:?}");
    }
    let (samples, notes) = of(&beginning(&[Some(0.0), Some(9_000_000.0), None]));
    assert_eq!(heard_in(&samples), [0, 1, 2]);
    assert!(notes.contains("time stamp after 1.0 s is wrong"), "{notes}");
}

/// Regression: the box's end overflowed, and everything read from the file was discarded.
#[test]
fn a_box_of_any_length_leaves_what_stands_before_it() {
    let dir = directory();
    let times = |bytes: &[u8]| {
        let path = dir.path().join("x.mp4");
        fs::write(&path, bytes).unwrap();
        format!("{:?}", mp4::Movie::of(&File::open(&path).unwrap()).fragments(1))
    };
    let file = beginning(&[Some(0.0), Some(4.0)]);
    let endless = [&1_u32.to_be_bytes()[..], b"free", &u64::MAX.to_be_bytes()].concat();
    assert_eq!(times(&[&file[..], &endless].concat()), times(&file));
    assert_ne!(times(&file), times(&[]));
}

/// The first track is silent, and begins before the second.
#[test]
fn sound_that_begins_later_than_the_file_stands_there() {
    let parts = |at: u64| {
        vec![(1, (Some(at), vec![0; 16_000])), (2, (Some(at + 2 * SECOND), tone(16_000)))]
    };
    let (samples, notes) = of(&make::fragmented(2, &[parts(7 * SECOND), parts(8 * SECOND)]));
    assert_eq!(heard_in(&samples), [2, 3], "{notes}");
}

#[test]
fn a_file_that_is_cut_off_between_its_fragments_sound_says_so() {
    let bytes = beginning(&[Some(0.0), Some(1.0), Some(2.0)]);
    let last = bytes.windows(4).rposition(|name| name == b"moof").unwrap() - 4;
    let sound = bytes.windows(4).rposition(|name| name == b"mdat").unwrap() - 4;
    for (cut, seconds) in [
        (bytes.len() - 16_000, 2.5),
        // The cut is in the sound's head, in the box before it, or in the head of that box.
        (sound + 4, 2.0),
        (sound - 10, 2.0),
        (last + 20, 2.0),
        (last + 4, 2.0),
    ] {
        let (samples, notes) = of(&bytes[..cut]);
        assert_eq!(super::seconds(&samples), seconds, "{cut}");
        assert!(notes.contains("ends early"), "{cut}: {notes}");
    }
    // All fragments are whole, and nothing declares more.
    assert_eq!(of(&bytes[..last]).1, "");
}
