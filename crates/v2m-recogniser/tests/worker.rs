//! Tests of the worker with a model that needs no file: it loads, decodes, is interrupted, and
//! fails.

#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use rustix::event::{PollFd, PollFlags, poll};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use v2m_recogniser::decoder::{DecodeError, DecodeMonitor, DecodeRequest, Decoder};
use v2m_recogniser::model::{Device, LoadError, Model, PieceLimits};
use v2m_recogniser::stream::piece::DecodeSettings;
use v2m_recogniser::stream::{Hypothesis, Piece};
use v2m_recogniser::task::{Task, TaskId, TaskResult, Work};
use v2m_recogniser::worker::{Readied, Worker, WorkerEvent};

/// The model's behaviour.
#[derive(Clone, Debug, Default)]
struct Script {
    /// Whether the file is missing.
    is_missing: bool,
    /// The failures of the first warm-ups, one after the other. Later ones succeed.
    warm_ups: Vec<Result<(), DecodeError>>,
    /// The result of each decode. Without one, a decode continues until it is interrupted.
    decodes: Vec<Result<&'static str, DecodeError>>,
}

impl Model for Script {
    type Decoder = Self;

    fn program(&self) -> &'static str {
        "a test"
    }

    fn file(&self) -> &Path {
        Path::new("/models/script")
    }

    fn device(&self) -> Device {
        Device { backend: "cpu".into(), name: "a script".into() }
    }

    fn limits(&self) -> PieceLimits {
        PieceLimits::default()
    }

    fn check(&self) -> Result<u64, LoadError> {
        Ok(7)
    }

    fn load(self) -> Result<Self, LoadError> {
        match self.is_missing {
            true => Err(LoadError::Missing {
                path: PathBuf::from("/models/script"),
                source: std::io::ErrorKind::NotFound.into(),
            }),
            false => Ok(self),
        }
    }
}

impl Decoder for Script {
    fn multilingual(&self) -> bool {
        true
    }

    fn memory(&self) -> u64 {
        5
    }

    fn warm_up(&mut self) -> Result<(), DecodeError> {
        if self.warm_ups.is_empty() { Ok(()) } else { self.warm_ups.remove(0) }
    }

    fn decode(
        &mut self,
        _: &DecodeRequest,
        watch: &dyn DecodeMonitor,
    ) -> Result<Hypothesis, DecodeError> {
        if self.decodes.is_empty() {
            while !watch.tick() {
                std::thread::yield_now();
            }
            return Err(DecodeError::Aborted);
        }
        let text = self.decodes.remove(0)?.to_owned();
        Ok(Hypothesis { text, ..Hypothesis::default() })
    }
}

/// Waits for the next event.
fn news(worker: &mut Worker) -> WorkerEvent {
    loop {
        if let Some(event) = worker.news() {
            return event;
        }
        let wake = worker.wake();
        poll(&mut [PollFd::new(&wake, PollFlags::IN)], None).unwrap();
    }
}

/// Starts a worker and waits until its model is loaded.
fn loaded(script: Script) -> Worker {
    let mut worker = Worker::start(script).unwrap();
    let event = news(&mut worker);
    assert!(
        matches!(event, WorkerEvent::Loaded(Readied { multilingual: true, memory: 5, .. })),
        "{event:?}"
    );
    worker
}

fn submit(worker: &Worker, id: u64) {
    let piece = Piece { start: 0, end: 16_000, voice_start: 0, voice_end: 16_000 };
    let audio = vec![0.0; 16_000];
    let work = Work::Piece { piece, audio, language: Some("en".into()) };
    worker
        .submit(Task { id: TaskId(id), work, settings: Arc::new(DecodeSettings::default()) })
        .unwrap();
}

/// Returns the outcome of the task, ignoring its beats.
fn outcome(worker: &mut Worker, id: u64) -> Result<String, DecodeError> {
    loop {
        match news(worker) {
            WorkerEvent::Beat(TaskId(beat)) => assert_eq!(beat, id),
            WorkerEvent::Done { id: TaskId(done), result, .. } => {
                assert_eq!(done, id);
                return result.map(|answer| TaskResult::piece(answer).unwrap().text);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_task_is_decoded_and_the_next_one_too() {
    let mut worker = loaded(Script { decodes: vec![Ok("one"), Ok("two")], ..Script::default() });
    for (id, text) in [(1, "one"), (2, "two")] {
        submit(&worker, id);
        assert_eq!(outcome(&mut worker, id).unwrap(), text);
    }
}

#[test]
fn a_decode_that_is_interrupted_says_so_and_beats_until_then() {
    let mut worker = loaded(Script::default());
    submit(&worker, 1);
    let event = news(&mut worker);
    assert!(matches!(event, WorkerEvent::Beat(TaskId(1))), "{event:?}");
    worker.abort(TaskId(1));
    assert_eq!(outcome(&mut worker, 1), Err(DecodeError::Aborted));
}

#[test]
fn what_fails_for_its_own_sake_does_not_end_the_worker() {
    let refused = DecodeError::Refused("no such language".into());
    let failed = DecodeError::Failed("code -7".into());
    let decodes = vec![Err(refused.clone()), Err(failed.clone()), Ok("three")];
    let mut worker = loaded(Script { decodes, ..Script::default() });
    for (id, expected) in [(1, Err(refused)), (2, Err(failed)), (3, Ok("three".to_owned()))] {
        submit(&worker, id);
        assert_eq!(outcome(&mut worker, id), expected);
    }
}

#[test]
fn a_device_that_cannot_decode_silence_any_more_is_told() {
    let failed = |code: &str| Err(DecodeError::Failed(code.into()));
    let script = Script {
        warm_ups: vec![Ok(()), failed("code -6")],
        decodes: vec![Err(DecodeError::Failed("code -7".into()))],
        ..Script::default()
    };
    let mut worker = loaded(script);
    submit(&worker, 1);
    match news(&mut worker) {
        WorkerEvent::DeviceFailed(reason) => {
            assert!(reason.contains("-7") && reason.contains("-6"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_model_that_is_of_no_use_is_told_with_its_reason() {
    let warm_up = |error| Script { warm_ups: vec![Err(error)], ..Script::default() };
    for (script, reason) in [
        (Script { is_missing: true, ..Script::default() }, "Loading the model /models/script: "),
        (warm_up(DecodeError::NoNumbers), "its weights do not compute numbers"),
        (warm_up(DecodeError::Failed("x".into())), "this computer cannot run a test: the model"),
    ] {
        match news(&mut Worker::start(script).unwrap()) {
            WorkerEvent::LoadFailed(error) => {
                assert!(error.to_string().contains(reason), "{error}")
            }
            other => panic!("{other:?}"),
        }
    }
}
