//! The engine as a child process with a socketpair, its models and a recording.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use v2m_ipc::engine::{
    DecodeOptions, Frame, FromEngine, Segment, ToEngine, encode_pcm, read_frame, write_message,
};

/// On a small machine, two engines at once wait for each other at every barrier of ggml.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Long enough for a busy machine; only a hang takes this long.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn model(name: &str) -> PathBuf {
    let folder = std::env::var_os("V2M_TEST_MODELS").unwrap_or_else(|| "/nonexistent".into());
    let path = Path::new(&folder).join(name);
    assert!(
        path.is_file(),
        "no {name}: set V2M_TEST_MODELS to a folder with the test models (`make test` does)"
    );
    path
}

/// Returns the engine under test.
pub(crate) fn program() -> std::ffi::OsString {
    let named = std::env::var_os("V2M_TEST_ENGINE");
    named.unwrap_or_else(|| env!("CARGO_BIN_EXE_v2m-engine").into())
}

/// Returns the model of the engine under test.
pub(crate) fn own_model() -> PathBuf {
    let named = std::env::var("V2M_TEST_ENGINE_MODEL");
    model(&named.unwrap_or_else(|_| "ggml-tiny.en-q8_0.bin".into()))
}

/// Returns the voice activity model that v2m ships.
pub(crate) fn vad() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/ggml-silero-v6.2.0.bin")
}

pub(crate) fn sample() -> Vec<i16> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/sample.wav");
    hound::WavReader::open(path).unwrap().samples().map(Result::unwrap).collect()
}

pub(crate) struct Engine {
    child: Child,
    pub(crate) socket: UnixStream,
    _alone: MutexGuard<'static, ()>,
}

impl Engine {
    pub(crate) fn start(model: &Path, vad: &Path) -> Self {
        Self::run(Command::new(program()), model, vad)
    }

    /// Runs `command`, which starts the engine and passes its arguments on.
    pub(crate) fn run(mut command: Command, model: &Path, vad: &Path) -> Self {
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

    pub(crate) fn loaded() -> Self {
        let mut engine = Self::start(&own_model(), &vad());
        engine.until(|m| matches!(m, FromEngine::Loaded { .. }).then_some(()));
        engine
    }

    pub(crate) fn send(&mut self, message: &ToEngine) {
        write_message(&mut self.socket, message).unwrap();
    }

    pub(crate) fn begin(&mut self, job: u32) {
        self.send(&ToEngine::Begin { job, options: DecodeOptions::default() });
    }

    pub(crate) fn pcm(&mut self, job: u32, samples: &[i16]) {
        use std::io::Write;
        for chunk in samples.chunks(1600) {
            self.socket.write_all(&encode_pcm(job, chunk)).unwrap();
        }
    }

    pub(crate) fn receive(&mut self) -> FromEngine {
        match read_frame(&mut self.socket).unwrap().expect("the engine ended") {
            Frame::Message(message) => message,
            Frame::Pcm { .. } => panic!("the engine sent PCM"),
        }
    }

    pub(crate) fn until<T>(&mut self, mut wanted: impl FnMut(&FromEngine) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(&self.receive()) {
                return found;
            }
        }
    }

    pub(crate) fn transcribe(&mut self, job: u32, samples: &[i16]) -> (String, Vec<Segment>) {
        self.begin(job);
        self.pcm(job, samples);
        self.send(&ToEngine::Finish { job });
        self.outcome(job)
    }

    pub(crate) fn outcome(&mut self, number: u32) -> (String, Vec<Segment>) {
        self.until(|message| match message {
            FromEngine::Final { job, text, segments, .. } if *job == number => {
                Some((text.clone(), segments.clone()))
            }
            FromEngine::Failed { job, reason } if *job == number => panic!("failed: {reason}"),
            _ => None,
        })
    }

    pub(crate) fn end(self) -> std::process::Output {
        self.socket.shutdown(std::net::Shutdown::Both).unwrap();
        let (child, alone) = (self.child, self._alone);
        drop(self.socket);
        let output = child.wait_with_output().unwrap();
        drop(alone);
        output
    }
}

pub(crate) fn words(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|w| w.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase())
        .collect()
}

pub(crate) fn assert_is_sample(text: &str) {
    let said = "and so my fellow americans ask not what your country can do for you ask what you \
                can do for your country";
    assert_eq!(words(text).join(" "), said, "{text:?}");
}
