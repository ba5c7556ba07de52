//! Tests directories and files that are deleted, moved or replaced while the store works.

use crate::bench::{Bench, delivered, mode, record};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use v2m::session::JobId;
use v2m::store::{RecordState, Retention, StoreEvent, read_pcm};

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
    // Deleted between the recording and its text, as by a user who cleans up.
    fs::remove_dir_all(&directory).unwrap();
    bench.store.finish(JobId(1), delivered("said")).unwrap();
    assert!(matches!(bench.event(), StoreEvent::Finished { audio: Some(_), .. }));
    assert_eq!(read_pcm(&path).unwrap(), [3; 100]);
    assert_eq!(record(&path).text.as_deref(), Some("said"));
    // Deleted between two dictations. The new folder is locked by this process again, and swept.
    fs::remove_dir_all(&directory).unwrap();
    bench.dictate(2, &[1; 100], delivered("later jobs work"));
    let lock = fs::File::open(directory.join(".lock")).unwrap();
    assert!(matches!(lock.try_lock(), Err(fs::TryLockError::WouldBlock)));
}

/// Regression: a crash after that lost everything recorded before it too.
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
        // Has no effect on job 1. Its answer shows that all earlier commands are done.
        bench.dictate(2, &[1; 100], delivered("x"));
        assert_eq!(read_pcm(&path).unwrap(), said);
        assert_eq!(record(&path).state, RecordState::Recording);
    }
    assert!(fs::metadata(dir.path().join("elsewhere")).unwrap().is_dir());
}

/// Regression: recovery wrote a WAV header through a link, and opening a pipe blocked the thread
/// that writes the recording.
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
    // The file becomes a link after it was listed.
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
    // They are not deleted either, because the user may need them.
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
