//! Hands texts to the desktop and to the store, and reports the results.

use super::desktop::DesktopEvent;
use super::handing::{Handed, Handover, Parcel, Whose};
use super::refusal::sentence;
use super::requests::answer;
use super::{Daemon, Reply, journal, refine};
use crate::call::{Answer, Event};
use crate::config::{JoinTo, Refine, UndoBy};
use crate::deliver;
use crate::session::{
    Code, DeliverMode, Delivery, Failure, JobEvent, JobId, Notice, Outcome, Transcript,
};
use crate::store;
use crate::text::Letters;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{debug, info, warn};
use v2m_ipc::spacing;
use v2m_messages::tr;

/// Returns the text in the store's form.
pub(super) fn store_text(transcript: &Transcript) -> store::Text {
    store::Text {
        text: transcript.text.clone(),
        unrefined: transcript.unrefined.clone(),
        language: transcript.language.clone(),
        segments: transcript.segments.clone(),
        preset: transcript.preset.clone(),
    }
}

impl Daemon {
    pub(super) fn desktop_event(&mut self, event: DesktopEvent) {
        match event {
            DesktopEvent::Handed(handed) => self.handed(handed),
            DesktopEvent::Ended => self.desktop.ended(),
            DesktopEvent::Sign(present) => self.desktop.screen().sign_is(present),
        }
    }

    pub(super) fn handed(&mut self, handed: Handed) {
        match handed {
            Handed::Delivered(handover) => self.delivered(handover),
            Handed::Undone(done, reply) => self.undone(done, reply),
        }
    }

    /// Handles UNDO_DELIVERY.
    pub(super) fn undo(&mut self, reply: Reply) {
        // A shortcut runs it. Its keys must not prevent the undo.
        self.under_way.pressed();
        let by_keys = self.config.settings().deliver.undo == UndoBy::CtrlZ;
        let deliver::DeliveryOptions { keys, .. } = self.wanted();
        let presses = self.under_way.presses().clone();
        let pressed = Some(std::time::Instant::now());
        self.desktop.undo(deliver::UndoOptions { keys, presses, pressed, by_keys }, reply);
    }

    fn undone(&mut self, done: Result<deliver::Undone, deliver::UndoError>, reply: Reply) {
        match done {
            Ok(done) => {
                info!(how = ?done, "the last text at the cursor was taken back");
                let (state, message) = (self.session.state(), Some(done.told().to_owned()));
                answer(reply, Ok(Answer::State { state, message }));
            }
            Err(why) => {
                let text = tr!("Taking the last text back: {why}.", why);
                let failure = Failure::new(Code::CannotUndo, text)
                    .in_brief(tr!("The text was not taken back"), sentence(&format!("{why}.")));
                // A shortcut has no terminal to show the failure.
                if self.session.newest().is_none() {
                    self.show(Notice::Problem(failure.clone()));
                }
                answer(reply, Err(failure));
            }
        }
    }

    /// Reports to the store how a dictation ended.
    pub(super) fn keep(&mut self, job: JobId, outcome: Outcome) {
        let outcome = match outcome {
            Outcome::Transcribed(t) => store::RecordUpdate::Transcribed(store_text(&t)),
            Outcome::Delivered(t) | Outcome::Undelivered(t) => {
                self.under_way.forget(job);
                self.texts.remember(&t.text);
                self.texts.note_preset(t.preset.clone());
                store::RecordUpdate::Delivered(store_text(&t), t.deliveries)
            }
            Outcome::Failed(failure) => {
                self.under_way.forget(job);
                let tried = self.engine.tried(job);
                store::RecordUpdate::Failed(failure.code, failure.message, Some(tried))
            }
        };
        self.under_way.finish(job, outcome);
    }

    pub(super) fn deliver(
        &mut self,
        job: JobId,
        transcript: Transcript,
        wished: Option<DeliverMode>,
    ) {
        let noted = self.under_way.noted(job);
        let hint = self.under_way.poor_sound(job);
        if let Some(hint) = &hint {
            warn!(job = job.0, "{hint}");
        }
        let settings = self.config.settings();
        let join = noted.begun.and_then(|begun| self.join(&transcript.language, begun));
        // Sentences of a talk that did not reach the cursor stay together on the clipboard.
        let before = self.session.said_elsewhere(job);
        let (mode, text) = match wished.unwrap_or(settings.deliver.mode) {
            mode @ DeliverMode::None => (mode, transcript.text),
            mode if before.is_empty() => (mode, transcript.text),
            _ => {
                let parts = [before.as_str(), transcript.text.as_str()].into_iter();
                (DeliverMode::Clipboard, spacing::join(parts))
            }
        };
        let parcel = Parcel {
            whose: Whose::Dictation(job),
            wanted: deliver::DeliveryOptions {
                mode,
                talk: self.session.talk(job).map(|first| first.0),
                pressed: noted.pressed.map(Instant::into_std),
                join,
                ..self.wanted()
            },
            focus: noted.focus,
            screen: Some(self.desktop.screen().clone()),
            text,
            problems: transcript.problems,
            hint,
        };
        self.desktop.hand(parcel);
    }

    /// Returns the delivery options of the settings.
    pub(super) fn wanted(&self) -> deliver::DeliveryOptions {
        let settings = &self.config.settings().deliver;
        let keys = deliver::PasteKeys {
            usual: settings.paste_key.clone(),
            terminal: settings.terminal_paste_key.clone(),
            terminals: settings.terminals.clone(),
        };
        deliver::DeliveryOptions {
            mode: settings.mode,
            keys,
            window: None,
            pressed: None,
            join: None,
            talk: None,
            is_sensitive: settings.sensitive,
            asks_shell: settings.focused_program,
            is_watched: settings.undo == UndoBy::CtrlZ,
        }
    }

    /// Returns how a text in this language is joined to the text at the cursor.
    fn join(&self, language: &str, begun: Instant) -> Option<deliver::Join> {
        let settings = self.config.settings();
        let asks_field = match settings.deliver.join {
            JoinTo::Field => true,
            JoinTo::Last => false,
            JoinTo::Nothing => return None,
        };
        Some(deliver::Join {
            rules: Arc::clone(self.config.rules()),
            language: refine::written_in(settings, language).to_owned(),
            letters: match settings.text.refine {
                // The join changes no words.
                Refine::Off => Letters::Keep,
                Refine::Rules | Refine::Llm => Letters::Fit,
            },
            asks_field,
            presses: self.under_way.presses().clone(),
            begun: begun.into_std(),
        })
    }

    pub(super) fn delivered(&mut self, handed: Handover) {
        let Handover { whose, deliveries, took } = handed;
        let job = match &whose {
            Whose::Dictation(job) => Some(*job),
            Whose::Client(_) => None,
        };
        // If the first way failed, the time of the second one alone is unknown.
        let ways = deliveries.iter().filter(|delivery| delivery.by != "notification").count();
        let took = Some(took).filter(|_| ways == 1);
        for delivery in &deliveries {
            log_delivery(job, delivery, took);
            self.doors.publish(Event::Delivery { job, delivery: delivery.clone() });
        }
        if deliveries.iter().any(|delivery| delivery.by == "clipboard" && !delivery.ok) {
            self.chores.ask_for_display();
        }
        match whose {
            Whose::Dictation(job) => self.tell_job(job, JobEvent::Delivered(deliveries)),
            Whose::Client(finished) => {
                let mut sinks = deliveries.iter().filter(|delivery| delivery.by != "notification");
                // The notification says that `v2m-send last` prints the text.
                if let (Ok(text), Some(first)) = (&finished.result, sinks.next())
                    && !(first.ok || sinks.any(|delivery| delivery.ok))
                {
                    self.texts.remember(text);
                }
                self.answer_text(*finished, deliveries);
            }
        }
    }
}

/// Logs a delivery. Notifications are left out, because every text has one.
fn log_delivery(job: Option<JobId>, delivery: &Delivery, took: Option<Duration>) {
    let Delivery { by, backend, ok, detail } = delivery;
    let job = job.map(|job| job.0);
    let ms = took.map(|took| took.as_millis() as u64);
    let words = journal::delivered(delivery, took);
    match (*ok, *by) {
        (true, "notification") => debug!(job, by, ok, detail, "{words}"),
        (true, _) => info!(job, by, backend, ok, detail, took_ms = ms, "{words}"),
        (false, "notification") => info!(job, by, ok, detail, "{words}"),
        (false, _) => warn!(job, by, backend, ok, detail, "{words}"),
    }
}
