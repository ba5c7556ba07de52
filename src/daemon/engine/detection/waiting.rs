//! Recordings that wait for their language, and this module's recognisers: the listener, which
//! detects it, and another one for languages that the usual model does not know.

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

/// How long the text waits for the language after the end of the recording. Loading the listener's
/// model from a slow disk may take seconds; a wrong language spoils the whole text.
pub(super) const AFTER_STOP: Duration = Duration::from_secs(5);

/// The listener hangs if it falls this many samples further behind after its model was loaded.
/// Normally it keeps up with the sound.
const BEHIND: u64 = seconds(20);

/// Recordings that wait for their language, and those that another model transcribes.
#[derive(Default)]
pub(in crate::daemon::engine) struct Detection {
    /// The recogniser that detects the language. Started for the first recording that needs it.
    pub(super) listener: Option<Assistant>,
    pub(super) waiting: Vec<Waiting>,
    pub(super) elsewhere: Option<Elsewhere>,
    /// The last language detected.
    pub(super) last: Option<String>,
    /// Whether the user has been notified of a failure since the last successful detection.
    pub(super) told: bool,
    /// Whether recordings are kept after their text is delivered (`store.keep_audio`).
    pub(super) keeps_audio: bool,
    notices: VecDeque<Failure>,
}

/// Another recogniser, for languages that the usual model does not know.
pub(super) struct Elsewhere {
    pub(super) assistant: Assistant,
    /// The last recordings that it got, at most [`MOST_JOBS`].
    pub(super) jobs: VecDeque<JobId>,
}

/// How many recordings are remembered as transcribed elsewhere.
const MOST_JOBS: usize = 32;

pub(super) struct Waiting {
    job: JobId,
    question: Question,
    /// Whether it is a live dictation, and not a recording on disk.
    is_live: bool,
    /// Samples that the listener had not processed when its model was loaded.
    backlog: u64,
    /// When to give up waiting and assume a language.
    deadline: Option<Instant>,
}

/// An event of language detection.
pub(in crate::daemon::engine) enum Happening {
    Listener(RecogniseEvent),
    Elsewhere(RecogniseEvent),
    /// A recording has waited too long.
    Late,
    /// A notice for the user.
    Notice(Failure),
}

impl Detection {
    /// Returns the next event. Cancel-safe.
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

    /// Returns the other recogniser if it has this job.
    pub(in crate::daemon::engine) fn elsewhere(&mut self, job: JobId) -> Option<&mut Recogniser> {
        let recogniser = &mut self.elsewhere.as_mut()?.assistant.recogniser;
        recogniser.has(job).then_some(recogniser)
    }

    /// Same as [`Self::elsewhere`], but shared.
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

    /// Feeds the sound so far of a dictation that starts to wait in its middle. `is_whole`: no more
    /// follows.
    pub(super) fn catch_up(&mut self, job: JobId, heard: &[i16], is_whole: bool) {
        self.feed(job, heard);
        let waiting = self.waiting.iter_mut().find(|waiting| waiting.job == job);
        if let (Some(waiting), Some(listener)) = (waiting, &self.listener) {
            // All of this sound counts as backlog if its model is already loaded.
            waiting.backlog = listener.recogniser.unsettled(job);
        }
        if is_whole {
            self.finish(job);
        }
    }

    /// Notes that no more sound follows: from now on the text waits for the language.
    pub(in crate::daemon::engine) fn finish(&mut self, job: JobId) {
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.job == job) {
            waiting.deadline = Some(Instant::now() + AFTER_STOP);
            if let Some(listener) = &mut self.listener {
                listener.recogniser.finish(job);
            }
        }
    }

    /// Cancels detection and transcription elsewhere: nobody wants the text.
    pub(in crate::daemon::engine) fn cancel(&mut self, job: JobId) {
        self.waiting.retain(|waiting| waiting.job != job);
        if let Some(listener) = &mut self.listener {
            listener.recogniser.cancel(job);
        }
        if let Some(recogniser) = self.elsewhere(job) {
            recogniser.cancel(job);
        }
    }

    /// Notes the second part of a divided recording that is transcribed elsewhere.
    pub(in crate::daemon::engine) fn divided(&mut self, next: JobId) {
        if let Some(elsewhere) = &mut self.elsewhere {
            elsewhere.note(next);
        }
    }

    /// Returns the recogniser and the model that transcribed this recording, if it was another one
    /// than the usual.
    pub(in crate::daemon::engine) fn worked_on(&self, job: JobId) -> Option<(&Recogniser, &str)> {
        let it = self.elsewhere.as_ref().filter(|it| it.jobs.contains(&job))?;
        Some((&it.assistant.recogniser, it.assistant.model_name()))
    }

    /// Returns the other recogniser, for handling the machine's sleep.
    pub(in crate::daemon::engine) fn beside(&mut self) -> Option<&mut Recogniser> {
        self.elsewhere.as_mut().map(|elsewhere| &mut elsewhere.assistant.recogniser)
    }

    /// Makes the usual recogniser and the other one pause their background jobs while somebody
    /// dictates with the respective other.
    pub(in crate::daemon::engine) fn share(&mut self, usual: &mut Recogniser) {
        if let Some(Elsewhere { assistant, .. }) = &mut self.elsewhere {
            let beside = &mut assistant.recogniser;
            beside.make_way(usual.is_dictated_to());
            usual.make_way(beside.is_dictated_to());
        }
    }

    /// Returns the specification of the other recogniser.
    pub(in crate::daemon::engine) fn beside_spec(&self) -> Option<&EngineSpec> {
        self.elsewhere.as_ref().map(|elsewhere| &elsewhere.assistant.spec)
    }

    pub(super) fn is_waiting(&self, job: JobId) -> bool {
        self.waiting.iter().any(|waiting| waiting.job == job)
    }

    /// Starts to detect the language of a recording.
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

    /// Returns a job for which the listener will give no answer, with the reason.
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

    /// Updates from the listener's event whether its model is loaded.
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
    /// Whether the listener has loaded its model and is far behind a live dictation.
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
