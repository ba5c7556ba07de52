//! Executes the session's effects.

use super::Daemon;
use crate::call::{Event, Progress};
use crate::session::{Code, Effect, Failure, JobId, Notice};
use tracing::{debug, info, warn};
use v2m_messages::tr;

impl Daemon {
    pub(super) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Answer(ticket, reply) => self.doors.answer(ticket, reply),
            Effect::StartCapture(job) => {
                self.desktop.prepare(self.config.settings());
                self.start_capture(job);
            }
            Effect::StopCapture(job) => {
                // Later sentences of a talk go where the first one went.
                let goes_on = self.session.talk(job).is_some_and(|first| first != job);
                let asks = self.config.settings().deliver.same_window && !goes_on;
                self.end_preview(job, true);
                self.under_way.stop(job, asks);
            }
            Effect::Split(job, next, until) => self.split(job, next, until),
            Effect::CancelCapture(job) => {
                self.end_preview(job, false);
                self.under_way.cancel(job);
            }
            Effect::Transcribe(job) => {
                // The recording may have ended by itself, so that its words are the last ones only now.
                let had_words = self.engine.last_words().is_some_and(|(of, _)| of == job);
                self.end_preview(job, true);
                if !had_words {
                    self.show_last_words();
                }
                self.engine.finish(job);
            }
            Effect::Abandon(job) => {
                self.end_preview(job, false);
                self.engine.cancel(job);
                self.drop_rescue(job);
            }
            Effect::Discard(job) | Effect::DiscardSilence(job) => self.discard(job),
            Effect::Keep(job, outcome) => self.keep(job, outcome),
            Effect::Rewrite(job, draft, preset) => self.rewrite(job, &draft, preset.as_deref()),
            Effect::LeaveRewriting(job) => self.texts.leave_rewriting(job),
            Effect::Deliver(job, transcript, wished) => self.deliver(job, transcript, wished),
            Effect::Show(notice) => self.show(notice),
            Effect::Play(cue) => self.desktop.play(cue, self.config.settings()),
            Effect::Note(failure) => {
                let (code, reason) = (failure.code.name(), failure.message);
                info!(code, reason, "refused: {reason}");
            }
            Effect::Publish(state) => {
                debug!(state = state.name(), "state");
                let (job, progress) = (self.session.recording(), self.progress());
                self.doors.publish(Event::State { state, job, progress });
                self.desktop.quiet(state, self.config.settings());
            }
            Effect::Arm(timer, after) => self.timers.arm(timer, after),
            Effect::Disarm(timer) => self.timers.disarm(timer),
            Effect::Exit => self.service.end(),
        }
    }

    /// Records why there is no text, from all effects of one event, before a state is published.
    pub(super) fn note_reason(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::StartCapture(_) => self.doors.reason = None,
                // Lasting problems are in the status' `problem` instead.
                Effect::Show(Notice::Problem(failure)) if !failure.lasts => {
                    self.doors.reason = Some(failure.clone());
                }
                // A failed dictation is discarded too; its problem is shown afterwards.
                Effect::Discard(_) => {
                    let text = tr!("The recording was cancelled and deleted.");
                    self.doors.reason = Some(Failure::new(Code::Cancelled, text));
                }
                _ => {}
            }
        }
    }

    /// Returns the progress of the recording, and how the last dictation ended.
    pub(super) fn progress(&self) -> Progress {
        let recording = self.session.recording();
        Progress {
            recording: recording.and_then(|job| self.under_way.recording_time(job)),
            reason: self.doors.reason.clone(),
        }
    }

    fn discard(&mut self, job: JobId) {
        info!(job = job.0, "dictation {} was dropped, audio and text", job.0);
        self.under_way.discard(job);
    }

    /// Shows a notice, and also logs a problem to the journal.
    pub(super) fn show(&self, notice: Notice) {
        if let Notice::Problem(failure) = &notice {
            warn!(code = failure.code.name(), "{}", failure.message);
        }
        self.notify(notice);
    }

    /// Shows a notice without logging it.
    pub(super) fn notify(&self, notice: Notice) {
        let stops_after = self.session.recording().and_then(|job| self.stops_after(job));
        let is_transcribing = matches!(notice, Notice::Transcribing);
        self.desktop.notify(notice, stops_after);
        if is_transcribing {
            self.show_last_words();
        }
    }
}
