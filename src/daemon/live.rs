//! Measurements and notes of the current dictations: length, peak and level of the recording, and
//! the window for the text.

use super::refine::RefinedRecognition;
use crate::call::Level;
use crate::deliver::Focus;
use crate::loudness::{Loudness, Sound, dbfs};
use crate::session::{CaptureSummary, Failure, Gap, GapCause, JobId, Measured, gap};
use std::time::Duration;
use tokio::time::Instant;

/// Interval at which subscribers are told that recording continues.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// All current dictations, oldest first.
#[derive(Debug, Default)]
pub(super) struct LiveDictations(Vec<Live>);

impl LiveDictations {
    pub(super) fn begin(&mut self, job: JobId) {
        self.0.push(Live::new(job));
    }

    /// Divides a recording: samples from `until` on belong to `next`. Returns the gaps there.
    pub(super) fn split(&mut self, job: JobId, next: JobId, until: u64) -> Vec<Gap> {
        let Some(live) = self.get_mut(job) else { return Vec::new() };
        let next = live.split_off(next, until);
        let gaps = next.gaps.clone();
        self.0.push(next);
        gaps
    }

    pub(super) fn jobs(&self) -> impl Iterator<Item = JobId> {
        self.0.iter().map(|live| live.job)
    }

    pub(super) fn get(&self, job: JobId) -> Option<&Live> {
        self.0.iter().find(|live| live.job == job)
    }

    pub(super) fn get_mut(&mut self, job: JobId) -> Option<&mut Live> {
        self.0.iter_mut().find(|live| live.job == job)
    }

    /// Notes that the search for the application that had the keyboard when this dictation began
    /// has ended. Returns the texts that waited for it, of this dictation and of later sentences,
    /// oldest first.
    pub(super) fn application_known(
        &mut self,
        first: JobId,
    ) -> Vec<(JobId, Box<RefinedRecognition>)> {
        let all = self.0.iter_mut().filter(|live| live.application_of == Some(first));
        let texts = all.filter_map(|live| {
            live.application_of = None;
            Some((live.job, live.held.take()?))
        });
        texts.collect()
    }

    /// Forgets a finished dictation: its heartbeat ends, and later samples are dropped.
    pub(super) fn end(&mut self, job: JobId) {
        self.0.retain(|live| live.job != job);
    }

    /// Returns when subscribers get the next heartbeat of a recording.
    pub(super) fn heartbeat_due(&self) -> Option<Instant> {
        self.0.last().and_then(Live::heartbeat_due)
    }

    pub(super) fn beat(&mut self) {
        if let Some(live) = self.0.last_mut() {
            live.beat();
        }
    }
}

/// One dictation.
#[derive(Debug)]
pub(super) struct Live {
    job: JobId,
    /// The window that had the keyboard when the recording stopped.
    pub(super) focus: Option<Focus>,
    /// The dictation for which the application with the keyboard is still being looked up: this
    /// one, or the first sentence of its talk. `None` once it is known.
    application_of: Option<JobId>,
    /// The text that waits for the application.
    held: Option<Box<RefinedRecognition>>,
    samples: u64,
    peak: f32,
    loudness: Loudness,
    /// The microphone's display name, once it delivers sound.
    pub(super) microphone: String,
    /// When the stop was requested.
    pub(super) stopped: Option<Instant>,
    /// When the dictation began.
    pub(super) begun: Instant,
    /// When the recording was requested; the dictation may be a later part of it.
    pub(super) recording: Instant,
    heartbeat: Option<Instant>,
    /// Whether some of the audio did not reach the disk.
    pub(super) gap_on_disk: bool,
    /// Sound that could not be recorded.
    pub(super) gaps: Vec<Gap>,
}

impl Live {
    fn new(job: JobId) -> Self {
        let now = Instant::now();
        Self {
            job,
            focus: None,
            application_of: None,
            held: None,
            samples: 0,
            peak: 0.0,
            loudness: Loudness::default(),
            microphone: String::new(),
            stopped: None,
            begun: now,
            recording: now,
            heartbeat: None,
            gap_on_disk: false,
            gaps: Vec::new(),
        }
    }

    /// Notes that the application is being looked up.
    pub(super) fn await_application(&mut self) {
        self.application_of = Some(self.job);
    }

    /// Holds the text until the application is known, or returns it if it already is.
    pub(super) fn hold(
        &mut self,
        refined: Box<RefinedRecognition>,
    ) -> Option<Box<RefinedRecognition>> {
        if self.application_of.is_some() {
            self.held = Some(refined);
            return None;
        }
        Some(refined)
    }

    /// Adds samples. Returns the levels of the spans that they complete.
    pub(super) fn hear(&mut self, samples: &[f32]) -> Vec<Level> {
        self.samples += samples.len() as u64;
        self.peak = samples.iter().fold(self.peak, |peak, sample| peak.max(sample.abs()));
        self.loudness.hear(samples)
    }

    /// Returns the loudness so far; `None` if the recording is too short.
    pub(super) fn sound(&self) -> Option<Sound> {
        self.loudness.measured()
    }

    /// Splits off the samples from `until` on as another dictation. Loudness is not known
    /// separately: the figures of the whole recording count for both.
    fn split_off(&mut self, next: JobId, until: u64) -> Self {
        let until = until.min(self.samples);
        // A gap that spans the cut is divided too.
        let all = std::mem::take(&mut self.gaps);
        self.gaps = before(&all, until);
        let later = all.into_iter().filter(|gap| gap.end > until);
        let moved =
            |gap: Gap| Gap { start: gap.start.saturating_sub(until), end: gap.end - until, ..gap };
        let rest = Self {
            samples: self.samples - until,
            peak: self.peak,
            loudness: self.loudness.clone(),
            microphone: self.microphone.clone(),
            recording: self.recording,
            application_of: self.application_of,
            heartbeat: self.heartbeat.take(),
            gaps: later.map(moved).collect(),
            ..Self::new(next)
        };
        self.samples = until;
        rest
    }

    /// Returns the figures up to this sample.
    pub(super) fn heard_until(&self, until: u64) -> CaptureSummary {
        let gaps = before(&self.gaps, until);
        let measured = Measured { samples: until, peak_dbfs: dbfs(self.peak) };
        CaptureSummary {
            measured: Some(measured),
            problems: gap::told(&gaps).into_iter().collect(),
        }
    }

    /// Notes that this number of samples is missing next.
    pub(super) fn misses(&mut self, samples: u64, cause: GapCause) -> Gap {
        let gap = Gap { start: self.samples, end: self.samples + samples, cause };
        self.gaps.push(gap);
        gap
    }

    /// Returns the figures. `problem`: why the recording ended without a request.
    pub(super) fn heard(&self, problem: Option<Failure>) -> CaptureSummary {
        let measured = Measured { samples: self.samples, peak_dbfs: dbfs(self.peak) };
        let problems = problem.into_iter().chain(gap::told(&self.gaps)).collect();
        CaptureSummary { measured: Some(measured), problems }
    }

    /// Starts the heartbeat. `microphone` delivers the sound.
    pub(super) fn started(&mut self, microphone: String) {
        self.heartbeat = Some(Instant::now());
        self.microphone = microphone;
    }

    fn heartbeat_due(&self) -> Option<Instant> {
        self.heartbeat.filter(|_| self.stopped.is_none())
    }

    fn beat(&mut self) {
        self.heartbeat = Some(Instant::now() + HEARTBEAT);
    }
}

/// Returns the gaps before this sample, cut off there.
fn before(gaps: &[Gap], until: u64) -> Vec<Gap> {
    let before = gaps.iter().filter(|gap| gap.start < until);
    before.map(|gap| Gap { end: gap.end.min(until), ..*gap }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loudness::FLOOR_DBFS;
    use crate::recognise::{Author, Recognition};
    use v2m_ipc::engine::DecodeStats;

    #[test]
    fn what_comes_after_a_sentence_is_another_dictation() {
        let mut all = LiveDictations::default();
        all.begin(JobId(1));
        let live = all.get_mut(JobId(1)).unwrap();
        live.started("desk".into());
        live.hear(&[0.5; 1_000]);
        for _ in 0..2 {
            live.misses(500, GapCause::NotTaken);
            live.hear(&[0.0; 500]);
        }
        let gaps = all.split(JobId(1), JobId(2), 1_500);
        assert_eq!(gaps, [Gap { start: 0, end: 500, cause: GapCause::NotTaken }]);
        let samples = |job| all.get(JobId(job)).unwrap().heard(None).measured.unwrap().samples;
        assert_eq!((samples(1), samples(2)), (1_500, 500));
        assert_eq!(all.get(JobId(1)).unwrap().gaps.len(), 1);
        assert!(all.heartbeat_due().is_some(), "it is still recorded");
    }

    /// Regression: the sentence before the cut got the whole gap, which was longer than the
    /// sentence.
    #[test]
    fn a_gap_that_lies_across_the_cut_is_divided() {
        let mut all = LiveDictations::default();
        all.begin(JobId(1));
        let live = all.get_mut(JobId(1)).unwrap();
        live.hear(&[0.5; 16_000]);
        live.misses(8_000, GapCause::NotTaken);
        live.hear(&[0.0; 8_000]);
        let told = live.heard_until(17_000).problems;
        assert!(told[0].message.contains("from 0:01.0 to 0:01.0"), "{told:?}");
        let gap = |start, end| Gap { start, end, cause: GapCause::NotTaken };
        assert_eq!(all.split(JobId(1), JobId(2), 17_000), [gap(0, 7_000)]);
        assert_eq!(all.get(JobId(1)).unwrap().gaps, [gap(16_000, 17_000)]);
        assert_eq!(all.get(JobId(2)).unwrap().gaps, [gap(0, 7_000)]);
    }

    /// Regression: the texts of later sentences did not wait.
    #[test]
    fn every_sentence_waits_until_the_application_is_known() {
        let text = || {
            let (text, language) = (String::new(), "en".to_owned());
            let (segments, stats) = (Vec::new(), DecodeStats::default());
            let author = Author::default();
            let recognition = Recognition { text, language, segments, stats, attempts: 1, author };
            Box::new(RefinedRecognition { recognition, text: String::new(), unrefined: None })
        };
        let mut all = LiveDictations::default();
        all.begin(JobId(1));
        all.get_mut(JobId(1)).unwrap().await_application();
        for (job, next) in [(1, 2), (2, 3), (3, 4)] {
            all.get_mut(JobId(job)).unwrap().hear(&[0.5; 100]);
            all.split(JobId(job), JobId(next), 100);
        }
        all.begin(JobId(9));
        all.get_mut(JobId(9)).unwrap().await_application();
        for job in [3, 2, 9] {
            assert!(all.get_mut(JobId(job)).unwrap().hold(text()).is_none());
        }
        all.end(JobId(1));
        let jobs = |texts: Vec<(JobId, _)>| texts.iter().map(|(job, _)| job.0).collect::<Vec<_>>();
        assert_eq!(jobs(all.application_known(JobId(1))), [2, 3]);
        // No sentence waits for it any more, not even the next one.
        all.split(JobId(4), JobId(5), 0);
        for job in [2, 3, 4, 5] {
            assert!(all.get_mut(JobId(job)).unwrap().hold(text()).is_some(), "{job}");
        }
        assert_eq!(jobs(all.application_known(JobId(9))), [9]);
    }

    #[test]
    fn levels_and_peak_are_relative_to_full_scale() {
        let measured = |live: &Live| live.heard(None).measured.unwrap();
        let mut live = Live::new(JobId(1));
        assert_eq!(live.hear(&[0.5; 800]), Vec::new());
        let levels = live.hear(&[-0.5; 2_400]);
        assert_eq!(levels.len(), 2);
        assert!((levels[0].rms_dbfs + 6.02).abs() < 0.01, "{levels:?}");
        assert!((levels[0].peak_dbfs + 6.02).abs() < 0.01, "{levels:?}");
        let heard = measured(&live);
        assert_eq!(heard.samples, 3_200);
        assert!((heard.peak_dbfs + 6.02).abs() < 0.01);
        assert_eq!(measured(&Live::new(JobId(1))).peak_dbfs, FLOOR_DBFS);
    }
}
