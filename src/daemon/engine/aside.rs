//! A separate engine for one recording, with another model than the configured one, or the plain
//! engine instead of the usual one. The usual engine keeps its model, so the next dictation starts
//! without delay.

use super::Engine;
use super::detection::Sound;
use super::models::{Plan, decode_options, in_language, spoken_in};
use crate::config::Settings;
use crate::recognise::{Priority, RecogniseEvent, Recogniser, Recorded};
use crate::session::{Failure, JobId, Wishes};
use crate::store::Tried;

/// A separate engine and its recording.
pub(super) struct Aside {
    job: JobId,
    model: String,
    recogniser: Recogniser,
}

/// Waits for the next event of the separate engine. Cancel-safe.
pub(super) async fn next(aside: &mut Option<Aside>) -> RecogniseEvent {
    match aside {
        Some(aside) => aside.recogniser.next().await,
        None => std::future::pending().await,
    }
}

/// Returns the recogniser that has the recording: the separate one or the usual one.
pub(super) fn holder<'a>(
    aside: &'a mut Option<Aside>,
    usual: &'a mut Recogniser,
    job: JobId,
) -> &'a mut Recogniser {
    match aside {
        Some(aside) if aside.job == job => &mut aside.recogniser,
        _ => usual,
    }
}

impl Engine {
    /// Transcribes a recording by that plan when nobody dictates: with the usual engine if it fits,
    /// otherwise with a separate one. One recording at a time.
    ///
    /// # Errors
    /// If no engine can run by that plan.
    pub(in crate::daemon) fn transcribe_by(
        &mut self,
        job: JobId,
        settings: &Settings,
        recorded: Recorded,
        plan: &Plan,
    ) -> Result<(), Failure> {
        let options = spoken_in(decode_options(settings), plan.language.clone());
        let sound = Sound::OnDisk(recorded.again());
        if self.is_usual(settings, plan) {
            self.recogniser.transcribe(job, options, Priority::Background, recorded);
            self.find_language(job, settings, plan, sound);
            return Ok(());
        }
        let spec = self.models.spec_by(settings, plan)?;
        let model = spec.model_name.clone();
        let mut recogniser = Recogniser::new(Ok(spec));
        recogniser.transcribe(job, options, Priority::Background, recorded);
        self.aside = Some(Aside { job, model, recogniser });
        self.find_language(job, settings, plan, sound);
        Ok(())
    }

    /// Transcribes a dictation's audio once more with a separate engine and this model.
    ///
    /// # Errors
    /// If no engine can run the model.
    pub(in crate::daemon) fn transcribe_aside(
        &mut self,
        job: JobId,
        settings: &Settings,
        wishes: &Wishes,
        model: &str,
        audio: &[i16],
    ) -> Result<(), Failure> {
        let plan = Plan { model: Some(model.to_owned()), ..Plan::default() };
        let mut recogniser = Recogniser::new(Ok(self.models.spec_by(settings, &plan)?));
        let options = in_language(decode_options(settings), wishes);
        recogniser.begin(job, options, Priority::Live);
        recogniser.feed(job, audio);
        recogniser.finish(job);
        self.aside = Some(Aside { job, model: model.to_owned(), recogniser });
        Ok(())
    }

    /// Whether the plan wants the usual engine.
    fn is_usual(&self, settings: &Settings, plan: &Plan) -> bool {
        let is_model = plan.model.as_ref().is_none_or(|model| *model == settings.engine.model);
        // For the safest plan, the usual engine must be the plain one.
        let is_plain = !plan.is_safest || self.name() == Some("cpu");
        is_model && is_plain
    }

    /// Returns the recording that has a separate engine.
    pub(in crate::daemon) fn aside_job(&self) -> Option<JobId> {
        self.aside.as_ref().map(|aside| aside.job)
    }

    /// Ends the separate engine. Returns its recording.
    pub(in crate::daemon) fn end_aside(&mut self) -> Option<JobId> {
        let job = self.aside.take().map(|aside| aside.job)?;
        self.detection.cancel(job);
        Some(job)
    }

    /// Returns the engine and model that a recording is transcribed with.
    pub(in crate::daemon) fn tried(&self, job: JobId) -> Tried {
        let (recogniser, model) = self.worked_on(job);
        let engine = recogniser.engine_name().unwrap_or_default().to_owned();
        let usual = || recogniser.report().model.clone().unwrap_or_default();
        Tried { engine, model: model.map_or_else(usual, str::to_owned) }
    }

    /// Returns the backend that really computes for this recording, once it is known.
    pub(in crate::daemon) fn backend(&self, job: JobId) -> Option<&str> {
        self.worked_on(job).0.report().backend.as_deref()
    }

    /// Returns the recogniser that has or had the recording, and its model if not the usual one.
    fn worked_on(&self, job: JobId) -> (&Recogniser, Option<&str>) {
        if let Some((recogniser, model)) = self.detection.worked_on(job) {
            return (recogniser, Some(model));
        }
        match &self.aside {
            Some(aside) if aside.job == job => (&aside.recogniser, Some(&aside.model)),
            _ => (&self.recogniser, None),
        }
    }
}
