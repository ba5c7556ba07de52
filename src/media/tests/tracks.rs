//! Tests of files with several sound tracks.

use super::choice::{Choice, TrackContent, choose};
use super::make::{self, tone};
use super::*;

#[test]
fn a_track_that_is_not_silent_is_taken() {
    let (samples, seconds, notes) = case("first-track-silent.mp4");
    assert!(loudest(&samples, 0.0, seconds) > 3000);
    assert!(notes.contains("track 2 of its 2 sound tracks was taken, because track 1 is silent"));
}

#[test]
fn the_track_that_is_asked_for_is_taken() {
    let dir = directory();
    let path = dir.path().join("x.mp4");
    let tracks = [tone(16_000), vec![0; 16_000], tone(32_000)];
    fs::write(&path, make::mp4(&tracks)).unwrap();
    for (asked, taken, why) in [
        (None, 1, ""),
        (Some(1), 1, " as you asked"),
        (Some(2), 2, " as you asked"),
        (Some(3), 3, " as you asked"),
    ] {
        let (samples, notes) = track(&path, asked).unwrap();
        assert!(samples == tracks[taken - 1], "{asked:?}: another track");
        let note = format!(
            "track {taken} of its 3 sound tracks was taken{why} (`v2m-send transcribe --track N` takes another one)"
        );
        assert_eq!(notes, [note]);
    }
    for asked in [0, 4, u32::MAX] {
        let error = track(&path, Some(asked)).unwrap_err().to_string();
        let expected =
            format!("there is no sound track {asked}: it has 3, from --track 1 to --track 3");
        assert!(error.ends_with(&expected) && error.contains("x.mp4"), "{error}");
    }
}

#[test]
fn a_file_with_one_track_has_nothing_to_choose_from() {
    assert_eq!(track(&fixture("tone.flac"), Some(1)).unwrap().1, [""; 0]);
    let error = track(&fixture("tone.flac"), Some(2)).unwrap_err().to_string();
    assert!(error.contains("no sound track 2: it has one, which is taken without"), "{error}");
}

/// Chooses among tracks with these contents. The second one is the file's own choice.
fn choice(contents: &[TrackContent]) -> (u32, String) {
    let tracks: Vec<u32> = (10..).take(contents.len()).collect();
    let content = |track| Ok(contents[track as usize - 10].clone());
    let chosen = choose(Path::new("x"), &tracks, Some(11), None, content).unwrap();
    let Choice { track: Some(track), note: Some(note) } = chosen else { panic!("{chosen:?}") };
    let note = note.split(" (`v2m-send").next().unwrap();
    (track - 9, note.split(" was taken").nth(1).unwrap().to_owned())
}

#[test]
fn it_is_said_why_a_track_was_passed_over() {
    let (sound, silent) = (TrackContent::Sound, TrackContent::Silence);
    let unknown = TrackContent::Unknown { reason: "no codec".into() };
    for (contents, taken, why) in [
        (vec![sound.clone(), sound.clone()], 2, ""),
        (vec![sound.clone(), silent.clone()], 1, ", because track 2 is silent"),
        (
            vec![silent.clone(), unknown.clone(), sound.clone()],
            3,
            ", because track 1 is silent and track 2 cannot be decoded (no codec)",
        ),
        (
            vec![silent.clone(), silent.clone(), silent.clone(), sound],
            4,
            ", because tracks 1, 2 and 3 are silent",
        ),
        (
            vec![silent.clone(), unknown.clone()],
            1,
            ", and none is audible: track 1 is silent and track 2 cannot be decoded (no codec)",
        ),
        (vec![silent.clone(), silent], 2, ", and none is audible: tracks 1 and 2 are silent"),
        (
            vec![unknown.clone(), unknown],
            2,
            ", and none is audible: track 1 cannot be decoded (no codec) and track 2 cannot be decoded (no codec)",
        ),
    ] {
        assert_eq!(choice(&contents), (taken, why.to_owned()), "{contents:?}");
    }
}
