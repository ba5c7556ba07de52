//! Clients' texts that a language model works on: PROCESS_TEXT and TRANSLATE_TEXT.

use super::source::{ClientText, ask};
use crate::call::{Answer, TextSource, TextWork};
use crate::daemon::handing::{Parcel, Whose};
use crate::daemon::requests::answer;
use crate::daemon::{Daemon, Reply};
use crate::deliver::DeliveryOptions;
use crate::session::{Code, DeliverMode, Delivery, Event, Failure, Notice};
use std::time::Instant;
use tracing::info;
use v2m_messages::tr;

/// A client's text that the model has finished.
#[derive(Debug)]
pub(in crate::daemon) struct Finished {
    reply: Reply,
    /// The text before, if the client did not send it.
    original: Option<String>,
    pub(in crate::daemon) result: Result<String, Failure>,
    deliver: DeliverMode,
}

impl Finished {
    /// Creates a result for a text that no model works on.
    pub(in crate::daemon) fn unchanged(text: String, deliver: DeliverMode, reply: Reply) -> Self {
        Self { reply, original: None, result: Ok(text), deliver }
    }
}

impl Daemon {
    /// Handles PROCESS_TEXT and TRANSLATE_TEXT.
    pub(in crate::daemon) fn work_on_text(&mut self, work: TextWork, reply: Reply) {
        let TextWork { source, task, deliver } = work;
        let deliver = deliver.unwrap_or(match source {
            TextSource::Clipboard => DeliverMode::Clipboard,
            TextSource::Given(_) | TextSource::Last => DeliverMode::None,
        });
        let settings = self.config.settings();
        let question = match self.texts.question(&task, settings.llm.timeout(), settings) {
            Ok(question) => question,
            Err(failure) => return self.refuse_text(reply, failure, deliver),
        };
        if deliver != DeliverMode::None {
            self.show_beside(Notice::Rewriting);
        }
        let source = self.source(source);
        let permits = self.texts.permits.clone();
        let mut ending = self.texts.ending.subscribe();
        self.texts.work.spawn(async move {
            let mut reply = reply;
            tokio::select! {
                (original, result) = ask(source, question, permits) => {
                    Some(Finished { reply, original, result, deliver })
                }
                () = reply.closed() => None,
                _ = ending.changed() => {
                    let text = tr!("v2m is stopping. Ask again in a moment.");
                    answer(reply, Err(Failure::new(Code::ShuttingDown, text)));
                    None
                }
            }
        });
        self.tell(Event::TextWork(true));
    }

    /// Resolves the source of a text, so that it can be awaited.
    fn source(&mut self, source: TextSource) -> ClientText {
        match source {
            TextSource::Given(text) => ClientText::Given(text),
            TextSource::Clipboard => ClientText::Clipboard(Box::pin(self.texts.clipboard.text())),
            TextSource::Last => match &self.texts.last {
                Some(text) => ClientText::Last(text.clone()),
                None => ClientText::LastOnDisk(self.under_way.folder().into()),
            },
        }
    }

    pub(super) fn text_finished(&mut self, finished: Finished) {
        let text = match &finished.result {
            Ok(text) => text.clone(),
            Err(failure) => {
                let failure = Failure { text: finished.original.clone(), ..failure.clone() };
                return self.refuse_text(finished.reply, failure, finished.deliver);
            }
        };
        if finished.deliver == DeliverMode::None {
            return self.answer_text(finished, Vec::new());
        }
        self.hand_over(finished, text, None);
    }

    /// Delivers a client's text. `pressed`: when a shortcut may have been pressed for it; the user
    /// may still hold its keys.
    pub(in crate::daemon) fn hand_over(
        &mut self,
        finished: Finished,
        text: String,
        pressed: Option<Instant>,
    ) {
        let wanted = DeliveryOptions { mode: finished.deliver, pressed, ..self.wanted() };
        let is_free = self.session.newest().is_none();
        let screen = is_free.then(|| self.desktop.screen().clone());
        let whose = Whose::Client(Box::new(finished));
        self.desktop.hand(Parcel {
            whose,
            text,
            wanted,
            focus: None,
            screen,
            problems: Vec::new(),
            hint: None,
        });
    }

    /// Answers the client once its text has been handed over, or could not be.
    pub(in crate::daemon) fn answer_text(&self, finished: Finished, deliveries: Vec<Delivery>) {
        let Finished { reply, original, result, deliver: _ } = finished;
        let state = self.session.state();
        answer(reply, result.map(|text| Answer::Text { state, text, original, deliveries }));
    }

    fn refuse_text(&self, reply: Reply, failure: Failure, deliver: DeliverMode) {
        // The reason may contain the text, so it is not logged.
        let code = failure.code.name();
        info!(code, "a client's text was not worked on ({code})");
        // A shortcut has no terminal to show the failure.
        if deliver != DeliverMode::None {
            self.show_beside(Notice::Problem(failure.clone()));
        }
        answer(reply, Err(failure));
    }
}
