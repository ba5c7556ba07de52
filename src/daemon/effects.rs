//! What the session asks for, done.

use super::handing::{Parcel, Whose};
use super::{Daemon, engine, refine};
use crate::call::{Answer, Event};
use crate::capture::CaptureCommand;
use crate::config::{JoinTo, Refine, Settings};
use crate::deliver;
use crate::recognise::Urgency;
use crate::session;
use crate::session::{
    Code, Effect, Failure, JobEvent, JobId, Notice, Outcome, Reply, Ticket, Transcript,
};
use crate::store::{self, Retention};
use crate::text::Letters;
use std::sync::Arc;
use tokio::time::Instant;
use tracing::{debug, info, warn};

/// The retention the settings mean.
pub(super) fn retention(settings: &Settings) -> Retention {
    Retention {
        keep_count: settings.store.keep_count,
        keep_days: settings.store.keep_days,
        keep_audio: settings.store.keep_audio,
    }
}

/// The text as the store keeps it.
pub(super) fn store_text(transcript: &Transcript) -> store::Text {
    store::Text {
        text: transcript.text.clone(),
        unrefined: transcript.unrefined.clone(),
        language: transcript.language.clone(),
        segments: transcript.segments.clone(),
    }
}

impl Daemon {
    /// `problem_shown`: what is refused is shown, and so in the journal already.
    pub(super) fn carry_out(&mut self, effect: Effect, problem_shown: bool) {
        match effect {
            Effect::Answer(ticket, reply) => self.answer(ticket, reply, problem_shown),
            Effect::StartCapture(job) => self.start_capture(job),
            Effect::StopCapture(job) => {
                self.capture_command(CaptureCommand::Stop { job });
                if let Some(live) = self.live.get_mut(job) {
                    live.stopped = Some(Instant::now());
                    // Where the user wants the text, before they go elsewhere. Asked beside all this, and after the stop.
                    live.focus = self.settings.deliver.same_window.then(deliver::Focus::ask);
                }
            }
            Effect::CancelCapture(job) => self.capture_command(CaptureCommand::Cancel { job }),
            Effect::Transcribe(job) => self.recogniser.finish(job),
            Effect::Abandon(job) => self.recogniser.cancel(job),
            Effect::Discard(job) => {
                info!(job = job.0, "dictation {} was dropped, audio and text", job.0);
                self.live.end(job);
                let kept = self.store.as_mut().map(|store| store.discard(job));
                self.store_said(kept);
            }
            Effect::Keep(job, outcome) => self.keep(job, &outcome),
            Effect::Rewrite(job, draft) => self.rewrite(job, &draft),
            Effect::LeaveRewriting(job) => self.leave_rewriting(job),
            Effect::Deliver(job, transcript) => self.deliver(job, &transcript),
            Effect::Show(notice) => self.show(notice),
            Effect::Publish(state) => {
                debug!(state = state.name(), "state");
                self.publish(Event::State { state, job: self.session.recording() });
            }
            Effect::Arm(timer, after) => self.timers.arm(timer, after),
            Effect::Disarm(timer) => self.timers.disarm(timer),
            Effect::Exit => self.exiting = true,
        }
    }

    /// Tells subscribers, if there are any.
    pub(super) fn publish(&self, event: Event) {
        let _ = self.events.send(event); // an error means that nobody listens
    }

    fn answer(&mut self, ticket: Ticket, reply: Result<Reply, Failure>, problem_shown: bool) {
        let Some(waiting) = self.tickets.remove(&ticket) else { return };
        if let Err(Failure { code, message, .. }) = &reply {
            if problem_shown {
                debug!(code = code.name(), reason = message, "refused: {message}");
            } else {
                info!(code = code.name(), reason = message, "refused: {message}");
            }
        }
        let answer = reply.map(|reply| match reply {
            Reply::State(state, message) => {
                Answer::State { state, message: message.map(str::to_owned) }
            }
            Reply::Transcript(state, transcript) => Answer::Transcript { state, transcript },
            Reply::ShuttingDown => Answer::ShuttingDown,
        });
        let _ = waiting.send(answer); // a client that has left needs no answer
    }

    fn start_capture(&mut self, job: JobId) {
        self.live.begin(job, std::mem::take(&mut self.wishes));
        let begun = self.store.as_mut().map(|store| store.begin(job).map(drop));
        self.store_said(begun);
        self.recogniser.begin(job, engine::decode_options(&self.settings), Urgency::Live);
        if self.capture.is_none() {
            let text = "Recording: the capture thread could not be started; see `journalctl --user -u v2m`.";
            let failure = Failure::new(Code::NoMicrophone, text)
                .in_brief("Recording is not possible", "See why: journalctl --user -u v2m");
            return self.tell(session::Event::Job(job, JobEvent::CaptureFailed(failure)));
        }
        let source = self.settings.capture.source.clone();
        self.capture_command(CaptureCommand::Start { job, source });
    }

    fn capture_command(&self, command: CaptureCommand) {
        if let Some(capture) = &self.capture {
            capture.send(command);
        }
    }

    /// Reports what the store refused. The audio is in memory until its text is there.
    pub(super) fn store_said(&self, result: Option<Result<(), store::StoreError>>) {
        if let Some(Err(error)) = result {
            warn!(%error, "the recording is not on disk yet: {error}");
        }
    }

    fn keep(&mut self, job: JobId, outcome: &Outcome) {
        self.live.end(job);
        let outcome = match outcome {
            Outcome::Delivered(t) | Outcome::Undelivered(t) => {
                self.remember_text(&t.text);
                store::Outcome::Delivered(store_text(t), t.deliveries.clone())
            }
            Outcome::Failed(failure) => {
                store::Outcome::Failed(failure.code, failure.message.clone())
            }
        };
        let kept = self.store.as_mut().map(|store| store.finish(job, outcome));
        self.store_said(kept);
    }

    fn deliver(&mut self, job: JobId, transcript: &Transcript) {
        let live = self.live.get_mut(job);
        let (wished, focus, stopped, begun) = live.map_or((None, None, None, None), |l| {
            (l.wishes.deliver, l.focus.take(), l.stopped, Some(l.begun))
        });
        // The key of a later dictation may be down as well.
        let pressed = stopped.max(self.last_press).map(Instant::into_std);
        let mode = wished.unwrap_or(self.settings.deliver.mode);
        self.handing.add(Parcel {
            whose: Whose::Dictation(job),
            text: transcript.text.clone(),
            wanted: deliver::Wanted {
                mode,
                pressed,
                join: begun.and_then(|begun| self.join(&transcript.language, begun)),
                ..self.wanted()
            },
            focus,
            screen: self.settings.deliver.notify.then(|| self.screen.clone()),
            problems: transcript.problems.clone(),
        });
    }

    /// As the settings say.
    pub(super) fn wanted(&self) -> deliver::Wanted {
        let settings = &self.settings.deliver;
        let keys = deliver::PasteKeys {
            usual: settings.paste_key.clone(),
            terminal: settings.terminal_paste_key.clone(),
            terminals: settings.terminals.clone(),
        };
        deliver::Wanted {
            mode: settings.mode,
            keys,
            window: None,
            pressed: None,
            join: None,
            is_sensitive: settings.sensitive,
        }
    }

    /// How a text that was spoken in this language is joined to what stands at the cursor.
    fn join(&self, language: &str, begun: Instant) -> Option<deliver::Join> {
        let settings = &self.settings;
        let asks_field = match settings.deliver.join {
            JoinTo::Field => true,
            JoinTo::Last => false,
            JoinTo::Nothing => return None,
        };
        Some(deliver::Join {
            rules: Arc::clone(&self.rules),
            language: refine::written_in(settings, language).to_owned(),
            letters: match settings.text.refine {
                // Its words are left as they were heard.
                Refine::Off => Letters::Keep,
                Refine::Rules | Refine::Llm => Letters::Fit,
            },
            asks_field,
            presses: self.presses.clone(),
            begun: begun.into_std(),
        })
    }

    /// Tells the user; a problem is in the journal too.
    pub(super) fn show(&self, notice: Notice) {
        if let Notice::Problem(failure) = &notice {
            warn!(code = failure.code.name(), "{}", failure.message);
        }
        self.notify(notice);
    }

    /// Takes the notification of a problem of that kind away, if it is there.
    pub(super) fn mended(&self, code: Code) {
        self.screen.progress(deliver::Notice::Mended(code));
    }

    /// As [`Self::show`], and not a word in the journal.
    pub(super) fn notify(&self, notice: Notice) {
        if !self.settings.deliver.notify {
            return;
        }
        self.screen.progress(match notice {
            Notice::Recording => {
                self.screen.clear_aside();
                deliver::Notice::Recording { so_far: None }
            }
            Notice::Transcribing => deliver::Notice::Transcribing { so_far: None },
            Notice::Rewriting => deliver::Notice::Rewriting,
            Notice::Problem(failure) => deliver::Notice::Problem(failure),
            Notice::Nothing => deliver::Notice::Closed,
        });
    }
}
