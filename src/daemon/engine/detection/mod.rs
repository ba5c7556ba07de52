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
pub(super) mod words;

use super::models::{Plan, decode_options, spoken_in};
use super::{Engine, EngineEvent};
use crate::config::Settings;
use crate::recognise::{Backend, EngineSpec, Priority, RecogniseEvent, Recogniser, Recorded};
use crate::session::{EngineState, Failure, JobId};
use assistant::Assistant;
use policy::{ENOUGH, Outcome, Question, TELLING};
pub(super) use policy::{Way, way};
pub(super) use sound::Sound;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};
use v2m_ipc::engine::DecodeOptions;
use v2m_ipc::pcm::{milliseconds, seconds};
use v2m_messages::tr;
use words::Later;

/// How long after the end of a recording its text waits for the language. A model that must be
/// loaded first, from a slow disk, may take seconds; a wrong language costs the whole text.
const AFTER_STOP: Duration = Duration::from_secs(5);

/// A listener that had its model loaded for this long, and did not answer within [`AFTER_STOP`],
/// hangs. One that was still loading by then is of use to the next recording.
const HEARS_WITHIN: Duration = Duration::from_millis(2_500);

/// If this much sound came since its model was loaded that the listener has not heard, in samples,
/// it hangs. It hears as fast as sound comes.
const BEHIND: u64 = seconds(20);

/// How long the engines of this room keep their models without work. They are loaded while the user
/// speaks, so they are not missed at the next press.
const KEPT: Duration = Duration::from_secs(5 * 60);

/// Recordings whose language is not known yet, and those that are transcribed elsewhere.
#[derive(Default)]
pub(super) struct Detection {
    /// What detects. Started with the first recording that needs it.
    listener: Option<Assistant>,
    waiting: Vec<Waiting>,
    elsewhere: Option<Elsewhere>,
    /// The language that was detected last.
    last: Option<String>,
    /// Whether the user was told that no language was detected, since one last was.
    told: bool,
    /// Whether recordings are kept after their text is delivered (`store.keep_audio`).
    keeps_audio: bool,
    notices: VecDeque<Failure>,
}

/// Another model at work, for languages that the usual one does not know.
struct Elsewhere {
    assistant: Assistant,
    /// The recordings that it got, the last ones.
    jobs: VecDeque<JobId>,
}

/// Recordings of which is remembered that they were transcribed elsewhere.
const MOST_JOBS: usize = 32;

struct Waiting {
    job: JobId,
    question: Question,
    /// Whether somebody is speaking, or waits for the text.
    is_live: bool,
    /// How much sound, in samples, waited when the listener had loaded its model.
    backlog: u64,
    /// When a language is assumed.
    deadline: Option<Instant>,
}

/// What happened to it.
pub(super) enum Happening {
    Listener(RecogniseEvent),
    Elsewhere(RecogniseEvent),
    /// A recording has waited for too long.
    Late,
    /// The user is to be told this.
    Notice(Failure),
}

impl Detection {
    /// Cancel-safe.
    pub(super) async fn next(&mut self) -> Happening {
        if let Some(notice) = self.notices.pop_front() {
            return Happening::Notice(notice);
        }
        let deadline = self.waiting.iter().filter_map(|waiting| waiting.deadline).min();
        let late = async {
            match deadline {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let listener = self.listener.as_mut().map(|listener| &mut listener.recogniser);
        let elsewhere = self.elsewhere.as_mut().map(|it| &mut it.assistant.recogniser);
        tokio::select! {
            event = next_of(listener) => Happening::Listener(event),
            event = next_of(elsewhere) => Happening::Elsewhere(event),
            () = late => Happening::Late,
        }
    }

    /// The other model at work on this job, if that is where it is.
    pub(super) fn elsewhere(&mut self, job: JobId) -> Option<&mut Recogniser> {
        let recogniser = &mut self.elsewhere.as_mut()?.assistant.recogniser;
        recogniser.has(job).then_some(recogniser)
    }

    /// As [`Self::elsewhere`], to ask it something.
    pub(super) fn elsewhere_ref(&self, job: JobId) -> Option<&Recogniser> {
        self.elsewhere
            .as_ref()
            .map(|it| &it.assistant.recogniser)
            .filter(|recogniser| recogniser.has(job))
    }

    pub(super) fn feed(&mut self, job: JobId, pcm: &[i16]) {
        if self.is_waiting(job)
            && let Some(listener) = &mut self.listener
        {
            listener.recogniser.feed(job, pcm);
        }
    }

    /// No more sound comes: the text waits for the language from now on.
    pub(super) fn finish(&mut self, job: JobId) {
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.job == job) {
            waiting.deadline = Some(Instant::now() + AFTER_STOP);
            if let Some(listener) = &mut self.listener {
                listener.recogniser.finish(job);
            }
        }
    }

    /// Nobody wants the text.
    pub(super) fn cancel(&mut self, job: JobId) {
        self.waiting.retain(|waiting| waiting.job != job);
        if let Some(listener) = &mut self.listener {
            listener.recogniser.cancel(job);
        }
        if let Some(recogniser) = self.elsewhere(job) {
            recogniser.cancel(job);
        }
    }

    /// A recording elsewhere was divided.
    pub(super) fn divided(&mut self, next: JobId) {
        if let Some(elsewhere) = &mut self.elsewhere {
            elsewhere.note(next);
        }
    }

    /// The engine and the model that this recording was transcribed with, if it was elsewhere.
    pub(super) fn tried(&self, job: JobId) -> Option<(Option<&'static str>, String)> {
        let it = self.elsewhere.as_ref().filter(|it| it.jobs.contains(&job))?;
        let it = &it.assistant;
        Some((it.recogniser.engine_name(), it.model_name().to_owned()))
    }

    /// What computes beside the usual engine, where the machine's sleep matters.
    pub(super) fn beside(&mut self) -> Option<&mut Recogniser> {
        self.elsewhere.as_mut().map(|elsewhere| &mut elsewhere.assistant.recogniser)
    }

    /// Of the usual engine and the one beside it, each keeps its background jobs paused while somebody
    /// dictates with the other.
    pub(super) fn share(&mut self, usual: &mut Recogniser) {
        if let Some(Elsewhere { assistant, .. }) = &mut self.elsewhere {
            let beside = &mut assistant.recogniser;
            beside.make_way(usual.is_dictated_to());
            usual.make_way(beside.is_dictated_to());
        }
    }

    /// What runs beside the usual engine.
    pub(super) fn beside_spec(&self) -> Option<&EngineSpec> {
        self.elsewhere.as_ref().map(|elsewhere| &elsewhere.assistant.spec)
    }

    fn is_waiting(&self, job: JobId) -> bool {
        self.waiting.iter().any(|waiting| waiting.job == job)
    }

    /// Has the language detected.
    fn ask(
        &mut self,
        job: JobId,
        question: Question,
        spec: EngineSpec,
        silence: DecodeOptions,
        on_disk: Option<Recorded>,
    ) {
        let expected = question.expected(self.last.as_deref());
        let options = DecodeOptions {
            language: expected,
            languages: question.among.clone(),
            language_after: ENOUGH,
            ..silence
        };
        let listener = match &mut self.listener {
            Some(listener) => {
                listener.prepare(spec);
                listener
            }
            none => none.insert(Assistant::new(spec)),
        };
        let is_live = on_disk.is_none();
        match on_disk {
            Some(recorded) => {
                let urgency = Priority::Background;
                listener.recogniser.transcribe(job, options, urgency, recorded);
            }
            None => listener.recogniser.begin(job, options, Priority::Live),
        }
        self.waiting.push(Waiting { job, question, is_live, backlog: 0, deadline: None });
    }

    /// A job for which the listener will have no answer, and why.
    fn unanswered(&self) -> Option<(JobId, String)> {
        let now = Instant::now();
        let Some(listener) = &self.listener else {
            let why = tr!("the recogniser that detects it does not answer").into();
            return self.waiting.first().map(|waiting| (waiting.job, why));
        };
        let report = listener.recogniser.report();
        let is_dead = matches!(report.state, EngineState::Failed | EngineState::Absent);
        let problem = report.problem.as_ref().filter(|_| is_dead);
        self.waiting.iter().find_map(|waiting| {
            let job = waiting.job;
            let why = if let Some(failure) = listener.recogniser.hopeless(job).or(problem) {
                failure.message.clone()
            } else if waiting.deadline.is_some_and(|at| at <= now) {
                tr!("it took longer than {seconds} s", seconds = AFTER_STOP.as_secs())
            } else if waiting.is_behind(listener) {
                tr!("the recogniser that detects it does not answer").into()
            } else {
                return None;
            };
            Some((job, why))
        })
    }

    /// Takes from the listener's event whether its model is loaded.
    fn note(&mut self, event: &RecogniseEvent) {
        if let Some(listener) = &mut self.listener
            && listener.note(event)
        {
            for waiting in &mut self.waiting {
                waiting.backlog = listener.recogniser.unsettled(waiting.job);
            }
        }
    }

    fn take(&mut self, job: JobId) -> Option<Question> {
        let index = self.waiting.iter().position(|waiting| waiting.job == job)?;
        Some(self.waiting.swap_remove(index).question)
    }

    fn tell_once(&mut self, failure: Failure) {
        if !std::mem::replace(&mut self.told, true) {
            self.notices.push_back(failure);
        }
    }
}

impl Elsewhere {
    fn note(&mut self, job: JobId) {
        self.jobs.push_back(job);
        self.jobs.drain(..self.jobs.len().saturating_sub(MOST_JOBS));
    }
}

impl Waiting {
    /// Whether the listener, with its model loaded, is far behind somebody who speaks.
    fn is_behind(&self, listener: &Assistant) -> bool {
        let unheard = || listener.recogniser.unsettled(self.job);
        self.is_live && listener.warm().is_some() && unheard() > self.backlog + BEHIND
    }
}

async fn next_of(recogniser: Option<&mut Recogniser>) -> RecogniseEvent {
    match recogniser {
        Some(recogniser) => recogniser.next().await,
        None => std::future::pending().await,
    }
}

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
        // A server detects the language itself. The engine that takes over in the middle of a recording
        // refuses one of which it is not told the language; that one is kept, and tried again.
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
