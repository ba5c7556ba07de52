//! One recording: its stream, the clock, the worker's task numbers, and the final answer.

use crate::decoder::DecodeError;
use crate::model::PieceLimits;
use crate::stream::piece::DecodeSettings;
use crate::stream::settled::SentenceEnd;
use crate::stream::{
    AfterStop, DecodeId, Effect, GAP, SeamQuestions, Stream, Transcript, VoiceActivity,
};
use crate::task::{Task, TaskId, TaskResult, Work};
use std::sync::Arc;
use std::time::{Duration, Instant};
use v2m_ipc::engine::{DecodeOptions, FromEngine};
use v2m_ipc::pcm::{milliseconds, seconds};

/// The longest time for a question about a seam after the stop while a client waits: short enough
/// not to be noticed.
const UNNOTICED: Duration = Duration::from_millis(60);

/// The longest decode of a short piece on a machine that may decode the last piece together with
/// those before it. Only GPUs are that fast. Decoding together takes 1.2 to 2.1 times as long as
/// decoding the last piece alone (docs/performance.md), half a second more on two processors.
const QUICK: Duration = Duration::from_millis(120);

/// The longest time for decoding the last piece together with those before it, if the time of a
/// decode grows with the length of the sound: as long as on a machine that just reaches [`QUICK`].
const TOGETHER: Duration = Duration::from_millis(240);

/// The daemon gets a progress report each time this many more samples are finished: five seconds.
const TOLD_EVERY: u64 = seconds(5);

/// The times that the last decodes took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// A question about a seam.
    seam: Option<Duration>,
    /// A short piece: one within [`PieceLimits::flat`].
    piece: Option<Duration>,
    /// A second of sound, if the time grows with the length (no short pieces).
    second: Option<Duration>,
}

impl Pace {
    /// The number of samples that can be decoded in [`TOGETHER`], if the time grows with the
    /// length.
    fn together(self) -> Option<u64> {
        let times = TOGETHER.as_secs_f64() / self.second?.as_secs_f64().max(1e-6);
        // The cast saturates.
        Some((times * seconds(1) as f64) as u64)
    }
}

/// A decode that the worker is doing.
#[derive(Clone, Copy, Debug)]
pub struct DecodeInFlight {
    decode: DecodeId,
    /// The worker's number for it.
    pub task: TaskId,
    /// The number of samples given to it. 0 for a seam: its samples were decoded before.
    samples: u64,
    kind: DecodeKind,
}

/// The purpose of a decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DecodeKind {
    Piece,
    Seam,
    Join,
}

impl DecodeInFlight {
    /// Makes a record of the stream's decode as the worker's task.
    pub fn new(decode: DecodeId, task: &Task) -> Self {
        let (samples, kind) = match &task.work {
            Work::Piece { audio, .. } => (audio.len() as u64, DecodeKind::Piece),
            Work::Seam(_) => (0, DecodeKind::Seam),
            Work::Join(joined) => (joined.audio.len() as u64, DecodeKind::Join),
            // Only a probe asks for it, never a stream.
            Work::Language { audio, .. } => (audio.len() as u64, DecodeKind::Seam),
        };
        Self { decode, task: task.id, samples, kind }
    }
}

/// One recording under way, which the daemon calls a job.
#[derive(Debug)]
pub struct Recording {
    /// The daemon's job number.
    pub job: u32,
    limits: PieceLimits,
    /// How its pieces are decoded.
    pub settings: Arc<DecodeSettings>,
    /// The stream, which decides what to decode when.
    pub stream: Stream,
    began: Instant,
    /// When `Finish` arrived.
    pub finished: Option<Instant>,
    /// The number of finished samples that was last reported to the daemon.
    told: u64,
    /// The number of samples of silence after which the daemon gets a report; 0: never.
    quiet_after: u64,
    /// Whether the current silence was reported.
    told_quiet: bool,
    /// Whether the ends of sentences are reported to the daemon.
    sentences: bool,
    task: Option<DecodeInFlight>,
    decoding: Duration,
    /// The part of `decoding` for seams.
    mending: Duration,
    /// The part of `decoding` for joined pieces.
    joining: Duration,
    /// How fast this machine decodes.
    pub pace: Pace,
    /// The number of samples in decodes whose results were not needed any more.
    wasted: u64,
    failure: Option<String>,
}

impl Recording {
    /// Begins a recording. `pace` is the pace of the recording before.
    pub fn new(job: u32, options: DecodeOptions, limits: PieceLimits, pace: Pace) -> Self {
        // These are only for detection.
        let languages = if options.language.is_some() { Vec::new() } else { options.languages };
        let stream = Stream::new(limits, options.language);
        let stream = if options.patient { stream.patient() } else { stream };
        let stream = if options.sentences { stream.by_sentences() } else { stream };
        let settings = DecodeSettings {
            languages,
            translate: options.translate,
            vocabulary: options.vocabulary,
            beams: options.beam_size,
        };
        Self {
            job,
            limits,
            settings: Arc::new(settings),
            // With translation, the text is English and the speech is not.
            stream: if options.translate { stream.without_seams() } else { stream },
            began: Instant::now(),
            finished: None,
            told: 0,
            quiet_after: options.quiet_after,
            sentences: options.sentences,
            told_quiet: false,
            task: None,
            decoding: Duration::ZERO,
            mending: Duration::ZERO,
            joining: Duration::ZERO,
            pace,
            wasted: 0,
            failure: None,
        }
    }

    /// Notes that no more samples come.
    pub fn finish(&mut self, voice: &mut impl VoiceActivity) -> Vec<Effect> {
        self.finished = Some(Instant::now());
        let spoken = Duration::from_millis(self.stream.heard() / milliseconds(1));
        let languages = self.settings.languages.len();
        if let Some(most) = self.pace.together() {
            self.stream.join_last_within(most);
        }
        let allowed = after_stop(self.began.elapsed(), spoken, self.pace, languages);
        self.stream.finish(voice, allowed)
    }

    /// Returns a progress report, if many more samples are finished since the last one.
    pub fn advance(&mut self) -> Option<FromEngine> {
        (self.stream.settled() >= self.told + TOLD_EVERY).then(|| self.progress())
    }

    /// Returns a progress report.
    pub fn progress(&mut self) -> FromEngine {
        self.told = self.stream.settled();
        FromEngine::Progress { job: self.job, settled: self.told }
    }

    /// Returns the report of a long silence, once for each silence.
    pub fn quiet(&mut self) -> Option<FromEngine> {
        let is_quiet = self.stream.quiet().is_some_and(|quiet| quiet >= self.quiet_after);
        let is_news = is_quiet && !self.told_quiet && self.quiet_after > 0;
        self.told_quiet = is_quiet;
        is_news.then(|| FromEngine::Quiet { job: self.job, at: self.stream.heard() })
    }

    /// Returns the report of a finished sentence, once for each. After the end of the recording,
    /// the answer contains the rest.
    pub fn sentence(&mut self) -> Option<FromEngine> {
        if !self.sentences || self.finished.is_some() {
            return None;
        }
        let SentenceEnd { until, language } = self.stream.sentence()?;
        Some(FromEngine::Sentence { job: self.job, until, language })
    }

    /// Notes that the worker has a decode of this recording now.
    pub fn handed_over(&mut self, handed: DecodeInFlight) {
        self.task = Some(handed);
    }

    /// Stops waiting for the worker's decode. It is handed over again when the recording continues.
    pub fn taken_back(&mut self) {
        self.task = None;
    }

    /// Returns the worker's task number for a decode, if the worker is doing it.
    pub fn task_of(&self, id: DecodeId) -> Option<TaskId> {
        self.task.filter(|handed| handed.decode == id).map(|handed| handed.task)
    }

    /// Takes the result of a task. If the task belongs to another recording, it is ignored: that
    /// recording was abandoned.
    pub fn done(
        &mut self,
        task: TaskId,
        result: Result<TaskResult, DecodeError>,
        took: Duration,
    ) -> Vec<Effect> {
        let Some(handed) = self.task.take_if(|handed| handed.task == task) else {
            return Vec::new();
        };
        self.decoding += took;
        if handed.kind == DecodeKind::Join {
            self.joining += took;
        }
        if self.stream.decoding() != Some(handed.decode) {
            let piece = result.ok().and_then(TaskResult::piece);
            self.wasted += piece.map_or(handed.samples, |text| text.decoded);
            return Vec::new();
        }
        match handed.kind {
            DecodeKind::Piece if handed.samples <= self.limits.flat && result.is_ok() => {
                self.pace.piece = Some(took);
            }
            DecodeKind::Piece if self.limits.flat == 0 && result.is_ok() => {
                let length = handed.samples.max(1) as f64 / seconds(1) as f64;
                self.pace.second = Some(took.div_f64(length));
            }
            DecodeKind::Piece => {}
            DecodeKind::Seam => {
                self.mending += took;
                self.pace.seam = Some(took).filter(|_| result.is_ok()).or(self.pace.seam);
                return self
                    .stream
                    .seam_answered(handed.decode, result.ok().and_then(TaskResult::seam));
            }
            DecodeKind::Join => {
                let heard = result.ok().and_then(TaskResult::join);
                return self.stream.join_decoded(handed.decode, heard.as_ref(), handed.samples);
            }
        }
        let answer = result.map_err(|error| self.failure = Some(error.to_string())).ok();
        self.stream.decoded(handed.decode, answer.and_then(TaskResult::piece))
    }

    /// Returns the answer to `Finish`.
    pub fn answer(&self, mut transcript: Transcript) -> FromEngine {
        let job = self.job;
        let lost = transcript.segments.iter().all(|segment| segment.text == GAP);
        if let Some(reason) = self.failure.clone().filter(|_| lost && transcript.stats.failed > 0) {
            return FromEngine::Failed { job, reason };
        }
        transcript.stats.decoded_samples += self.wasted;
        transcript.stats.decode_ms = millis(self.decoding);
        transcript.stats.seam_ms = millis(self.mending);
        transcript.stats.join_ms = millis(self.joining);
        transcript.stats.finish_ms = self.finished.map_or(0, |at| millis(at.elapsed()));
        let Transcript { text, language, segments, stats } = transcript;
        FromEngine::Final { job, text, language, segments, stats }
    }
}

/// Decides which improvements are allowed after the stop if a client waits.
///
/// Questions about all seams are allowed if nobody notices the time. If the sound came in less than
/// half the time that it was spoken in, it was recorded while the recording before was decoded: its
/// pieces are still to be decoded, with the seams between them. The last piece is decoded with
/// those before it on a fast machine, unless it may be in another language. If the time grows with
/// the length, [`Stream::join_last_within`] limits their number.
fn after_stop(came_in: Duration, spoken: Duration, pace: Pace, languages: usize) -> AfterStop {
    let asking = if pace.seam.is_some_and(|took| took <= UNNOTICED) {
        SeamQuestions::All
    } else if came_in < spoken / 2 {
        SeamQuestions::ButTheLast
    } else {
        SeamQuestions::No
    };
    let is_quick = pace.piece.is_some_and(|took| took <= QUICK) || pace.second.is_some();
    let joining = languages < 2 && is_quick;
    AfterStop { asking, joining }
}

/// Returns the whole milliseconds of a duration.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::PieceText;

    struct Always;

    impl VoiceActivity for Always {
        fn probability(&mut self, _: &[f32; crate::vad::FRAME]) -> f32 {
            1.0
        }
    }

    fn finished() -> (Recording, DecodeId) {
        let options = DecodeOptions::default();
        let mut recording = Recording::new(1, options, PieceLimits::default(), Pace::default());
        assert_eq!(recording.stream.hear(&[0; 16_000], &mut Always), []);
        let effects = recording.finish(&mut Always);
        let [Effect::Decode { id, piece, audio, .. }] = &effects[..] else { panic!("{effects:?}") };
        let work = Work::Piece { piece: *piece, audio: audio.clone(), language: None };
        let task = Task { id: TaskId(7), work, settings: recording.settings.clone() };
        recording.handed_over(DecodeInFlight::new(*id, &task));
        (recording, *id)
    }

    #[test]
    fn the_answer_waits_for_no_seam_that_anybody_would_notice() {
        let [spoken, soon] = [10_000, 500].map(Duration::from_millis);
        let pace = |seam| Pace { seam: Some(Duration::from_millis(seam)), ..Pace::default() };
        let asking = |came_in, pace| after_stop(came_in, spoken, pace, 0).asking;
        assert_eq!(asking(spoken, pace(300)), SeamQuestions::No);
        assert_eq!(asking(spoken, Pace::default()), SeamQuestions::No);
        assert_eq!(asking(spoken, pace(20)), SeamQuestions::All);
        // Recorded while the recording before it was decoded.
        assert_eq!(asking(soon, pace(300)), SeamQuestions::ButTheLast);
        assert_eq!(asking(soon, pace(20)), SeamQuestions::All);
    }

    #[test]
    fn the_last_piece_is_joined_where_decoding_is_quick() {
        let joining = |(piece, languages): (Option<u64>, usize)| {
            let pace = Pace { piece: piece.map(Duration::from_millis), ..Pace::default() };
            after_stop(Duration::from_secs(9), Duration::from_secs(9), pace, languages).joining
        };
        let cases = [(None, 0), (Some(80), 0), (Some(80), 1), (Some(80), 2), (Some(500), 0)];
        assert_eq!(cases.map(joining), [false, true, true, false, false]);
    }

    /// Treats loud samples as voice.
    struct Loud;

    impl VoiceActivity for Loud {
        fn probability(&mut self, frame: &[f32; crate::vad::FRAME]) -> f32 {
            if frame[0] > 0.1 { 1.0 } else { 0.0 }
        }
    }

    #[test]
    fn where_time_grows_with_the_length_as_much_is_joined_as_takes_a_quarter_of_a_second() {
        let pace = |second| Pace { second: Some(Duration::from_millis(second)), ..Pace::default() };
        assert_eq!(pace(60).together(), Some(4 * 16_000));
        assert_eq!(pace(400).together(), Some(9_600));
        assert_eq!(Pace::default().together(), None);
        assert!(pace(0).together().is_some_and(|most| most > seconds(60)));
        let spoken = Duration::from_secs(9);
        assert!(after_stop(spoken, spoken, pace(400), 1).joining);
        assert!(!after_stop(spoken, spoken, pace(60), 2).joining);
    }

    #[test]
    fn silence_is_told_once_after_each_time_somebody_spoke() {
        let options = DecodeOptions { quiet_after: 16_000, ..DecodeOptions::default() };
        let mut recording = Recording::new(1, options, PieceLimits::default(), Pace::default());
        let mut told = Vec::new();
        // Silence before the first word does not count.
        for (sample, tenths) in
            [(0, 30), (9_000, 10), (0, 9), (9_000, 5), (0, 20), (9_000, 5), (0, 12)]
        {
            for _ in 0..tenths {
                recording.stream.hear(&[sample; 1_600], &mut Loud);
                told.extend(recording.quiet());
            }
        }
        let at: Vec<_> = told
            .iter()
            .map(|news| match news {
                FromEngine::Quiet { job: 1, at } => *at,
                other => panic!("{other:?}"),
            })
            .collect();
        let about =
            [30 + 10 + 9 + 5 + 10, 30 + 10 + 9 + 5 + 20 + 5 + 10].map(|tenths| tenths * 1_600);
        assert_eq!(at.len(), about.len(), "{at:?}");
        for (at, about) in at.iter().zip(about) {
            assert!(at.abs_diff(about) <= 1_600, "{at} for {about}");
        }
        let mut never =
            Recording::new(1, DecodeOptions::default(), PieceLimits::default(), Pace::default());
        never.stream.hear(&[9_000; 16_000], &mut Loud);
        never.stream.hear(&[0; 160_000], &mut Loud);
        assert_eq!(never.quiet(), None);
    }

    #[test]
    fn another_recordings_task_is_ignored() {
        let (mut recording, id) = finished();
        let late = PieceText { text: "late".into(), ..PieceText::default() };
        assert_eq!(recording.done(TaskId(6), Ok(TaskResult::Piece(late)), Duration::ZERO), []);
        assert_eq!(recording.task_of(id), Some(TaskId(7)));
    }

    #[test]
    fn a_recording_of_which_nothing_could_be_decoded_has_failed() {
        let (mut recording, _) = finished();
        let effects =
            recording.done(TaskId(7), Err(DecodeError::Refused("not es".into())), Duration::ZERO);
        let Some(Effect::Done(transcript)) = effects.last() else { panic!("{effects:?}") };
        let answer = recording.answer(transcript.clone());
        assert!(matches!(&answer, FromEngine::Failed { job: 1, reason } if reason.contains("es")));
    }
}
