//! A store in a private directory, and helpers that examine it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tokio::sync::mpsc;
use v2m::session::{Code, Delivery, JobId, Segment};
use v2m::store::{Record, RecordUpdate, Retention, Store, StoreEvent, Text, Tried, Unfinished};

pub(crate) const CHILD: &str = "V2M_TEST_STORE_DIRECTORY";

pub(crate) struct Bench {
    pub(crate) store: Store,
    pub(crate) events: mpsc::Receiver<StoreEvent>,
    pub(crate) left: Vec<Unfinished>,
}

impl Bench {
    pub(crate) fn open(directory: &Path, retention: Retention) -> Self {
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

    pub(crate) fn event(&mut self) -> StoreEvent {
        self.events.blocking_recv().unwrap()
    }

    /// Records `samples` and ends the dictation with `outcome`. Returns the recording's path.
    pub(crate) fn dictate(&mut self, job: u32, samples: &[i16], outcome: RecordUpdate) -> PathBuf {
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

    /// Waits until all commands are done.
    pub(crate) fn close(self) {
        let Self { store, mut events, .. } = self;
        drop(store);
        while events.blocking_recv().is_some() {}
    }
}

pub(crate) fn text(text: &str) -> Text {
    let segments = vec![Segment { start: 0, end: 9, text: text.into() }];
    Text { text: text.into(), unrefined: None, language: "en".into(), segments, preset: None }
}

pub(crate) fn delivered(said: &str) -> RecordUpdate {
    let delivery =
        Delivery { by: "clipboard", backend: None, ok: true, detail: "on the clipboard".into() };
    RecordUpdate::Delivered(text(said), vec![delivery])
}

pub(crate) fn failed(code: Code) -> RecordUpdate {
    let tried = Tried { engine: "cpu".into(), model: "base".into() };
    RecordUpdate::Failed(code, "it did not work".into(), Some(tried))
}

pub(crate) fn record(audio: &Path) -> Record {
    serde_json::from_slice(&fs::read(audio.with_extension("json")).unwrap()).unwrap()
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

pub(crate) fn dictations(directory: &Path) -> usize {
    let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| !name.to_string_lossy().starts_with('.')).count()
}

/// Runs a test again in a child process that finds `directory` in its environment.
pub(crate) fn again(test: &str, directory: &Path, wrapper: &[&str]) -> Child {
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

pub(crate) fn wait_for_line(child: &mut Child, wanted: &str) {
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = output.lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains(wanted)));
}
