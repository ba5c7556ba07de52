//! What is measured and noted of the dictations under way: length, peak and level of the recording,
//! and the window in which the text is wanted.

use crate::deliver::Focus;
use crate::session::{Failure, Gap, GapCause, Heard, JobId, Measured, gap};
use std::time::Duration;
use tokio::time::Instant;

/// Samples per level: a tenth of a second.
const LEVEL_SPAN: usize = 1_600;
/// Reported for digital silence: below the floor of 16 bits.
const FLOOR_DBFS: f32 = -120.0;
/// How often subscribers are told that it still records.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// All of them, oldest first.
#[derive(Debug, Default)]
pub(super) struct Dictations(Vec<Live>);

impl Dictations {
    pub(super) fn begin(&mut self, job: JobId) {
        self.0.push(Live::new(job));
    }

    pub(super) fn get(&self, job: JobId) -> Option<&Live> {
        self.0.iter().find(|live| live.job == job)
    }

    pub(super) fn get_mut(&mut self, job: JobId) -> Option<&mut Live> {
        self.0.iter_mut().find(|live| live.job == job)
    }

    /// It is over: its heartbeat ends, and samples that are still coming find nobody.
    pub(super) fn end(&mut self, job: JobId) {
        self.0.retain(|live| live.job != job);
    }

    /// When subscribers are to be told again that something is recorded.
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
    /// The window that had the keyboard when the recording was stopped.
    pub(super) focus: Option<Focus>,
    samples: u64,
    peak: f32,
    energy: f64,
    spanned: usize,
    /// When the stop was asked for.
    pub(super) stopped: Option<Instant>,
    /// When the recording was asked for.
    pub(super) begun: Instant,
    heartbeat: Option<Instant>,
    /// Some of the audio did not reach the disk.
    pub(super) gap_on_disk: bool,
    /// What could not be recorded.
    pub(super) gaps: Vec<Gap>,
}

impl Live {
    fn new(job: JobId) -> Self {
        Self {
            job,
            focus: None,
            samples: 0,
            peak: 0.0,
            energy: 0.0,
            spanned: 0,
            stopped: None,
            begun: Instant::now(),
            heartbeat: None,
            gap_on_disk: false,
            gaps: Vec::new(),
        }
    }

    /// Takes samples in; answers the levels (dBFS, root mean square) of the spans they complete.
    pub(super) fn hear(&mut self, samples: &[f32]) -> Vec<f32> {
        self.samples += samples.len() as u64;
        let mut levels = Vec::new();
        for &sample in samples {
            self.peak = self.peak.max(sample.abs());
            self.energy += f64::from(sample) * f64::from(sample);
            self.spanned += 1;
            if self.spanned == LEVEL_SPAN {
                levels.push(dbfs((self.energy / LEVEL_SPAN as f64).sqrt() as f32));
                self.energy = 0.0;
                self.spanned = 0;
            }
        }
        levels
    }

    /// So many of the next samples are missing.
    pub(super) fn misses(&mut self, samples: u64, cause: GapCause) -> Gap {
        let gap = Gap { start: self.samples, end: self.samples + samples, cause };
        self.gaps.push(gap);
        gap
    }

    /// `problem`: why it ended without being asked to.
    pub(super) fn heard(&self, problem: Option<Failure>) -> Heard {
        let measured = Measured { samples: self.samples, peak_dbfs: dbfs(self.peak) };
        let problems = problem.into_iter().chain(gap::told(&self.gaps)).collect();
        Heard { measured: Some(measured), problems }
    }

    /// Starts the heartbeat.
    pub(super) fn started(&mut self) {
        self.heartbeat = Some(Instant::now());
    }

    fn heartbeat_due(&self) -> Option<Instant> {
        self.heartbeat.filter(|_| self.stopped.is_none())
    }

    fn beat(&mut self) {
        self.heartbeat = Some(Instant::now() + HEARTBEAT);
    }
}

/// What is no number is silence, as in the samples that are kept.
fn dbfs(amplitude: f32) -> f32 {
    let level = 20.0 * amplitude.log10();
    if level.is_nan() { FLOOR_DBFS } else { level.clamp(FLOOR_DBFS, 0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_peak_are_relative_to_full_scale() {
        let measured = |live: &Live| live.heard(None).measured.unwrap();
        let mut live = Live::new(JobId(1));
        assert_eq!(live.hear(&[0.5; 800]), Vec::<f32>::new());
        let levels = live.hear(&[-0.5; 2_400]);
        assert_eq!(levels.len(), 2);
        assert!((levels[0] + 6.02).abs() < 0.01, "{levels:?}");
        let heard = measured(&live);
        assert_eq!(heard.samples, 3_200);
        assert!((heard.peak_dbfs + 6.02).abs() < 0.01);
        assert_eq!(measured(&Live::new(JobId(1))).peak_dbfs, FLOOR_DBFS);
        // A source may send anything.
        assert_eq!(live.hear(&[f32::NAN; LEVEL_SPAN]), [FLOOR_DBFS]);
        assert_eq!(live.hear(&[f32::INFINITY; LEVEL_SPAN]), [0.0]);
    }
}
