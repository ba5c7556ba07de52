//! Tests recordings and texts that a run leaves to the next one.

use crate::bench::{Bench, CHILD, again, delivered, failed, record, text, wait_for_line};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use v2m::session::{Code, Gap, GapCause, JobId};
use v2m::store::{
    MAX_ATTEMPTS, RecordState, RecordUpdate, Retention, StoreError, StoreEvent, Unfinished,
    id_of_number, number_of, one, read_pcm, unfinished,
};

fn nth(
    directory: &Path,
    number: u32,
    in_work: &[PathBuf],
) -> Result<Option<Unfinished>, StoreError> {
    let id = id_of_number(directory, number, in_work)?;
    id.map_or(Ok(None), |id| one(directory, &id, in_work))
}

#[test]
fn a_killed_process_leaves_its_recording_to_the_next() {
    if let Some(directory) = std::env::var_os(CHILD) {
        return record_until_killed(Path::new(&directory));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut child =
        again("unfinished::a_killed_process_leaves_its_recording_to_the_next", dir.path(), &[]);
    wait_for_line(&mut child, "appended");
    // While the process lives, no other process touches its recording.
    let meanwhile = Bench::open(dir.path(), Retention { keep_count: 0, ..Retention::default() });
    assert!(meanwhile.left.is_empty());
    meanwhile.close();
    child.kill().unwrap();
    child.wait().unwrap();

    let mut bench = Bench::open(dir.path(), Retention { keep_count: 0, ..Retention::default() });
    let [left] = bench.left.as_slice() else { panic!("{:?}", bench.left) };
    assert_eq!((left.samples, left.attempts), (24_000, 0));
    let samples = read_pcm(&left.path).unwrap();
    assert!(samples.iter().enumerate().all(|(n, sample)| *sample == n as i16));
    let left = left.clone();
    bench.store.adopt(JobId(1), &left).unwrap();
    bench.store.finish(JobId(1), RecordUpdate::Transcribed(text("saved"))).unwrap();
    bench.close();
    assert_eq!(record(&left.path).state, RecordState::Transcribed);
    assert_eq!(hound::WavReader::open(&left.path).unwrap().duration(), 24_000);
}

/// Regression: the service was killed while a language model had the text. Retention deleted the
/// dictation, and the user was not told.
#[test]
fn a_text_that_was_not_delivered_is_kept_and_told_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let nothing = Retention { keep_count: 0, keep_days: 0, keep_audio: false };
    let mut bench = Bench::open(dir.path(), nothing);
    let path = bench.store.begin(JobId(1)).unwrap();
    bench.store.append(JobId(1), vec![1; 1_600].into()).unwrap();
    bench.store.recorded(JobId(1)).unwrap();
    bench.store.finish(JobId(1), RecordUpdate::Transcribed(text("said"))).unwrap();
    bench.close();
    let mut bench = Bench::open(dir.path(), nothing);
    let [left] = bench.left.as_slice() else { panic!("{:?}", bench.left) };
    assert_eq!((left.text.as_ref(), left.samples), (Some(&text("said")), 1_600));
    let left = left.clone();
    bench.store.adopt(JobId(2), &left).unwrap();
    bench.store.retain(Retention::default()).unwrap();
    bench.store.finish(JobId(2), delivered("said")).unwrap();
    bench.close();
    let record = record(&path);
    assert_eq!((record.state, record.attempts), (RecordState::Delivered, 1));
    assert!(Bench::open(dir.path(), Retention::default()).left.is_empty());
}

fn record_until_killed(directory: &Path) {
    let mut bench = Bench::open(directory, Retention::default());
    bench.store.begin(JobId(7)).unwrap();
    for part in 0..15 {
        let samples: Vec<i16> = (part * 1600..(part + 1) * 1600).map(|n| n as i16).collect();
        bench.store.append(JobId(7), samples.into()).unwrap();
    }
    // Commands are executed in order: once this job has begun, the other job's audio is written.
    bench.store.begin(JobId(8)).unwrap();
    while !matches!(bench.event(), StoreEvent::Began { job: JobId(8), .. }) {}
    println!("appended");
    std::io::stdout().flush().unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
fn recordings_are_tried_six_times_unless_there_is_nothing_to_try() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::open(dir.path(), Retention { keep_count: 0, ..Retention::default() });
    let hopeless = bench.dictate(1, &[1; 100], failed(Code::EngineFailed));
    let modelless = bench.dictate(2, &[1; 100], failed(Code::ModelMissing));
    let silent = bench.dictate(3, &[1; 100], failed(Code::NoSpeech));
    bench.close();
    assert!(!silent.exists());
    for run in 1..=MAX_ATTEMPTS {
        let mut bench = Bench::open(dir.path(), Retention::default());
        let left: Vec<_> =
            bench.left.iter().map(|left| (left.path.clone(), left.attempts)).collect();
        let expected = [(hopeless.clone(), run), (modelless.clone(), 0)];
        assert_eq!(left, expected[usize::from(run == MAX_ATTEMPTS)..], "run {run}");
        for (number, left) in bench.left.clone().iter().enumerate() {
            let job = JobId(number as u32);
            bench.store.adopt(job, left).unwrap();
            let code = match left.path == hopeless {
                true => Code::EngineFailed,
                false => Code::ModelMissing,
            };
            bench.store.finish(job, failed(code)).unwrap();
        }
        bench.close();
    }
    assert!(hopeless.exists(), "never swept");
    let tries = record(&hopeless).tries;
    assert_eq!(tries.len(), MAX_ATTEMPTS as usize);
    assert_eq!((tries[0].engine.as_str(), tries[0].model.as_str()), ("cpu", "base"));
    assert!(record(&modelless).tries.is_empty());
}

#[test]
fn a_recording_that_failed_is_told_again_at_once_until_it_was_tried_often_enough() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::open(dir.path(), Retention::default());
    bench.store.begin(JobId(1)).unwrap();
    bench.event();
    bench.store.append(JobId(1), vec![1; 100].into()).unwrap();
    let gap = Gap { start: 20, end: 60, cause: GapCause::NotGiven };
    bench.store.miss(JobId(1), gap).unwrap();
    bench.store.recorded(JobId(1)).unwrap();
    bench.event();
    for attempts in 1..=MAX_ATTEMPTS {
        bench.store.finish(JobId(attempts), failed(Code::EngineFailed)).unwrap();
        let StoreEvent::Finished { again, .. } = bench.event() else { panic!() };
        let Some(again) = again else {
            assert_eq!(attempts, MAX_ATTEMPTS);
            break;
        };
        assert_eq!((again.attempts, again.tries.len() as u32), (attempts, attempts));
        assert_eq!((again.samples, again.has_text, &again.gaps[..]), (100, false, &[gap][..]));
        bench.store.adopt(JobId(attempts + 1), &again).unwrap();
    }
    assert!(unfinished(dir.path()).unwrap().is_empty());
    assert!(nth(dir.path(), 1, &[]).unwrap().is_some(), "a user may try it all the same");
    bench.close();
}

#[test]
fn a_text_that_another_one_replaces_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::open(dir.path(), Retention::default());
    let older = bench.dictate(1, &[1; 100], delivered("older"));
    let newer = bench.dictate(2, &[2; 100], delivered("newer"));
    assert_eq!(nth(dir.path(), 1, &[]).unwrap().unwrap().path, newer);
    assert_eq!(nth(dir.path(), 1, std::slice::from_ref(&newer)).unwrap().unwrap().path, older);
    assert_eq!(nth(dir.path(), 3, &[]).unwrap(), None);
    assert_eq!((number_of(&newer, &[]), number_of(&older, &[])), (Some(1), Some(2)));
    let left = nth(dir.path(), 2, &[]).unwrap().unwrap();
    assert_eq!((left.path.clone(), left.samples, left.has_text), (older.clone(), 100, true));
    let mut again = |job, outcome| {
        bench.store.adopt(JobId(job), &left).unwrap();
        bench.store.finish(JobId(job), outcome).unwrap();
        assert!(matches!(bench.event(), StoreEvent::Finished { again: None, .. }));
        record(&older)
    };
    // A failed attempt removes nothing.
    let kept = again(3, failed(Code::EngineFailed));
    assert_eq!((kept.text.as_deref(), kept.state), (Some("older"), RecordState::Delivered));
    assert_eq!((kept.tries.len(), kept.deliveries.len()), (1, 1));
    assert!(again(4, delivered("older")).earlier.is_empty(), "the same text");
    let kept = again(5, RecordUpdate::Delivered(text("better"), Vec::new()));
    assert_eq!((kept.text.as_deref(), kept.deliveries.len()), (Some("better"), 0));
    assert_eq!((kept.earlier[0].text.as_str(), kept.earlier[0].deliveries.len()), ("older", 1));
    bench.close();
}

#[test]
fn whatever_lies_in_the_directory_is_sorted_out() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    let audio = [7u8; 45 + 20];
    put("20260101T000000.000Z-1.wav", &audio);
    put("20260102T000000.000Z-2.wav", &audio);
    put("20260102T000000.000Z-2.json", b"{\"state\": 5");
    put("20260103T000000.000Z-3.json", b"{\"state\":\"recording\"}");
    put("20260104T000000.000Z-4.wav", b"");
    put("20260105T000000.000Z-5.wav", &audio);
    put("20260105T000000.000Z-5.json", b"{\"version\":99}");
    put("20260106T000000.000Z-6.wav", &audio);
    put("20260106T000000.000Z-6.json", b"{\"state\":\"transcribed\",\"text\":\"\"}");
    put("mine.wav", &audio);
    put("mine.json", b"{}");
    put(".v2m-writing-abc", b"{");
    fs::create_dir(dir.path().join("20260107T000000.000Z-7.json")).unwrap();
    let bench = Bench::open(dir.path(), Retention { keep_count: 0, ..Retention::default() });
    let left: Vec<_> = bench.left.iter().map(|l| (l.samples, l.started_at.to_string())).collect();
    assert_eq!(
        left,
        [(10, "2026-01-01T00:00:00Z".to_owned()), (10, "2026-01-02T00:00:00Z".to_owned())]
    );
    bench.close();
    let mut names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            ".lock",
            "20260101T000000.000Z-1.wav",
            "20260102T000000.000Z-2.json",
            "20260102T000000.000Z-2.wav",
            "20260105T000000.000Z-5.json",
            "20260105T000000.000Z-5.wav",
            "20260107T000000.000Z-7.json",
            "mine.json",
            "mine.wav",
        ]
    );
}

/// Regression: an older v2m took such a record for a broken one. It transcribed the recording again
/// and overwrote the record, or deleted it.
#[test]
fn what_a_newer_version_wrote_stays_as_it_is_whatever_its_form() {
    let dir = tempfile::tempdir().unwrap();
    let audio = [7u8; 45 + 20];
    let files: [(&str, &[u8]); 3] = [
        ("20260101T000000.000Z-1.wav", &audio),
        (
            "20260101T000000.000Z-1.json",
            b"{\"version\":2,\"state\":\"polished\",\"text\":{\"en\":\"later\"}}",
        ),
        ("20260102T000000.000Z-2.json", b"{\"state\":[\"polished\"],\"version\":99}"),
    ];
    for (name, bytes) in files {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    let bench =
        Bench::open(dir.path(), Retention { keep_count: 0, keep_days: 0, keep_audio: false });
    assert!(bench.left.is_empty(), "{:?}", bench.left);
    bench.close();
    for (name, bytes) in files {
        assert_eq!(fs::read(dir.path().join(name)).unwrap(), bytes, "{name}");
    }
}
