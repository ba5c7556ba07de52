//! The orderly end: what is being recorded is saved, who waits is told.

use super::event::{Effect, Timer};
use super::machine::{Phase, Session, answer_all};
use super::types::{Code, Failure, Reply, State};
use std::time::Duration;

/// How long an orderly end waits for a text that is on its way. The recording is on disk anyway and
/// is transcribed at the next start.
const GRACE: Duration = Duration::from_secs(8);

impl Session {
    /// Ends in order: what is being recorded is stopped and, if it takes no longer than the grace,
    /// transcribed and delivered. Whatever is left then is on disk.
    pub(super) fn end(&mut self, out: &mut Vec<Effect>) {
        if std::mem::replace(&mut self.ending, true) {
            return;
        }
        self.leave_hand(out);
        self.phase = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Opening { job, waiting } => {
                let text = Some("v2m is ending; the recording was stopped.");
                answer_all(out, waiting, Ok(Reply::State(State::Transcribing, text)));
                self.stop(job, Vec::new(), out)
            }
            Phase::Recording { job } => self.stop(job, Vec::new(), out),
            Phase::Rewriting { job, waiting, draft, .. } => {
                self.leave_rewriting(job, waiting, draft, ending(), out)
            }
            phase @ (Phase::Idle
            | Phase::Draining { .. }
            | Phase::Transcribing { .. }
            | Phase::Delivering { .. }) => phase,
        };
        if !matches!(self.phase, Phase::Idle) {
            out.push(Effect::Arm(Timer::Grace, GRACE));
        }
    }

    /// The grace is over: those who wait are told, the recording stays in the store as it is.
    pub(super) fn give_up(&mut self, out: &mut Vec<Effect>) {
        let waiting = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Idle | Phase::Recording { .. } => Vec::new(),
            Phase::Opening { waiting, .. }
            | Phase::Draining { waiting, .. }
            | Phase::Transcribing { waiting, .. }
            | Phase::Rewriting { waiting, .. }
            | Phase::Delivering { waiting, .. } => waiting,
        };
        let text = "v2m had to end before the text was there. The recording is kept and is \
                    transcribed at the next start.";
        answer_all(out, waiting, Err(Failure::new(Code::ShuttingDown, text)));
    }
}

pub(super) fn ending() -> Failure {
    let text = "v2m is ending, so no language model rewrote the text.";
    Failure::new(Code::ShuttingDown, text)
}
