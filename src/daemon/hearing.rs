//! Passes audio from the microphone to the disk and to the recogniser, and handles the events of
//! capture and store.

use super::refusal::sentence;
use super::{Daemon, journal};
use crate::call::Event;
use crate::capture::{CaptureEvent, CaptureOutput, End, Missing};
use crate::language::spoken;
use crate::session::{Code, Failure, GapCause, JobEvent, JobId, Notice, Wishes};
use crate::store::{AskedFor, StoreError, StoreEvent};
use std::time::SystemTime;
use tracing::{debug, info, warn};
use v2m_ipc::pcm;
use v2m_messages::{tr, verbatim};

/// Samples of silence written at a time: one second.
const AT_ONCE: u64 = pcm::seconds(1);

impl Daemon {
    pub(super) fn start_capture(&mut self, job: JobId) {
        let settings = self.config.settings();
        let wishes = self.session.wishes(job).cloned().unwrap_or_default();
        self.engine.begin(job, settings, &wishes);
        self.begin_preview(job, &wishes);
        let settings = self.config.settings();
        let source = settings.capture.source.clone();
        let asked = self.asked_for(job, &wishes);
        if let Err(failure) = self.under_way.start(job, source, asked) {
            return self.tell_job(job, JobEvent::CaptureFailed(failure));
        }
        self.ask_application(job);
    }

    /// Returns the fields that a dictation's record has from the beginning.
    fn asked_for(&mut self, job: JobId, wishes: &Wishes) -> AskedFor {
        let language = wishes.language.clone().filter(|code| code != spoken::AUTO);
        let first = self.session.talk(job).filter(|first| *first != job);
        AskedFor { language, talk: first.and_then(|first| self.under_way.name(first)) }
    }

    /// Ends a sentence: everything recorded from that sample on belongs to the next dictation.
    pub(super) fn split(&mut self, job: JobId, next: JobId, until: u64) {
        let Some(tail) = self.engine.split(job, next, until) else {
            let text =
                tr!("Recording on after a sentence: the recogniser does not know the recording.");
            let failure = Failure::new(Code::Internal, text);
            return self.tell_job(job, JobEvent::RecognitionFailed(failure));
        };
        let wishes = self.session.wishes(next).cloned().unwrap_or_default();
        let asked = self.asked_for(next, &wishes);
        // The preview starts over with the rest; what it has written is being delivered.
        self.end_preview(job, true);
        self.begin_preview(next, &wishes);
        self.feed_preview(next, &tail);
        debug!(job = job.0, next = next.0, until, "a sentence is over");
        self.under_way.split(job, next, until, tail, asked);
    }

    pub(super) fn captured(&mut self, output: CaptureOutput) {
        let output = self.under_way.current(output);
        match output {
            CaptureOutput::Pcm { job, samples } => self.pcm(job, &samples),
            CaptureOutput::Gap { job, missing } => self.gap(job, missing),
            CaptureOutput::Event(CaptureEvent::Started { job, latency, realtime, microphone }) => {
                let us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
                let ms = latency.as_secs_f64() * 1e3;
                info!(
                    job = job.0,
                    first_sample_us = us,
                    "recording; the first sound came {ms:.0} ms after the press"
                );
                if self.under_way.started(job, realtime, microphone) {
                    warn!(
                        "the thread that takes the sound has no real-time priority: while the machine is busy, \
                         parts of a recording can be missing. To mend it: install rtkit, or add yourself to the \
                         group “pipewire” if your distribution has it, and log in again"
                    );
                }
                let continuous = self.session.wishes(job).is_some_and(|wishes| wishes.continuous);
                if continuous && self.config.settings().deliver.same_window {
                    self.under_way.ask_focus(job);
                }
                self.tell_job(job, JobEvent::CaptureStarted);
            }
            CaptureOutput::Event(CaptureEvent::Failed { job, error }) => {
                self.under_way.capture_is_over(job);
                self.tell_job(job, JobEvent::CaptureFailed(error.into()));
            }
            CaptureOutput::Event(CaptureEvent::Ended { job, end, samples, lost }) => {
                self.capture_ended(job, end, samples, lost);
            }
        }
    }

    /// Passes audio to the disk, to the recogniser and to the level meter.
    fn pcm(&mut self, job: JobId, samples: &[f32]) {
        let Some(sound) = self.under_way.hear(job, samples) else { return };
        self.engine.feed(job, &sound.pcm);
        self.feed_preview(job, &sound.pcm);
        for level in sound.levels {
            self.doors.publish(Event::Level(level));
        }
    }

    /// Records silence in place of missing sound, so that all later sound keeps its position.
    fn gap(&mut self, job: JobId, missing: Missing) {
        let Missing { samples, cause } = missing;
        let Some(gap) = self.under_way.misses(job, samples, cause) else { return };
        let (at, length) = (journal::seconds(gap.start), journal::seconds(samples));
        let why = verbatim!(match cause {
            GapCause::NotTaken => "v2m was stopped, or did not get the processor",
            GapCause::NotGiven => "PipeWire or the sound card stood still",
        });
        warn!(
            job = job.0,
            samples,
            cause = cause.name(),
            "{length:.2} s are missing {at:.1} s after the recording's start: {why}"
        );
        let mut left = samples;
        while left > 0 {
            let count = left.min(AT_ONCE);
            left -= count;
            let silence = vec![0.0; usize::try_from(count).unwrap_or(0)];
            if let Some(sound) = self.under_way.hear(job, &silence) {
                self.engine.feed(job, &sound.pcm);
                self.feed_preview(job, &sound.pcm);
            }
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
            // The cancellation is already logged.
            End::Cancelled => debug!(job = job.0, seconds, lost, end = ?end, "recording cancelled"),
        }
        let problem = match end {
            End::Stopped | End::Cancelled => None,
            End::Lost(error) => Some(error.into()),
        };
        // Lost samples are usually among the gaps already, if PipeWire reports its clock. Those at
        // the end are not.
        let told = self.under_way.missing(job);
        if lost > told {
            let missing = Missing { samples: lost - told, cause: GapCause::NotTaken };
            self.gap(job, missing);
        }
        self.under_way.capture_is_over(job);
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

    /// Warns the user that this recording would not survive a crash.
    fn store_trouble(&self, error: &StoreError) {
        let text = tr!("{error}. The text is delivered anyway.", error);
        let failure = Failure::new(Code::File, text).in_brief(
            tr!("The recording cannot be saved"),
            tr!("Your text is delivered anyway. {error}", error = sentence(&error.to_string())),
        );
        self.show(Notice::Problem(failure));
    }
}
