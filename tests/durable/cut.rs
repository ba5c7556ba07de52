//! Tests a store with every file truncated: by a power cut on a file system with few guarantees, or
//! by a user.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use v2m::session::{Code, JobId};
use v2m::store::{RecordUpdate, Retention, Store, StoreEvent, Text, Unfinished};

/// The store's log messages.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Vec<u8>>>);

impl Write for Journal {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Journal {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

fn text(text: &str) -> Text {
    Text { text: text.into(), unrefined: None, language: "en".into(), ..Text::default() }
}

/// Creates a store with a dictation of each kind.
fn furnish(directory: &Path) {
    let (sender, mut events) = mpsc::channel(64);
    let mut store = Store::spawn(directory.into(), Retention::default(), sender).unwrap();
    let outcomes = [
        Some(RecordUpdate::Delivered(text("delivered"), Vec::new())),
        Some(RecordUpdate::Failed(Code::EngineFailed, "died".into(), None)),
        Some(RecordUpdate::Transcribed(text("not delivered yet"))),
        None,
    ];
    for (job, outcome) in (1..).map(JobId).zip(outcomes) {
        store.begin(job).unwrap();
        store.append(job, Arc::from(vec![1; 8_000])).unwrap();
        if let Some(outcome) = outcome {
            store.recorded(job).unwrap();
            store.finish(job, outcome).unwrap();
        }
    }
    drop(store);
    while let Some(event) = events.blocking_recv() {
        assert!(!matches!(event, StoreEvent::Failed { .. }), "{event:?}");
    }
}

fn files(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn copy(from: &Path, to: &Path) {
    for name in files(from) {
        fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}

fn start(directory: &Path) -> Vec<Unfinished> {
    let (sender, mut events) = mpsc::channel(64);
    let store = Store::spawn(directory.into(), Retention::default(), sender).unwrap();
    let StoreEvent::Unfinished(left) = events.blocking_recv().unwrap() else {
        panic!("the store does not start");
    };
    drop(store);
    assert!(events.blocking_recv().is_none());
    left
}

/// Returns the dictations' paths, the length of their sound in samples, and their remaining text.
fn told(left: Vec<Unfinished>) -> Vec<(PathBuf, u64, Option<String>)> {
    let brief = |left: Unfinished| {
        (left.path.file_name().unwrap().into(), left.samples, left.text.map(|text| text.text))
    };
    left.into_iter().map(brief).collect()
}

#[test]
fn a_store_of_which_any_file_is_cut_short_loses_nothing_else() {
    let journal = Journal::default();
    let writer = journal.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();

    let whole = tempfile::tempdir().unwrap();
    furnish(whole.path());
    let scratch = tempfile::tempdir().unwrap();
    copy(whole.path(), scratch.path());
    let unharmed = told(start(scratch.path()));
    assert_eq!(unharmed.len(), 3, "{unharmed:?}");
    assert!(!journal.take().contains("WARN"));

    let of_dictations = |name: &String| !name.starts_with('.');
    for name in files(whole.path()).into_iter().filter(of_dictations) {
        let length = fs::metadata(whole.path().join(&name)).unwrap().len();
        for cut in [0, 1, 43, 44, length / 2, length - 1] {
            let scratch = tempfile::tempdir().unwrap();
            copy(whole.path(), scratch.path());
            let file = File::options().write(true).open(scratch.path().join(&name)).unwrap();
            file.set_len(cut).unwrap();
            let left = told(start(scratch.path()));
            let at = format!("{name} cut at {cut} of {length}: {left:?}");
            assert_eq!(files(scratch.path()), files(whole.path()), "something was deleted; {at}");

            let stem = name.rsplit_once('.').unwrap().0;
            let is_other = |it: &&(PathBuf, u64, Option<String>)| it.0.file_stem().unwrap() != stem;
            let others: Vec<_> = left.iter().filter(is_other).collect();
            let expected: Vec<_> = unharmed.iter().filter(is_other).collect();
            assert_eq!(others, expected, "{at}");

            let log = journal.take();
            let own = left.iter().find(|it| !is_other(it));
            let before = unharmed.iter().find(|it| !is_other(it));
            if name.ends_with(".json") {
                // Its sound is complete, so it can be transcribed again.
                assert!(log.contains("WARN") && log.contains(&name), "not named; {at}\n{log}");
                assert_eq!(own.map(|it| (it.1, it.2.clone())), Some((8_000, None)), "{at}");
            } else {
                let samples = cut.saturating_sub(44) / 2;
                let text = before.and_then(|it| it.2.clone());
                match before {
                    // It has a text, or had one that was delivered.
                    Some(_) if text.is_some() => assert_eq!(own.unwrap().2, text, "{at}"),
                    None => assert_eq!(own, None, "{at}"),
                    Some(_) if samples > 0 => assert_eq!(own.unwrap().1, samples, "{at}"),
                    Some(_) => {
                        assert_eq!(own, None, "{at}");
                        assert!(log.contains("WARN") && log.contains(&name), "{at}\n{log}");
                    }
                }
            }
        }
    }
}
