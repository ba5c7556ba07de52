//! From the microphone to the disk and to the recogniser: what capture and the store tell, and the
//! sound itself.

use super::refusal::sentence;
use super::{Daemon, journal};
use crate::call::Event;
use crate::capture::{CaptureEvent, CaptureOutput, End};
use crate::session::{Code, Failure, JobEvent, JobId, Notice};
use crate::store::{StoreError, StoreEvent};
use std::time::SystemTime;
use tracing::{debug, info, warn};

impl Daemon {
    pub(super) fn start_capture(&mut self, job: JobId) {
        let settings = self.config.settings();
        self.engine.begin(job, settings);
        if let Err(failure) = self.under_way.start(job, settings.capture.source.clone()) {
            self.tell_job(job, JobEvent::CaptureFailed(failure));
        }
    }

    pub(super) fn captured(&mut self, output: CaptureOutput) {
        match output {
            CaptureOutput::Pcm { job, samples } => self.pcm(job, &samples),
            CaptureOutput::Event(CaptureEvent::Started { job, latency }) => {
                let us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
                let ms = latency.as_secs_f64() * 1e3;
                info!(
                    job = job.0,
                    first_sample_us = us,
                    "recording; the first sound came {ms:.0} ms after the press"
                );
                self.under_way.started(job);
                self.tell_job(job, JobEvent::CaptureStarted);
            }
            CaptureOutput::Event(CaptureEvent::Failed { job, error }) => {
                self.tell_job(job, JobEvent::CaptureFailed(error.into()));
            }
            CaptureOutput::Event(CaptureEvent::Ended { job, end, samples, lost }) => {
                self.capture_ended(job, end, samples, lost);
            }
        }
    }

    /// Audio: to the disk, to the recogniser, to the level meter.
    fn pcm(&mut self, job: JobId, samples: &[f32]) {
        let Some(sound) = self.under_way.hear(job, samples) else { return };
        self.engine.feed(job, &sound.pcm);
        for dbfs in sound.levels {
            self.doors.publish(Event::Level { dbfs });
        }
    }

    fn capture_ended(&mut self, job: JobId, end: End, samples: u64, lost: u64) {
        let seconds = journal::seconds(samples);
        match &end {
            End::Stopped => {
                info!(job = job.0, seconds, lost, end = ?end, "recorded {seconds:.1} s");
            }
            End::Lost(error) => {
                info!(job = job.0, seconds, lost, end = ?end, "recorded {seconds:.1} s: {error}");
            }
            // The cancel has its line.
            End::Cancelled => debug!(job = job.0, seconds, lost, end = ?end, "recording cancelled"),
        }
        let problem = match end {
            End::Stopped | End::Cancelled => None,
            End::Lost(error) => Some(error.into()),
        };
        if lost > 0 {
            let missing = journal::seconds(lost);
            warn!(
                job = job.0,
                lost, "the machine was too busy: {missing:.1} s of the recording are missing"
            );
        }
        if let Some(heard) = self.under_way.ended(job, problem) {
            self.tell_job(job, JobEvent::CaptureEnded(heard));
        }
    }

    pub(super) fn heartbeat(&mut self) {
        self.under_way.beat();
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let timestamp = since_1970.map_or(0.0, |d| d.as_secs_f64());
        self.doors.publish(Event::Heartbeat { timestamp, state: self.session.state() });
    }

    pub(super) fn stored(&mut self, event: StoreEvent) {
        match event {
            StoreEvent::Unfinished(left) => self.background.recover(left),
            StoreEvent::Began { job, .. } => debug!(job = job.0, "on disk"),
            StoreEvent::Finished { job, again, .. } => {
                debug!(job = job.0, "on disk");
                if let Some(left) = again {
                    self.background.try_later(*left);
                }
            }
            StoreEvent::Recorded { job, samples, .. } => debug!(job = job.0, samples, "on disk"),
            StoreEvent::AppendFailed { job, error } => {
                self.under_way.gap(job);
                self.store_trouble(&error);
            }
            StoreEvent::Failed { job: _, error } => self.store_trouble(&error),
        }
    }

    /// Told to the user: what they say now would not survive a crash.
    fn store_trouble(&self, error: &StoreError) {
        let text = format!("{error}. The text is delivered anyway.");
        let failure = Failure::new(Code::File, text).in_brief(
            "The recording cannot be saved",
            format!("Your text is delivered anyway. {}", sentence(&error.to_string())),
        );
        self.show(Notice::Problem(failure));
    }
}
