//! The recogniser as the daemon sees it: engines that are spawned, fed, watched, replaced, and fed
//! the same audio again.
//!
//! An engine is a program that turns sound into text, run as a child process (`v2m-engine` and
//! those beside it). The recogniser is what stays when one engine takes another's place.
//!
//! The audio of each job is kept here (that of files: on disk) until its text is there, so that a
//! fresh engine hears exactly what the dead one heard. No clever scheduling: one job at a time, a
//! live dictation before any background one. What the engine does with the audio is none of this
//! room's business.
//!
//! | file | what it is for |
//! |---|---|
//! | `recogniser` | the handle: what is wanted, and what happens next |
//! | `starting` | which engine is started, and when |
//! | `feeding` | an engine at work: which job it is given, and whether it gets on |
//! | `candidates` | which engine is next when one fails: the policy, pure |
//! | `frames` | what an engine says |
//! | `failing` | engines that fail, and jobs that no engine will take |
//! | `rest` | engines that are let go: long idle, or before the machine sleeps |
//! | `engine` | one engine: how it is started, and how long it has been silent |
//! | `link` | the socketpair to it, as frames |
//! | `ending`, `stderr` | how its process ends, and its last words |
//! | `vigil`, `process` | whether it hangs, or is only kept waiting: the policy, pure, and what the system tells |
//! | `stamp` | whether a model's file has changed |
//! | `job`, `audio` | one recording on its way |
//! | `advice` | what people are told to do about it |

mod advice;
mod audio;
mod candidates;
mod ending;
mod engine;
mod failing;
mod feeding;
mod frames;
mod job;
mod link;
mod process;
mod recogniser;
mod rest;
mod stamp;
mod starting;
mod stderr;
mod vigil;

pub use audio::Recorded;
pub use candidates::{Candidate, PassedOver};
pub use recogniser::{LOAD_LIMIT, Recogniser};
pub use stamp::Stamp;
pub use v2m_ipc::backend::Backend;

use crate::session::{EngineState, Failure, JobId, Segment};
use std::path::PathBuf;
use std::time::Duration;
use v2m_ipc::engine::DecodeStats;

/// Which engines may run, on which model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineSpec {
    /// The engines, the one to try first at the front; the next ones stand in for it. At least
    /// one.
    pub candidates: Vec<Candidate>,
    /// The model's name, for people.
    pub model_name: String,
    /// The model's file.
    pub model: PathBuf,
    /// The voice activity model's file.
    pub vad: Option<PathBuf>,
    /// Threads to compute with; 0 leaves it to the engine.
    pub threads: u32,
    /// An engine that has work and gets no further for this long is replaced; waiting for a
    /// processor does not count.
    pub hang: Duration,
    /// How long engines keep their model without work; `None`: for good.
    pub unload: Unload,
}

/// After which time without work an engine is let go; `None`: never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unload {
    /// An engine on a GPU; other programs want the GPU's memory too.
    pub gpu: Option<Duration>,
    /// An engine on the processor.
    pub cpu: Option<Duration>,
}

/// How urgent a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Someone is waiting for the text as they speak.
    Live,
    /// A file, or a recording that an earlier run left: steps back for a live one, and goes on
    /// after it.
    Background,
}

/// The recogniser's state and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineReport {
    /// What it is doing.
    pub state: EngineState,
    /// Why it cannot be used, if so.
    pub problem: Option<Failure>,
    /// The model's name.
    pub model: Option<String>,
    /// The model's size in bytes, known while it loads.
    pub bytes: Option<u64>,
    /// What really computes, once loaded.
    pub backend: Option<String>,
    /// The device's own name, once loaded.
    pub device: Option<String>,
    /// How long loading took, in milliseconds.
    pub loaded_in_ms: Option<u64>,
    /// What of that the first second of audio took, in milliseconds.
    pub warm_up_ms: Option<u64>,
    /// Memory in bytes that it takes on its device, where that is known.
    pub memory_bytes: Option<u64>,
    /// Engines that were wanted before this one, and why they are not used.
    pub passed_over: Vec<PassedOver>,
}

impl EngineReport {
    /// In that state, with nothing else known.
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

/// The text of a job, as the engine gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recognition {
    /// The whole text; empty when nobody spoke.
    pub text: String,
    /// ISO 639-1 code.
    pub language: String,
    /// Where each piece was said.
    pub segments: Vec<Segment>,
    /// What it took.
    pub stats: DecodeStats,
    /// How often the audio was given to an engine: 1, and one more for each that failed at it.
    pub attempts: u8,
}

/// What the recogniser has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum RecogniseEvent {
    /// Its state changed.
    Engine(EngineReport),
    /// Text of a job that is still being heard or decoded.
    Update {
        /// The job.
        job: JobId,
        /// The text so far.
        text: String,
        /// Whether it will not change any more.
        is_final: bool,
        /// Where in the job's audio the text ends, in samples.
        end: u64,
    },
    /// A job's text is there.
    Done {
        /// The job.
        job: JobId,
        /// Its text.
        recognition: Recognition,
        /// All its audio, 16 kHz mono, if it was fed. Empty for a recording on disk.
        audio: Vec<i16>,
    },
    /// A job has no text, even at the second try.
    Failed {
        /// The job.
        job: JobId,
        /// Why.
        failure: Failure,
        /// As in `Done`.
        audio: Vec<i16>,
    },
    /// An engine is not used any more, as it failed; the next one is.
    PassedOver {
        /// Which, and how it failed.
        engine: PassedOver,
        /// What to tell the user: it had worked before.
        notice: Option<Failure>,
    },
    /// Somebody spoke, and then nobody for as long as the job's options say.
    Quiet {
        /// The job.
        job: JobId,
        /// The samples heard by then.
        at: u64,
    },
    /// An engine died or hung and has been replaced; the job, if there was one, starts over.
    Replaced {
        /// The job that was in its hands.
        job: Option<JobId>,
        /// How it ended.
        reason: String,
    },
}
