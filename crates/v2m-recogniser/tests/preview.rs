//! Tests of a preview's run loop, with a model that needs no file: its text, interruptions, and its
//! reports of failures.

#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;
use v2m_ipc::engine::{
    self, DecodeOptions, Frame, FromEngine, LoadFailure, ToEngine, encode_pcm, write_message,
};
use v2m_recogniser::decoder::{DecodeError, DecodeMonitor};
use v2m_recogniser::model::{Device, LoadError};
use v2m_recogniser::preview::run::serve_over;
use v2m_recogniser::preview::{PreviewDecoder, PreviewModel};
use v2m_recogniser::run::RunError;
use v2m_recogniser::wire::Wire;

/// A sample that the model processes for ever, until it is interrupted.
const ENDLESS: i16 = 7;
/// A sample that makes the model fail.
const BAD: i16 = 9;

/// A model that writes how many samples it has received.
#[derive(Clone, Debug, Default)]
struct Script {
    /// Whether the file is missing.
    is_missing: bool,
    /// Whether the model fails on silence.
    is_useless: bool,
    heard: usize,
    language: Option<String>,
    text: String,
}

impl PreviewModel for Script {
    fn program(&self) -> &'static str {
        "a test"
    }

    fn file(&self) -> &Path {
        Path::new("/models/script")
    }

    fn device(&self) -> Device {
        Device { backend: "cpu".into(), name: "a script".into() }
    }

    fn check(&self) -> Result<u64, LoadError> {
        match self.is_missing {
            true => Err(LoadError::Missing {
                path: PathBuf::from("/models/script"),
                source: std::io::ErrorKind::NotFound.into(),
            }),
            false => Ok(7),
        }
    }

    fn load(self) -> Result<Box<dyn PreviewDecoder>, LoadError> {
        Ok(Box::new(self))
    }
}

impl PreviewDecoder for Script {
    fn multilingual(&self) -> bool {
        true
    }

    fn memory(&self) -> u64 {
        5
    }

    fn warm_up(&mut self) -> Result<(), DecodeError> {
        if self.is_useless { Err(DecodeError::Failed("no ears".into())) } else { Ok(()) }
    }

    fn begin(&mut self, language: Option<&str>) -> Result<(), DecodeError> {
        if language == Some("xx") {
            return Err(DecodeError::Refused("no xx".into()));
        }
        (self.heard, self.language) = (0, language.map(str::to_owned));
        self.text.clear();
        Ok(())
    }

    fn hear(&mut self, audio: &[f32], watch: &dyn DecodeMonitor) -> Result<(), DecodeError> {
        let has = |sample: i16| audio.contains(&v2m_ipc::pcm::to_float(sample));
        if has(BAD) {
            return Err(DecodeError::Failed("a bad sample".into()));
        }
        while has(ENDLESS) {
            if watch.tick() {
                return Err(DecodeError::Aborted);
            }
            std::thread::yield_now();
        }
        self.heard += audio.len();
        // Silence has no words.
        if audio.iter().any(|sample| *sample != 0.0) {
            let language = self.language.as_deref().unwrap_or("?");
            self.text = format!("{language}: {}", self.heard);
        }
        Ok(())
    }

    fn text(&self) -> &str {
        &self.text
    }
}

struct Lab {
    stream: UnixStream,
    served: JoinHandle<Result<(), RunError>>,
}

impl Lab {
    fn new(script: Script) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let served = std::thread::spawn(move || serve_over(Wire::over(theirs), script));
        Self { stream: ours, served }
    }

    fn loaded() -> Self {
        let mut lab = Self::new(Script::default());
        assert_eq!(lab.next(), FromEngine::Loading { bytes: 7 });
        let loaded = lab.next();
        let FromEngine::Loaded { backend, memory_bytes, multilingual, pauses, .. } = loaded else {
            panic!("{loaded:?}")
        };
        assert_eq!((&*backend, memory_bytes, multilingual, pauses), ("cpu", 5, true, false));
        lab
    }

    fn send(&mut self, message: &ToEngine) {
        write_message(&mut self.stream, message).unwrap();
    }

    fn begin(&mut self, job: u32, language: Option<&str>) {
        let language = language.map(str::to_owned);
        self.send(&ToEngine::Begin {
            job,
            options: DecodeOptions { language, ..DecodeOptions::default() },
        });
    }

    fn feed(&mut self, job: u32, samples: &[i16]) {
        use std::io::Write;
        self.stream.write_all(&encode_pcm(job, samples)).unwrap();
    }

    fn next(&mut self) -> FromEngine {
        match engine::read_frame(&mut self.stream).unwrap() {
            Some(Frame::Message(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    /// Returns the texts of a job until this many samples of it were processed.
    fn heard(&mut self, job: u32, samples: u64) -> Vec<String> {
        let mut texts = Vec::new();
        loop {
            match self.next() {
                FromEngine::Segment { job: of, segment, is_final } => {
                    assert_eq!((of, segment.start, is_final), (job, 0, false));
                    texts.push(segment.text);
                }
                FromEngine::Progress { job: of, settled } => {
                    assert_eq!(of, job);
                    if settled == samples {
                        return texts;
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn ended(self) -> Result<(), RunError> {
        drop(self.stream);
        self.served.join().unwrap()
    }
}

#[test]
fn words_come_as_they_are_heard_and_none_of_them_is_final() {
    let mut lab = Lab::loaded();
    lab.begin(1, Some("es"));
    lab.feed(1, &[1; 100]);
    assert_eq!(lab.heard(1, 100), ["es: 100"]);
    lab.feed(1, &[0; 50]);
    assert_eq!(lab.heard(1, 150), [""; 0], "nothing new, and it is told that it was heard");
    lab.feed(1, &[1; 50]);
    assert_eq!(lab.heard(1, 200), ["es: 200"]);
    // At most a second at once, so that the end of a recording is noticed.
    lab.feed(1, &[1; 40_000]);
    assert!(lab.heard(1, 40_200).len() >= 3);
    lab.ended().unwrap();
}

#[test]
fn the_only_language_that_may_be_spoken_is_the_one() {
    let mut lab = Lab::loaded();
    let options = |languages: &[&str]| DecodeOptions {
        languages: languages.iter().map(|code| (*code).to_owned()).collect(),
        ..DecodeOptions::default()
    };
    lab.send(&ToEngine::Begin { job: 1, options: options(&["es"]) });
    lab.feed(1, &[1; 10]);
    assert_eq!(lab.heard(1, 10), ["es: 10"]);
    lab.send(&ToEngine::Begin { job: 2, options: options(&["en", "es"]) });
    lab.feed(2, &[1; 10]);
    assert_eq!(lab.heard(2, 10), ["?: 10"]);
    lab.ended().unwrap();
}

#[test]
fn a_recording_that_is_over_is_left_at_once() {
    let mut lab = Lab::loaded();
    lab.begin(1, None);
    lab.feed(1, &[ENDLESS; 10]);
    lab.send(&ToEngine::Ping { n: 3 });
    assert_eq!(lab.next(), FromEngine::Pong { n: 3 }, "whatever the other thread does");
    lab.send(&ToEngine::Cancel { job: 1 });
    // These samples belong to no recording.
    lab.feed(1, &[1; 10]);
    lab.begin(2, None);
    lab.feed(1, &[1; 10]);
    lab.feed(2, &[1; 20]);
    assert_eq!(lab.heard(2, 20), ["?: 20"]);
    // A new recording also ends the one before, without an explicit cancel.
    lab.feed(2, &[ENDLESS; 10]);
    lab.begin(3, None);
    lab.feed(3, &[1; 30]);
    assert_eq!(lab.heard(3, 30), ["?: 30"]);
    lab.ended().unwrap();
}

#[test]
fn a_recording_that_fails_costs_that_one_alone() {
    let mut lab = Lab::loaded();
    for (job, language, sample, why) in
        [(1, Some("xx"), 1, "no xx"), (2, None, BAD, "a bad sample")]
    {
        lab.begin(job, language);
        lab.feed(job, &[sample; 10]);
        let FromEngine::Failed { job: of, reason } = lab.next() else { panic!("it has failed") };
        assert!(of == job && reason.contains(why), "{reason}");
        lab.feed(job, &[1; 10]);
    }
    lab.begin(3, None);
    lab.feed(3, &[1; 10]);
    assert_eq!(lab.heard(3, 10), ["?: 10"]);
    lab.ended().unwrap();
}

/// The daemon never asks for it, but a developer who tries an engine by hand does.
#[test]
fn the_end_of_a_recording_is_answered_with_all_that_was_written() {
    let mut lab = Lab::loaded();
    lab.begin(1, Some("en"));
    lab.feed(1, &[1; 100]);
    lab.send(&ToEngine::Finish { job: 1 });
    let answer = loop {
        match lab.next() {
            FromEngine::Segment { .. } | FromEngine::Progress { .. } => {}
            other => break other,
        }
    };
    let FromEngine::Final { job: 1, text, language, segments, stats } = answer else {
        panic!("{answer:?}")
    };
    assert_eq!((&*text, &*language, segments.len(), stats.samples), ("en: 100", "en", 1, 100));
    lab.send(&ToEngine::Finish { job: 1 });
    assert!(matches!(lab.next(), FromEngine::Failed { job: 1, .. }));
    lab.ended().unwrap();
}

#[test]
fn a_model_that_cannot_be_used_says_why_and_ends() {
    let mut lab = Lab::new(Script { is_missing: true, ..Script::default() });
    let refused = lab.next();
    assert!(matches!(refused, FromEngine::LoadFailed { failure: LoadFailure::Missing, .. }));
    assert!(matches!(lab.ended(), Err(RunError::Load(LoadError::Missing { .. }))));
    let mut lab = Lab::new(Script { is_useless: true, ..Script::default() });
    assert!(matches!(lab.next(), FromEngine::Loading { .. }));
    let FromEngine::LoadFailed { failure, reason } = lab.next() else { panic!("it is useless") };
    assert!(failure == LoadFailure::Unsupported && reason.contains("no ears"), "{reason}");
    assert!(lab.ended().is_err());
}
