//! A second try at a dictation, with a Whisper model, if a model in GGUF form left speech out. Those
//! models sometimes write nothing although somebody spoke. The text waits for the second try; a newer
//! dictation ends it.

use super::Daemon;
use crate::language::spoken;
use crate::recognise::Recognition;
use crate::session::{Code, Failure, JobEvent, JobId, Segment, State, gap};
use tracing::info;
use v2m_ipc::engine;

/// What the recogniser has made of a recording.
pub(super) type Outcome = Result<Recognition, Failure>;

/// A second try that is under way.
#[derive(Debug)]
pub(super) struct Rescue {
    job: JobId,
    /// The outcome of the first one.
    first: Outcome,
}

/// Whether a try left speech out that another model may write.
pub(super) fn left_out(outcome: Result<&Recognition, &Failure>) -> bool {
    match outcome {
        Ok(recognition) => recognition.stats.failed > 0,
        // Others are due to the engine or the settings, and are the user's to mend.
        Err(failure) => failure.code == Code::EngineFailed && !failure.lasts,
    }
}

/// Whether the second try has more of the speech than the first one.
pub(super) fn is_better(second: Option<&Recognition>, first: Option<&Recognition>) -> bool {
    let failed = |recognition: Option<&Recognition>| {
        recognition.filter(|it| !it.text.is_empty()).map(|it| it.stats.failed)
    };
    failed(second).is_some_and(|second| failed(first).is_none_or(|first| second < first))
}

/// Returns the message about speech that no try could transcribe. `advice`: as in
/// [`gap::unwritten`].
pub(super) fn unwritten(segments: &[Segment], advice: &str) -> Option<Failure> {
    gap::unwritten(segments, engine::GAP, advice)
}

impl Daemon {
    /// Handles what the recogniser has made of a dictation. `audio`: all of it, 16 kHz mono.
    pub(super) fn dictation_recognised(&mut self, job: JobId, outcome: Outcome, audio: Vec<i16>) {
        let rest = self.rescue(job, outcome, &audio);
        self.under_way.mend(job, audio);
        if let Some(outcome) = rest {
            self.recognised_finally(job, outcome);
        }
    }

    /// Starts the second try, if the first outcome calls for one. Otherwise returns this outcome.
    fn rescue(&mut self, job: JobId, outcome: Outcome, audio: &[i16]) -> Option<Outcome> {
        let is_free = self.rescue.is_none() && self.engine.aside_job().is_none();
        let is_quiet = self.session.state() != State::Recording && !self.service.is_ending();
        let wishes = self.session.wishes(job).cloned();
        let Some(wishes) = wishes
            .filter(|_| left_out(outcome.as_ref()) && is_free && is_quiet && !audio.is_empty())
        else {
            return Some(outcome);
        };
        let settings = self.config.settings();
        let tried = self.engine.tried(job).model;
        let heard = outcome.as_ref().ok().map(|recognition| &*recognition.language);
        let language = heard.or(wishes.language.as_deref()).filter(|code| *code != spoken::AUTO);
        let model = self.engine.models().whisper_for(settings, language);
        let model = model.filter(|model| *model != tried);
        let Some(model) = model else { return Some(outcome) };
        if self.engine.transcribe_aside(job, settings, &wishes, &model, audio).is_err() {
            return Some(outcome);
        }
        info!(
            job = job.0,
            model, "the dictation is transcribed again with {model}: speech was left out"
        );
        self.rescue = Some(Rescue { job, first: outcome });
        None
    }

    /// Whether this dictation's second try is under way.
    pub(super) fn rescues(&self, job: JobId) -> bool {
        self.rescue.as_ref().is_some_and(|rescue| rescue.job == job)
    }

    /// Handles the outcome of a second try.
    pub(super) fn rescued(&mut self, job: JobId, second: Outcome) {
        self.engine.end_aside();
        let Some(Rescue { first, .. }) = self.rescue.take_if(|rescue| rescue.job == job) else {
            return;
        };
        let outcome =
            if is_better(second.as_ref().ok(), first.as_ref().ok()) { second } else { first };
        self.recognised_finally(job, outcome);
    }

    /// Ends a second try, because a newer dictation takes precedence. The text is that of the first.
    pub(super) fn end_rescue(&mut self) {
        let Some(Rescue { job, first }) = self.rescue.take() else { return };
        self.recognised_finally(job, first);
    }

    /// Ends a second try whose text is not wanted.
    pub(super) fn drop_rescue(&mut self, job: JobId) {
        if self.rescue.take_if(|rescue| rescue.job == job).is_some() {
            self.engine.end_aside();
        }
    }

    fn recognised_finally(&mut self, job: JobId, outcome: Outcome) {
        match outcome {
            Ok(recognition) => self.refine(job, recognition, true),
            Err(mut failure) => {
                failure.audio_path = self.under_way.audio_path(job);
                self.tell_job(job, JobEvent::RecognitionFailed(failure));
            }
        }
    }
}
