//! What commands do: start, stop and cancel.
//!
//! A dictation that waits for its text never stands in the way of the next recording, up to a bound.

use super::dictation::Phase;
use super::event::{Effect, Notice, Timer};
use super::machine::{Session, answer_all, refuse};
use super::types::{Code, EngineState, Failure, JobId, Reply, State, Ticket};
use std::time::Duration;

/// Capture needs a few quanta to drain; after this it hangs, and what was heard is taken as it is.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);
/// How many dictations may wait for their texts. The recogniser keeps the audio of each in memory: 19 MB for ten
/// minutes, the default `session.max_minutes`.
pub(super) const MOST_PENDING: usize = 8;

impl Session {
    /// Stops the recording, or starts one.
    pub(super) fn toggle(&mut self, ticket: Ticket, out: &mut Vec<Effect>) {
        match self.dictations.recording() {
            Some(job) => self.stop(job, Some(ticket), out),
            None => self.start(ticket, out),
        }
    }

    pub(super) fn start(&mut self, ticket: Ticket, out: &mut Vec<Effect>) {
        match self.dictations.newest_phase() {
            Some(Phase::Opening { waiting } | Phase::Recording { waiting, announced: false }) => {
                waiting.push(ticket)
            }
            Some(Phase::Recording { .. }) => {
                let reply = Reply::State(State::Recording, Some("Recording already."));
                out.push(Effect::Answer(ticket, Ok(reply)));
            }
            None
            | Some(
                Phase::Draining { .. }
                | Phase::Transcribing { .. }
                | Phase::Rewriting { .. }
                | Phase::Ready { .. }
                | Phase::Delivering { .. },
            ) => self.start_next(ticket, out),
        }
    }

    fn start_next(&mut self, ticket: Ticket, out: &mut Vec<Effect>) {
        if let Some(failure) = self.refusal() {
            out.push(Effect::Show(Notice::Problem(failure.clone())));
            return out.push(refuse(ticket, failure));
        }
        let job = JobId(self.next_job);
        self.next_job = self.next_job.wrapping_add(1);
        self.dictations.push(job, Phase::Opening { waiting: vec![ticket] });
        out.push(Effect::StartCapture(job));
    }

    /// Why no recording can start now.
    pub(super) fn refusal(&self) -> Option<Failure> {
        if self.ending {
            let text = "v2m is ending. Press again in a moment: systemd starts it anew.";
            return Some(Failure::new(Code::ShuttingDown, text));
        }
        if self.paused {
            let text = "Recording is paused. Resume it with `v2m-send resume`.";
            return Some(Failure::new(Code::Paused, text));
        }
        if self.dictations.pending() >= MOST_PENDING {
            let text = format!(
                "{MOST_PENDING} dictations are waiting for their texts, so nothing is recorded now. Press again \
                 when the next text has arrived, or drop the newest one: `v2m-send cancel`."
            );
            return Some(Failure::new(Code::Busy, text));
        }
        match self.engine {
            EngineState::Absent | EngineState::Failed => self.engine_problem.clone(),
            // Capture starts while the model is still being loaded: no first word is lost.
            EngineState::Loading | EngineState::Warm | EngineState::Unloaded => None,
        }
    }

    /// STOP: the client gets the text of what is being recorded, else of the newest dictation that has none yet.
    pub(super) fn stop_newest(&mut self, ticket: Ticket, out: &mut Vec<Effect>) {
        if let Some(job) = self.dictations.recording() {
            return self.stop(job, Some(ticket), out);
        }
        match self.dictations.newest_phase() {
            Some(phase) => phase.waiting().push(ticket),
            None => {
                let text =
                    "Nothing is being recorded. Start with `v2m-send start` or the shortcut.";
                out.push(refuse(ticket, Failure::new(Code::NotRecording, text)));
            }
        }
    }

    /// Stops this recording, for the client of that ticket, or because the shortcut's key was let go.
    pub(super) fn stop(&mut self, job: JobId, ticket: Option<Ticket>, out: &mut Vec<Effect>) {
        let Some(phase) = self.dictations.phase_mut(job) else { return };
        let starters = std::mem::take(phase.waiting());
        *phase = Phase::Draining { waiting: ticket.into_iter().collect() };
        let text = Some("Stopped before the first audio was reported.");
        answer_all(out, starters, Ok(Reply::State(State::Transcribing, text)));
        stop_capture(job, out);
    }

    /// CANCEL: drops what is being recorded, else the newest dictation that waits for its text.
    pub(super) fn cancel(&mut self, ticket: Ticket, out: &mut Vec<Effect>) {
        if let Some(job) = self.dictations.newest() {
            if matches!(self.dictations.newest_phase(), Some(Phase::Delivering { .. })) {
                let text = "Too late to cancel: the text is being delivered.";
                let failure = Failure::new(Code::Busy, text);
                out.push(Effect::Show(Notice::Problem(failure.clone())));
                return out.push(refuse(ticket, failure));
            }
            let waiting = self.drop_dictation(job, out);
            out.push(Effect::Show(self.going_on()));
            let failure = Failure::new(Code::Cancelled, "The recording was cancelled and deleted.");
            answer_all(out, waiting, Err(failure));
        }
        out.push(Effect::Answer(ticket, Ok(Reply::State(self.state(), None))));
    }

    /// Forgets a dictation, its audio and its text. The clients that waited for it.
    pub(super) fn drop_dictation(&mut self, job: JobId, out: &mut Vec<Effect>) -> Vec<Ticket> {
        let Some((_, phase)) = self.dictations.take(job) else { return Vec::new() };
        let waiting = match phase {
            Phase::Opening { waiting } => {
                out.push(Effect::CancelCapture(job));
                waiting
            }
            Phase::Recording { waiting, announced: _ } => {
                out.extend([Effect::Disarm(Timer::Longest(job)), Effect::CancelCapture(job)]);
                waiting
            }
            Phase::Draining { waiting } => {
                out.extend([Effect::Disarm(Timer::Drain(job)), Effect::CancelCapture(job)]);
                waiting
            }
            Phase::Rewriting { waiting, .. } => {
                out.extend([Effect::Disarm(Timer::Rewrite(job)), Effect::LeaveRewriting(job)]);
                waiting
            }
            Phase::Transcribing { waiting, .. }
            | Phase::Ready { waiting, .. }
            | Phase::Delivering { waiting, .. } => waiting,
        };
        out.extend([Effect::Abandon(job), Effect::Discard(job)]);
        waiting
    }
}

/// Asks capture for its last samples, within a limit.
pub(super) fn stop_capture(job: JobId, out: &mut Vec<Effect>) {
    out.push(Effect::Disarm(Timer::Longest(job)));
    out.push(Effect::StopCapture(job));
    out.push(Effect::Arm(Timer::Drain(job), DRAIN_LIMIT));
}
