//! What the edges say, told to the session.

use super::background::Chore;
use super::handing::{Handed, Whose};
use super::refine::Refined;
use super::refusal::sentence;
use super::{Daemon, journal};
use crate::call::Event;
use crate::capture::{CaptureEvent, CaptureOutput, End, to_pcm16};
use crate::deliver::{self, environment};
use crate::recognise::{EngineReport, LOAD_LIMIT, RecogniseEvent};
use crate::session::{
    self, Code, DeliverMode, Delivery, EngineState, Failure, JobEvent, JobId, Notice, State,
    Transcript,
};
use crate::store::StoreEvent;
use crate::{systemd, text};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tracing::{debug, info, warn};

/// What one attempt to load the model may take of the start, and some.
const START_LIMIT: Duration = LOAD_LIMIT.saturating_add(Duration::from_secs(60));

impl Daemon {
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
                if let Some(live) = self.live.get_mut(job) {
                    live.started();
                }
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
        let Some(live) = self.live.get_mut(job) else { return };
        let levels = live.hear(samples);
        let pcm: Arc<[i16]> = to_pcm16(samples).into();
        self.recogniser.feed(job, &pcm);
        let kept = self.store.as_mut().map(|store| store.append(job, pcm));
        if matches!(kept, Some(Err(_))) && !std::mem::replace(&mut live.gap_on_disk, true) {
            self.store_said(kept);
        }
        for dbfs in levels {
            self.publish(Event::Level { dbfs });
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
        let Some(live) = self.live.get(job) else { return };
        let heard = live.heard(problem);
        let kept = self.store.as_mut().map(|store| store.recorded(job));
        if !live.gap_on_disk {
            self.store_said(kept);
        }
        self.tell_job(job, JobEvent::CaptureEnded(heard));
    }

    pub(super) fn tell_job(&mut self, job: JobId, event: JobEvent) {
        self.tell(session::Event::Job(job, event));
    }

    pub(super) fn heartbeat(&mut self) {
        self.live.beat();
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let timestamp = since_1970.map_or(0.0, |d| d.as_secs_f64());
        self.publish(Event::Heartbeat { timestamp, state: self.session.state() });
    }

    pub(super) fn recognised(&mut self, event: RecogniseEvent) {
        match event {
            RecogniseEvent::Engine(report) => self.engine_said(report),
            RecogniseEvent::Update { job, is_final: true, end, .. }
                if self.background.owns(job) =>
            {
                self.background_progress(job, end);
            }
            RecogniseEvent::Update { job, text, is_final, end: _ } => {
                if self.session.has(job) {
                    let text = text::polish(&text);
                    self.show_growth(job, &text);
                    self.publish(Event::TranscriptionUpdate { job, text, is_final });
                }
            }
            RecogniseEvent::PassedOver { engine, notice } => {
                let backend = engine.backend.name();
                let reason = engine.reason;
                warn!(backend, reason, "{backend} is not used: {reason}. The next recogniser is");
                if let Some(failure) = notice {
                    self.show(Notice::Problem(failure));
                }
            }
            RecogniseEvent::Replaced { job, reason } => {
                let job = job.map(|job| job.0);
                let over = if job.is_some() { "; its recording starts over" } else { "" };
                warn!(job, reason, "the recogniser was replaced ({reason}){over}");
            }
            RecogniseEvent::Done { job, recognition, audio } => {
                let is_own = self.background.owns(job);
                if !is_own {
                    self.mend_recording(job, audio);
                }
                let is_commanded = !is_own || self.background.recovers(job);
                self.refine(job, recognition, is_commanded);
            }
            RecogniseEvent::Failed { job, mut failure, audio } => {
                if self.background.owns(job) {
                    return self.background_done(job, Err(failure));
                }
                self.mend_recording(job, audio);
                failure.audio_path = self.audio_path(job);
                self.tell_job(job, JobEvent::RecognitionFailed(failure));
            }
        }
    }

    /// The text of what was heard is there.
    pub(super) fn refined(&mut self, job: JobId, refined: Refined) {
        if self.background.owns(job) {
            return self.background_done(job, Ok(refined));
        }
        // Cancelled meanwhile.
        if !self.session.has(job) {
            return;
        }
        let transcript = self.transcribed(job, refined);
        let text = self.text_of_dictation(job, transcript);
        self.tell_job(job, text);
    }

    /// The text as it grows, in the notification that says what v2m is doing. An older dictation's does not grow
    /// there while a newer one is recorded.
    fn show_growth(&self, job: JobId, text: &str) {
        let so_far = Some(text.to_owned()).filter(|text| !text.is_empty());
        let wished = self.live.get(job).and_then(|live| live.wishes.deliver);
        let mode = wished.unwrap_or(self.settings.deliver.mode);
        let at_cursor = matches!(mode, DeliverMode::Paste | DeliverMode::Type);
        match self.session.state() {
            _ if !self.settings.deliver.notify => {}
            State::Recording if self.session.recording() == Some(job) => {
                self.screen.grow(deliver::Notice::Recording { so_far }, at_cursor);
            }
            State::Transcribing => {
                self.screen.grow(deliver::Notice::Transcribing { so_far }, at_cursor);
            }
            State::Recording | State::Idle | State::Paused | State::Processing => {}
        }
    }

    /// A recording of which the disk refused some is written again, whole.
    fn mend_recording(&mut self, job: JobId, audio: Vec<i16>) {
        let gap = self.live.get(job).is_some_and(|live| live.gap_on_disk);
        if gap && !audio.is_empty() {
            let whole = |store: &mut crate::store::Store| {
                store.rewrite(job, audio)?;
                store.recorded(job)
            };
            let kept = self.store.as_mut().map(whole);
            self.store_said(kept);
        }
    }

    fn audio_path(&self, job: JobId) -> Option<std::path::PathBuf> {
        self.store.as_ref().and_then(|store| store.path(job)).map(Into::into)
    }

    fn transcribed(&self, job: JobId, refined: Refined) -> Transcript {
        let Refined { recognition, text, unrefined } = refined;
        let stats = recognition.stats;
        let since_stop =
            self.live.get(job).and_then(|live| live.stopped).map(|stopped| stopped.elapsed());
        let engine = self.recogniser.engine_name();
        info!(
            job = job.0,
            seconds = journal::seconds(stats.samples),
            language = recognition.language,
            stop_to_text_ms = since_stop.map(|time| time.as_millis() as u64),
            decode_ms = stats.decode_ms,
            redone = stats.redone,
            seams = stats.seams,
            seam_ms = stats.seam_ms,
            joins = stats.joins,
            joined = stats.joined,
            join_ms = stats.join_ms,
            attempts = recognition.attempts,
            backend = self.recogniser.report().backend,
            engine,
            characters = recognition.text.chars().count(),
            "{}",
            journal::transcribed(&recognition, engine, since_stop)
        );
        // Without it the recording is deleted as soon as it is delivered: its path leads nowhere.
        let keeps = self.settings.store.keep_audio;
        Transcript {
            text,
            unrefined,
            language: recognition.language,
            samples: stats.samples,
            segments: recognition.segments,
            audio_path: keeps.then(|| self.audio_path(job)).flatten(),
            deliveries: Vec::new(),
            problems: Vec::new(),
        }
    }

    pub(super) fn delivered(&mut self, handed: Handed) {
        let Handed { whose, deliveries, took } = handed;
        let job = match &whose {
            Whose::Dictation(job) => Some(*job),
            Whose::Client(_) => None,
        };
        // Where the first way failed, how long the second took alone is not known.
        let ways = deliveries.iter().filter(|delivery| delivery.by != "notification").count();
        let took = Some(took).filter(|_| ways == 1);
        for delivery in &deliveries {
            log_delivery(job, delivery, took);
            self.publish(Event::Delivery { job, delivery: delivery.clone() });
        }
        if deliveries.iter().any(|delivery| delivery.by == "clipboard" && !delivery.ok) {
            self.chores
                .spawn(async { Chore::DisplayAsked { found: environment::has_moved().await } });
        }
        match whose {
            Whose::Dictation(job) => self.tell_job(job, JobEvent::Delivered(deliveries)),
            Whose::Client(finished) => {
                let mut sinks = deliveries.iter().filter(|delivery| delivery.by != "notification");
                // The notice says that `v2m-send last` has it.
                if let (Ok(text), Some(first)) = (&finished.result, sinks.next())
                    && !(first.ok || sinks.any(|delivery| delivery.ok))
                {
                    self.remember_text(text);
                }
                self.answer_text(*finished, deliveries);
            }
        }
    }

    fn engine_said(&mut self, report: EngineReport) {
        let state = report.state;
        let model = report.model.as_deref().unwrap_or("no model");
        let status = match (state, &report.problem) {
            (EngineState::Loading, _) => match report.bytes {
                Some(bytes) => format!("Loading the model {model} ({} MB)", bytes / 1_000_000),
                None => format!("Starting the recogniser for the model {model}"),
            },
            (EngineState::Warm, _) => format!(
                "Ready: {model} on {} ({})",
                report.backend.as_deref().unwrap_or("?"),
                report.device.as_deref().unwrap_or("unknown device"),
            ),
            (_, Some(problem)) => format!("Not ready: {}", problem.message),
            (EngineState::Unloaded, _) => {
                format!("Ready: {model} is not loaded; the next press loads it")
            }
            (_, None) => format!("The recogniser is {}", state.name()),
        };
        info!(
            state = state.name(),
            model = report.model,
            backend = report.backend,
            device = report.device,
            loaded_in_ms = report.loaded_in_ms,
            warm_up_ms = report.warm_up_ms,
            memory_bytes = report.memory_bytes,
            "{status}"
        );
        // Ready once the model is loaded; and without a usable one too, because a service that
        // fails to start again and again makes systemd close the socket.
        if state != EngineState::Loading && !std::mem::replace(&mut self.announced, true) {
            systemd::ready(&status);
        } else {
            systemd::status(&status);
        }
        if !self.announced {
            systemd::extend_timeout(START_LIMIT);
        }
        if matches!(state, EngineState::Warm | EngineState::Unloaded) && report.problem.is_none() {
            self.mended(Code::EngineFailed);
        }
        self.publish(Event::Engine { state, backend: report.backend });
        self.tell(session::Event::Engine(state, report.problem));
    }

    pub(super) fn stored(&mut self, event: StoreEvent) {
        match event {
            StoreEvent::Unfinished(left) => self.background.recover(left),
            StoreEvent::Began { job, .. } | StoreEvent::Finished { job, .. } => {
                debug!(job = job.0, "on disk");
            }
            StoreEvent::Recorded { job, samples, .. } => debug!(job = job.0, samples, "on disk"),
            StoreEvent::AppendFailed { job, error } => {
                if let Some(live) = self.live.get_mut(job) {
                    live.gap_on_disk = true;
                }
                self.store_trouble(&error);
            }
            StoreEvent::Failed { job: _, error } => self.store_trouble(&error),
        }
    }

    /// Told to the user: what they say now would not survive a crash.
    fn store_trouble(&mut self, error: &crate::store::StoreError) {
        let text = format!("{error}. The text is delivered all the same.");
        let failure = Failure::new(Code::File, text).in_brief(
            "The recording cannot be saved",
            format!("Your text is delivered all the same. {}", sentence(&error.to_string())),
        );
        self.show(Notice::Problem(failure));
    }
}

/// That it is shown too is worth no line: each text is.
fn log_delivery(job: Option<JobId>, delivery: &Delivery, took: Option<Duration>) {
    let Delivery { by, backend, ok, detail } = delivery;
    let job = job.map(|job| job.0);
    let ms = took.map(|took| took.as_millis() as u64);
    let words = journal::delivered(delivery, took);
    match (*ok, *by) {
        (true, "notification") => debug!(job, by, ok, detail, "{words}"),
        (true, _) => info!(job, by, backend, ok, detail, took_ms = ms, "{words}"),
        (false, "notification") => info!(job, by, ok, detail, "{words}"),
        (false, _) => warn!(job, by, backend, ok, detail, "{words}"),
    }
}
