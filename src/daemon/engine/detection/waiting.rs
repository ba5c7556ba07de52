//! Recordings whose language is not known yet, and the recognisers of this room: the one that listens to
//! them, and the one for languages that the usual model does not know.

use super::assistant::Assistant;
use super::policy::{ENOUGH, Question};
use crate::recognise::{EngineSpec, Priority, RecogniseEvent, Recogniser, Recorded};
use crate::session::{EngineState, Failure, JobId};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use v2m_ipc::engine::DecodeOptions;
use v2m_ipc::pcm::seconds;
use v2m_messages::tr;

/// How long after the end of a recording its text waits for the language. A model that must be
/// loaded first, from a slow disk, may take seconds; a wrong language costs the whole text.
pub(super) const AFTER_STOP: Duration = Duration::from_secs(5);

/// If this much sound came since its model was loaded that the listener has not heard, in samples,
/// it hangs. It hears as fast as sound comes.
const BEHIND: u64 = seconds(20);

/// Recordings whose language is not known yet, and those that are transcribed elsewhere.
#[derive(Default)]
pub(in crate::daemon::engine) struct Detection {
    /// What detects. Started with the first recording that needs it.
    pub(super) listener: Option<Assistant>,
    pub(super) waiting: Vec<Waiting>,
    pub(super) elsewhere: Option<Elsewhere>,
    /// The language that was detected last.
    pub(super) last: Option<String>,
    /// Whether the user was told that no language was detected, since one last was.
    pub(super) told: bool,
    /// Whether recordings are kept after their text is delivered (`store.keep_audio`).
    pub(super) keeps_audio: bool,
    notices: VecDeque<Failure>,
}

/// Another model at work, for languages that the usual one does not know.
pub(super) struct Elsewhere {
    pub(super) assistant: Assistant,
    /// The recordings that it got, the last ones.
    pub(super) jobs: VecDeque<JobId>,
}

/// Recordings of which is remembered that they were transcribed elsewhere.
const MOST_JOBS: usize = 32;

pub(super) struct Waiting {
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
pub(in crate::daemon::engine) enum Happening {
    Listener(RecogniseEvent),
    Elsewhere(RecogniseEvent),
    /// A recording has waited for too long.
    Late,
    /// The user is to be told this.
    Notice(Failure),
}

impl Detection {
    /// Cancel-safe.
    pub(in crate::daemon::engine) async fn next(&mut self) -> Happening {
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
    pub(in crate::daemon::engine) fn elsewhere(&mut self, job: JobId) -> Option<&mut Recogniser> {
        let recogniser = &mut self.elsewhere.as_mut()?.assistant.recogniser;
        recogniser.has(job).then_some(recogniser)
    }

    /// As [`Self::elsewhere`], to ask it something.
    pub(in crate::daemon::engine) fn elsewhere_ref(&self, job: JobId) -> Option<&Recogniser> {
        self.elsewhere
            .as_ref()
            .map(|it| &it.assistant.recogniser)
            .filter(|recogniser| recogniser.has(job))
    }

    pub(in crate::daemon::engine) fn feed(&mut self, job: JobId, pcm: &[i16]) {
        if self.is_waiting(job)
            && let Some(listener) = &mut self.listener
        {
            listener.recogniser.feed(job, pcm);
        }
    }

    /// A dictation that waits from its middle on: this is what was said so far, and whether it is all.
    pub(super) fn catch_up(&mut self, job: JobId, heard: &[i16], is_whole: bool) {
        self.feed(job, heard);
        let waiting = self.waiting.iter_mut().find(|waiting| waiting.job == job);
        if let (Some(waiting), Some(listener)) = (waiting, &self.listener) {
            // If its model is loaded, it is behind by all of this.
            waiting.backlog = listener.recogniser.unsettled(job);
        }
        if is_whole {
            self.finish(job);
        }
    }

    /// No more sound comes: the text waits for the language from now on.
    pub(in crate::daemon::engine) fn finish(&mut self, job: JobId) {
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.job == job) {
            waiting.deadline = Some(Instant::now() + AFTER_STOP);
            if let Some(listener) = &mut self.listener {
                listener.recogniser.finish(job);
            }
        }
    }

    /// Nobody wants the text.
    pub(in crate::daemon::engine) fn cancel(&mut self, job: JobId) {
        self.waiting.retain(|waiting| waiting.job != job);
        if let Some(listener) = &mut self.listener {
            listener.recogniser.cancel(job);
        }
        if let Some(recogniser) = self.elsewhere(job) {
            recogniser.cancel(job);
        }
    }

    /// A recording elsewhere was divided.
    pub(in crate::daemon::engine) fn divided(&mut self, next: JobId) {
        if let Some(elsewhere) = &mut self.elsewhere {
            elsewhere.note(next);
        }
    }

    /// The engine and the model that this recording was transcribed with, if it was elsewhere.
    pub(in crate::daemon::engine) fn tried(
        &self,
        job: JobId,
    ) -> Option<(Option<&'static str>, String)> {
        let it = self.elsewhere.as_ref().filter(|it| it.jobs.contains(&job))?;
        let it = &it.assistant;
        Some((it.recogniser.engine_name(), it.model_name().to_owned()))
    }

    /// What computes beside the usual engine, where the machine's sleep matters.
    pub(in crate::daemon::engine) fn beside(&mut self) -> Option<&mut Recogniser> {
        self.elsewhere.as_mut().map(|elsewhere| &mut elsewhere.assistant.recogniser)
    }

    /// Of the usual engine and the one beside it, each keeps its background jobs paused while somebody
    /// dictates with the other.
    pub(in crate::daemon::engine) fn share(&mut self, usual: &mut Recogniser) {
        if let Some(Elsewhere { assistant, .. }) = &mut self.elsewhere {
            let beside = &mut assistant.recogniser;
            beside.make_way(usual.is_dictated_to());
            usual.make_way(beside.is_dictated_to());
        }
    }

    /// What runs beside the usual engine.
    pub(in crate::daemon::engine) fn beside_spec(&self) -> Option<&EngineSpec> {
        self.elsewhere.as_ref().map(|elsewhere| &elsewhere.assistant.spec)
    }

    pub(super) fn is_waiting(&self, job: JobId) -> bool {
        self.waiting.iter().any(|waiting| waiting.job == job)
    }

    /// Has the language detected.
    pub(super) fn ask(
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
    pub(super) fn unanswered(&self) -> Option<(JobId, String)> {
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
    pub(super) fn note(&mut self, event: &RecogniseEvent) {
        if let Some(listener) = &mut self.listener
            && listener.note(event)
        {
            for waiting in &mut self.waiting {
                waiting.backlog = listener.recogniser.unsettled(waiting.job);
            }
        }
    }

    pub(super) fn take(&mut self, job: JobId) -> Option<Question> {
        let index = self.waiting.iter().position(|waiting| waiting.job == job)?;
        Some(self.waiting.swap_remove(index).question)
    }

    pub(super) fn tell_once(&mut self, failure: Failure) {
        if !std::mem::replace(&mut self.told, true) {
            self.notices.push_back(failure);
        }
    }
}

impl Elsewhere {
    pub(super) fn note(&mut self, job: JobId) {
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
