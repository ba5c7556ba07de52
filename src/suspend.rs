//! The machine's sleep, as logind announces it on the system bus, and a lock that delays it until
//! v2m is ready.
//!
//! Not here: what is to be done before sleep. Where there is no logind there is nothing to hear.

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
/// Signals that may wait to be looked at: one for the way down, one for the way up.
const SIGNALS: NonZeroUsize = NonZeroUsize::new(8).expect("it is not zero");

/// What the machine is about to do, or has done.
#[derive(Debug)]
pub enum SuspendEvent {
    /// It is about to sleep, and waits for the lock to be dropped; some seconds at most.
    Preparing(Delay),
    /// It is awake.
    Resumed,
}

/// Delays the sleep until it is dropped. Empty where logind gave none.
#[derive(Debug)]
pub struct Delay(#[expect(dead_code, reason = "closing it releases the lock")] Option<OwnedFd>);

/// The handle. Nothing is delayed any more once it is dropped.
#[derive(Debug)]
pub struct Suspend {
    events: mpsc::Receiver<SuspendEvent>,
    actor: JoinHandle<()>,
}

impl Suspend {
    /// Starts to listen on the current tokio runtime. `bus` is a D-Bus address; `None`: the
    /// system's.
    pub fn listen(bus: Option<String>) -> Self {
        let (sender, events) = mpsc::channel(4);
        let actor = tokio::spawn(async move {
            let mut pauses = Pauses::default();
            // Where there was a bus there will be one again.
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

    /// The next event; waits for good where none can come. Cancel-safe.
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

/// Tells events until the bus goes, or nobody listens any more.
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
    // Listening before the lock is taken: of a sleep in between it would be held for nothing.
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
    // A bus that went away does not tell any more that the machine is awake.
    if preparing {
        let _ = events.send(SuspendEvent::Resumed).await; // an error means that nobody listens
    }
    Ok(())
}

/// The bus checks the sender: others may not pretend that the machine is about to sleep.
fn rule() -> zbus::Result<MatchRule<'static>> {
    MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(NAME)
        .path(PATH)
        .interface(MANAGER)
        .member("PrepareForSleep")
        .build()
}

/// A lock of the kind "delay", or none where logind is away or refuses.
async fn take(bus: &Connection) -> Option<OwnedFd> {
    let request = ("sleep", "v2m", tr!("The speech recogniser releases the GPU"), "delay");
    let reply = bus.call_method(Some(NAME), PATH, Some(MANAGER), "Inhibit", &request).await;
    let lock = reply.and_then(|reply| reply.body().deserialize::<zbus::OwnedFd>());
    lock.inspect_err(|error| debug!(%error, "sleep is not delayed")).ok().map(Into::into)
}
