//! `v2m-engine` as the daemon uses it: a child with a socketpair as standard input, a real model, a
//! real recording. Needs `V2M_TEST_MODELS`, a folder with `ggml-tiny.en-q8_0.bin` and
//! `ggml-silero-v6.2.0.bin`; without it these tests fail. `make test` sets it.
//!
//! `V2M_TEST_ENGINE` and `V2M_TEST_ENGINE_MODEL` name another engine and a model in that folder:
//! `make test-engines` runs what does not depend on Whisper with both programs.
//!
//! How accurate the recogniser is, is measured by a bench, not judged here.

#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use v2m::text::{self, Choices, Context, RawText, Rules};
use v2m_ipc::engine::{
    DecodeOptions, Frame, FromEngine, LoadFailure, Segment, ToEngine, encode_pcm, read_frame,
    write_message,
};
use v2m_recogniser::stream::join::{self, Part};
use v2m_recogniser::stream::seam::{self, Case, SeamEdit};
use v2m_recogniser::stream::{Hypothesis, Token};

/// Two engines at once on a small machine wait for each other at every barrier of ggml.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Long enough for a busy machine; only a hang waits so long.
const PATIENCE: Duration = Duration::from_secs(120);

fn model(name: &str) -> PathBuf {
    let folder = std::env::var_os("V2M_TEST_MODELS").unwrap_or_else(|| "/nonexistent".into());
    let path = Path::new(&folder).join(name);
    assert!(
        path.is_file(),
        "no {name}: set V2M_TEST_MODELS to a folder with the test models (`make test` does)"
    );
    path
}

/// The engine that is tested.
fn program() -> std::ffi::OsString {
    let named = std::env::var_os("V2M_TEST_ENGINE");
    named.unwrap_or_else(|| env!("CARGO_BIN_EXE_v2m-engine").into())
}

/// The model of the engine that is tested.
fn own_model() -> PathBuf {
    let named = std::env::var("V2M_TEST_ENGINE_MODEL");
    model(&named.unwrap_or_else(|_| "ggml-tiny.en-q8_0.bin".into()))
}

/// The voice activity model that v2m ships.
fn vad() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/ggml-silero-v6.2.0.bin")
}

fn sample() -> Vec<i16> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/sample.wav");
    hound::WavReader::open(path).unwrap().samples().map(Result::unwrap).collect()
}

struct Engine {
    child: Child,
    socket: UnixStream,
    _alone: MutexGuard<'static, ()>,
}

impl Engine {
    fn start(model: &Path, vad: &Path) -> Self {
        Self::run(Command::new(program()), model, vad)
    }

    /// `command` starts the engine, and passes on what it is given.
    fn run(mut command: Command, model: &Path, vad: &Path) -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let (socket, theirs) = UnixStream::pair().unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let child = command
            .args([Path::new("--model"), model, Path::new("--vad"), vad])
            .args(["--threads", "1"])
            .stdin(OwnedFd::from(theirs))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, socket, _alone: alone }
    }

    fn loaded() -> Self {
        let mut engine = Self::start(&own_model(), &vad());
        engine.until(|m| matches!(m, FromEngine::Loaded { .. }).then_some(()));
        engine
    }

    fn send(&mut self, message: &ToEngine) {
        write_message(&mut self.socket, message).unwrap();
    }

    fn begin(&mut self, job: u32) {
        self.send(&ToEngine::Begin { job, options: DecodeOptions::default() });
    }

    fn pcm(&mut self, job: u32, samples: &[i16]) {
        use std::io::Write;
        for chunk in samples.chunks(1600) {
            self.socket.write_all(&encode_pcm(job, chunk)).unwrap();
        }
    }

    fn receive(&mut self) -> FromEngine {
        match read_frame(&mut self.socket).unwrap().expect("the engine ended") {
            Frame::Message(message) => message,
            Frame::Pcm { .. } => panic!("the engine sent PCM"),
        }
    }

    fn until<T>(&mut self, mut wanted: impl FnMut(&FromEngine) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(&self.receive()) {
                return found;
            }
        }
    }

    fn transcribe(&mut self, job: u32, samples: &[i16]) -> (String, Vec<Segment>) {
        self.begin(job);
        self.pcm(job, samples);
        self.send(&ToEngine::Finish { job });
        self.outcome(job)
    }

    fn outcome(&mut self, number: u32) -> (String, Vec<Segment>) {
        self.until(|message| match message {
            FromEngine::Final { job, text, segments, .. } if *job == number => {
                Some((text.clone(), segments.clone()))
            }
            FromEngine::Failed { job, reason } if *job == number => panic!("failed: {reason}"),
            _ => None,
        })
    }

    fn end(self) -> std::process::Output {
        self.socket.shutdown(std::net::Shutdown::Both).unwrap();
        let (child, alone) = (self.child, self._alone);
        drop(self.socket);
        let output = child.wait_with_output().unwrap();
        drop(alone);
        output
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|w| w.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase())
        .collect()
}

fn assert_is_sample(text: &str) {
    let said = "and so my fellow americans ask not what your country can do for you ask what you \
                can do for your country";
    assert_eq!(words(text).join(" "), said, "{text:?}");
}

#[test]
fn the_sample_is_understood_and_silence_stays_silent() {
    let mut engine = Engine::loaded();
    let recording = sample();
    let (text, segments) = engine.transcribe(1, &recording);
    assert_is_sample(&text);
    assert!(segments.windows(2).all(|w| w[0].end <= w[1].start), "{segments:?}");
    assert!(segments.iter().all(|s| s.start < s.end && s.end <= recording.len() as u64));

    assert_eq!(engine.transcribe(2, &[0; 48_000]), (String::new(), Vec::new()));
    assert_eq!(engine.transcribe(3, &[]), (String::new(), Vec::new()));

    let output = engine.end();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_cancelled_job_leaves_the_next_one_clean_and_pings_are_answered_meanwhile() {
    let mut engine = Engine::loaded();
    let recording = sample();
    engine.begin(1);
    engine.pcm(1, &recording.repeat(4));
    engine.send(&ToEngine::Finish { job: 1 });
    engine.until(|m| matches!(m, FromEngine::Progress { job: 1, .. }).then_some(()));
    engine.send(&ToEngine::Ping { n: 7 });
    engine.until(|message| match message {
        FromEngine::Pong { n: 7 } => Some(()),
        FromEngine::Final { .. } => panic!("the ping waited for the decode"),
        _ => None,
    });
    engine.send(&ToEngine::Cancel { job: 1 });
    engine.begin(2);
    engine.pcm(2, &recording);
    engine.send(&ToEngine::Finish { job: 2 });
    let text = engine.until(|message| match message {
        FromEngine::Final { job: 2, text, .. } => Some(text.clone()),
        FromEngine::Final { job, .. } | FromEngine::Failed { job, .. } => {
            panic!("an answer to job {job}")
        }
        _ => None,
    });
    assert_is_sample(&text);
    assert!(engine.end().status.success());
}

/// A file, in whose midst a dictation comes between twice: its text is what it is without that.
#[test]
fn a_paused_job_goes_on_where_it_was() {
    let mut engine = Engine::loaded();
    let recording = sample();
    let file = recording.repeat(3);
    // Greedy: a beam's candidates are drawn at random.
    let options = DecodeOptions { beam_size: 1, patient: true, ..DecodeOptions::default() };
    engine.send(&ToEngine::Begin { job: 1, options: options.clone() });
    engine.pcm(1, &file);
    engine.send(&ToEngine::Finish { job: 1 });
    let undisturbed = engine.outcome(1);
    assert_eq!(undisturbed.0.matches("fellow").count(), 3, "{undisturbed:?}");

    engine.send(&ToEngine::Begin { job: 2, options });
    let (now, later) = file.split_at(file.len() / 2);
    engine.pcm(2, now);
    for (round, dictation) in [3, 4].into_iter().enumerate() {
        // It is decoding: a piece, a seam or several pieces as one.
        engine.until(|m| matches!(m, FromEngine::Progress { job: 2, .. }).then_some(()));
        engine.send(&ToEngine::Pause { job: 2 });
        assert_is_sample(&engine.transcribe(dictation, &recording).0);
        engine.send(&ToEngine::Resume { job: 2 });
        if round == 0 {
            engine.pcm(2, later);
            engine.send(&ToEngine::Finish { job: 2 });
        }
    }
    let disturbed = engine.until(|message| match message {
        FromEngine::Final { job: 2, text, segments, stats, .. } => {
            Some((text.clone(), segments.clone(), *stats))
        }
        FromEngine::Failed { job: 2, reason } => panic!("failed: {reason}"),
        _ => None,
    });
    assert_eq!((disturbed.0, disturbed.1), undisturbed);
    assert_eq!(disturbed.2.samples, file.len() as u64);

    // One that it does not know.
    engine.send(&ToEngine::Resume { job: 9 });
    engine.until(|m| matches!(m, FromEngine::Failed { job: 9, .. }).then_some(()));
    assert!(engine.end().status.success());
}

/// The recording's own pauses, after “Americans” and “you”, end no sentence, and the silence between
/// two readings ends one.
#[test]
fn a_sentence_is_over_at_its_end_and_not_at_the_pauses_within_it() {
    let mut engine = Engine::start(&model("ggml-base-q8_0.bin"), &vad());
    engine.until(|m| matches!(m, FromEngine::Loaded { .. }).then_some(()));
    let recording = sample();
    let length = recording.len() as u64;
    let quiet_after = 30 * 16_000;
    let options =
        DecodeOptions { beam_size: 1, sentences: true, quiet_after, ..Default::default() };
    engine.send(&ToEngine::Begin { job: 1, options });
    let pause = 24_000;
    for round in 0..3 {
        engine.pcm(1, &recording);
        engine.pcm(1, &vec![0; pause]);
        if round == 0 {
            continue;
        }
        // The one before is over while this one is spoken, or soon after it.
        let until = engine.until(|message| match message {
            FromEngine::Sentence { job: 1, until, language } => {
                assert_eq!(language, "en");
                Some(*until)
            }
            FromEngine::Quiet { .. } => panic!("its own pauses end the dictation"),
            _ => None,
        });
        let spoken = round * (length + pause as u64);
        assert!((spoken - pause as u64..=spoken).contains(&until), "{until} of {spoken}");
    }
    // More than four seconds end a sentence without a word after it.
    engine.pcm(1, &[0; 5 * 16_000]);
    let until = engine.until(|message| match message {
        FromEngine::Sentence { job: 1, until, .. } => Some(*until),
        FromEngine::Quiet { .. } => panic!("five seconds are no long silence"),
        _ => None,
    });
    assert!(until > 2 * (length + pause as u64) + length / 2, "{until}");
    engine.send(&ToEngine::Finish { job: 1 });
    let (text, _) = engine.outcome(1);
    assert_eq!(text.matches("fellow").count(), 3, "{text}");
    assert!(engine.end().status.success());
}

#[test]
fn text_grows_while_one_speaks() {
    // The smallest model is in two minds about a word of the second time round: which one wins
    // hangs on the last bit.
    let mut engine = Engine::start(&model("ggml-base-q8_0.bin"), &vad());
    engine.until(|m| matches!(m, FromEngine::Loaded { .. }).then_some(()));
    let recording = sample();
    engine.begin(1);
    engine.pcm(1, &recording);
    engine.pcm(1, &[0; 16_000]);
    // The whole sentence is a draft as long as a later piece may be joined to it.
    let said = engine.until(|message| match message {
        FromEngine::Segment { job: 1, segment, is_final: false } => Some(segment.clone()),
        _ => None,
    });
    assert!(!said.text.is_empty() && said.end <= recording.len() as u64, "{said:?}");
    engine.pcm(1, &recording);
    engine.send(&ToEngine::Finish { job: 1 });
    let mut told: Vec<Segment> = Vec::new();
    let (text, segments) = engine.until(|message| match message {
        FromEngine::Segment { job: 1, segment, is_final: true } => {
            match told.iter_mut().find(|known| known.start == segment.start) {
                Some(known) => *known = segment.clone(),
                None => told.push(segment.clone()),
            }
            None
        }
        FromEngine::Final { job: 1, text, segments, .. } => Some((text.clone(), segments.clone())),
        _ => None,
    });
    assert_eq!(told, segments);
    let middle = segments.iter().position(|s| s.start > recording.len() as u64).unwrap();
    let joined = |segments: &[Segment]| {
        segments.iter().map(|s| s.text.as_str()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(segments[0].start, said.start);
    assert_is_sample(&joined(&segments[..middle]));
    assert_is_sample(&joined(&segments[middle..]));
    assert_eq!(text, joined(&segments));
}

/// It once read "And so my fellow Americans. Ask not. What your country can do for you, ask what
/// you can do for your country."
#[test]
fn pauses_within_a_sentence_do_not_end_it() {
    let mut engine = Engine::start(&model("ggml-base-q8_0.bin"), &vad());
    engine.until(|m| matches!(m, FromEngine::Loaded { .. }).then_some(()));
    let options = DecodeOptions {
        language: Some("en".into()),
        beam_size: 1,
        patient: true,
        ..Default::default()
    };
    engine.send(&ToEngine::Begin { job: 1, options });
    engine.pcm(1, &sample());
    engine.send(&ToEngine::Finish { job: 1 });
    let (text, segments) = engine.outcome(1);
    assert_is_sample(&text);
    assert!(segments.len() > 2, "it was said with two pauses: {segments:?}");
    let ends: Vec<_> = text.match_indices(['.', '?', '!']).map(|(at, _)| at).collect();
    assert_eq!(ends, [text.len() - 1], "{text:?}");
    let capitals: Vec<_> =
        text.split_whitespace().filter(|word| word.starts_with(char::is_uppercase)).collect();
    assert!(capitals.len() == 2 && capitals[1].starts_with("Americans"), "{text:?}");
}

/// The rules read the pauses between pieces, which stay when marks and capitals there have gone.
#[test]
fn commands_between_pauses_are_obeyed_after_seams_are_mended() {
    let rules = Rules::new(Choices { layout: true, take_back: true, ..Choices::default() });
    let obeyed = |pieces: &[String]| {
        let text = pieces.join(" ");
        let pauses = text::pauses(&text, pieces.iter().map(String::as_str));
        let heard = RawText { text: &text, pauses: &pauses, language: "en" };
        rules.apply(heard, Context::default()).text
    };
    for (pieces, expected) in [
        (["I want.", "The red one.", "Scratch that.", "The blue one."], "I want the blue one."),
        (
            ["Milk and eggs.", "New line.", "Bread.", "And butter."],
            "Milk and eggs\nBread and butter.",
        ),
    ] {
        // As the model decides where it hears one sentence.
        let mut mended = pieces.map(str::to_owned);
        let verdict = SeamEdit { mark: String::new(), case: Some(Case::Lower) };
        for at in 1..mended.len() {
            let (before, after) = seam::mend(&mended[at - 1], &mended[at], &verdict);
            (mended[at - 1], mended[at]) = (before, after);
        }
        assert_eq!(obeyed(&mended), expected, "{mended:?}");
        // As it writes all of it at once.
        let tokens = |text: &str, log_probability: f32| -> Vec<Token> {
            let token =
                |word| Token { id: 1, bytes: format!(" {word}").into_bytes(), log_probability };
            text.split(' ').map(token).collect()
        };
        let joined = mended.join(" ");
        let heard = Hypothesis {
            tokens: tokens(&joined, -0.1),
            text: joined.clone(),
            mean_log_probability: -0.1,
            cut_off: false,
        };
        let said = pieces.map(|text| tokens(text, -0.5));
        let part = |(text, tokens)| Part { text, tokens, mean_log_probability: -0.5 };
        let parts: Vec<Part> =
            pieces.into_iter().zip(said.iter().map(Vec::as_slice)).map(part).collect();
        let split = join::accept(&parts, &heard).unwrap();
        let split: Vec<String> = split.iter().map(|tokens| join::text(tokens)).collect();
        assert_eq!(obeyed(&split), expected, "{split:?}");
    }
}

#[test]
fn a_vocabulary_of_any_length_is_survived() {
    let mut engine = Engine::loaded();
    let recording = sample();
    let (many, long) = ("Zarvent ".repeat(400), "x".repeat(200_000));
    for (job, entry) in [(1, many), (2, long)] {
        let options = DecodeOptions {
            language: Some("en".into()),
            vocabulary: vec![entry, "country".into()],
            ..Default::default()
        };
        engine.send(&ToEngine::Begin { job, options });
        engine.pcm(job, &recording);
        engine.send(&ToEngine::Finish { job });
        assert_is_sample(&engine.outcome(job).0);
    }
}

#[test]
fn the_language_is_detected_among_those_named_and_a_wrong_one_is_refused() {
    let mut engine = Engine::start(&model("ggml-base-q8_0.bin"), &vad());
    engine.until(|m| matches!(m, FromEngine::Loaded { multilingual: true, .. }).then_some(()));
    let recording = sample();
    let mut transcribe = |job, options, samples: &[i16]| {
        engine.send(&ToEngine::Begin { job, options });
        engine.pcm(job, samples);
        engine.send(&ToEngine::Finish { job });
        engine.until(|message| match message {
            FromEngine::Final { job: n, text, language, .. } if *n == job => {
                Some(Ok((text.clone(), language.clone())))
            }
            FromEngine::Failed { job: n, reason } if *n == job => Some(Err(reason.clone())),
            _ => None,
        })
    };
    let among = |codes: &[&str]| DecodeOptions {
        languages: codes.iter().map(|code| (*code).to_owned()).collect(),
        beam_size: 1,
        ..DecodeOptions::default()
    };
    let (text, language) = transcribe(1, among(&["es", "en"]), &recording).unwrap();
    assert_is_sample(&text);
    assert_eq!(language, "en");
    let beginning = &recording[..32_000];
    assert_eq!(transcribe(2, among(&["es"]), beginning).unwrap().1, "es");
    let wrong = DecodeOptions { language: Some("xx".into()), ..DecodeOptions::default() };
    assert!(transcribe(3, wrong, beginning).unwrap_err().contains("\"xx\""));
}

/// What is asked for a model that must be told the language: nothing is transcribed, and the answer
/// does not wait for the end.
#[test]
fn the_language_alone_is_told_from_the_first_voice_and_the_next_recording_is_transcribed() {
    let mut engine = Engine::start(&model("ggml-base-q8_0.bin"), &vad());
    engine.until(|m| matches!(m, FromEngine::Loaded { .. }).then_some(()));
    let asked = |seconds: u64| DecodeOptions {
        languages: ["es", "en"].map(str::to_owned).into(),
        language_after: seconds * 16_000,
        ..DecodeOptions::default()
    };
    let told = |engine: &mut Engine, number| {
        engine.until(|message| match message {
            FromEngine::Language { job, language, voice } if *job == number => {
                Some((language.clone(), *voice))
            }
            FromEngine::Final { .. } | FromEngine::Segment { .. } => panic!("a text"),
            FromEngine::Failed { job, reason } if *job == number => panic!("failed: {reason}"),
            _ => None,
        })
    };
    let recording = sample();
    engine.send(&ToEngine::Begin { job: 1, options: asked(2) });
    engine.pcm(1, &recording);
    let (language, voice) = told(&mut engine, 1);
    assert_eq!(language.as_deref(), Some("en"));
    assert!((32_000..33_000).contains(&voice), "{voice}");

    // One that is over before: by what there is. Of silence nothing is said.
    engine.send(&ToEngine::Begin { job: 2, options: asked(60) });
    engine.pcm(2, &recording);
    engine.send(&ToEngine::Finish { job: 2 });
    assert_eq!(told(&mut engine, 2).0.as_deref(), Some("en"));
    engine.send(&ToEngine::Begin { job: 3, options: asked(2) });
    engine.pcm(3, &[0; 32_000]);
    engine.send(&ToEngine::Finish { job: 3 });
    assert_eq!(told(&mut engine, 3), (None, 0));

    // One that is cancelled is never told, and does not disturb the next one.
    engine.send(&ToEngine::Begin { job: 4, options: asked(2) });
    engine.pcm(4, &recording);
    engine.send(&ToEngine::Cancel { job: 4 });
    assert_is_sample(&engine.transcribe(5, &recording).0);
}

#[test]
fn pings_are_answered_while_loading() {
    let mut engine = Engine::start(&model("ggml-tiny.en-q8_0.bin"), &vad());
    engine.send(&ToEngine::Ping { n: 1 });
    assert!(matches!(engine.receive(), FromEngine::Loading { bytes: 43_550_795 }));
    let pong = |m: &FromEngine| matches!(m, FromEngine::Pong { n: 1 }).then_some(());
    engine.until(pong);
    assert!(engine.end().status.success());
}

#[test]
fn what_is_no_model_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let vad = vad();
    let whole = fs::read(own_model()).unwrap();
    let is_gguf = whole.starts_with(b"GGUF");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let noise: Vec<u8> =
        (0..200_000u32).flat_map(|i| i.wrapping_mul(0x9e37_79b9).to_le_bytes()).collect();
    // How many tensors there are, or how many heads.
    let mut header_lies = whole.clone();
    header_lies[if is_gguf { 8 } else { 4 + 4 * 4 }] ^= 1;
    // Of another architecture, or of another kind.
    let mut other = if is_gguf { whole.clone() } else { fs::read(&vad).unwrap() };
    if is_gguf {
        let name = b"moonshine";
        let at = other.windows(name.len()).position(|bytes| bytes == name).unwrap();
        other[at..at + name.len()].copy_from_slice(b"sunshines");
    }
    let cases = [
        (folder.path().join("nowhere.bin"), LoadFailure::Missing),
        (folder.path().into(), LoadFailure::Missing),
        (file("empty.bin", b""), LoadFailure::Broken),
        (file("text.bin", b"This is a letter, not a model.\n"), LoadFailure::Broken),
        (file("noise.bin", &[&whole[..4], &noise[..]].concat()), LoadFailure::Broken),
        (file("half.bin", &whole[..whole.len() / 2]), LoadFailure::Broken),
        (file("almost.bin", &whole[..whole.len() - 1]), LoadFailure::Broken),
        (file("more.bin", &[&whole[..], &[0; 7]].concat()), LoadFailure::Broken),
        (file("header.bin", &header_lies), LoadFailure::Broken),
        (file("other.bin", &other), LoadFailure::Broken),
    ];
    for (path, expected) in cases {
        let mut engine = Engine::start(&path, &vad);
        let (failure, reason) = engine.until(|message| match message {
            FromEngine::LoadFailed { failure, reason } => Some((*failure, reason.clone())),
            _ => None,
        });
        assert_eq!(failure, expected, "{}: {reason}", path.display());
        assert!(reason.contains(path.to_str().unwrap()), "{reason}");
        assert_eq!(engine.end().status.code(), Some(1), "{}", path.display());
    }
}

/// With less memory than it needs, it says so or dies of that: the daemon tells the user either. It
/// does not hang, and does not claim to be ready.
#[test]
fn without_memory_for_its_model_it_fails() {
    for kib in [60_000, 130_000, 200_000] {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -v {kib} && exec \"$0\" \"$@\"")]).arg(program());
        let mut engine = Engine::run(command, &own_model(), &vad());
        let said = loop {
            match read_frame(&mut engine.socket) {
                Ok(Some(Frame::Message(FromEngine::LoadFailed { failure, reason }))) => {
                    break Some((failure, reason));
                }
                Ok(Some(Frame::Message(FromEngine::Loaded { .. }))) => panic!("in {kib} KiB"),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break None,
            }
        };
        if let Some((failure, reason)) = &said {
            assert_eq!(*failure, LoadFailure::Unsupported, "{reason}");
            assert!(reason.contains("too little memory"), "{reason}");
        }
        let output = engine.end();
        assert!(!output.status.success(), "{said:?}: {output:?}");
    }
}

#[test]
fn a_broken_frame_ends_it_with_an_error() {
    use std::io::Write;
    let mut engine = Engine::loaded();
    engine.socket.write_all(&[0xff; 8]).unwrap();
    let output = engine.end();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("frame"), "{output:?}");
}

#[test]
fn help_and_version_are_printed_and_mistakes_named() {
    let run = |argument: &str| {
        Command::new(env!("CARGO_BIN_EXE_v2m-engine")).arg(argument).output().unwrap()
    };
    assert!(String::from_utf8_lossy(&run("--help").stdout).contains("--model FILE"));
    assert!(String::from_utf8_lossy(&run("--version").stdout).contains(env!("CARGO_PKG_VERSION")));
    assert_eq!(run("--modle").status.code(), Some(2));
}

/// The microphone hears them, if the speakers are on.
#[test]
fn the_sounds_of_a_dictation_are_no_words_and_change_none() {
    let heard = |sound: v2m::feedback::Sound| -> Vec<i16> {
        // From 48 kHz; there is nothing above 3 kHz in it.
        let samples = sound.samples().into_iter().step_by(3);
        samples.map(|sample| (sample * 32_768.0) as i16).collect()
    };
    let mut engine = Engine::loaded();
    let pause = [0; 8_000];
    let mut sounds = pause.to_vec();
    for sound in v2m::feedback::Sound::ALL {
        sounds.extend(heard(sound).iter().chain(&pause));
    }
    assert_eq!(engine.transcribe(1, &sounds), (String::new(), Vec::new()));

    // Into what a microphone hears of it, 20 dB less, somebody speaks at once. (The default model
    // writes the same words with all of it; to this one a quarter of a second of silence before the
    // words makes more of a difference.)
    let start = heard(v2m::feedback::Sound::Start).into_iter().map(|sample| sample / 10);
    let mixed = sample().into_iter().zip(start.chain(std::iter::repeat(0)));
    let mixed: Vec<i16> = mixed.map(|(voice, sound)| voice.saturating_add(sound)).collect();
    assert_is_sample(&engine.transcribe(2, &mixed).0);
    assert!(engine.end().status.success());
}
