//! One recording and its progress through an engine.

use super::audio::Audio;
use super::candidates::LIMIT;
use super::holding::Untold;
use super::{Author, Priority, RecogniseEvent, Recognition};
use crate::session::{Code, Failure, JobId, Segment};
use std::borrow::Cow;
use std::io;
use v2m_ipc::engine::{self, DecodeOptions, DecodeStats, ToEngine};
use v2m_ipc::pcm::seconds;
use v2m_ipc::spacing;
use v2m_messages::tr;

/// How many samples a PCM frame holds when there is a backlog: one second.
const FRAME: u64 = seconds(1);
/// How many samples beyond the finished ones an engine gets at most: two minutes. It never needs
/// more. A file may contain hours, and the engine would keep all of them in memory.
const AHEAD: u64 = seconds(120);

#[derive(Debug)]
pub(super) struct Job {
    pub(super) id: JobId,
    pub(super) urgency: Priority,
    pub(super) options: DecodeOptions,
    audio: Audio,
    /// Whether it waits until its language is known. No engine gets it before.
    pub(super) held: bool,
    /// Whether the audio is complete.
    pub(super) finished: bool,
    /// How often any engine failed on it.
    attempts: u8,
    /// How often the current engine died of it.
    deaths: u8,
    /// How often the current engine had no text for it.
    refusals: u8,
    /// The engine's number for it. It is new at each attempt, so that late answers are recognised.
    pub(super) wire: Option<u32>,
    /// Whether the engine keeps it paused while it works on another one.
    paused: bool,
    /// The engine's number of this job's first sample: numbering continues where a job was split.
    base: u64,
    /// The end of the last complete sentence, and its language.
    over: Option<(u64, String)>,
    sent: u64,
    /// How many samples the engine has finished.
    settled: u64,
    pub(super) finish_sent: bool,
    segments: Vec<Segment>,
    /// The segment after the final ones; it may still change.
    draft: Option<Segment>,
    /// Why no engine gets it any more. Reported with the audio, once that is complete.
    pub(super) failure: Option<Failure>,
}

impl Job {
    pub(super) fn new(id: JobId, options: DecodeOptions, urgency: Priority, audio: Audio) -> Self {
        Self {
            id,
            urgency,
            options,
            finished: matches!(audio, Audio::Recorded(_)),
            audio,
            held: false,
            attempts: 0,
            deaths: 0,
            refusals: 0,
            wire: None,
            paused: false,
            base: 0,
            over: None,
            sent: 0,
            settled: 0,
            finish_sent: false,
            segments: Vec::new(),
            draft: None,
            failure: None,
        }
    }

    pub(super) fn feed(&mut self, samples: &[i16]) {
        if let Audio::Heard(audio) = &mut self.audio {
            audio.extend_from_slice(samples);
        }
    }

    /// Starts over with the next engine.
    pub(super) fn rewind(&mut self) {
        self.wire = None;
        self.paused = false;
        self.base = 0;
        self.over = None;
        self.sent = 0;
        self.settled = 0;
        self.finish_sent = false;
        self.segments.clear();
        self.draft = None;
    }

    /// Returns the job with its audio so far, for another engine.
    pub(super) fn untold(&self) -> Untold {
        let (job, options, is_whole) = (self.id, self.options.clone(), self.finished);
        Untold { job, options, audio: self.audio.so_far(), is_whole }
    }

    /// Whether only its language is wanted.
    pub(super) fn is_probe(&self) -> bool {
        self.options.language_after > 0
    }

    /// Returns how many samples the engine has not finished.
    pub(super) fn unsettled(&self) -> u64 {
        self.audio.len().saturating_sub(self.settled)
    }

    /// Whether the engine is working on it.
    pub(super) fn is_at_work(&self) -> bool {
        self.wire.is_some() && !self.paused
    }

    /// Interrupts the job for another one. Returns the message for the engine. If the engine can
    /// pause it (`keeps`), it may be paused; otherwise it starts over.
    pub(super) fn step_back(&mut self, keeps: bool) -> Option<ToEngine> {
        let wire = self.wire.filter(|_| !self.paused)?;
        // Pause only a job that nobody waits for.
        if keeps && self.urgency == Priority::Background && !self.is_probe() {
            self.paused = true;
            return Some(ToEngine::Pause { job: wire });
        }
        self.rewind();
        Some(ToEngine::Cancel { job: wire })
    }

    /// Resumes the job if it was paused. Returns the engine's number for it.
    pub(super) fn go_on(&mut self) -> Option<u32> {
        self.wire.filter(|_| std::mem::take(&mut self.paused))
    }

    /// Starts over if the engine that kept it paused is gone.
    pub(super) fn bereaved(&mut self) {
        if self.paused {
            self.rewind();
        }
    }

    /// Starts over with another model or changed settings. Earlier failures no longer count, unless
    /// the job was given up because its language is unknown: no engine changes that.
    pub(super) fn renew(&mut self) {
        self.pass_on();
        self.attempts = 0;
        if !self.held {
            self.failure = None;
        }
    }

    /// Starts over with another engine, which gets all its attempts.
    pub(super) fn pass_on(&mut self) {
        self.rewind();
        (self.deaths, self.refusals) = (0, 0);
    }

    /// Notes that the engine died while working on it. Returns how often this engine has failed on
    /// it.
    pub(super) fn died(&mut self) -> u8 {
        self.deaths = self.deaths.saturating_add(1);
        self.attempt_failed()
    }

    /// Notes that the engine had no text for it. Returns whether to believe that.
    pub(super) fn refused(&mut self) -> bool {
        self.refusals = self.refusals.saturating_add(1);
        self.attempt_failed() >= LIMIT
    }

    fn attempt_failed(&mut self) -> u8 {
        self.rewind();
        self.attempts = self.attempts.saturating_add(1);
        self.deaths.saturating_add(self.refusals)
    }

    /// Whether its audio is kept if there is no text.
    pub(super) fn is_kept(&self) -> bool {
        self.audio.is_kept()
    }

    /// Whether the current engine has died of it.
    pub(super) fn has_killed(&self) -> bool {
        self.deaths > 0
    }

    pub(super) fn begin(&mut self, wire: u32) -> ToEngine {
        self.wire = Some(wire);
        let patient = self.urgency == Priority::Background;
        ToEngine::Begin { job: wire, options: DecodeOptions { patient, ..self.options.clone() } }
    }

    /// Returns the next audio to send, one second at most. Empty if there is none, or if the engine
    /// has enough.
    ///
    /// # Errors
    /// Fails if the recording cannot be read back.
    pub(super) fn next_pcm(&mut self) -> io::Result<Cow<'_, [i16]>> {
        let room = self.settled.saturating_add(AHEAD).saturating_sub(self.sent);
        let samples = self.audio.read(self.sent, room.min(FRAME))?;
        self.sent += samples.len() as u64;
        Ok(samples)
    }

    /// Notes that the engine has finished everything before this sample. It cannot have finished
    /// more than it was given.
    pub(super) fn settled(&mut self, until: u64) {
        self.settled = self.settled.max(self.at(until).min(self.sent));
    }

    /// Returns how many samples the engine has finished.
    pub(super) fn finished_samples(&self) -> u64 {
        self.settled
    }

    /// Converts the engine's sample number to one of this job.
    pub(super) fn at(&self, sample: u64) -> u64 {
        sample.saturating_sub(self.base)
    }

    /// Converts the engine's segment, if it belongs to this job.
    pub(super) fn own(&self, segment: engine::Segment) -> Option<Segment> {
        let engine::Segment { start, end, text } = segment;
        if self.base > 0 && start < self.base {
            return None;
        }
        Some(self.within(engine::Segment { start: self.at(start), end: self.at(end), text }))
    }

    /// Returns the part of the engine's answer that belongs to this job: text and segments.
    pub(super) fn rest(
        &self,
        text: String,
        segments: Vec<engine::Segment>,
    ) -> (String, Vec<Segment>) {
        let segments: Vec<_> = segments.into_iter().filter_map(|it| self.own(it)).collect();
        if self.base == 0 {
            return (text, segments);
        }
        (join(segments.iter()), segments)
    }

    /// Notes a complete sentence. Ignored once the audio is complete: the rest comes as a whole.
    pub(super) fn sentence(&mut self, until: u64, language: String) -> Option<RecogniseEvent> {
        let until = self.at(until).min(self.sent);
        let is_new = self.over.as_ref().is_none_or(|(before, _)| *before < until);
        if self.finished || !is_new || until == 0 {
            return None;
        }
        self.over = Some((until, language));
        Some(RecogniseEvent::Sentence { job: self.id, until })
    }

    /// Whether this is the end of the last complete sentence.
    pub(super) fn is_over_at(&self, until: u64) -> bool {
        let is_last = self.over.as_ref().is_some_and(|(over, _)| *over == until);
        is_last && !self.finished && matches!(self.audio, Audio::Heard(_))
    }

    /// Splits off everything after the last complete sentence as the job `next`. The engine
    /// continues with that job. Returns it with a copy of its audio; `None` if no sentence ends
    /// there.
    pub(super) fn split_off(&mut self, next: JobId, until: u64) -> Option<(Self, Vec<i16>)> {
        if !self.is_over_at(until) {
            return None;
        }
        let Audio::Heard(audio) = &mut self.audio else { return None };
        let tail = audio.split_off(usize::try_from(until).ok()?.min(audio.len()));
        let later = |segment: &Segment| segment.start >= until;
        let moved = |segment: Segment| Segment {
            start: segment.start - until,
            end: segment.end.saturating_sub(until),
            ..segment
        };
        let (segments, own) = std::mem::take(&mut self.segments).into_iter().partition(later);
        let clipped = |segment: Segment| Segment { end: segment.end.min(until), ..segment };
        let own: Vec<Segment> = own;
        self.segments = own.into_iter().map(clipped).collect();
        let segments: Vec<Segment> = segments;
        let rest = Self {
            id: next,
            urgency: self.urgency,
            options: self.options.clone(),
            audio: Audio::Heard(tail.clone()),
            held: false,
            finished: false,
            attempts: 0,
            deaths: self.deaths,
            refusals: self.refusals,
            wire: self.wire.take(),
            paused: self.paused,
            base: self.base + until,
            over: None,
            sent: self.sent - until,
            settled: self.settled.saturating_sub(until),
            finish_sent: false,
            segments: segments.into_iter().map(moved).collect(),
            draft: self.draft.take().filter(later).map(moved),
            failure: self.failure.take(),
        };
        Some((rest, tail))
    }

    /// Returns the text of the complete sentences, for a job that was split.
    pub(super) fn over(self, author: Author) -> RecogniseEvent {
        let language = self.over.clone().map(|(_, language)| language).unwrap_or_default();
        let samples = self.audio.len();
        let stats = DecodeStats { samples, decoded_samples: samples, ..DecodeStats::default() };
        let text = join(self.segments.iter());
        let segments = self.segments.clone();
        self.done(Recognition { text, language, segments, stats, attempts: 0, author })
    }

    /// Corrects an engine's segment to a possible one: it lies within the audio and does not end
    /// before it begins.
    pub(super) fn within(&self, segment: engine::Segment) -> Segment {
        let engine::Segment { start, end, text } = segment;
        let end = end.min(self.audio.len());
        Segment { start: start.min(end), end, text }
    }

    /// Corrects the engine's statistics: they cannot cover more audio than there is.
    pub(super) fn stats(&self, stats: DecodeStats) -> DecodeStats {
        DecodeStats { samples: self.at(stats.samples).min(self.audio.len()), ..stats }
    }

    /// Whether the engine must still be told that the audio is complete.
    pub(super) fn to_be_finished(&self) -> bool {
        self.finished && !self.finish_sent && self.sent == self.audio.len()
    }

    /// Notes that its audio cannot be read any more.
    pub(super) fn unreadable(&mut self, error: &io::Error) {
        self.rewind();
        let text = tr!(
            "Transcribing: reading the recording back from disk: {error}. Look at the disk (`journalctl -k`) \
             and try again.",
            error
        );
        self.failure = Some(Failure::new(Code::File, text));
    }

    /// Applies a segment, which replaces an earlier final one with the same start. Returns the text
    /// so far.
    pub(super) fn update(&mut self, segment: Segment, is_final: bool) -> RecogniseEvent {
        let told = self.segments.iter().rposition(|known| known.start == segment.start);
        if let (Some(told), true) = (told, is_final) {
            self.segments[told] = segment;
        } else if is_final {
            self.draft = None;
            self.segments.push(segment);
        } else {
            self.draft = Some(segment);
        }
        let shown = self.segments.iter().chain(&self.draft);
        let (text, end) = (join(shown.clone()), shown.last().map_or(0, |last| last.end));
        RecogniseEvent::Update { job: self.id, text, is_final: self.draft.is_none(), end }
    }

    pub(super) fn done(self, mut recognition: Recognition) -> RecogniseEvent {
        recognition.attempts = self.attempts.saturating_add(1);
        RecogniseEvent::Done { job: self.id, recognition, audio: self.audio.heard() }
    }

    pub(super) fn failed(self, failure: Failure) -> RecogniseEvent {
        RecogniseEvent::Failed { job: self.id, failure, audio: self.audio.heard() }
    }
}

fn join<'s>(segments: impl Iterator<Item = &'s Segment>) -> String {
    let texts = segments.map(|segment| segment.text.as_str());
    spacing::join(texts.filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Generates any numbers that an engine may send, often the extreme ones.
    fn any_time() -> impl Strategy<Value = u64> {
        prop_oneof![Just(0), Just(u64::MAX), 0..4_000u64, u64::MAX - 4_000..=u64::MAX, any::<u64>()]
    }

    proptest! {
        /// Whatever sentence ends an engine reports, each sample belongs to exactly one job.
        #[test]
        fn whatever_an_engine_says_of_sentences_no_sample_is_lost(
            heard in 1usize..40_000,
            said in proptest::collection::vec((any_time(), any_time(), any_time()), 0..20),
        ) {
            let all: Vec<i16> = (0..heard).map(|at| (at % 30_000) as i16).collect();
            let audio = Audio::Heard(all.clone());
            let mut job = Job::new(JobId(1), DecodeOptions::default(), Priority::Live, audio);
            job.begin(1);
            let mut parts = Vec::new();
            for (next, (start, end, over)) in (2..).zip(said) {
                job.next_pcm().unwrap();
                let segment = engine::Segment { start, end, text: "x".into() };
                if let Some(segment) = job.own(segment) {
                    job.update(segment, true);
                }
                let Some(RecogniseEvent::Sentence { until, .. }) = job.sentence(over, "en".into())
                else {
                    continue;
                };
                let (rest, _) = job.split_off(JobId(next), until).unwrap();
                let before = std::mem::replace(&mut job, rest).over(Author::default());
                let RecogniseEvent::Done { recognition, audio, .. } = before else {
                    panic!("no text")
                };
                let length = audio.len() as u64;
                for segment in recognition.segments {
                    prop_assert!(segment.start <= segment.end && segment.end <= length);
                }
                parts.extend(audio);
            }
            parts.extend(job.audio.heard());
            prop_assert_eq!(parts, all);
        }

        /// An engine under an attacker's control may send anything.
        #[test]
        fn whatever_an_engine_says_of_times_lies_within_the_audio(
            heard in 0usize..40_000,
            said in proptest::collection::vec((any_time(), any_time(), any::<bool>(), any_time()), 0..20),
        ) {
            let audio = Audio::Heard(vec![0; heard]);
            let mut job = Job::new(JobId(1), DecodeOptions::default(), Priority::Live, audio);
            let length = heard as u64;
            let mut sent = 0;
            for (start, end, is_final, settled) in said {
                job.settled(settled);
                sent += job.next_pcm().unwrap().len();
                let segment = job.within(engine::Segment { start, end, text: "x".into() });
                prop_assert!(segment.start <= segment.end && segment.end <= length);
                if (start..=length).contains(&end) {
                    prop_assert_eq!((segment.start, segment.end), (start, end), "what can be true stays");
                }
                let RecogniseEvent::Update { end, .. } = job.update(segment, is_final) else {
                    panic!("no update");
                };
                prop_assert!(end <= length);
                let stats = job.stats(DecodeStats { samples: start, ..DecodeStats::default() });
                prop_assert_eq!(stats.samples, start.min(length));
            }
            prop_assert!(sent <= heard && job.sent == sent as u64 && job.settled <= job.sent);
        }
    }

    /// One engine job, split in two: each report belongs to the first or the second job.
    #[test]
    fn a_job_is_split_where_a_sentence_is_over_and_the_engine_notices_nothing() {
        let heard = Audio::Heard((0..50).collect());
        let mut job = Job::new(JobId(1), DecodeOptions::default(), Priority::Live, heard);
        let ToEngine::Begin { job: wire, .. } = job.begin(7) else { panic!("no begin") };
        assert_eq!(job.next_pcm().unwrap().len(), 50);
        let segment = |start, end, text: &str| engine::Segment { start, end, text: text.into() };
        for (segment, is_final) in [(segment(2, 9, "One."), true), (segment(22, 30, "two"), false)]
        {
            let segment = job.own(segment).unwrap();
            job.update(segment, is_final);
        }
        assert_eq!(job.split_off(JobId(2), 15).map(drop), None, "no sentence is over there");
        let over = job.sentence(15, "es".into());
        assert_eq!(over, Some(RecogniseEvent::Sentence { job: JobId(1), until: 15 }));
        assert_eq!(job.sentence(15, "es".into()), None, "told once");

        let (mut rest, tail) = job.split_off(JobId(2), 15).unwrap();
        assert_eq!(tail, (15..50).collect::<Vec<i16>>());
        let RecogniseEvent::Done { job: id, recognition, audio } = job.over(Author::default())
        else {
            panic!()
        };
        assert_eq!((id, audio), (JobId(1), (0..15).collect::<Vec<i16>>()));
        assert_eq!((recognition.text.as_str(), recognition.language.as_str()), ("One.", "es"));
        assert_eq!(recognition.segments, [Segment { start: 2, end: 9, text: "One.".into() }]);
        assert_eq!(recognition.stats.samples, 15);

        assert_eq!((rest.wire, rest.next_pcm().unwrap().len()), (Some(wire), 0), "it has all");
        rest.feed(&[50, 51]);
        assert_eq!(*rest.next_pcm().unwrap(), [50, 51]);
        // A repetition about the first sentence does not belong to the second job.
        assert_eq!(rest.own(segment(2, 9, "One!")), None);
        let own = rest.own(segment(22, 30, "Two.")).unwrap();
        assert_eq!((own.start, own.end), (7, 15));
        let whole = vec![segment(2, 9, "One."), segment(22, 30, "Two."), segment(33, 40, "Three.")];
        let (text, segments) = rest.rest("One. Two. Three.".into(), whole);
        assert_eq!((text.as_str(), segments.len()), ("Two. Three.", 2));
        assert_eq!(rest.at(51), 36);

        // Another engine gets only the second job's audio, and counts from its first sample.
        rest.rewind();
        assert_eq!((rest.next_pcm().unwrap().len(), rest.at(5)), (37, 5));
    }

    /// A split must not divide a sentence, or a job that starts over.
    #[test]
    fn a_report_of_a_sentence_counts_until_it_is_overtaken() {
        let heard = Audio::Heard((0..50).collect());
        let mut job = Job::new(JobId(1), DecodeOptions::default(), Priority::Live, heard);
        job.begin(7);
        job.next_pcm().unwrap();
        let over = |job: &mut Job, until| job.sentence(until, "en".into()).is_some();
        assert!(over(&mut job, 15) && job.is_over_at(15));
        assert!(over(&mut job, 30), "a later sentence is over before the first report is taken");
        assert!(!job.is_over_at(15) && job.is_over_at(30));
        assert!(job.split_off(JobId(2), 15).is_none());
        assert!(!over(&mut job, 20), "nor one that comes late");

        let mut ended = Job::new(JobId(3), DecodeOptions::default(), Priority::Live, job.audio);
        ended.begin(8);
        ended.next_pcm().unwrap();
        assert!(over(&mut ended, 15));
        ended.finished = true;
        assert!(!ended.is_over_at(15), "the recording was stopped");
        ended.finished = false;
        ended.rewind();
        assert!(!ended.is_over_at(15), "the engine has ended, and another starts over");
    }

    #[test]
    fn what_is_told_anew_takes_the_place_of_what_was_told() {
        let heard = Audio::Heard(Vec::new());
        let mut job = Job::new(JobId(1), DecodeOptions::default(), Priority::Live, heard);
        let mut update = |start, text: &str, is_final| {
            let segment = Segment { start, end: start + 9, text: text.into() };
            match job.update(segment, is_final) {
                RecogniseEvent::Update { text, is_final, end, .. } => (text, is_final, end),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(update(0, "Americans.", false), ("Americans.".into(), false, 9));
        assert_eq!(update(0, "Americans.", true), ("Americans.".into(), true, 9));
        assert_eq!(update(20, "Ask", false), ("Americans. Ask".into(), false, 29));
        // A correction at the seam: the earlier piece is sent again, and the draft after it stays.
        assert_eq!(update(0, "Americans", true), ("Americans Ask".into(), false, 9 + 20));
        assert_eq!(update(20, "ask not.", true), ("Americans ask not.".into(), true, 29));
    }
}
