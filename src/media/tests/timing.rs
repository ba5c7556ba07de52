//! Tests of the sound's place in time.

use super::*;

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

/// Returns the seconds of sound and the notes for a case of 11 s whose edit list has these entries
/// (milliseconds, ticks of 16 kHz).
fn edited(entries: &[(u32, i32)]) -> (f64, String) {
    let dir = directory();
    let path = dir.path().join("x.mp4");
    let mut bytes = fs::read(fixture("trimmed-by-edit-list.mp4")).unwrap();
    // The sound's edit list is the last one. It becomes longer, at the end of a file with its
    // tables at the end, so only lengths change.
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
    let (samples, notes) = heard(&path).unwrap();
    (seconds(&samples), notes.join("; "))
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
    // The list is out of order: all sound is decoded, and a note reports it.
    let (heard, notes) = edited(&[(2000, 6 * second), (4000, 0)]);
    assert!(heard > 10.0 && notes.contains("edit list"), "{heard} {notes}");
}
