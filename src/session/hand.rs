//! Presses of a shortcut: what `trigger` takes them for, carried out.

use super::event::{Effect, Notice, Timer};
use super::machine::{Phase, Session};
use super::trigger::{Arrival, Trigger, TriggerMode, Verdict};
use super::types::{JobId, Reply, Ticket};
use std::time::Duration;

/// The presses so far, as far as they still matter.
#[derive(Debug)]
pub(super) struct Presses {
    trigger: Trigger,
    /// Who waits for the verdict on the doubtful press.
    doubtful: Option<Ticket>,
    /// The recording that the last press started: its release ends it.
    started: Option<JobId>,
    /// The recording that the doubtful press started: if the press was none, it is dropped.
    provisional: Option<JobId>,
    armed: Option<Duration>,
}

impl Presses {
    pub(super) fn new(mode: TriggerMode) -> Self {
        let trigger = Trigger::new(mode);
        Self { trigger, doubtful: None, started: None, provisional: None, armed: None }
    }

    pub(super) fn set_mode(&mut self, mode: TriggerMode) {
        self.trigger.mode = mode;
    }
}

impl Session {
    /// A shortcut's command has come.
    pub(super) fn press(&mut self, ticket: Ticket, now: Duration, out: &mut Vec<Effect>) {
        if self.ending {
            return self.toggle(ticket, out);
        }
        self.settle_hand(now, out);
        let (verdict, arrival) = self.presses.trigger.arrives(now);
        if let Some(verdict) = verdict {
            self.judged(verdict, out);
        }
        match arrival {
            Arrival::Press => {
                self.toggle(ticket, out);
                self.presses.started = self.opening_job();
            }
            // Speech may begin at once: what is recorded in vain can be dropped.
            Arrival::Doubtful if matches!(self.phase, Phase::Idle) => {
                self.toggle(ticket, out);
                self.presses.provisional = self.opening_job();
            }
            Arrival::Doubtful => self.presses.doubtful = Some(ticket),
            Arrival::Repeat => self.same_press(ticket, out),
        }
    }

    /// Acts on what is known of the hand by now.
    pub(super) fn settle_hand(&mut self, now: Duration, out: &mut Vec<Effect>) {
        while let Some(verdict) = self.presses.trigger.look(now) {
            self.judged(verdict, out);
        }
    }

    /// Sees that the hand is looked at when it is time.
    pub(super) fn watch_hand(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let due = self.presses.trigger.due();
        if due == self.presses.armed {
            return;
        }
        self.presses.armed = due;
        out.push(match due {
            Some(due) => Effect::Arm(Timer::Hand, due.saturating_sub(now)),
            None => Effect::Disarm(Timer::Hand),
        });
    }

    /// Nothing starts or stops by the hand any more.
    pub(super) fn leave_hand(&mut self, out: &mut Vec<Effect>) {
        let left = std::mem::replace(&mut self.presses, Presses::new(self.limits.trigger));
        out.push(Effect::Disarm(Timer::Hand));
        if let Some(ticket) = left.doubtful {
            self.same_press(ticket, out);
        }
    }

    fn judged(&mut self, verdict: Verdict, out: &mut Vec<Effect>) {
        let doubtful = self.presses.doubtful.take();
        let provisional = self.presses.provisional.take();
        match verdict {
            Verdict::Pressed => {
                if let Some(ticket) = doubtful {
                    self.toggle(ticket, out);
                }
                self.presses.started = provisional.or_else(|| self.opening_job());
            }
            Verdict::Bounced | Verdict::Held => {
                if let Some(ticket) = doubtful {
                    self.same_press(ticket, out);
                }
                if let Some(job) = provisional.filter(|job| self.job() == Some(*job)) {
                    self.drop_provisional(job, out);
                }
            }
            Verdict::Released => {
                let started = self.presses.started.take();
                let holds = self.presses.trigger.mode != TriggerMode::Toggle;
                if holds && started.is_some() && started == self.recording_job() {
                    self.stop_asked(None, out);
                }
            }
        }
    }

    fn same_press(&self, ticket: Ticket, out: &mut Vec<Effect>) {
        let reply = Reply::State(self.state(), Some("Same press as the last one."));
        out.push(Effect::Answer(ticket, Ok(reply)));
    }

    /// The key that ended the recording before is still held: no new one was meant.
    fn drop_provisional(&mut self, job: JobId, out: &mut Vec<Effect>) {
        let waiting = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Opening { waiting, .. } => waiting,
            Phase::Recording { .. } => {
                out.push(Effect::Disarm(Timer::Longest(job)));
                out.push(Effect::Show(Notice::Nothing));
                Vec::new()
            }
            // Ended by itself, and what was said in it is kept.
            phase @ (Phase::Idle
            | Phase::Draining { .. }
            | Phase::Transcribing { .. }
            | Phase::Rewriting { .. }
            | Phase::Delivering { .. }) => {
                self.phase = phase;
                return;
            }
        };
        out.extend([Effect::CancelCapture(job), Effect::Abandon(job), Effect::Discard(job)]);
        waiting.into_iter().for_each(|ticket| self.same_press(ticket, out));
    }

    fn opening_job(&self) -> Option<JobId> {
        matches!(self.phase, Phase::Opening { .. }).then(|| self.job()).flatten()
    }

    fn recording_job(&self) -> Option<JobId> {
        let recording = matches!(self.phase, Phase::Opening { .. } | Phase::Recording { .. });
        recording.then(|| self.job()).flatten()
    }
}
