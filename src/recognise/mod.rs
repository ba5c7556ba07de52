//! The handle of the engine child: it is spawned, fed, watched, replaced, and fed the same audio again.
//!
//! The audio of each job is kept here (that of files: on disk) until its text is there, so that a fresh
//! child hears exactly what the dead one heard. No clever scheduling: one job at a time, a live dictation before any
//! background one. What the engine does with the audio is none of this room's business.

mod audio;
mod child;
mod job;
mod recogniser;

pub use audio::Recorded;
pub use recogniser::{LOAD_LIMIT, Recogniser};

use crate::session::{EngineState, Failure, JobId, Segment};
use std::path::PathBuf;
use std::time::Duration;
use v2m_ipc::engine::DecodeStats;

/// Which engine to run, on which model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineSpec {
    /// The engine's program.
    pub program: PathBuf,
    /// The model's name, for people.
    pub model_name: String,
    /// The model's file.
    pub model: PathBuf,
    /// The voice activity model's file.
    pub vad: Option<PathBuf>,
    /// Threads to compute with; 0 leaves it to the engine.
    pub threads: u32,
    /// An engine at work that gives no sign of life for this long is replaced.
    pub hang: Duration,
}

/// How urgent a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Someone is waiting for the text as they speak.
    Live,
    /// A file, or a recording that an earlier run left: steps back for a live one and starts over.
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
    /// How often the audio was given to an engine: 1, or 2 when the first one died of it.
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
        /// All its audio, 16 kHz mono, if it was fed; that of a recording on disk is there.
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
    /// An engine died or hung and has been replaced; the job, if there was one, starts over.
    Replaced {
        /// The job that was in its hands.
        job: Option<JobId>,
        /// How it ended.
        reason: String,
    },
}
