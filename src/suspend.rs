//! logind's suspend and resume signals on the system bus, and a lock that delays suspend until v2m
//! is ready.
//!
//! Not here: the preparations for suspend. Without logind there are no events.

use crate::pauses::Pauses;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::debug;
use v2m_messages::tr;
use zbus::message::Type;
use zbus::{Connection, MatchRule, MessageStream};

const NAME: &str = "org.freedesktop.login1";
const PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
/// Maximum number of pending signals; one suspend sends two.
const SIGNALS: NonZeroUsize = NonZeroUsize::new(8).expect("it is not zero");

/// Suspend or resume of the machine.
#[derive(Debug)]
pub enum SuspendEvent {
    /// The machine is about to suspend, and waits for the lock to be dropped, a few seconds at
    /// most.
    Preparing(Delay),
    /// The machine has resumed.
    Resumed,
}

/// Delays suspend until it is dropped. Empty if logind gave no lock.
#[derive(Debug)]
pub struct Delay(#[expect(dead_code, reason = "closing it releases the lock")] Option<OwnedFd>);

/// The handle. Dropping it ends all delays.
#[derive(Debug)]
pub struct Suspend {
    events: mpsc::Receiver<SuspendEvent>,
    actor: JoinHandle<()>,
}

impl Suspend {
    /// Starts listening on the current tokio runtime. `bus` is a D-Bus address; `None`: the system
    /// bus.
    pub fn listen(bus: Option<String>) -> Self {
        let (sender, events) = mpsc::channel(4);
        let actor = tokio::spawn(async move {
            let mut pauses = Pauses::default();
            // A bus that was lost will come back.
            loop {
                match run(bus.as_deref(), &sender, &mut pauses).await {
                    Ok(()) if sender.is_closed() => return,
                    Ok(()) => debug!("the system bus has gone; it is connected to anew"),
                    Err(error) => debug!(%error, "nobody tells when the machine sleeps"),
                }
                tokio::time::sleep(pauses.next_pause()).await;
            }
        });
        Self { events, actor }
    }

    /// Returns the next event; waits for ever if none is possible. Cancel-safe.
    pub async fn next(&mut self) -> SuspendEvent {
        match self.events.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Suspend {
    fn drop(&mut self) {
        self.actor.abort();
    }
}

/// Sends events until the bus is lost, or the receiver is dropped.
async fn run(
    address: Option<&str>,
    events: &mpsc::Sender<SuspendEvent>,
    pauses: &mut Pauses,
) -> zbus::Result<()> {
    let builder = match address {
        Some(address) => zbus::connection::Builder::address(address),
        None => zbus::connection::Builder::system(),
    };
    let bus = builder.build().await?;
    // Listen before taking the lock: for a suspend missed in between, it would only cause a delay.
    let mut signals = MessageStream::for_match_rule(rule()?, &bus, Some(SIGNALS)).await?;
    pauses.connected();
    let mut lock = take(&bus).await;
    let mut preparing = false;
    while let Some(signal) = std::future::poll_fn(|context| {
        futures_core::Stream::poll_next(Pin::new(&mut signals), context)
    })
    .await
    {
        let Ok(going_to_sleep) = signal.and_then(|signal| signal.body().deserialize::<bool>())
        else {
            continue;
        };
        preparing = going_to_sleep;
        let event = if going_to_sleep {
            SuspendEvent::Preparing(Delay(lock.take()))
        } else {
            lock = take(&bus).await;
            SuspendEvent::Resumed
        };
        if events.send(event).await.is_err() {
            return Ok(());
        }
    }
    // A lost bus can no longer report the resume.
    if preparing {
        let _ = events.send(SuspendEvent::Resumed).await; // an error means: no receiver
    }
    Ok(())
}

/// The bus checks the sender: no other program may claim that the machine is about to suspend.
fn rule() -> zbus::Result<MatchRule<'static>> {
    MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(NAME)
        .path(PATH)
        .interface(MANAGER)
        .member("PrepareForSleep")
        .build()
}

/// Takes a lock of the kind "delay"; `None` if logind is missing or refuses.
async fn take(bus: &Connection) -> Option<OwnedFd> {
    let request = ("sleep", "v2m", tr!("The speech recogniser releases the GPU"), "delay");
    let reply = bus.call_method(Some(NAME), PATH, Some(MANAGER), "Inhibit", &request).await;
    let lock = reply.and_then(|reply| reply.body().deserialize::<zbus::OwnedFd>());
    lock.inspect_err(|error| debug!(%error, "sleep is not delayed")).ok().map(Into::into)
}
