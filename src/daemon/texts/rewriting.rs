//! Dictations' texts that a language model rewrites. The session decides when an answer is too
//! late.

use super::Texts;
use super::question::with_text;
use crate::call::TextTask;
use crate::config::{Refine, Settings};
use crate::daemon::{Daemon, refusal};
use crate::llm::{self, LlmError, Question};
use crate::session::{Code, Failure, JobEvent, JobId, Rewriting, Transcript};
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Instant;
use tracing::{info, warn};
use v2m_messages::tr;

pub(super) type PendingRewrite = Pin<Box<dyn Future<Output = Result<String, LlmError>> + Send>>;

/// Removes and returns the first one that is done. Cancel-safe.
pub(super) async fn first_of(
    askings: &mut Vec<(JobId, PendingRewrite)>,
) -> (JobId, Result<String, LlmError>) {
    std::future::poll_fn(|context| {
        let done = askings.iter_mut().enumerate().find_map(|(at, (_, asking))| {
            match asking.as_mut().poll(context) {
                Poll::Ready(result) => Some((at, result)),
                Poll::Pending => None,
            }
        });
        match done {
            Some((at, result)) => Poll::Ready((askings.remove(at).0, result)),
            None => Poll::Pending,
        }
    })
    .await
}

impl Texts {
    /// Returns which dictations' texts the settings want rewritten, for the session.
    pub(in crate::daemon) fn rewriting_wanted(&self, settings: &Settings) -> Rewriting {
        if settings.text.refine != Refine::Llm {
            return Rewriting::Wished;
        }
        match self.rewriting("", None, settings) {
            Ok(_) => Rewriting::All { preset: settings.llm.preset.clone() },
            Err(failure) => Rewriting::Impossible(failure),
        }
    }

    /// Returns why a dictation with this preset would fail, to be reported before anybody speaks.
    pub(in crate::daemon) fn unfit(&self, preset: &str, settings: &Settings) -> Option<Failure> {
        self.rewriting("", Some(preset), settings).err()
    }

    fn rewriting(
        &self,
        text: &str,
        preset: Option<&str>,
        settings: &Settings,
    ) -> Result<Question, Failure> {
        let task = TextTask::Rewrite { instruction: None, preset: preset.map(str::to_owned) };
        let question = self.question(&task, settings.llm.dictation(), settings)?;
        with_text(question, text.to_owned())
    }

    /// Cancels the rewriting of a dictation.
    pub(in crate::daemon) fn leave_rewriting(&mut self, job: JobId) {
        // This also closes its connection, so v2m-llm notices.
        self.rewriting.retain(|(own, _)| *own != job);
    }
}

impl Daemon {
    /// Sends the dictation's text to the model.
    pub(in crate::daemon) fn rewrite(
        &mut self,
        job: JobId,
        draft: &Transcript,
        preset: Option<&str>,
    ) {
        match self.texts.rewriting(&draft.text, preset, self.config.settings()) {
            Ok(question) => {
                let started = Instant::now();
                let asking = async move {
                    let result = llm::ask(&question).await;
                    let ms = started.elapsed().as_millis() as u64;
                    let ok = result.is_ok();
                    let done = if ok { "answered" } else { "failed" };
                    info!(job = job.0, ms, ok, "the language model {done} after {ms} ms");
                    result
                };
                self.texts.rewriting.push((job, Box::pin(asking)));
            }
            // The text is too long, or the presets have just changed.
            Err(failure) => self.tell_job(job, JobEvent::Rewritten(Err(failure))),
        }
    }

    pub(super) fn rewritten(&mut self, job: JobId, result: Result<String, LlmError>) {
        let result = result.map_err(|error| {
            let reason = refusal::sentence(&error.to_string());
            let unchanged = tr!("Your text was delivered unchanged.");
            // A service's message may contain the text. v2m-llm logs its own line without it.
            let code = error.code().name();
            warn!(
                job = job.0,
                code, "the text was not rewritten ({code}); see: journalctl --user -u v2m-llm"
            );
            let cause = match error.code() {
                Code::LlmRejected => tr!("The rewriting was not used"),
                _ => tr!("The language model is not available"),
            };
            Failure::new(error.code(), format!("{reason} {unchanged}"))
                .in_brief(cause, tr!("{unchanged} See why: v2m doctor", unchanged))
        });
        self.tell_job(job, JobEvent::Rewritten(result));
    }
}
