//! The recogniser as the daemon sees it. It spawns engines, feeds and watches them, and replaces
//! one that fails with another, which gets the same audio again.
//!
//! An engine is a program that turns sound into text, run as a child process (`v2m-engine` and the
//! programs beside it). The recogniser stays when one engine replaces another.
//!
//! The audio of each job is kept here (that of files: on disk) until its text arrives, so that a
//! new engine gets exactly the same audio as the one that died. The scheduling is simple: one job
//! at a time, a live dictation before any background one. How the engine processes the audio is not
//! handled here.
//!
//! | file | what it is for |
//! |---|---|
//! | `recogniser` | the handle: takes requests, and decides what happens next |
//! | `starting` | starts engines: which one, and when |
//! | `feeding` | feeds a working engine, and checks its progress |
//! | `candidates` | which engine is next after a failure: the policy, pure |
//! | `holding` | jobs that wait until their language is known |
//! | `frames` | handles an engine's messages |
//! | `failing` | failed engines, and jobs that no engine will take |
//! | `rest` | unloads engines: long idle, or before suspend |
//! | `engine` | one engine process: its start, and how long it has been silent |
//! | `link` | the socketpair to the engine, as frames |
//! | `relay` | connects an engine without a model to `v2m-remote` |
//! | `server` | detects when an unavailable server is back |
//! | `ending`, `stderr` | how its process ends, and its last output |
//! | `vigil`, `process` | whether it hangs or is only kept waiting: the policy, pure, and the
//! kernel's data |
//! | `stamp` | whether a model's file has changed |
//! | `job`, `audio` | one recording and its progress |
//! | `advice` | messages about failures, with advice |

mod advice;
mod audio;
mod candidates;
mod ending;
mod engine;
mod failing;
mod feeding;
mod frames;
mod holding;
mod job;
mod link;
mod process;
mod recogniser;
mod relay;
mod rest;
mod server;
mod stamp;
mod starting;
mod stderr;
mod vigil;

pub(crate) use advice::afterwards;
pub use audio::{Recorded, SoFar};
pub use candidates::{Candidate, PassedOver};
pub use holding::Untold;
pub use recogniser::{LOAD_LIMIT, Recogniser};
pub use stamp::Stamp;
pub use v2m_ipc::backend::Backend;

use crate::session::{EngineState, Failure, JobId, Segment};
use std::path::PathBuf;
use std::time::Duration;
use v2m_ipc::engine::DecodeStats;
use v2m_ipc::remote::Endpoint;

/// The engines that may run, and the model they load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineSpec {
    /// The engines in order of preference: later ones replace earlier ones. At least one.
    pub candidates: Vec<Candidate>,
    /// The model's name, as shown to people.
    pub model_name: String,
    /// The model's file.
    pub model: PathBuf,
    /// The server for [`Backend::Remote`]. Without one, that engine cannot be started.
    pub server: Option<Endpoint>,
    /// The voice activity model's file.
    pub vad: Option<PathBuf>,
    /// Number of compute threads; 0: the engine decides.
    pub threads: u32,
    /// An engine that has work but makes no progress for this long is replaced. Time spent waiting
    /// for a processor does not count.
    pub hang: Duration,
    /// How long an engine without work keeps its model.
    pub unload: Unload,
    /// Whether it is the preview, which writes during speech; nobody waits for its text. Its
    /// failures are not retried.
    pub is_preview: bool,
}

/// The time without work after which an engine is unloaded; `None`: never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unload {
    /// The time for an engine on a GPU. Other programs want the GPU's memory too.
    pub gpu: Option<Duration>,
    /// The time for an engine on the processor.
    pub cpu: Option<Duration>,
}

/// How urgent a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Someone waits for the text while speaking.
    Live,
    /// A file, or a recording that an earlier run left. It pauses for a live job and continues
    /// afterwards.
    Background,
}

/// The recogniser's state and details about it.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineReport {
    /// The state.
    pub state: EngineState,
    /// Why it cannot be used, if it cannot.
    pub problem: Option<Failure>,
    /// The model's name.
    pub model: Option<String>,
    /// The model's size in bytes. Known while it loads.
    pub bytes: Option<u64>,
    /// The backend in use. Known once the model is loaded.
    pub backend: Option<String>,
    /// The device's own name. Known once the model is loaded.
    pub device: Option<String>,
    /// How long loading took, in milliseconds.
    pub loaded_in_ms: Option<u64>,
    /// How much of that time the first second of audio took, in milliseconds.
    pub warm_up_ms: Option<u64>,
    /// The memory that it uses on its device, in bytes, if known.
    pub memory_bytes: Option<u64>,
    /// Engines that were preferred, and why they are not used.
    pub passed_over: Vec<PassedOver>,
}

impl EngineReport {
    /// Creates a report of this state without further details.
    pub(crate) fn new(state: EngineState) -> Self {
        Self {
            state,
            problem: None,
            model: None,
            bytes: None,
            backend: None,
            device: None,
            loaded_in_ms: None,
            warm_up_ms: None,
            memory_bytes: None,
            passed_over: Vec::new(),
        }
    }
}

/// A job's text, as returned by the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct Recognition {
    /// The whole text. Empty if nobody spoke.
    pub text: String,
    /// The language's ISO 639-1 code.
    pub language: String,
    /// Pieces of the text, with their times.
    pub segments: Vec<Segment>,
    /// Cost of decoding.
    pub stats: DecodeStats,
    /// Number of attempts: one, and one more for each failure.
    pub attempts: u8,
    /// What wrote it.
    pub author: Author,
}

/// The engine and the model that wrote a text. Those in use may be others by the time the text is
/// delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    /// The engine, as in [`Recogniser::engine_name`].
    pub engine: String,
    /// The model's name.
    pub model: String,
}

/// An event from the recogniser.
#[derive(Clone, Debug, PartialEq)]
pub enum RecogniseEvent {
    /// Its state changed.
    Engine(EngineReport),
    /// Text of a job that is still being recorded or decoded.
    Update {
        /// The job.
        job: JobId,
        /// The text so far.
        text: String,
        /// Whether the text is final.
        is_final: bool,
        /// End of the text in the job's audio, in samples.
        end: u64,
    },
    /// A job's text is complete.
    Done {
        /// The job.
        job: JobId,
        /// Its text.
        recognition: Recognition,
        /// All its audio, 16 kHz mono, if it was fed. Empty for a recording on disk.
        audio: Vec<i16>,
    },
    /// A job has no text, even after the second attempt.
    Failed {
        /// The job.
        job: JobId,
        /// Why it failed.
        failure: Failure,
        /// The audio, as in `Done`.
        audio: Vec<i16>,
    },
    /// An engine failed and is no longer used. The next one is.
    PassedOver {
        /// The engine, and how it failed.
        engine: PassedOver,
        /// A message for the user, if the engine had worked before.
        notice: Option<Failure>,
    },
    /// Somebody spoke, followed by the silence that the job's options specify.
    Quiet {
        /// The job.
        job: JobId,
        /// Number of samples processed by then.
        at: u64,
    },
    /// A sentence is complete. [`Recogniser::split`] divides there; otherwise it stays part of the
    /// job.
    Sentence {
        /// The job.
        job: JobId,
        /// The sample in the job's audio before which all text is settled.
        until: u64,
    },
    /// The language of a job with [`DecodeOptions::language_after`]. The job ends with it.
    ///
    /// [`DecodeOptions::language_after`]: v2m_ipc::engine::DecodeOptions::language_after
    Language {
        /// The job.
        job: JobId,
        /// The ISO 639-1 code; `None` if nobody spoke.
        language: Option<String>,
        /// Number of samples with voice.
        voice: u64,
    },
    /// An engine died or hung and was replaced. If it was working on a job, the job starts over.
    Replaced {
        /// The job that the engine was working on.
        job: Option<JobId>,
        /// How the engine ended.
        reason: String,
    },
}
