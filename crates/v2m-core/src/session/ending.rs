//! Ends the session in order: saves the current recording and answers the clients that wait.

use super::commands::stop_capture;
use super::dictation::{Dictation, Phase};
use super::event::{Effect, Outcome, Timer};
use super::machine::{Session, answer_all, answer_with};
use super::talk::Talk;
use super::types::{Code, Failure, Reply, State, Ticket};
use std::time::Duration;
use v2m_messages::tr;

/// How long an orderly end waits for unfinished texts. The recordings are on disk anyway; the next
/// start transcribes them.
const GRACE: Duration = Duration::from_secs(8);
/// How long the last sound of a recording may take to reach the disk while a press waits for the
/// next instance. Capture usually needs a few cycles of 20 ms.
const LAST_SOUND: Duration = Duration::from_millis(300);

impl Session {
    /// Starts the orderly end. The current recording is stopped, and all dictations are transcribed
    /// and delivered if they finish within the grace time. The rest stays on disk.
    pub(super) fn end(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if std::mem::replace(&mut self.ending, true) {
            return;
        }
        // The user who holds the key continues to speak: the repeats are for the next instance.
        let is_held = self.is_key_down(now);
        self.leave_hand(out);
        for job in self.dictations.jobs() {
            let Some((place, dictation)) = self.dictations.take(job) else { continue };
            let phase = match dictation.phase {
                Phase::Opening { waiting } | Phase::Recording { waiting, .. } => {
                    self.cut_off = (!is_held).then_some(job);
                    let text = Some(tr!("v2m is stopping, and has ended the recording."));
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
                | Phase::Delivering { .. }
                | Phase::Failed { .. }) => phase,
            };
            self.dictations.put_back(place, Dictation { phase, ..dictation });
        }
        if !self.dictations.is_empty() {
            out.push(Effect::Arm(Timer::Grace, GRACE));
        }
    }

    /// Handles the end of the grace time. Clients that wait get the text if it is there; otherwise
    /// they get a failure. Clients that wait for a talk get the text of all its finished sentences.
    /// Recordings without a text stay in the store. A text that is being delivered may still
    /// arrive.
    pub(super) fn give_up(&mut self, out: &mut Vec<Effect>) {
        let mut talk = Talk::default();
        for job in self.dictations.jobs() {
            let Some((place, mut dictation)) = self.dictations.take(job) else { continue };
            let (first, said) = (dictation.talk.first, std::mem::take(&mut dictation.talk.said));
            if first.is_none() || first != talk.first {
                talk = Talk { first, said };
            }
            match dictation.phase {
                Phase::Opening { waiting }
                | Phase::Recording { waiting, .. }
                | Phase::Draining { waiting } => {
                    talk.lacks(waiting, None, unfinished(), State::Idle, out);
                }
                Phase::Transcribing { waiting, heard } => {
                    let samples = heard.measured.map(|measured| measured.samples);
                    talk.lacks(waiting, samples, unfinished(), State::Idle, out);
                }
                Phase::Rewriting { waiting, draft, .. } => {
                    let samples = Some(draft.samples);
                    talk.lacks(waiting, samples, unfinished(), State::Idle, out);
                }
                Phase::Failed { waiting, samples, failure } => {
                    talk.lacks(waiting, samples, failure, State::Idle, out);
                }
                Phase::Ready { waiting, transcript } if transcript.text.is_empty() => {
                    self.leave_silence(job, &transcript, out);
                    talk.falls_silent(waiting, transcript, State::Idle, out);
                }
                // The next start shows this text.
                Phase::Ready { waiting, transcript } if waiting.is_empty() => {
                    out.push(Effect::Keep(job, Outcome::Transcribed(transcript.clone())));
                    talk.said.push(transcript);
                }
                Phase::Ready { waiting, transcript } => {
                    out.push(Effect::Keep(job, Outcome::Delivered(transcript.clone())));
                    let whole = talk.whole(transcript.clone());
                    answer_all(out, waiting, Ok(Reply::Transcript(State::Idle, Box::new(whole))));
                    talk.said.push(transcript);
                }
                Phase::Delivering { waiting, transcript } => {
                    answer_with(out, waiting, || {
                        Ok(Reply::Transcript(State::Idle, Box::new(talk.whole(transcript.clone()))))
                    });
                    talk.said.push(transcript.clone());
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

    /// Handles a press that wants to record now. The client is answered when this instance accepts
    /// no more connections, so that its next request reaches the next instance.
    pub(super) fn turn_away(&mut self, ticket: Ticket, out: &mut Vec<Effect>) {
        self.turned_away.push(ticket);
        if self.is_draining() {
            out.push(Effect::Arm(Timer::Grace, LAST_SOUND));
        }
    }

    /// Ends without waiting for texts if somebody wants to record: the user speaks already, and
    /// only the next instance can record. That instance transcribes the recordings again.
    pub(super) fn make_way(&mut self, out: &mut Vec<Effect>) {
        if self.turned_away.is_empty() || self.is_draining() {
            return;
        }
        self.give_up(out);
        let text = tr!("v2m is stopping. Press again in a moment; systemd then starts it again.");
        let failure = Failure::new(Code::ShuttingDown, text).may_ask_again();
        answer_all(out, std::mem::take(&mut self.turned_away), Err(failure));
    }

    /// Whether the last sound of a recording is still awaited.
    fn is_draining(&self) -> bool {
        self.dictations.phases().any(|phase| matches!(phase, Phase::Draining { .. }))
    }
}

fn unfinished() -> Failure {
    let text = tr!("v2m had to stop before the text was ready. The recording is kept, and \
         transcribed at the next start.");
    Failure::new(Code::ShuttingDown, text)
}

pub(super) fn ending() -> Failure {
    let text = tr!("v2m is stopping, so the language model did not rewrite the text.");
    Failure::new(Code::ShuttingDown, text)
}
