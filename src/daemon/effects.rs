//! What the session asks for, done.

use super::{Daemon, engine, live::Live};
use crate::call::{Answer, Event};
use crate::capture::CaptureCommand;
use crate::config::Settings;
use crate::deliver;
use crate::recognise::Urgency;
use crate::session;
use crate::session::{
    Code, Effect, Failure, JobEvent, JobId, Notice, Outcome, Reply, Ticket, Transcript,
};
use crate::store::{self, Retention};
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
    pub(super) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Answer(ticket, reply) => self.answer(ticket, reply),
            Effect::StartCapture(job) => self.start_capture(job),
            Effect::StopCapture(job) => {
                if let Some(live) = &mut self.live {
                    live.stopped = Some(Instant::now());
                }
                self.capture_command(CaptureCommand::Stop { job });
                // Where the user wants the text, before they go elsewhere. Asked beside all this, and after the stop.
                self.focus = self.settings.deliver.same_window.then(deliver::Focus::ask);
            }
            Effect::CancelCapture(job) => self.capture_command(CaptureCommand::Cancel { job }),
            Effect::Transcribe(job) => self.recogniser.finish(job),
            Effect::Abandon(job) => self.recogniser.cancel(job),
            Effect::Discard(job) => {
                info!(job = job.0, "dropped");
                // Or its heartbeat would go on, and its last samples still find their way.
                self.live.take_if(|live| live.job == job);
                let kept = self.store.as_mut().map(|store| store.discard(job));
                self.store_said(kept);
            }
            Effect::Keep(job, outcome) => self.keep(job, &outcome),
            Effect::Deliver(job, transcript, problem) => self.deliver(job, &transcript, problem),
            Effect::Show(notice) => self.show(notice),
            Effect::Publish(state) => {
                debug!(state = state.name(), "state");
                self.publish(Event::State(state));
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

    fn answer(&mut self, ticket: Ticket, reply: Result<Reply, Failure>) {
        let Some(waiting) = self.tickets.remove(&ticket) else { return };
        if let Err(failure) = &reply {
            info!(code = failure.code.name(), reason = failure.message, "refused or failed");
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
        self.live = Some(Live::new(job));
        // Of a dictation that was never delivered.
        self.focus = None;
        let begun = self.store.as_mut().map(|store| store.begin(job).map(drop));
        self.store_said(begun);
        self.recogniser.begin(job, engine::decode_options(&self.settings), Urgency::Live);
        if self.capture.is_none() {
            let text = "Recording: the capture thread could not be started; see `journalctl --user -u v2m`.";
            let failure = Failure::new(Code::NoMicrophone, text);
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
            warn!(%error, "the recording is not on disk yet");
        }
    }

    fn keep(&mut self, job: JobId, outcome: &Outcome) {
        self.live = None;
        let outcome = match outcome {
            Outcome::Delivered(t) | Outcome::Undelivered(t) => {
                store::Outcome::Delivered(store_text(t), t.deliveries.clone())
            }
            Outcome::Failed(failure) => {
                store::Outcome::Failed(failure.code, failure.message.clone())
            }
        };
        let kept = self.store.as_mut().map(|store| store.finish(job, outcome));
        self.store_said(kept);
    }

    /// The desktop first, then the notification that says where the text is.
    fn deliver(&mut self, job: JobId, transcript: &Transcript, problem: Option<Failure>) {
        let sinks = self.sinks.take().unwrap_or_default();
        let notifier = self.settings.deliver.notify.then(|| self.notifier.clone());
        let settings = &self.settings.deliver;
        let mut wanted = deliver::Wanted {
            mode: self.deliver_as.take().unwrap_or(settings.mode),
            keys: deliver::PasteKeys {
                usual: settings.paste_key.clone(),
                terminal: settings.terminal_paste_key.clone(),
                terminals: settings.terminals.clone(),
            },
            window: None,
        };
        let focus = self.focus.take();
        let text = transcript.text.clone();
        self.delivering = Some(Box::pin(async move {
            let mut sinks = sinks;
            if let Some(focus) = focus {
                wanted.window = focus.window().await;
            }
            let mut deliveries = sinks.hand_over(&text, &wanted).await;
            if let Some(notifier) = notifier {
                // Where it is, before where it is not.
                let (there, failed): (Vec<_>, Vec<_>) = deliveries.iter().partition(|d| d.ok);
                let outcomes = there.iter().chain(&failed);
                let mut detail: Vec<&str> = outcomes.map(|d| d.detail.as_str()).collect();
                detail.extend(problem.as_ref().map(|p| p.message.as_str()));
                let detail = detail.join(". ");
                let notice = deliver::Notice::Text { text, detail };
                deliveries.push(notifier.show(notice).await);
            }
            (job, deliveries, sinks)
        }));
    }

    pub(super) fn show(&self, notice: Notice) {
        if let Notice::Problem(failure) = &notice {
            warn!(code = failure.code.name(), "{}", failure.message);
        }
        if !self.settings.deliver.notify {
            return;
        }
        self.notifier.progress(match notice {
            Notice::Recording => deliver::Notice::Recording { so_far: None },
            Notice::Transcribing => deliver::Notice::Transcribing { so_far: None },
            Notice::Problem(failure) => deliver::Notice::Problem(failure),
            Notice::Nothing => deliver::Notice::Closed,
        });
    }
}
