//! Clients that wait for the session's answers or for the machine's figures, and event subscribers.

use super::Reply;
use super::requests::answer;
use crate::call::{Answer, Event};
use crate::session::{self, Failure, Ticket};
use crate::telemetry::{Figures, SystemMeters, Telemetry};
use std::collections::HashMap;
use tokio::sync::broadcast;

pub(super) struct Doors {
    /// Clients that wait for the session's answer.
    waiting: HashMap<Ticket, Reply>,
    last_ticket: u64,
    events: broadcast::Sender<Event>,
    telemetry: Telemetry,
    /// Clients that asked for the status and wait for the machine's figures.
    status_asked: Vec<Reply>,
    /// The machine's figures, held until the rest of the status is known.
    held: Option<Option<Figures>>,
    /// Why the last press or dictation produced no text.
    pub(super) reason: Option<Failure>,
}

impl Doors {
    /// Sends events to subscribers through `events`.
    pub(super) fn new(events: broadcast::Sender<Event>) -> Self {
        Self {
            waiting: HashMap::new(),
            last_ticket: 0,
            events,
            telemetry: Telemetry::new(SystemMeters::new()),
            status_asked: Vec::new(),
            held: None,
            reason: None,
        }
    }

    /// Waits for the machine's figures that a client has asked for. Returns `None` on timeout.
    /// Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Figures> {
        self.telemetry.next().await
    }

    /// Issues a ticket to a client that waits for the session.
    pub(super) fn admit(&mut self, reply: Reply) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.waiting.insert(ticket, reply);
        ticket
    }

    /// Sends the session's answer to the client with this ticket.
    pub(super) fn answer(&mut self, ticket: Ticket, reply: Result<session::Reply, Failure>) {
        let Some(waiting) = self.waiting.remove(&ticket) else { return };
        answer(
            waiting,
            reply.map(|reply| match reply {
                session::Reply::Told(state, message) => {
                    Answer::State { state, message: Some(message) }
                }
                session::Reply::State(state, message) => {
                    Answer::State { state, message: message.map(str::to_owned) }
                }
                session::Reply::Transcript(state, transcript) => {
                    Answer::Transcript { state, transcript: *transcript }
                }
                session::Reply::ShuttingDown => Answer::ShuttingDown,
            }),
        );
    }

    /// Sends an event to the subscribers, if there are any.
    pub(super) fn publish(&self, event: Event) {
        let _ = self.events.send(event); // an error means that there are no subscribers
    }

    /// Registers a client that asks for the status. Returns the machine's figures if already known.
    /// `device` is the GPU in use.
    pub(super) fn ask_status(&mut self, reply: Reply, device: Option<&str>) -> Option<Figures> {
        self.status_asked.push(reply);
        self.telemetry.ask(device)
    }

    /// Keeps the machine's figures until the rest of the status is known.
    pub(super) fn hold(&mut self, figures: Option<Figures>) {
        self.held = Some(figures);
    }

    /// Returns the figures stored by [`Self::hold`].
    pub(super) fn release(&mut self) -> Option<Option<Figures>> {
        self.held.take()
    }

    /// Answers all clients that asked for the status.
    pub(super) fn tell_status(&mut self, status: impl Fn() -> Answer) {
        for reply in self.status_asked.drain(..) {
            answer(reply, Ok(status()));
        }
    }

    pub(super) fn refuse_all(&mut self, failure: &Failure) {
        let waiting = self.waiting.drain().map(|(_, reply)| reply);
        for reply in waiting.chain(self.status_asked.drain(..)) {
            answer(reply, Err(failure.clone()));
        }
    }
}
