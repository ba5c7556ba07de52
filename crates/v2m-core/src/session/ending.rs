//! The orderly end: what is being recorded is saved, clients that wait are told.

use super::commands::stop_capture;
use super::dictation::{Dictation, Phase};
use super::event::{Effect, Outcome, Timer};
use super::machine::{Session, answer_all};
use super::types::{Code, Failure, Reply, State};
use std::time::Duration;

/// How long an orderly end waits for texts that are on their way. The recordings are on disk anyway
/// and are transcribed at the next start.
const GRACE: Duration = Duration::from_secs(8);

impl Session {
    /// Ends in order: what is being recorded is stopped, and all dictations are transcribed and
    /// delivered if that takes no longer than the grace. Whatever is left then is on disk.
    pub(super) fn end(&mut self, out: &mut Vec<Effect>) {
        if std::mem::replace(&mut self.ending, true) {
            return;
        }
        self.leave_hand(out);
        for job in self.dictations.jobs() {
            let Some((place, dictation)) = self.dictations.take(job) else { continue };
            let phase = match dictation.phase {
                Phase::Opening { waiting } | Phase::Recording { waiting, .. } => {
                    let text = Some("v2m is stopping, and has ended the recording.");
                    answer_all(out, waiting, Ok(Reply::State(State::Transcribing, text)));
                    stop_capture(job, out);
                    Phase::Draining { waiting: Vec::new() }
                }
                Phase::Rewriting { waiting, draft, .. } => {
                    self.leave_rewriting(job, waiting, draft, ending(), out)
                }
                phase @ (Phase::Draining { .. }
                | Phase::Transcribing { .. }
                | Phase::Ready { .. }
                | Phase::Delivering { .. }) => phase,
            };
            self.dictations.put_back(place, Dictation { phase, ..dictation });
        }
        if !self.dictations.is_empty() {
            out.push(Effect::Arm(Timer::Grace, GRACE));
        }
    }

    /// The grace is over: clients that wait get the text if it is there, else they are told.
    /// Recordings without a text stay in the store as they are. A text that is being delivered may
    /// still arrive.
    pub(super) fn give_up(&mut self, out: &mut Vec<Effect>) {
        for job in self.dictations.jobs() {
            let Some((place, dictation)) = self.dictations.take(job) else { continue };
            match dictation.phase {
                Phase::Opening { waiting }
                | Phase::Recording { waiting, .. }
                | Phase::Draining { waiting }
                | Phase::Transcribing { waiting, .. }
                | Phase::Rewriting { waiting, .. } => {
                    let text = "v2m had to stop before the text was ready. The recording is kept, and \
                                transcribed at the next start.";
                    answer_all(out, waiting, Err(Failure::new(Code::ShuttingDown, text)));
                }
                // The next start shows it.
                Phase::Ready { waiting, transcript } if waiting.is_empty() => {
                    out.push(Effect::Keep(job, Outcome::Transcribed(transcript)));
                }
                Phase::Ready { waiting, transcript } => {
                    out.push(Effect::Keep(job, Outcome::Delivered(transcript.clone())));
                    answer_all(out, waiting, Ok(Reply::Transcript(State::Idle, transcript)));
                }
                Phase::Delivering { waiting, transcript } => {
                    let reply = Reply::Transcript(State::Idle, transcript.clone());
                    answer_all(out, waiting, Ok(reply));
                    let phase = Phase::Delivering { waiting: Vec::new(), transcript };
                    let place = place.min(self.dictations.len());
                    self.dictations.put_back(place, Dictation { phase, ..dictation });
                }
            }
        }
        if !self.dictations.is_empty() {
            out.push(Effect::Exit);
        }
    }
}

pub(super) fn ending() -> Failure {
    let text = "v2m is stopping, so the language model did not rewrite the text.";
    Failure::new(Code::ShuttingDown, text)
}
