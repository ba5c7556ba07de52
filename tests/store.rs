//! The store of dictations against crashes, full disks and a directory that others meddle with.
//!
//! Where a process has to die or needs a small disk of its own, a test runs itself again as a
//! child.
#![allow(clippy::unwrap_used)] // clippy.toml allows it in test functions, not in their helpers

use proptest::prelude::*;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tokio::sync::mpsc;
use v2m::session::{Code, Delivery, JobId, Segment};
use v2m::store::{
    MAX_ATTEMPTS, Outcome, Record, RecordState, Retention, Store, StoreEvent, Text, Tried,
    Unfinished, nth, number_of, read_pcm, unfinished,
};

const CHILD: &str = "V2M_TEST_STORE_DIRECTORY";

struct Bench {
    store: Store,
    events: mpsc::Receiver<StoreEvent>,
    left: Vec<Unfinished>,
}

impl Bench {
    fn open(directory: &Path, retention: Retention) -> Self {
        let (sender, mut events) = mpsc::channel(16);
        let store = Store::spawn(directory.into(), retention, sender).unwrap();
        let left = match events.blocking_recv().unwrap() {
            StoreEvent::Unfinished(left) => left,
            StoreEvent::Failed { .. } => match events.blocking_recv().unwrap() {
                StoreEvent::Unfinished(left) => left,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        };
        Self { store, events, left }
    }

    fn event(&mut self) -> StoreEvent {
        self.events.blocking_recv().unwrap()
    }

    /// Records `samples` and ends with `outcome`; the recording's path.
    fn dictate(&mut self, job: u32, samples: &[i16], outcome: Outcome) -> PathBuf {
        let job = JobId(job);
        let path = self.store.begin(job).unwrap();
        assert!(matches!(self.event(), StoreEvent::Began { .. }));
        self.store.append(job, samples.into()).unwrap();
        self.store.recorded(job).unwrap();
        assert!(matches!(self.event(), StoreEvent::Recorded { .. }));
        self.store.finish(job, outcome).unwrap();
        assert!(matches!(self.event(), StoreEvent::Finished { .. }));
        path
    }

    /// Waits until all that was asked for is done.
    fn close(self) {
        let Self { store, mut events, .. } = self;
        drop(store);
        while events.blocking_recv().is_some() {}
    }
}

fn text(text: &str) -> Text {
    let segments = vec![Segment { start: 0, end: 9, text: text.into() }];
    Text { text: text.into(), unrefined: None, language: "en".into(), segments }
}

fn delivered(said: &str) -> Outcome {
    let delivery =
        Delivery { by: "clipboard", backend: None, ok: true, detail: "on the clipboard".into() };
    Outcome::Delivered(text(said), vec![delivery])
}

fn failed(code: Code) -> Outcome {
    let tried = Tried { engine: "cpu".into(), model: "base".into() };
    Outcome::Failed(code, "it did not work".into(), Some(tried))
}

fn record(audio: &Path) -> Record {
    serde_json::from_slice(&fs::read(audio.with_extension("json")).unwrap()).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn dictations(directory: &Path) -> usize {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| !name.to_string_lossy().starts_with('.')).count()
}

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
    let first = bench.dictate(1, &[1; 16_000], Outcome::Delivered(refined, Vec::new()));
    let second = bench.dictate(2, &[1; 16_000], Outcome::Delivered(taken_back, Vec::new()));
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
fn a_killed_process_leaves_its_recording_to_the_next() {
    if let Some(directory) = std::env::var_os(CHILD) {
        return record_until_killed(Path::new(&directory));
    }
    let dir = tempfile::tempdir().unwrap();
    let mut child = again("a_killed_process_leaves_its_recording_to_the_next", dir.path(), &[]);
    wait_for_line(&mut child, "appended");
    // While it lives, its recording is its own.
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
    bench.store.finish(JobId(1), Outcome::Transcribed(text("saved"))).unwrap();
    bench.close();
    assert_eq!(record(&left.path).state, RecordState::Transcribed);
    assert_eq!(hound::WavReader::open(&left.path).unwrap().duration(), 24_000);
}

/// The service was killed while a language model had the text: retention took it, and nobody was
/// told of it.
#[test]
fn a_text_that_was_not_delivered_is_kept_and_told_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let nothing = Retention { keep_count: 0, keep_days: 0, keep_audio: false };
    let mut bench = Bench::open(dir.path(), nothing);
    let path = bench.store.begin(JobId(1)).unwrap();
    bench.store.append(JobId(1), vec![1; 1_600].into()).unwrap();
    bench.store.recorded(JobId(1)).unwrap();
    bench.store.finish(JobId(1), Outcome::Transcribed(text("said"))).unwrap();
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
    // Commands are done in order: once this job has begun, the audio of the other is written.
    bench.store.begin(JobId(8)).unwrap();
    while !matches!(bench.event(), StoreEvent::Began { job: JobId(8), .. }) {}
    println!("appended");
    std::io::stdout().flush().unwrap();
    loop {
        std::thread::park();
    }
}

/// Runs one test of this file again, in a process that finds `directory` in its environment.
fn again(test: &str, directory: &Path, wrapper: &[&str]) -> Child {
    let me = std::env::current_exe().unwrap();
    let mut command = match wrapper {
        [] => Command::new(&me),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(&me);
            command
        }
    };
    command.args([test, "--exact", "--nocapture"]).env(CHILD, directory);
    command.stdout(Stdio::piped()).spawn().unwrap()
}

fn wait_for_line(child: &mut Child, wanted: &str) {
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = output.lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains(wanted)));
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
        assert_eq!((again.samples, again.has_text), (100, false));
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
    assert_eq!((number_of(&newer), number_of(&older)), (Some(1), Some(2)));
    let left = nth(dir.path(), 2, &[]).unwrap().unwrap();
    assert_eq!((left.path.clone(), left.samples, left.has_text), (older.clone(), 100, true));
    let mut again = |job, outcome| {
        bench.store.adopt(JobId(job), &left).unwrap();
        bench.store.finish(JobId(job), outcome).unwrap();
        assert!(matches!(bench.event(), StoreEvent::Finished { again: None, .. }));
        record(&older)
    };
    // What fails takes nothing away.
    let kept = again(3, failed(Code::EngineFailed));
    assert_eq!((kept.text.as_deref(), kept.state), (Some("older"), RecordState::Delivered));
    assert_eq!((kept.tries.len(), kept.deliveries.len()), (1, 1));
    assert!(again(4, delivered("older")).earlier.is_empty(), "the same text");
    let kept = again(5, Outcome::Delivered(text("better"), Vec::new()));
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

#[test]
fn a_directory_that_is_deleted_comes_back_and_so_does_the_recording() {
    let dir = tempfile::tempdir().unwrap();
    let directory = dir.path().join("dictations");
    let mut bench = Bench::open(&directory, Retention::default());
    let path = bench.store.begin(JobId(1)).unwrap();
    bench.event();
    fs::remove_dir_all(&directory).unwrap();
    bench.store.append(JobId(1), vec![3; 100].into()).unwrap();
    bench.store.recorded(JobId(1)).unwrap();
    assert!(matches!(bench.event(), StoreEvent::Recorded { samples: 100, .. }));
    assert_eq!(read_pcm(&path).unwrap(), [3; 100]);
    assert_eq!(mode(&directory), 0o700);
    // Between the recording and its text, by whoever cleans up.
    fs::remove_dir_all(&directory).unwrap();
    bench.store.finish(JobId(1), delivered("said")).unwrap();
    assert!(matches!(bench.event(), StoreEvent::Finished { audio: Some(_), .. }));
    assert_eq!(read_pcm(&path).unwrap(), [3; 100]);
    assert_eq!(record(&path).text.as_deref(), Some("said"));
    // Between two dictations; the new one is this process's again, and swept.
    fs::remove_dir_all(&directory).unwrap();
    bench.dictate(2, &[1; 100], delivered("later jobs work"));
    let lock = fs::File::open(directory.join(".lock")).unwrap();
    assert!(matches!(lock.try_lock(), Err(fs::TryLockError::WouldBlock)));
}

/// A crash after that lost all that was said before it too.
#[test]
fn while_it_is_recorded_a_deleted_or_moved_recording_is_back_within_a_second_of_sound() {
    let dir = tempfile::tempdir().unwrap();
    let directory = dir.path().join("dictations");
    let mut bench = Bench::open(&directory, Retention::default());
    let path = bench.store.begin(JobId(1)).unwrap();
    bench.event();
    let mut said = Vec::new();
    let meddle: [&dyn Fn(); 4] = [
        &|| fs::remove_file(&path).unwrap(),
        &|| fs::remove_dir_all(&directory).unwrap(),
        &|| fs::rename(&directory, dir.path().join("elsewhere")).unwrap(),
        &|| fs::remove_file(&path).and_then(|()| symlink("/dev/null", &path)).unwrap(),
    ];
    for (second, meddle) in (1..).zip(meddle) {
        meddle();
        bench.store.append(JobId(1), vec![second; 16_000].into()).unwrap();
        said.extend([second; 16_000]);
        // Does nothing to this job, and is answered: what was asked for before is done.
        bench.dictate(2, &[1; 100], delivered("x"));
        assert_eq!(read_pcm(&path).unwrap(), said);
        assert_eq!(record(&path).state, RecordState::Recording);
    }
    assert!(fs::metadata(dir.path().join("elsewhere")).unwrap().is_dir());
}

/// Recovery wrote a WAV header through a link, and opening a pipe hung the thread that keeps what
/// is said.
#[test]
fn links_pipes_and_folders_in_the_store_are_nobodys_dictations() {
    let dir = tempfile::tempdir().unwrap();
    let directory = dir.path().join("dictations");
    fs::create_dir(&directory).unwrap();
    let mine = dir.path().join("mine");
    fs::write(&mine, vec![7; 100_000]).unwrap();
    let entry = |n: u32, end: &str| directory.join(format!("2026010{n}T000000.000Z-{n}.{end}"));
    let pipe = |path: &Path| {
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    };
    symlink(&mine, entry(1, "wav")).unwrap();
    symlink(&mine, entry(2, "json")).unwrap();
    pipe(&entry(3, "wav"));
    pipe(&entry(4, "json"));
    fs::write(entry(4, "wav"), vec![0; 44 + 200]).unwrap();
    fs::create_dir(entry(5, "wav")).unwrap();
    pipe(&directory.join(".lock"));

    let bench = Bench::open(&directory, Retention::default());
    assert_eq!(bench.left.len(), 0, "the lock is a pipe: nothing is recovered");
    bench.close();
    fs::remove_file(directory.join(".lock")).unwrap();

    let mut bench = Bench::open(&directory, Retention::default());
    let [left] = &bench.left[..] else { panic!("{:?}", bench.left) };
    assert!(left.path.ends_with("20260104T000000.000Z-4.wav"), "{left:?}");
    // It becomes a link after it was listed.
    let left = left.clone();
    fs::remove_file(&left.path).unwrap();
    symlink(&mine, &left.path).unwrap();
    assert!(v2m::store::open_pcm(&left.path).is_err() && read_pcm(&left.path).is_err());
    bench.store.adopt(JobId(9), &left).unwrap();
    assert!(matches!(bench.event(), StoreEvent::Failed { job: Some(JobId(9)), .. }));
    bench.store.rewrite(JobId(9), vec![5; 10]).unwrap();
    bench.store.recorded(JobId(9)).unwrap();
    assert!(matches!(bench.event(), StoreEvent::Recorded { samples: 10, .. }));
    assert_eq!(read_pcm(&left.path).unwrap(), [5; 10]);
    bench.store.finish(JobId(9), delivered("x")).unwrap();
    bench.event();
    assert!(v2m::store::last_text(&directory).unwrap().is_some());
    // Not deleted either: whoever put them there may want them.
    bench.store.retain(Retention { keep_count: 0, ..Retention::default() }).unwrap();
    bench.close();
    assert!(entry(1, "wav").is_symlink() && entry(3, "wav").exists() && entry(5, "wav").is_dir());
    assert!(!left.path.exists());
    assert_eq!(fs::read(&mine).unwrap(), vec![7; 100_000]);
}

#[test]
fn a_place_where_nothing_can_be_written_is_told_and_survived() {
    let dir = tempfile::tempdir().unwrap();
    let directory = dir.path().join("file/dictations");
    fs::write(dir.path().join("file"), b"").unwrap();
    let mut bench = Bench::open(&directory, Retention::default());
    for job in 1..=2 {
        bench.store.begin(JobId(job)).unwrap();
        let StoreEvent::AppendFailed { error, .. } = bench.event() else { panic!() };
        assert!(error.to_string().contains(directory.to_str().unwrap()), "{error}");
        bench.store.finish(JobId(job), delivered("x")).unwrap();
        assert!(matches!(bench.event(), StoreEvent::Failed { job: Some(_), .. }));
    }
    fs::remove_file(dir.path().join("file")).unwrap();
    bench.dictate(3, &[1; 100], delivered("mended"));
}

/// A disk of 256 KiB where the kernel lets us have one; else a limit on the size of files.
const SMALL_DISK: &str = r#"
if unshare -Urm true 2>/dev/null; then own="unshare -Urm"; else own="unshare -m"; fi
if $own sh -c 'mount -t tmpfs -o size=256k none "$1"' sh "$V2M_TEST_STORE_DIRECTORY" 2>/dev/null; then
    exec $own sh -c 'mount -t tmpfs -o size=256k none "$V2M_TEST_STORE_DIRECTORY" && exec "$@"' sh "$@"
fi
trap '' XFSZ
ulimit -f 200
exec "$@""#;

#[test]
fn a_full_disk_is_told_once_and_the_recording_comes_whole_when_there_is_space() {
    if let Some(directory) = std::env::var_os(CHILD) {
        return fill_the_disk(Path::new(&directory));
    }
    let limited = "trap '' XFSZ; ulimit -f 200; exec \"$@\"";
    for script in [SMALL_DISK, limited] {
        let dir = tempfile::tempdir().unwrap();
        let name = "a_full_disk_is_told_once_and_the_recording_comes_whole_when_there_is_space";
        let child = again(name, dir.path(), &["sh", "-c", script, "sh"]);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        println!("{said}");
    }
}

fn fill_the_disk(directory: &Path) {
    let mut bench = Bench::open(&directory.join("d"), Retention::default());
    let path = bench.store.begin(JobId(1)).unwrap();
    bench.event();
    for _ in 0..20 {
        bench.store.append(JobId(1), vec![5; 16_000].into()).unwrap();
    }
    let StoreEvent::AppendFailed { job: JobId(1), error } = bench.event() else { panic!() };
    assert!(error.to_string().contains("free some space"), "{error}");
    println!("told: {error}");
    let kept = read_pcm(&path).unwrap();
    assert!(!kept.is_empty() && kept.iter().all(|sample| *sample == 5));
    assert_eq!(unfinished(&directory.join("d")).unwrap()[0].samples, kept.len() as u64);
    bench.store.rewrite(JobId(1), vec![5; 320_000]).unwrap();
    assert!(matches!(bench.event(), StoreEvent::AppendFailed { .. }), "still full");
    bench.store.rewrite(JobId(1), vec![5; 1600]).unwrap();
    bench.store.recorded(JobId(1)).unwrap();
    assert!(matches!(bench.event(), StoreEvent::Recorded { samples: 1600, .. }));
    bench.store.finish(JobId(1), delivered("x")).unwrap();
    assert!(matches!(bench.event(), StoreEvent::Finished { .. }));
    bench.dictate(2, &[1; 100], delivered("later jobs work"));
}

#[test]
fn audio_that_finds_no_place_is_refused_from_there_on_until_it_is_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let (sender, mut events) = mpsc::channel(1);
    // Nobody reads the events, so the thread stands still and the queue fills.
    let mut store = Store::spawn(dir.path().into(), Retention::default(), sender).unwrap();
    let part: Arc<[i16]> = vec![1; 160].into();
    let (mut job, mut refused) = (0, None);
    while refused.is_none() {
        job += 1;
        refused =
            store.begin(JobId(job)).and_then(|_| store.append(JobId(job), part.clone())).err();
    }
    assert!(store.append(JobId(job), part.clone()).is_err(), "no gap");
    store.rewrite(JobId(job), vec![1; 320]).unwrap();
    store.recorded(JobId(job)).unwrap();
    let path = store.path(JobId(job)).unwrap().to_owned();
    drop(store);
    while events.blocking_recv().is_some() {}
    assert_eq!(read_pcm(&path).unwrap().len(), 320);
}

#[derive(Clone, Debug)]
enum Step {
    Begin(u32),
    Append(u32, u16),
    Rewrite(u32),
    Recorded(u32),
    Finish(u32, u8),
    Discard(u32),
    Delete,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let job = 0..3u32;
    prop_oneof![
        3 => job.clone().prop_map(Step::Begin),
        6 => (job.clone(), 0..3000u16).prop_map(|(job, n)| Step::Append(job, n)),
        1 => job.clone().prop_map(Step::Rewrite),
        2 => job.clone().prop_map(Step::Recorded),
        2 => (job.clone(), 0..4u8).prop_map(|(job, kind)| Step::Finish(job, kind)),
        1 => job.prop_map(Step::Discard),
        1 => Just(Step::Delete),
        2 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is asked in whatever order, the thread lives, and every file can be read.
    #[test]
    fn any_order_of_commands_leaves_a_sound_directory(steps in proptest::collection::vec(step(), 0..40)) {
        let dir = tempfile::tempdir().unwrap();
        let directory = dir.path().join("d");
        let keep = Retention { keep_count: 2, ..Retention::default() };
        let open = || {
            let (sender, mut events) = mpsc::channel(1);
            let store = Store::spawn(directory.clone(), keep, sender).unwrap();
            let reader = std::thread::spawn(move || while events.blocking_recv().is_some() {});
            (store, reader)
        };
        let (mut store, mut reader) = open();
        for step in steps {
            let _ = match step {
                Step::Begin(job) => store.begin(JobId(job)).map(drop),
                Step::Append(job, n) => store.append(JobId(job), vec![1; n.into()].into()),
                Step::Rewrite(job) => store.rewrite(JobId(job), vec![1; 500]),
                Step::Recorded(job) => store.recorded(JobId(job)),
                Step::Finish(job, 0) => store.finish(JobId(job), delivered("x")),
                Step::Finish(job, 1) => store.finish(JobId(job), Outcome::Transcribed(text("x"))),
                Step::Finish(job, 2) => store.finish(JobId(job), failed(Code::EngineFailed)),
                Step::Finish(job, _) => store.finish(JobId(job), failed(Code::NoSpeech)),
                Step::Discard(job) => store.discard(JobId(job)),
                Step::Delete => { let _ = fs::remove_dir_all(&directory); Ok(()) }
                Step::Restart => {
                    drop(store);
                    prop_assert!(reader.join().is_ok());
                    (store, reader) = open();
                    Ok(())
                }
            };
        }
        drop(store);
        prop_assert!(reader.join().is_ok());
        for entry in fs::read_dir(&directory).into_iter().flatten() {
            let path = entry.unwrap().path();
            match path.extension().and_then(|end| end.to_str()) {
                Some("wav") => prop_assert!(read_pcm(&path).unwrap().iter().all(|s| *s == 1)),
                Some("json") => drop(record(&path)),
                _ => prop_assert_eq!(path.file_name().unwrap(), ".lock"),
            }
        }
    }
}
