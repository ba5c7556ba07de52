//! Handles the recogniser's events: drafts, finished texts, and its own state.

use super::engine::{Draft, EngineEvent};
use super::refine::RefinedRecognition;
use super::{Daemon, journal, rescue};
use crate::call::Event;
use crate::deliver;
use crate::recognise::{EngineReport, RecogniseEvent};
use crate::session::{self, Code, EngineState, JobEvent, JobId, Notice, State, Transcript};
use std::time::Duration;
use tracing::{debug, info, warn};
use v2m_ipc::pcm::samples_in;
use v2m_messages::{tr, verbatim};

impl Daemon {
    pub(super) fn engine_event(&mut self, event: EngineEvent) {
        match event {
            EngineEvent::Recogniser(event) => self.recognised(*event),
            EngineEvent::Aside(event) => self.recognised_aside(*event),
            EngineEvent::Preview(event) => {
                if let Some(news) = self.engine.preview_told(*event) {
                    self.preview_news(news);
                }
            }
            EngineEvent::Notice(failure) => self.show(Notice::Problem(failure)),
            EngineEvent::Sleep(event) => self.engine.sleep_said(event),
            EngineEvent::ModelsChanged => self.engine.reload(self.config.settings()),
        }
    }

    fn recognised(&mut self, event: RecogniseEvent) {
        match event {
            RecogniseEvent::Engine(report) => self.engine_said(report),
            RecogniseEvent::Update { job, is_final: true, end, .. }
                if self.background.owns(job) =>
            {
                self.background_progress(job, end);
            }
            RecogniseEvent::Update { job, text, is_final, end } => {
                if self.session.has(job) {
                    self.drafted(job, Draft { text, is_final, end });
                }
            }
            RecogniseEvent::Quiet { job, at } => self.quiet(job, at),
            // Only the engine that detects languages reports it, and not here.
            RecogniseEvent::Language { .. } => {}
            RecogniseEvent::Sentence { job, until } => {
                // Nothing may come between this check and the split.
                if self.engine.can_split(job, until)
                    && let Some(heard) = self.under_way.heard_until(job, until)
                {
                    self.tell_job(job, JobEvent::SentenceOver(until, heard));
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
                let over =
                    verbatim!(if job.is_some() { "; its recording starts over" } else { "" });
                warn!(job, reason, "the recogniser was replaced ({reason}){over}");
            }
            RecogniseEvent::Done { job, recognition, audio } => {
                if !self.background.owns(job) {
                    return self.dictation_recognised(job, Ok(recognition), audio);
                }
                self.refine(job, recognition, self.background.recovers(job));
            }
            RecogniseEvent::Failed { job, failure, audio } => {
                if self.background.owns(job) {
                    return self.background_done(job, Err(failure));
                }
                self.dictation_recognised(job, Err(failure), audio);
            }
        }
    }

    /// Stops the recording after a long silence, unless some of the sound is missing there.
    fn quiet(&mut self, job: JobId, at: u64) {
        let Some(silence) = self.stops_after(job) else { return };
        let since = at.saturating_sub(samples_in(silence));
        if self.under_way.gaps(job).iter().any(|gap| gap.touches(since, at)) {
            return;
        }
        if self.session.recording() == Some(job) {
            info!(job = job.0, "{:.1} s of silence: the recording stops", silence.as_secs_f64());
        }
        self.tell_job(job, JobEvent::Quiet);
    }

    /// Returns the silence after which the recording of this dictation stops by itself.
    pub(super) fn stops_after(&self, job: JobId) -> Option<Duration> {
        let settings = &self.config.settings().session;
        match self.session.talk(job) {
            Some(_) => settings.continuous_silence,
            None => settings.stop_after_silence,
        }
    }

    /// Handles an event of the separate engine. It has one recording.
    fn recognised_aside(&mut self, event: RecogniseEvent) {
        match event {
            RecogniseEvent::Done { job, recognition, audio: _ } if self.rescues(job) => {
                self.rescued(job, Ok(recognition));
            }
            RecogniseEvent::Failed { job, failure, audio: _ } if self.rescues(job) => {
                self.rescued(job, Err(failure));
            }
            RecogniseEvent::Done { job, recognition, audio: _ } => {
                self.refine(job, recognition, self.background.recovers(job));
            }
            RecogniseEvent::Failed { job, failure, audio: _ } => {
                self.background_done(job, Err(failure));
            }
            RecogniseEvent::Replaced { reason, .. } => {
                debug!(reason, "the engine beside the usual one was replaced ({reason})");
            }
            RecogniseEvent::Engine(_)
            | RecogniseEvent::Update { .. }
            | RecogniseEvent::Quiet { .. }
            | RecogniseEvent::Sentence { .. }
            | RecogniseEvent::Language { .. }
            | RecogniseEvent::PassedOver { .. } => {}
        }
    }

    /// Handles a dictation's text once the rules have been applied.
    pub(super) fn refined(&mut self, job: JobId, refined: RefinedRecognition) {
        if self.background.owns(job) {
            return self.background_done(job, Ok(refined));
        }
        // The dictation has been cancelled.
        if !self.session.has(job) {
            return;
        }
        let Some(refined) = self.until_application_is_known(job, refined) else { return };
        let transcript = self.transcribed(job, refined);
        self.tell_job(job, JobEvent::Transcribed(transcript));
    }

    /// Shows a draft in the notification that shows v2m's state. While a newer dictation is
    /// recorded, drafts of an older one are not shown.
    pub(super) fn show_growth(&self, job: JobId, text: &str) {
        let settings = self.config.settings();
        let screen = self.desktop.screen();
        let so_far = Some(text.to_owned()).filter(|text| !text.is_empty());
        let wished = self.session.wishes(job).and_then(|wishes| wishes.deliver);
        let mode = wished.unwrap_or(settings.deliver.mode);
        let at_cursor = mode.is_at_cursor();
        match self.session.state() {
            State::Recording if self.session.recording() == Some(job) => {
                screen.grow(deliver::Notice::Recording { so_far, stops_after: None }, at_cursor);
            }
            State::Transcribing => {
                screen.grow(deliver::Notice::Transcribing { so_far }, at_cursor);
            }
            State::Recording | State::Idle | State::Paused | State::Processing => {}
        }
    }

    fn transcribed(&self, job: JobId, refined: RefinedRecognition) -> Transcript {
        let RefinedRecognition { recognition, text, unrefined } = refined;
        let stats = recognition.stats;
        let since_stop = self.under_way.since_stop(job);
        let author = &recognition.author;
        info!(
            job = job.0,
            seconds = journal::seconds(stats.samples),
            language = recognition.language,
            stop_to_text_ms = since_stop.map(|time| time.as_millis() as u64),
            decode_ms = stats.decode_ms,
            redone = stats.redone,
            failed = stats.failed,
            seams = stats.seams,
            seam_ms = stats.seam_ms,
            joins = stats.joins,
            joined = stats.joined,
            join_ms = stats.join_ms,
            attempts = recognition.attempts,
            backend = self.engine.backend(job),
            engine = author.engine,
            model = author.model,
            characters = recognition.text.chars().count(),
            "{}",
            journal::transcribed(&recognition, since_stop)
        );
        // If recordings are not kept, this one is deleted on delivery, so its path is useless.
        let keeps = self.config.settings().store.keep_audio;
        let unwritten = {
            let advice = self.advice_for_lost_speech(&recognition.language);
            rescue::unwritten(&recognition.segments, &advice)
        };
        Transcript {
            text,
            unrefined,
            language: recognition.language,
            samples: stats.samples,
            segments: recognition.segments,
            gaps: self.under_way.gaps(job).to_vec(),
            audio_path: keeps.then(|| self.under_way.audio_path(job)).flatten(),
            preset: None,
            deliveries: Vec::new(),
            problems: unwritten.into_iter().collect(),
        }
    }

    /// Returns what the user can do about speech of the last dictation that could not be transcribed.
    pub(super) fn advice_for_lost_speech(&self, language: &str) -> String {
        let settings = self.config.settings();
        let model = self.engine.models().whisper_for(settings, Some(language));
        match model.filter(|_| settings.store.keep_audio) {
            Some(model) => tr!("Try another model: v2m-send retry --model {model}", model),
            None => tr!("Say it again.").to_owned(),
        }
    }

    fn engine_said(&mut self, report: EngineReport) {
        let state = report.state;
        let model = report.model.as_deref().unwrap_or(tr!("no model"));
        let status = match (state, &report.problem) {
            (EngineState::Loading, _) => match report.bytes {
                Some(bytes) => {
                    let mb = bytes / 1_000_000;
                    tr!("Loading the model {model} ({mb} MB)", model, mb)
                }
                None => tr!("Starting the recogniser for the model {model}", model),
            },
            (EngineState::Warm, _) => tr!(
                "Ready: {model} on {backend} ({device})",
                model,
                backend = report.backend.as_deref().unwrap_or("?"),
                device = report.device.as_deref().unwrap_or(tr!("unknown device"))
            ),
            (_, Some(problem)) => tr!("Not ready: {problem}", problem = problem.message),
            (EngineState::Unloaded, _) => {
                tr!("Ready: {model} is not loaded; the next press loads it", model)
            }
            (_, None) => tr!("The recogniser is {state}", state = state.name()),
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
        self.service.tell(&status, state == EngineState::Loading);
        if matches!(state, EngineState::Warm | EngineState::Unloaded) && report.problem.is_none() {
            self.desktop.mended(Code::EngineFailed);
        }
        self.doors.publish(Event::Engine { state, backend: report.backend });
        self.tell(session::Event::Engine(state, report.problem));
    }
}
