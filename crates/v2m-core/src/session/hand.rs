//! Executes the presses of a shortcut, as `trigger` interprets them.

use super::dictation::{Dictation, Phase};
use super::event::{Cue, Effect, Notice, Timer};
use super::machine::{Session, answer_all};
use super::trigger::{Arrival, LONGEST_DELAY, PressVerdict, Trigger, TriggerMode};
use super::types::{Asker, JobId, Reply, State, Ticket};
use std::time::Duration;
use v2m_messages::tr;

/// The presses that still matter.
#[derive(Debug)]
pub(super) struct Presses {
    trigger: Trigger,
    /// The press that waits for its verdict. `None` if that press started a recording.
    doubtful: Option<Doubtful>,
    /// The recording that the last press started. The key's release ends it.
    started: Option<JobId>,
    /// The recording that the doubtful press started. If it was not a press, the recording is
    /// dropped. It is not announced until this is known.
    provisional: Option<JobId>,
    armed: Option<Duration>,
}

/// A press that waits for its verdict.
#[derive(Debug)]
struct Doubtful {
    asker: Asker,
    /// The recording that this press stops. `None`: it starts one.
    stops: Option<JobId>,
}

impl Presses {
    pub(super) fn new(mode: TriggerMode) -> Self {
        let trigger = Trigger::new(mode);
        Self { trigger, doubtful: None, started: None, provisional: None, armed: None }
    }

    pub(super) fn set_mode(&mut self, mode: TriggerMode) {
        self.trigger.mode = mode;
    }

    /// Handles a recording that continues as another dictation.
    pub(super) fn goes_on(&mut self, job: JobId, next: JobId) {
        if self.started == Some(job) {
            self.started = Some(next);
        }
        if let Some(Doubtful { stops: Some(stops), .. }) = &mut self.doubtful
            && *stops == job
        {
            *stops = next;
        }
    }

    pub(super) fn is_provisional(&self, job: JobId) -> bool {
        self.provisional == Some(job)
    }
}

impl Session {
    /// Handles a shortcut's command.
    pub(super) fn press(&mut self, asker: Asker, now: Duration, out: &mut Vec<Effect>) {
        if self.ending {
            // The same press: the key is held down.
            let asked = &mut self.asked_for_cut_off;
            if let Some(last) = asked.filter(|last| now.saturating_sub(*last) < LONGEST_DELAY) {
                *asked = Some(last.max(now));
                return self.same_press(asker.ticket, out);
            }
            // The user still saw the recording running, so the press was meant to stop it.
            let cut_off = self.cut_off.take();
            return match cut_off.and_then(|job| self.dictations.get_mut(job)) {
                Some(dictation) => {
                    self.asked_for_cut_off = Some(now);
                    dictation.join(asker);
                }
                None => self.toggle(asker, out),
            };
        }
        self.settle_hand(now, out);
        let (verdict, arrival) = self.presses.trigger.arrives(now);
        if let Some(verdict) = verdict {
            self.judged(verdict, out);
        }
        match arrival {
            Arrival::Press => {
                if let Some(stopped) = self.just_stopped(now) {
                    return stopped.join(asker);
                }
                self.toggle(asker, out);
                self.presses.started = self.opening_job();
            }
            Arrival::Doubtful => self.doubt(asker, out),
            Arrival::Repeat => self.same_press(asker.ticket, out),
        }
    }

    fn doubt(&mut self, asker: Asker, out: &mut Vec<Effect>) {
        let stops = self.recording();
        // Record at once, because the user may already speak; the recording can be dropped. A
        // refusal is reported once this is known to be a press.
        if stops.is_none() && self.refusal(&asker).is_none() {
            self.start(asker, out);
            self.presses.provisional = self.opening_job();
        } else {
            self.presses.doubtful = Some(Doubtful { asker, stops });
        }
    }

    /// Acts on what is known about the presses now.
    pub(super) fn settle_hand(&mut self, now: Duration, out: &mut Vec<Effect>) {
        while let Some(verdict) = self.presses.trigger.look(now) {
            self.judged(verdict, out);
        }
    }

    /// Sets the timer for the next check of the presses.
    pub(super) fn watch_hand(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let held_back = self.dictations.has_ready() && self.is_key_down(now);
        let tap = self.presses.trigger.tap_is_known_at().filter(|_| held_back);
        let due = [self.presses.trigger.due(), tap].into_iter().flatten().min();
        if due == self.presses.armed {
            return;
        }
        self.presses.armed = due;
        out.push(match due {
            Some(due) => Effect::Arm(Timer::Hand, due.saturating_sub(now)),
            None => Effect::Disarm(Timer::Hand),
        });
    }

    /// Whether the key that started the recording may still be down. Meanwhile no text is put at
    /// the cursor: text that is typed or pasted while a shortcut is held goes astray.
    pub(super) fn is_key_down(&self, now: Duration) -> bool {
        let Presses { trigger, started, provisional, .. } = &self.presses;
        let recording = self.recording();
        recording.is_some() && [*started, *provisional].contains(&recording) && trigger.is_down(now)
    }

    /// Forgets all presses, so that none starts or stops anything later.
    pub(super) fn leave_hand(&mut self, out: &mut Vec<Effect>) {
        let left = std::mem::replace(&mut self.presses, Presses::new(self.limits.trigger));
        out.push(Effect::Disarm(Timer::Hand));
        if let Some(Doubtful { asker, .. }) = left.doubtful {
            self.same_press(asker.ticket, out);
        }
    }

    fn judged(&mut self, verdict: PressVerdict, out: &mut Vec<Effect>) {
        let doubtful = self.presses.doubtful.take();
        let provisional = self.presses.provisional.take();
        match verdict {
            PressVerdict::Pressed => {
                if let Some(Doubtful { asker, stops }) = doubtful {
                    match stops {
                        Some(job) => self.stop_this(job, asker, out),
                        None => self.start(asker, out),
                    }
                }
                if let Some(job) = provisional {
                    self.announce(job, out);
                }
                self.presses.started = provisional.or_else(|| self.opening_job());
            }
            PressVerdict::Bounced | PressVerdict::Held => {
                if let Some(Doubtful { asker, .. }) = doubtful {
                    self.same_press(asker.ticket, out);
                }
                if let Some(job) = provisional {
                    self.drop_provisional(job, out);
                }
            }
            PressVerdict::Released => {
                let started = self.presses.started.take();
                let holds = self.presses.trigger.mode != TriggerMode::Toggle;
                if let Some(job) = started.filter(|job| holds && self.recording() == Some(*job)) {
                    self.stop(job, None, out);
                }
            }
        }
    }

    /// Executes a press that was meant to stop this recording. The recording may have ended by
    /// itself in the meantime.
    fn stop_this(&mut self, job: JobId, asker: Asker, out: &mut Vec<Effect>) {
        if self.recording() == Some(job) {
            return self.stop_for(job, asker, out);
        }
        match self.dictations.get_mut(job) {
            Some(dictation) => dictation.join(asker),
            None => {
                let text = Some(tr!("The recording had ended before this press."));
                out.push(Effect::Answer(asker.ticket, Ok(Reply::State(self.state(), text))));
            }
        }
    }

    /// Announces the recording, because the press that started it has been confirmed.
    fn announce(&mut self, job: JobId, out: &mut Vec<Effect>) {
        let dictation = self.dictations.get_mut(job);
        if let Some(Dictation {
            phase: Phase::Recording { waiting, announced: announced @ false },
            ..
        }) = dictation
        {
            *announced = true;
            tell_recording(std::mem::take(waiting), out);
        }
    }

    fn same_press(&self, ticket: Ticket, out: &mut Vec<Effect>) {
        let reply =
            Reply::State(self.state(), Some(tr!("Ignored: this is the same press as before.")));
        out.push(Effect::Answer(ticket, Ok(reply)));
    }

    /// Drops the recording: the key that ended the one before is still held, so no new one was
    /// meant.
    fn drop_provisional(&mut self, job: JobId, out: &mut Vec<Effect>) {
        // A recording that ended by itself is kept, with what was said in it.
        if self.recording() != Some(job) {
            return;
        }
        let waiting = self.drop_dictation(job, out);
        waiting.into_iter().for_each(|ticket| self.same_press(ticket, out));
        // The dictation that was shown before this press may have ended in the meantime.
        if self.dictations.is_empty() {
            out.push(Effect::Show(Notice::Nothing));
        }
    }

    fn opening_job(&mut self) -> Option<JobId> {
        let newest = self.dictations.newest_mut()?;
        matches!(newest.phase, Phase::Opening { .. }).then_some(newest.job)
    }
}

/// Announces the recording to the clients that started it, and to the user.
pub(super) fn tell_recording(waiting: Vec<Ticket>, out: &mut Vec<Effect>) {
    answer_all(out, waiting, Ok(Reply::State(State::Recording, Some(tr!("Speak now.")))));
    out.extend([Effect::Show(Notice::Recording), Effect::Play(Cue::Start)]);
}
