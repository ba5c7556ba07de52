//! The public session-bus interface: state, events and commands, for desktop programs such as an
//! extension or a panel. It offers the same commands as the socket, through the same calls.
//!
//! The name `org.v2m.Dictation1` consists of the project, the service that it offers, and the
//! version of the interface, so that an incompatible interface can exist beside it under `…2`. v2m
//! uses only the session bus. Its daemon admits only the user's own processes, so v2m does not
//! check the peer as it does at the socket.
//!
//! A dictation does not need the bus: without it, everything else goes on. If the connection is
//! lost, v2m makes a new one, takes the name again, and catches up with the missed events. Callers
//! of Subscribe must then call it again.
//!
//! Dictated text goes only to programs that asked for it. Texts are in answers, and the growing
//! text is sent only to callers of Subscribe and to the sign on the screen (`sign`). (A program
//! that may monitor the whole bus still sees everything. That is the user's own decision.)

mod callers;
mod failure;
#[cfg(fuzzing)]
pub mod fuzzing;
mod history;
mod interface;
mod settings;
mod sign;
mod status;

use crate::call::{Answer, Call, CallSender, Event, Request};
use crate::pauses::Pauses;
use crate::session::{EngineState, State};
use callers::Listeners;
use interface::{DictationObject, DictationObjectSignals, Properties};
pub use sign::{SIGN, SignOwner};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::{debug, info};
use v2m_ipc::plain;
use v2m_messages::verbatim;
use zbus::connection::Builder;
use zbus::fdo::RequestNameFlags;
use zbus::names::{BusName, UniqueName};
use zbus::object_server::InterfaceRef;

/// The well-known name, as in `dbus/org.v2m.Dictation1.service`.
pub const NAME: &str = "org.v2m.Dictation1";
/// The path of the only object.
pub const PATH: &str = "/org/v2m/Dictation1";

/// How long connecting to a bus may take. A healthy bus takes a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// The reason why v2m is not on the session bus. The texts are for the journal.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// There is no bus, or it refused the connection.
    #[error(
        "{}",
        verbatim!(format_args!(
            "v2m cannot be reached by the session bus ({0}); the socket works all the same. After \
             logging in to the desktop: systemctl --user restart v2m.service",
            .0
        ))
    )]
    Unreachable(zbus::Error),
    /// The bus does not answer.
    #[error(
        "{}",
        verbatim!(format_args!(
            "the session bus has not answered for {} s; v2m goes on without it",
            PATIENCE.as_secs()
        ))
    )]
    Hanging,
    /// Another program, probably another v2m, owns the name.
    #[error(
        "{}",
        verbatim!(format_args!(
            "another program has the name {NAME} on the session bus, so this v2m is not there. See \
             which one: busctl --user status {NAME}"
        ))
    )]
    NameTaken,
}

/// v2m's presence on the session bus, until this is dropped.
#[derive(Debug)]
pub struct Door(JoinHandle<()>);

impl Drop for Door {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Serves the interface on `bus` (a D-Bus address; `None`: the session bus), and reconnects
/// whenever the bus closes the connection. `state` and `engine` are the values at the moment
/// `events` was subscribed. Commands go to `calls`, so the event loop must run for them to be
/// answered. `sign` receives the name of the program that shows the states on the screen. Takes at
/// most two seconds.
///
/// # Errors
/// There is no bus, or the name is taken. The caller logs it and goes on.
pub async fn serve(
    bus: Option<&str>,
    calls: CallSender,
    events: broadcast::Receiver<Event>,
    state: State,
    engine: EngineState,
    sign: SignOwner,
) -> Result<Door, DoorError> {
    let bus = bus.map(str::to_owned);
    let known = Properties { state, engine, recording_since: 0.0, reason: "" };
    let (listeners, meters) = (Listeners::default(), Listeners::default());
    let place = Presence { bus, calls, known: watch::Sender::new(known), listeners, meters, sign };
    let entered = place.enter().await?;
    Ok(Door(tokio::spawn(place.keep(entered, events))))
}

/// The state of the interface that outlasts a connection.
struct Presence {
    bus: Option<String>,
    calls: CallSender,
    known: watch::Sender<Properties>,
    /// The callers that want the growing text.
    listeners: Listeners,
    /// The callers that want the levels.
    meters: Listeners,
    /// The program that shows the states on the screen.
    sign: SignOwner,
}

/// A connection that owns the name.
struct Entered {
    connection: zbus::Connection,
    object: InterfaceRef<DictationObject>,
}

impl Presence {
    /// Connects and takes the name. Takes [`PATIENCE`] at most.
    async fn enter(&self) -> Result<Entered, DoorError> {
        tokio::time::timeout(PATIENCE, self.connect()).await.map_err(|_| DoorError::Hanging)?
    }

    async fn connect(&self) -> Result<Entered, DoorError> {
        let told = (self.listeners.clone(), self.meters.clone());
        let dictation = DictationObject::new(self.calls.clone(), self.known.subscribe(), told);
        let builder = self.bus.as_deref().map_or_else(Builder::session, Builder::address);
        let connection = builder.serve_at(PATH, dictation).build().await;
        let connection = connection.map_err(DoorError::Unreachable)?;
        // Waiting in the queue for the name would look like owning it.
        let named = connection.request_name_with_flags(NAME, RequestNameFlags::DO_NOT_QUEUE).await;
        named.map_err(|error| match error {
            zbus::Error::NameTaken => DoorError::NameTaken,
            error => DoorError::Unreachable(error),
        })?;
        let object = connection.object_server().interface(PATH).await;
        let object = object.map_err(DoorError::Unreachable)?;
        Ok(Entered { connection, object })
    }

    /// Sends events until there are no more, over one connection after the other.
    async fn keep(self, mut entered: Entered, mut events: broadcast::Receiver<Event>) {
        let (mut pauses, mut behind) = (Pauses::default(), false);
        loop {
            pauses.connected();
            let relay = Relay { object: entered.object, place: &self };
            tokio::select! {
                () = relay.run(&mut events, behind) => return,
                () = entered.connection.closed() => {}
                () = sign::watch(&entered.connection, &self.sign) => {}
            }
            self.sign.send_replace(None);
            info!("the session bus has closed v2m's connection; it is made anew");
            // Other owners of this connection can no longer use it.
            let _ = entered.connection.close().await;
            let Some(again) = self.enter_again(&mut events, &mut pauses).await else { return };
            info!("v2m is on the session bus again");
            (entered, behind) = (again, true);
        }
    }

    /// Tries to reconnect until it succeeds: after a pause, and as soon as somebody dictates.
    /// `None`: there are no more events.
    async fn enter_again(
        &self,
        events: &mut broadcast::Receiver<Event>,
        pauses: &mut Pauses,
    ) -> Option<Entered> {
        loop {
            let mut pause = std::pin::pin!(sleep(pauses.next_pause()));
            loop {
                tokio::select! {
                    () = &mut pause => break,
                    event = events.recv() => match event {
                        Ok(Event::State { state: State::Recording, .. }) => break,
                        // The current state is requested after the reconnection.
                        Ok(_) | Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => return None,
                    },
                }
            }
            match self.enter().await {
                Ok(entered) => return Some(entered),
                Err(error) => debug!(%error, "not on the session bus yet: {error}"),
            }
        }
    }
}

/// Sends the daemon's events to the bus.
struct Relay<'a> {
    object: InterfaceRef<DictationObject>,
    place: &'a Presence,
}

impl Relay<'_> {
    /// Sends events until there are no more. `behind`: some were missed before.
    async fn run(self, events: &mut broadcast::Receiver<Event>, mut behind: bool) {
        loop {
            // Ask for the state only after all kept events, because they are older than the answer.
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
            Event::State { state, job: _, progress } => {
                self.learn(|known| known.tell(state, &progress)).await
            }
            Event::Engine { state, .. } => self.learn(|known| known.engine = state).await,
            Event::TranscriptionUpdate { job, text, is_final } => {
                // Send it to each listener separately: any program on the bus, even a sandboxed
                // one, could listen to a broadcast signal.
                let text = plain::text(&text);
                for listener in self.place.listeners.all() {
                    let name = BusName::from(listener.inner().clone());
                    let emitter = self.object.signal_emitter().clone().set_destination(name);
                    emitter.transcription_update(&text, is_final, job.0).await?;
                }
                Ok(())
            }
            Event::Delivery { job: _, delivery } => {
                let detail = plain::text(&delivery.detail);
                self.object.delivery(delivery.by, delivery.ok, &detail).await
            }
            Event::Level(level) => {
                // Ten times a second, so only to callers that asked for it, each separately.
                for listener in self.place.meters.all() {
                    let name = BusName::from(listener.inner().clone());
                    let emitter = self.object.signal_emitter().clone().set_destination(name);
                    let (rms, peak) = (level.rms_dbfs.into(), level.peak_dbfs.into());
                    emitter.level(rms, peak).await?;
                }
                Ok(())
            }
            // The properties say how long the recording has been running. Only the socket has
            // heartbeats.
            Event::Heartbeat { .. } => Ok(()),
            // Only the socket reports the progress of a file's transcription.
            Event::Progress { .. } => Ok(()),
            Event::Sign(sign) => {
                // Only to the sign, because it contains dictated text.
                let owner = self.place.sign.borrow().clone();
                let name = owner.and_then(|owner| UniqueName::try_from(owner).ok());
                let Some(name) = name else { return Ok(()) };
                let emitter = self.object.signal_emitter().clone();
                let emitter = emitter.set_destination(BusName::from(name));
                emitter.sign(sign.kind.name(), sign::details(&sign)).await
            }
        }
    }

    async fn catch_up(&self) -> zbus::Result<()> {
        let (reply, answer) = oneshot::channel();
        if self.place.calls.send(Call { request: Request::Status, reply }).await.is_err() {
            return Ok(());
        }
        let Ok(Ok(Answer::Status(status))) = answer.await else { return Ok(()) };
        // The sign may have missed something too. This makes the daemon send it the state again.
        self.place.sign.send_modify(|_| {});
        self.learn(|known| {
            known.engine = status.engine.state;
            known.tell(status.state, &status.progress);
        })
        .await
    }

    /// Changes the properties, and sends PropertiesChanged for those that really changed.
    async fn learn(&self, change: impl FnOnce(&mut Properties)) -> zbus::Result<()> {
        let before = *self.place.known.borrow();
        self.place.known.send_modify(change);
        let now = *self.place.known.borrow();
        let dictation = self.object.get().await;
        let emitter = self.object.signal_emitter();
        if now.state != before.state {
            dictation.state_changed(emitter).await?;
        }
        if now.recording_since != before.recording_since {
            dictation.recording_since_changed(emitter).await?;
        }
        if now.reason != before.reason {
            dictation.reason_changed(emitter).await?;
        }
        if now.engine != before.engine {
            dictation.engine_state_changed(emitter).await?;
        }
        Ok(())
    }
}
