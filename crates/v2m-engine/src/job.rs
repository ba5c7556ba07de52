//! One recording: its stream, and what the stream leaves to its caller, which is the clock, the
//! numbers of the worker's tasks, and the words of the final answer.

use crate::decode::DecodeError;
use crate::stream::cut::Cutting;
use crate::stream::piece::Settings;
use crate::stream::{DecodeId, Effect, GAP, Outcome, Stream, Transcript, VoiceActivity};
use crate::worker::TaskId;
use std::sync::Arc;
use std::time::{Duration, Instant};
use v2m_ipc::engine::{DecodeOptions, FromEngine};

/// One recording on its way.
#[derive(Debug)]
pub struct Job {
    /// The daemon's number.
    pub number: u32,
    /// How its pieces are decoded.
    pub settings: Arc<Settings>,
    /// The policy.
    pub stream: Stream,
    /// When `Finish` came.
    pub finished: Option<Instant>,
    /// The last decode handed over, and the worker's number for it.
    pub task: Option<(DecodeId, TaskId)>,
    decoding: Duration,
    failure: Option<String>,
}

impl Job {
    /// A recording that begins.
    pub fn new(number: u32, options: DecodeOptions) -> Self {
        let settings = Settings {
            languages: options.languages,
            translate: options.translate,
            vocabulary: options.vocabulary,
            beams: options.beam_size,
        };
        Self {
            number,
            settings: Arc::new(settings),
            stream: Stream::new(Cutting::default(), options.language),
            finished: None,
            task: None,
            decoding: Duration::ZERO,
            failure: None,
        }
    }

    /// No more samples come.
    pub fn finish(&mut self, voice: &mut impl VoiceActivity) -> Vec<Effect> {
        self.finished = Some(Instant::now());
        self.stream.finish(voice)
    }

    /// The worker's number for a decode, if that was handed over.
    pub fn task_of(&self, id: DecodeId) -> Option<TaskId> {
        self.task.filter(|(decode, _)| *decode == id).map(|(_, task)| task)
    }

    /// A task is over. One that is not this job's last is nobody's: it was aborted.
    pub fn done(
        &mut self,
        task: TaskId,
        result: Result<Outcome, DecodeError>,
        took: Duration,
    ) -> Vec<Effect> {
        let Some((id, _)) = self.task.filter(|(_, number)| *number == task) else {
            return Vec::new();
        };
        self.decoding += took;
        let outcome = result.map_err(|error| self.failure = Some(error.to_string())).ok();
        self.stream.answered(id, outcome)
    }

    /// The answer to `Finish`.
    pub fn answer(&self, mut transcript: Transcript) -> FromEngine {
        let job = self.number;
        let lost = transcript.segments.iter().all(|segment| segment.text == GAP);
        if let Some(reason) = self.failure.clone().filter(|_| lost && transcript.stats.failed > 0) {
            return FromEngine::Failed { job, reason };
        }
        transcript.stats.decode_ms = millis(self.decoding);
        transcript.stats.finish_ms = self.finished.map_or(0, |at| millis(at.elapsed()));
        let Transcript { text, language, segments, stats } = transcript;
        FromEngine::Final { job, text, language, segments, stats }
    }
}

/// Whole milliseconds.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
