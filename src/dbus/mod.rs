//! The public session-bus interface: state, events and commands, for programs of the desktop such
//! as an extension or a panel. The same commands as the socket, through the same calls.
//!
//! The name is `org.v2m.Dictation1`: the project's, what it offers, and the version of the
//! interface, so that an incompatible one can stand beside it under `…2`. Only the session bus is used, whose
//! daemon admits none but the user's own processes; so there is no check of the peer as at the
//! socket. Nothing here is needed for a dictation: without a bus everything else goes on.
//!
//! What was said goes to nobody but who asked for it: texts are in answers, and the text as it grows is sent to those alone who
//! called Subscribe. (A program that the bus lets monitor everything sees it all the same; that is the user's own decision.)

mod callers;
mod failure;
mod interface;
mod status;

use crate::call::{Answer, Call, Calls, Event, Request};
use crate::session::{EngineState, State};
use callers::Listeners;
use interface::{Dictation, DictationSignals, Known};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, oneshot, watch};
use tokio::task::JoinHandle;
use tracing::{debug, info};
use zbus::connection::Builder;
use zbus::fdo::RequestNameFlags;
use zbus::names::BusName;
use zbus::object_server::InterfaceRef;

/// The well-known name, as in `dbus/org.v2m.Dictation1.service`.
pub const NAME: &str = "org.v2m.Dictation1";
/// The one object.
pub const PATH: &str = "/org/v2m/Dictation1";

/// How long a bus may take to let v2m in. A healthy one takes a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why v2m is not on the session bus.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// No bus, or it refused.
    #[error(
        "v2m cannot be reached by the session bus ({0}); the socket works all the same. After \
         logging in to the desktop: systemctl --user restart v2m.service"
    )]
    Unreachable(zbus::Error),
    /// The bus is there and says nothing.
    #[error("the session bus has not answered for {} s; v2m goes on without it", PATIENCE.as_secs())]
    Hanging,
    /// Another v2m runs.
    #[error(
        "another program has the name {NAME} on the session bus, so this v2m is not there. See \
         which one: busctl --user status {NAME}"
    )]
    NameTaken,
}

/// v2m on the session bus, until this is dropped.
#[derive(Debug)]
pub struct Door {
    _connection: zbus::Connection,
    relay: JoinHandle<()>,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

/// Opens the door on `bus` (a D-Bus address; `None`: the session's). `state` and `engine` hold at
/// the moment `events` was subscribed. Commands go to `calls`, so the event loop must run for them
/// to be answered. Takes at most two seconds.
///
/// # Errors
/// No bus, or the name is taken. The caller logs it and goes on.
pub async fn serve(
    bus: Option<&str>,
    calls: Calls,
    events: broadcast::Receiver<Event>,
    state: State,
    engine: EngineState,
) -> Result<Door, DoorError> {
    let known = watch::Sender::new(Known { state, engine });
    let listeners = Listeners::default();
    let dictation = Dictation::new(calls.clone(), known.subscribe(), listeners.clone());
    let entered = tokio::time::timeout(PATIENCE, enter(bus, dictation)).await;
    let (connection, object) = entered.map_err(|_| DoorError::Hanging)??;
    let relay = Relay { object, known, calls, listeners };
    let closed = connection.clone();
    let relay = tokio::spawn(async move {
        tokio::select! {
            () = relay.run(events) => {}
            () = closed.closed() => info!("the session bus has gone; the socket works all the same"),
        }
    });
    Ok(Door { _connection: connection, relay })
}

async fn enter(
    bus: Option<&str>,
    dictation: Dictation,
) -> Result<(zbus::Connection, InterfaceRef<Dictation>), DoorError> {
    let builder = bus.map_or_else(Builder::session, Builder::address);
    let connection = builder.serve_at(PATH, dictation).build().await;
    let connection = connection.map_err(DoorError::Unreachable)?;
    // Queueing for the name would look like having it.
    let named = connection.request_name_with_flags(NAME, RequestNameFlags::DO_NOT_QUEUE).await;
    named.map_err(|error| match error {
        zbus::Error::NameTaken => DoorError::NameTaken,
        error => DoorError::Unreachable(error),
    })?;
    let object = connection.object_server().interface(PATH).await;
    let object = object.map_err(DoorError::Unreachable)?;
    Ok((connection, object))
}

/// Carries the daemon's events to the bus.
struct Relay {
    object: InterfaceRef<Dictation>,
    known: watch::Sender<Known>,
    calls: Calls,
    listeners: Listeners,
}

impl Relay {
    async fn run(self, mut events: broadcast::Receiver<Event>) {
        let mut behind = false;
        loop {
            // Asked last: what is still kept of the events is older than the answer.
            let told = if behind && events.is_empty() {
                behind = false;
                self.catch_up().await
            } else {
                match events.recv().await {
                    Ok(event) => self.tell(event).await,
                    Err(RecvError::Lagged(missed)) => {
                        debug!(missed, "events were missed; asking for the state");
                        behind = true;
                        continue;
                    }
                    Err(RecvError::Closed) => return,
                }
            };
            if let Err(error) = told {
                debug!(%error, "an event did not reach the session bus");
            }
        }
    }

    async fn tell(&self, event: Event) -> zbus::Result<()> {
        match event {
            Event::State { state, job: _ } => self.learn(|known| known.state = state).await,
            Event::Engine { state, .. } => self.learn(|known| known.engine = state).await,
            Event::TranscriptionUpdate { job, text, is_final } => {
                // To each alone: whatever else is on the bus, a sandboxed program too, could listen to a signal for all.
                for listener in self.listeners.all() {
                    let name = BusName::from(listener.inner().clone());
                    let emitter = self.object.signal_emitter().clone().set_destination(name);
                    emitter.transcription_update(&text, is_final, job.0).await?;
                }
                Ok(())
            }
            Event::Delivery { job: _, delivery } => {
                self.object.delivery(delivery.by, delivery.ok, &delivery.detail).await
            }
            // Ten a second and one every two: not for a bus that everyone shares. The socket has them.
            Event::Level { .. } | Event::Heartbeat { .. } => Ok(()),
            // Files are transcribed by the socket alone.
            Event::Progress { .. } => Ok(()),
        }
    }

    async fn catch_up(&self) -> zbus::Result<()> {
        let (reply, answer) = oneshot::channel();
        if self.calls.send(Call { request: Request::Status, reply }).await.is_err() {
            return Ok(());
        }
        let Ok(Ok(Answer::Status(status))) = answer.await else { return Ok(()) };
        let now = Known { state: status.state, engine: status.engine.state };
        self.learn(|known| *known = now).await
    }

    /// PropertiesChanged for what really changed.
    async fn learn(&self, change: impl FnOnce(&mut Known)) -> zbus::Result<()> {
        let before = *self.known.borrow();
        self.known.send_modify(change);
        let now = *self.known.borrow();
        let dictation = self.object.get().await;
        let emitter = self.object.signal_emitter();
        if now.state != before.state {
            dictation.state_changed(emitter).await?;
        }
        if now.engine != before.engine {
            dictation.engine_state_changed(emitter).await?;
        }
        Ok(())
    }
}
