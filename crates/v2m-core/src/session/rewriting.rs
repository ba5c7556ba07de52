//! Rewriting by a language model: selects the texts, and handles the result.

use super::dictation::{Phase, Wished};
use super::ending::ending;
use super::event::{Effect, JobEvent, Notice, Outcome, Timer};
use super::machine::{Rewriting, Session};
use super::preset::{ApplicationPreset, NO_PRESET, withheld};
use super::types::{Code, Failure, JobId, Ticket, Transcript};
use std::time::Duration;
use v2m_messages::tr;

/// How a language model should rewrite a text.
pub(super) struct Draft {
    /// The preset. `None`: the configured one.
    preset: Option<String>,
}

impl Session {
    /// Decides whether a language model should rewrite a text. Fails with the reason if one should
    /// but cannot.
    pub(super) fn draft(&self, wished: &Wished) -> Result<Option<Draft>, Failure> {
        if let Some(preset) = wished.preset() {
            let preset = preset.map_err(Failure::clone)?.to_owned();
            return Ok(Some(Draft { preset: Some(preset) }));
        }
        match wished.application() {
            Some(ApplicationPreset { preset, .. }) if preset == NO_PRESET => return Ok(None),
            Some(ApplicationPreset { unfit: Some(failure), .. }) => return Err(failure.clone()),
            Some(ApplicationPreset { preset, unfit: None, .. }) => {
                return Ok(Some(Draft { preset: Some(preset.clone()) }));
            }
            None => {}
        }
        match &self.limits.rewriting {
            Rewriting::Wished => Ok(None),
            // The settings may forbid language models for this application.
            Rewriting::All { .. } if wished.is_withheld() => Err(withheld()),
            Rewriting::All { .. } => Ok(Some(Draft { preset: None })),
            Rewriting::Impossible(failure) => Err(failure.clone()),
        }
    }

    pub(super) fn rewriting(
        &mut self,
        job: JobId,
        waiting: Vec<Ticket>,
        mut draft: Transcript,
        within: Duration,
        event: JobEvent,
        out: &mut Vec<Effect>,
    ) -> Option<Phase> {
        match event {
            JobEvent::Rewritten(Ok(text)) => {
                out.push(Effect::Disarm(Timer::Rewrite(job)));
                if text != draft.text {
                    let before = std::mem::replace(&mut draft.text, text);
                    draft.unrefined.get_or_insert(before);
                }
                Some(Phase::Ready { waiting, transcript: draft })
            }
            JobEvent::Rewritten(Err(failure)) => {
                out.push(Effect::Disarm(Timer::Rewrite(job)));
                draft.problems.push(failure);
                Some(Phase::Ready { waiting, transcript: draft })
            }
            JobEvent::RewriteOverdue => {
                Some(self.leave_rewriting(job, waiting, draft, overdue(within), out))
            }
            // As in `transcribing`. The recogniser's first answer counts.
            JobEvent::CaptureStarted
            | JobEvent::CaptureFailed(_)
            | JobEvent::CaptureEnded(_)
            | JobEvent::Transcribed(_)
            | JobEvent::RecognitionFailed(_)
            | JobEvent::LongestReached
            | JobEvent::Quiet
            | JobEvent::SentenceOver(..)
            | JobEvent::DrainOverdue
            | JobEvent::Delivered(_) => Some(Phase::Rewriting { waiting, draft, within }),
        }
    }

    /// Delivers the draft without rewriting it.
    pub(super) fn leave_rewriting(
        &self,
        job: JobId,
        waiting: Vec<Ticket>,
        mut draft: Transcript,
        why: Failure,
        out: &mut Vec<Effect>,
    ) -> Phase {
        out.extend([Effect::Disarm(Timer::Rewrite(job)), Effect::LeaveRewriting(job)]);
        draft.problems.push(why);
        Phase::Ready { waiting, transcript: draft }
    }

    /// Asks a language model to rewrite the text.
    pub(super) fn rewrite(
        &self,
        job: JobId,
        waiting: Vec<Ticket>,
        mut text: Transcript,
        draft: Draft,
        out: &mut Vec<Effect>,
    ) -> Phase {
        if self.ending {
            text.problems.push(ending());
            return Phase::Ready { waiting, transcript: text };
        }
        let within = self.limits.within;
        self.show_progress(Notice::Rewriting, out);
        // The model may take a minute, and the service may be killed in that time.
        out.push(Effect::Keep(job, Outcome::Transcribed(text.clone())));
        out.push(Effect::Arm(Timer::Rewrite(job), within));
        out.push(Effect::Rewrite(job, text.clone(), draft.preset));
        Phase::Rewriting { waiting, draft: text, within }
    }
}

fn overdue(within: Duration) -> Failure {
    let text = tr!(
        "The language model did not answer within {seconds} s (llm.dictation_seconds). Your text was delivered \
         unchanged.",
        seconds = within.as_secs_f64()
    );
    Failure::new(Code::LlmUnavailable, text).in_brief(
        tr!("The language model was too slow"),
        tr!("Your text was delivered unchanged. Allow more time: llm.dictation_seconds"),
    )
}
