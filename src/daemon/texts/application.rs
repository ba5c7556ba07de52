//! Presets of applications (`llm.applications`): determines which application has the keyboard when
//! a recording begins, and applies its settings.
//!
//! The desktop is queried during the recording, and answers within milliseconds, or some seconds if
//! it hangs. If the text of a very short recording or of a sentence is ready earlier, it waits for
//! the answer: whether it goes to a language model must not depend on chance. If the application is
//! unknown, and the settings keep some application's texts from the model, the model does not get
//! the text.

use super::Texts;
use crate::daemon::Daemon;
use crate::daemon::chores::Chore;
use crate::daemon::refine::RefinedRecognition;
use crate::deliver;
use crate::session::{ApplicationPreset, ChosenPreset, JobId, NO_PRESET};
use std::time::Duration;
use tokio::time::timeout;
use tracing::{info, warn};

/// Maximum time that texts wait for the answer. Its steps take 3.5 s at most.
const LONGEST: Duration = Duration::from_secs(5);

impl Texts {
    /// Notes that a dictation has its text, for which this preset was chosen.
    pub(in crate::daemon) fn note_preset(&mut self, preset: Option<ChosenPreset>) {
        self.preset = preset;
    }
}

impl Daemon {
    /// Asks which application has the keyboard, if that matters for the dictation that begins.
    pub(in crate::daemon) fn ask_application(&mut self, job: JobId) {
        let settings = self.config.settings();
        let has_preset = self.session.wishes(job).is_some_and(|wishes| wishes.preset.is_some());
        if settings.llm.applications.is_empty() || has_preset {
            return;
        }
        self.under_way.await_application(job);
        let asks_shell = settings.deliver.focused_program;
        self.chores.spawn(async move {
            let names = told_within(LONGEST, deliver::application(asks_shell)).await;
            Chore::ApplicationFound { job, names }
        });
    }

    /// Handles the answer: this application has the keyboard. Without names, it is unknown.
    pub(in crate::daemon) fn application_found(&mut self, job: JobId, names: &[String]) {
        let settings = self.config.settings();
        let presets = &settings.llm.applications;
        let listed: Vec<&str> = presets.keys().map(String::as_str).collect();
        let application = deliver::listed_as(&listed, names);
        let told = names.join(", ");
        match application.and_then(|application| presets.get_key_value(application)) {
            Some((application, preset)) => {
                let is_none = preset == NO_PRESET;
                let unfit = (!is_none).then(|| self.texts.unfit(preset, settings)).flatten();
                info!(
                    job = job.0,
                    application,
                    preset,
                    "the preset for the application with the focus ({told}): {preset}"
                );
                let (application, preset) = (application.clone(), preset.clone());
                let preset = ApplicationPreset { application, preset, unfit };
                self.session.application_is(job, &preset);
            }
            None if names.is_empty() && presets.values().any(|preset| preset == NO_PRESET) => {
                info!(
                    job = job.0,
                    "nobody tells which application has the focus: no language model gets the text, as it \
                     may be an application with the preset {NO_PRESET}"
                );
                self.session.application_is_unknown(job);
            }
            None if names.is_empty() => {
                info!(job = job.0, "nobody tells which application has the focus");
            }
            None => {
                info!(job = job.0, "no preset for the application with the focus ({told})");
            }
        }
        for (held, refined) in self.under_way.application_known(job) {
            self.refined(held, *refined);
        }
    }

    /// Holds the text of a dictation while its application is unknown. Returns it if no answer is
    /// awaited.
    pub(in crate::daemon) fn until_application_is_known(
        &mut self,
        job: JobId,
        refined: RefinedRecognition,
    ) -> Option<RefinedRecognition> {
        self.under_way.hold(job, Box::new(refined)).map(|refined| *refined)
    }

    /// Returns the preset of the newest current dictation, otherwise of the last one.
    pub(in crate::daemon) fn preset(&self) -> Option<ChosenPreset> {
        match self.session.newest() {
            Some(job) => self.session.preset(job),
            None => self.texts.preset.clone(),
        }
    }
}

/// Returns the application's names; empty after the time limit, or if the query breaks off. A text
/// must not wait for ever.
async fn told_within(
    longest: Duration,
    asking: impl Future<Output = Vec<String>> + Send + 'static,
) -> Vec<String> {
    let mut asking = tokio::spawn(asking);
    match timeout(longest, &mut asking).await {
        Ok(Ok(names)) => names,
        Ok(Err(error)) => {
            warn!(%error, "a bug: asking for the application broke off: {error}");
            Vec::new()
        }
        Err(_late) => {
            asking.abort();
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn there_is_an_answer_whatever_happens_to_the_question() {
        let names = || vec!["kate".to_owned()];
        assert_eq!(told_within(LONGEST, std::future::ready(names())).await, names());
        let hangs = std::future::pending();
        assert!(told_within(Duration::ZERO, hangs).await.is_empty());
        let breaks = async { panic!("a bug") };
        assert!(told_within(LONGEST, breaks).await.is_empty());
    }
}
