//! The language of recordings for a model that must be told it (Canary): an installed Whisper model
//! detects it, in a program of its own, because no program links two ggml.
//!
//! The recording is held ([`Recogniser::hold`]) until the language is known: from the first seconds of
//! speech, while the user still speaks. A language that the model does not know is transcribed by a
//! Whisper model. What is decided is in [`policy`], what is said in [`words`].
//!
//! Whisper's detection and not the language models that transcribe.cpp can run: the user needs no
//! further model, because Whisper's is there for the languages that Canary does not know, and each of
//! the user's languages is among Whisper's.

mod assistant;
mod policy;
mod sound;
mod waiting;
pub(super) mod words;

use super::models::{Plan, decode_options, spoken_in};
use super::{Engine, EngineEvent};
use crate::config::Settings;
use crate::recognise::{Backend, RecogniseEvent, Recogniser, SoFar, Untold};
use crate::session::JobId;
use assistant::Assistant;
use policy::{ENOUGH, Outcome, Question, TELLING};
pub(super) use policy::{Way, way};
pub(super) use sound::Sound;
use std::collections::VecDeque;
use std::time::Duration;
use tracing::{debug, info, warn};
use v2m_ipc::pcm::milliseconds;
use v2m_messages::tr;
use waiting::Elsewhere;
pub(super) use waiting::{Detection, Happening};
use words::Later;

/// A listener that had its model loaded for this long, and did not answer within [`waiting::AFTER_STOP`],
/// hangs. One that was still loading by then is of use to the next recording.
const HEARS_WITHIN: Duration = Duration::from_millis(2_500);

/// How long the engines of this room keep their models without work. They are loaded while the user
/// speaks, so they are not missed at the next press.
const KEPT: Duration = Duration::from_secs(5 * 60);

impl Engine {
    /// Holds a recording that has just begun until its language is known, if the model must be told
    /// it.
    pub(super) fn find_language(
        &mut self,
        job: JobId,
        settings: &Settings,
        plan: &Plan,
        sound: Sound,
    ) {
        // A server detects the language itself. If it fails, `find_open_languages` is next.
        if self.holder(job).engine_name() == Some(Backend::Remote.name()) {
            return;
        }
        self.detection.keeps_audio = settings.store.keep_audio;
        let model = plan.model.as_ref().unwrap_or(&settings.engine.model);
        let options = spoken_in(decode_options(settings), plan.language.clone());
        let way =
            self.models.way_to_language(model, options.language.as_deref(), &options.languages);
        match way {
            Way::Said | Way::Unknown => {}
            // Where a server is to hear any language, none is assumed: presses are refused.
            Way::Assumed(_) if settings.server().is_some() && plan.model.is_none() => {}
            Way::Assumed(code) => {
                info!(job = job.0, code, "the language is assumed to be {code}");
                let later = self.later(job);
                self.holder(job).hold(job);
                self.holder(job).release(job, &code);
                let told = words::assumed(model, &code, &words::no_listener(), later);
                self.detection.tell_once(told);
            }
            Way::Detected(question) => {
                self.holder(job).hold(job);
                let silence = sound.silence();
                match (self.models.listener(settings), sound.on_disk()) {
                    (Ok(spec), Ok(on_disk)) => {
                        self.detection.ask(job, question, spec, silence, on_disk);
                    }
                    (Err(failure), _) => self.not_detected(job, &question, &failure.message),
                    (_, Err(error)) => self.not_detected(job, &question, &error.to_string()),
                }
            }
        }
    }

    /// Another engine takes over, in the middle of recordings perhaps: the one before may have found out the
    /// language by itself, as a server does, and this one may have to be told it.
    pub(super) fn find_open_languages(&mut self, settings: &Settings) {
        let (model, among) = (&settings.engine.model, &settings.engine.languages);
        if !matches!(self.models.way_to_language(model, None, among), Way::Detected(_)) {
            return;
        }
        for Untold { job, options, audio, is_whole } in self.recogniser.untold() {
            let plan = Plan { language: Some(None), ..Plan::default() };
            match audio {
                SoFar::Recorded(recorded) => {
                    self.find_language(job, settings, &plan, Sound::OnDisk(recorded));
                }
                SoFar::Heard(heard) => {
                    self.find_language(job, settings, &plan, Sound::Live(options));
                    self.detection.catch_up(job, &heard, is_whole);
                }
            }
        }
    }

    /// Takes what happened; returns what the daemon is to know of it.
    pub(super) fn detection_said(
        &mut self,
        happening: Happening,
        settings: &Settings,
    ) -> Option<EngineEvent> {
        match happening {
            Happening::Notice(failure) => return Some(EngineEvent::Notice(failure)),
            Happening::Late => {}
            Happening::Listener(event) => self.listener_said(event, settings),
            Happening::Elsewhere(event) => return elsewhere_said(event),
        }
        self.give_up_waiting();
        None
    }

    /// Recordings whose language nobody will tell go on without.
    pub(super) fn give_up_waiting(&mut self) {
        while let Some((job, why)) = self.detection.unanswered() {
            let Some(question) = self.detection.take(job) else { return };
            if let Some(listener) = &mut self.detection.listener {
                listener.recogniser.cancel(job);
                // One that hangs would hang again. The next recording starts another one.
                let hangs = listener.warm().is_some_and(|since| since.elapsed() >= HEARS_WITHIN);
                if hangs && self.detection.waiting.is_empty() {
                    self.detection.listener = None;
                }
            }
            self.not_detected(job, &question, &why);
        }
    }

    fn listener_said(&mut self, event: RecogniseEvent, settings: &Settings) {
        self.detection.note(&event);
        let (job, language, voice) = match event {
            RecogniseEvent::Language { job, language, voice } => (job, language, voice),
            // An engine of an earlier version transcribes.
            RecogniseEvent::Done { job, recognition, .. } => {
                let language = Some(recognition.language).filter(|code| !code.is_empty());
                (job, language, ENOUGH)
            }
            RecogniseEvent::Failed { job, failure, .. } => {
                if let Some(question) = self.detection.take(job) {
                    self.not_detected(job, &question, &failure.message);
                }
                return;
            }
            RecogniseEvent::PassedOver { engine, .. } => {
                let (backend, reason) = (engine.backend.name(), engine.reason);
                debug!(reason, "the listener {backend} is not used: {reason}");
                return;
            }
            RecogniseEvent::Replaced { reason, .. } => {
                debug!(reason, "the recogniser that detects languages was replaced ({reason})");
                return;
            }
            RecogniseEvent::Engine(_)
            | RecogniseEvent::Update { .. }
            | RecogniseEvent::Quiet { .. }
            | RecogniseEvent::Sentence { .. } => return,
        };
        let Some(question) = self.detection.take(job) else { return };
        let last = self.detection.last.as_deref();
        let outcome = question.heard(language.as_deref(), last);
        let ms = voice / milliseconds(1);
        info!(job = job.0, language, voice_ms = ms, "the language of the recording is detected");
        if let Some(code) = language {
            self.detection.told = false;
            if voice >= TELLING {
                self.detection.last = Some(code);
            }
        }
        match outcome {
            Outcome::Elsewhere(code) => self.transcribe_elsewhere(job, &question, &code, settings),
            Outcome::Here(code) | Outcome::Assumed(code) => self.holder(job).release(job, &code),
            Outcome::Lost => self.not_detected(job, &question, ""),
        }
    }

    fn not_detected(&mut self, job: JobId, question: &Question, why: &str) {
        let model = &question.model;
        warn!(job = job.0, why, "the language of the recording was not detected: {why}");
        let later = self.later(job);
        match question.unheard() {
            Outcome::Here(code) | Outcome::Elsewhere(code) | Outcome::Assumed(code) => {
                self.holder(job).release(job, &code);
                self.detection.tell_once(words::assumed(model, &code, why, later));
            }
            Outcome::Lost => self.holder(job).give_up_held(job, words::lost(model, why, later)),
        }
    }

    /// What becomes of the recording once there is a text, or none.
    fn later(&mut self, job: JobId) -> Later {
        match (self.holder(job).keeps(job), self.detection.keeps_audio) {
            (false, _) => Later::File,
            (true, true) => Later::Kept,
            (true, false) => Later::KeptWithoutText,
        }
    }

    /// No recording may wait for a language that nobody will tell.
    pub(super) fn forget_none(&mut self, job: JobId) {
        if !self.detection.is_waiting(job) && self.holder(job).is_open(job) {
            let model = self.report().model.clone().unwrap_or_default();
            let why = tr!("the recogniser that detects it does not answer");
            let failure = words::lost(&model, why, self.later(job));
            self.holder(job).give_up_held(job, failure);
        }
    }

    /// Gives the recording to the best Whisper model that is there.
    fn transcribe_elsewhere(
        &mut self,
        job: JobId,
        question: &Question,
        code: &str,
        settings: &Settings,
    ) {
        let spec = match self.models.spec_for_language(settings, code) {
            Ok(spec) => spec,
            Err(failure) => {
                let is_kept = self.holder(job).keeps(job);
                let failure = words::unknown(&question.model, code, &failure.message, is_kept);
                return self.holder(job).give_up_held(job, failure);
            }
        };
        let (model, not) = (&spec.model_name, &question.model);
        info!(job = job.0, code, model, "{not} does not know {code}: {model} transcribes this one");
        let Self { recogniser, aside, detection, sleep, .. } = self;
        sleep.attend_also(&spec);
        let elsewhere = match &mut detection.elsewhere {
            Some(elsewhere) => {
                elsewhere.assistant.prepare(spec);
                elsewhere
            }
            none => {
                none.insert(Elsewhere { assistant: Assistant::new(spec), jobs: VecDeque::new() })
            }
        };
        let holder = super::aside::holder(aside, recogniser, job);
        if holder.hand_over(job, &mut elsewhere.assistant.recogniser, code) {
            elsewhere.note(job);
        }
    }

    /// The recogniser that has the recording.
    fn holder(&mut self, job: JobId) -> &mut Recogniser {
        super::aside::holder(&mut self.aside, &mut self.recogniser, job)
    }
}

/// Its recordings are told of as if the usual engine had them. Of its own state nothing is shown.
fn elsewhere_said(event: RecogniseEvent) -> Option<EngineEvent> {
    match event {
        RecogniseEvent::Engine(_) | RecogniseEvent::Language { .. } => None,
        RecogniseEvent::PassedOver { engine, .. } => {
            let (backend, reason) = (engine.backend.name(), engine.reason);
            debug!(reason, "{backend} is not used for another language: {reason}");
            None
        }
        event => Some(EngineEvent::Recogniser(Box::new(event))),
    }
}
