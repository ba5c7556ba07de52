//! Executes commands: start, stop and cancel.
//!
//! A dictation that waits for its text never blocks the next recording, up to a limit.

use super::dictation::{Dictation, Phase, Wished, is_taken_back};
use super::event::{Cue, Effect, Notice, Timer};
use super::machine::{Session, answer_all, refuse};
use super::talk::Talk;
use super::types::{Asker, Code, EngineState, Failure, JobId, Reply, State, Ticket};
use std::time::Duration;
use v2m_messages::tr;

/// The time limit for capture's last samples. Capture needs a few quanta to drain. If it takes
/// longer than this, it hangs, and the recording is used as it is.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);
/// The number of dictations that may wait for their texts. The recogniser keeps the audio of each
/// in memory: 19 MB for ten minutes, the default `session.max_minutes`.
pub(super) const MOST_PENDING: usize = 8;

impl Session {
    /// Stops the recording, or starts one.
    pub(super) fn toggle(&mut self, asker: Asker, out: &mut Vec<Effect>) {
        match self.dictations.recording() {
            Some(job) => self.stop_for(job, asker, out),
            None => self.start(asker, out),
        }
    }

    pub(super) fn start(&mut self, asker: Asker, out: &mut Vec<Effect>) {
        let Some(newest) = self.dictations.newest_mut() else {
            return self.start_next(asker, out);
        };
        match &mut newest.phase {
            Phase::Opening { waiting } | Phase::Recording { waiting, announced: false } => {
                waiting.push(asker.ticket);
                newest.wished.add(asker.wishes, asker.unfit);
            }
            Phase::Recording { .. } => {
                newest.wished.add(asker.wishes, asker.unfit);
                let reply = Reply::State(State::Recording, Some(tr!("Recording already.")));
                out.push(Effect::Answer(asker.ticket, Ok(reply)));
            }
            Phase::Draining { .. }
            | Phase::Transcribing { .. }
            | Phase::Rewriting { .. }
            | Phase::Ready { .. }
            | Phase::Delivering { .. }
            | Phase::Failed { .. } => self.start_next(asker, out),
        }
    }

    fn start_next(&mut self, asker: Asker, out: &mut Vec<Effect>) {
        if self.ending {
            return self.turn_away(asker.ticket, out);
        }
        if let Some(failure) = self.refusal(&asker) {
            return refuse(asker.ticket, failure, out);
        }
        let Asker { ticket, wishes, unfit, unspoken: _ } = asker;
        let job = JobId(self.next_job);
        self.next_job = self.next_job.wrapping_add(1);
        let talk = Talk::begin(job, wishes.continuous);
        let wished = Wished::new(wishes, unfit);
        let phase = Phase::Opening { waiting: vec![ticket] };
        self.dictations.push(Dictation { job, wished, talk, phase });
        out.push(Effect::StartCapture(job));
    }

    /// Returns why no recording can start now for this client.
    pub(super) fn refusal(&self, asker: &Asker) -> Option<Failure> {
        let unusable = || asker.unspoken.clone().or_else(|| asker.unfit.clone());
        self.standstill().or_else(unusable)
    }

    /// Returns why no recording can start now for any client.
    fn standstill(&self) -> Option<Failure> {
        if self.paused {
            let text = tr!("Recording is paused. Resume it with `v2m-send resume`.");
            return Some(Failure::new(Code::Paused, text));
        }
        if self.dictations.pending() >= MOST_PENDING {
            let text = tr!(
                "{count} texts are pending, so v2m did not start to record. Press again \
                 when the next text has arrived, or delete the newest one: `v2m-send cancel`.",
                count = MOST_PENDING
            );
            return Some(Failure::new(Code::Busy, text));
        }
        match self.engine {
            EngineState::Absent | EngineState::Failed => self.engine_problem.clone(),
            // Capture starts while the model is still being loaded, so that no first word is lost.
            EngineState::Loading | EngineState::Warm | EngineState::Unloaded => None,
        }
    }

    /// Handles STOP. The client gets the text of the current recording, or else of the newest
    /// dictation that waits for its text.
    pub(super) fn stop_newest(&mut self, asker: Asker, out: &mut Vec<Effect>) {
        if let Some(job) = self.dictations.recording() {
            return self.stop_for(job, asker, out);
        }
        match self.dictations.newest_mut() {
            Some(newest) => {
                if self.cut_off == Some(newest.job) {
                    self.cut_off = None;
                }
                newest.join(asker);
            }
            None => {
                let text =
                    tr!("Nothing is being recorded. Start with `v2m-send start` or the shortcut.");
                let failure = Failure::new(Code::NotRecording, text);
                out.push(Effect::Note(failure.clone()));
                out.push(Effect::Answer(asker.ticket, Err(failure)));
            }
        }
    }

    /// Stops this recording on behalf of a client.
    pub(super) fn stop_for(&mut self, job: JobId, asker: Asker, out: &mut Vec<Effect>) {
        let Asker { ticket, wishes, unfit, unspoken: _ } = asker;
        if let Some(dictation) = self.dictations.get_mut(job) {
            dictation.wished.add(wishes, unfit);
        }
        self.stop(job, Some(ticket), out);
    }

    /// Stops this recording, for the client with that ticket, or because the shortcut's key was
    /// released.
    pub(super) fn stop(&mut self, job: JobId, ticket: Option<Ticket>, out: &mut Vec<Effect>) {
        let Some(Dictation { phase, .. }) = self.dictations.get_mut(job) else { return };
        let starters = std::mem::take(phase.waiting());
        *phase = Phase::Draining { waiting: ticket.into_iter().collect() };
        let text = Some(tr!("Stopped before the first audio was reported."));
        answer_all(out, starters, Ok(Reply::State(State::Transcribing, text)));
        stop_capture(job, out);
    }

    /// Handles CANCEL: drops the current recording, or else the newest dictation that waits for its
    /// text.
    pub(super) fn cancel(&mut self, ticket: Ticket, out: &mut Vec<Effect>) {
        if let Some(job) = self.dictations.newest() {
            let phase = self.dictations.get(job).map(|newest| &newest.phase);
            if matches!(phase, Some(Phase::Delivering { .. })) {
                let text = tr!("Too late to cancel: the text is being delivered.");
                return refuse(ticket, Failure::new(Code::Busy, text), out);
            }
            if phase.is_some_and(Phase::is_capturing) {
                out.push(Effect::Play(Cue::Stop));
            }
            if let Some(first) = self.talk(job) {
                let told = self.drop_talk(first, out);
                out.extend([Effect::Show(Notice::Cancelled), Effect::Show(self.going_on())]);
                if let Some(told) = told {
                    let reply = Reply::Told(self.state(), told);
                    return out.push(Effect::Answer(ticket, Ok(reply)));
                }
                return out.push(Effect::Answer(ticket, Ok(Reply::State(self.state(), None))));
            }
            let waiting = self.drop_dictation(job, out);
            out.extend([Effect::Show(Notice::Cancelled), Effect::Show(self.going_on())]);
            let failure =
                Failure::new(Code::Cancelled, tr!("The recording was cancelled and deleted."));
            answer_all(out, waiting, Err(failure));
        }
        out.push(Effect::Answer(ticket, Ok(Reply::State(self.state(), None))));
    }

    /// Forgets a dictation, its audio and its text. Returns the clients that waited for it.
    pub(super) fn drop_dictation(&mut self, job: JobId, out: &mut Vec<Effect>) -> Vec<Ticket> {
        let Some((_, dictation)) = self.dictations.take(job) else { return Vec::new() };
        let waiting = match dictation.phase {
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
            // The dictation is settled already, and the store keeps it.
            Phase::Failed { waiting, .. } => return waiting,
            Phase::Ready { waiting, transcript } if is_taken_back(&transcript) => return waiting,
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
    out.extend([Effect::Disarm(Timer::Longest(job)), Effect::StopCapture(job)]);
    out.push(Effect::Play(Cue::Stop));
    out.push(Effect::Arm(Timer::Drain(job), DRAIN_LIMIT));
}
