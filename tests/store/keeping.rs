//! Tests which parts of finished dictations are kept, and for how long.

use crate::bench::{Bench, delivered, dictations, failed, mode, record, text};
use std::fs;
use v2m::session::{Code, JobId};
use v2m::store::{RecordState, RecordUpdate, Retention, Text, unfinished};

#[test]
fn a_dictation_is_kept_with_its_text_for_the_user_alone() {
    let dir = tempfile::tempdir().unwrap();
    let directory = dir.path().join("state/dictations");
    let mut bench = Bench::open(&directory, Retention::default());
    let samples: Vec<i16> = (0..40_000).map(|n| n as i16).collect();
    let path = bench.dictate(1, &samples, delivered("hello"));
    assert_eq!(bench.store.path(JobId(1)), Some(path.as_path()));
    let heard: Vec<i16> =
        hound::WavReader::open(&path).unwrap().samples().map(Result::unwrap).collect();
    assert_eq!(heard, samples);
    let record = record(&path);
    assert_eq!((record.state, record.text.as_deref()), (RecordState::Delivered, Some("hello")));
    assert_eq!((record.seconds, record.attempts, record.deliveries.len()), (2.5, 1, 1));
    assert_eq!(
        (mode(&directory), mode(&path), mode(&path.with_extension("json"))),
        (0o700, 0o600, 0o600)
    );
    assert!(unfinished(&directory).unwrap().is_empty());
}

#[test]
fn what_was_heard_is_kept_beside_what_became_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::open(dir.path(), Retention::default());
    let unrefined = || Some("um hello".to_owned());
    let refined = Text { unrefined: unrefined(), ..text("hello") };
    let taken_back = Text { unrefined: unrefined(), ..text("") };
    let first = bench.dictate(1, &[1; 16_000], RecordUpdate::Delivered(refined, Vec::new()));
    let second = bench.dictate(2, &[1; 16_000], RecordUpdate::Delivered(taken_back, Vec::new()));
    for (path, expected) in [(first, "hello"), (second, "")] {
        let record = record(&path);
        assert_eq!((record.text.as_deref(), record.unrefined), (Some(expected), unrefined()));
    }
    assert!(unfinished(dir.path()).unwrap().is_empty(), "there is nothing to try again");
}

#[test]
fn a_cancelled_dictation_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::open(dir.path(), Retention::default());
    bench.store.begin(JobId(1)).unwrap();
    bench.store.append(JobId(1), vec![1; 20_000].into()).unwrap();
    bench.store.discard(JobId(1)).unwrap();
    bench.store.append(JobId(1), vec![1; 20_000].into()).unwrap();
    bench.close();
    assert_eq!(dictations(dir.path()), 0);
}

#[test]
fn finished_dictations_go_by_count_and_age_and_audio_goes_when_unwanted() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("20010101T000000.000Z-9.json"),
        b"{\"started_at\":\"2001-01-01T00:00:00Z\",\"state\":\"delivered\",\"text\":\"old\"}",
    )
    .unwrap();
    let keep = Retention { keep_count: 3, keep_days: 300, keep_audio: true };
    let mut bench = Bench::open(dir.path(), keep);
    let kept = bench.dictate(0, &[1; 100], failed(Code::EngineFailed));
    let paths: Vec<_> = (1..=4).map(|job| bench.dictate(job, &[1; 100], delivered("x"))).collect();
    assert_eq!(dictations(dir.path()), 2 * 4);
    assert!(kept.exists() && !paths[0].exists() && paths[1].exists());
    bench.store.retain(Retention { keep_audio: false, ..keep }).unwrap();
    let last = bench.dictate(5, &[1; 100], delivered("x"));
    bench.close();
    assert!(!last.exists() && last.with_extension("json").exists() && !paths[3].exists());
    assert_eq!(dictations(dir.path()), 2 + 3);
}
