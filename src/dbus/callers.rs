//! Tracks callers on the bus: notices when a caller leaves while v2m works only for it, and keeps
//! the list of callers that receive the growing text or the levels.

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::AbortHandle;
use tracing::debug;
use zbus::message::Type;
use zbus::names::{OwnedUniqueName, UniqueName};
use zbus::{Connection, MatchRule, MessageStream};

/// The bus itself, as a peer.
pub(super) const BUS: &str = "org.freedesktop.DBus";
pub(super) const BUS_PATH: &str = "/org/freedesktop/DBus";
/// The most listeners. Each gets a separate message. A desktop has one or two.
const MOST: usize = 16;
/// The most signals that may wait for one caller.
const SIGNALS: NonZeroUsize = NonZeroUsize::new(4).expect("it is not zero");

/// Waits until the peer with this unique name has left the bus, or the bus is gone. Waits for ever
/// if the bus does not report it.
pub(super) async fn gone(bus: &Connection, name: &UniqueName<'_>) {
    if let Err(error) = listen_until_gone(bus, name).await {
        debug!(%error, "it will not be noticed when a caller leaves the session bus");
        std::future::pending().await
    }
}

async fn listen_until_gone(bus: &Connection, name: &UniqueName<'_>) -> zbus::Result<()> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(BUS)
        .interface(BUS)
        .member("NameOwnerChanged")
        .arg(0, name.as_str())
        .build()?;
    let mut signals = MessageStream::for_match_rule(rule, bus, Some(SIGNALS)).await?;
    // The peer may have left before the subscription.
    let asked = bus.call_method(Some(BUS), BUS_PATH, Some(BUS), "NameHasOwner", &name).await?;
    if !asked.body().deserialize::<bool>()? {
        return Ok(());
    }
    loop {
        let next = std::future::poll_fn(|context| {
            futures_core::Stream::poll_next(Pin::new(&mut signals), context)
        });
        let Some(signal) = next.await else { return Ok(()) };
        let told =
            signal.ok().and_then(|it| it.body().deserialize::<(String, String, String)>().ok());
        if told.is_some_and(|(of, _, owner)| of == name.as_str() && owner.is_empty()) {
            return Ok(());
        }
    }
}

/// The callers that have subscribed, each with the task that watches it.
#[derive(Clone, Debug, Default)]
pub(super) struct Listeners(Arc<Mutex<Vec<(OwnedUniqueName, AbortHandle)>>>);

/// The error for a caller beyond [`MOST`].
#[derive(Debug)]
pub(super) struct TooMany;

impl Listeners {
    /// Adds a caller until it leaves the bus. Does nothing if it is already in the list.
    pub(super) fn add(&self, bus: &Connection, name: &UniqueName<'_>) -> Result<(), TooMany> {
        let name: OwnedUniqueName = name.to_owned().into();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.iter().any(|(listener, _)| *listener == name) {
            return Ok(());
        }
        if all.len() >= MOST {
            return Err(TooMany);
        }
        let (listeners, bus, watched) = (self.clone(), bus.clone(), name.clone());
        let watch = tokio::spawn(async move {
            gone(&bus, &watched).await;
            listeners.remove(&watched);
        });
        all.push((name, watch.abort_handle()));
        Ok(())
    }

    pub(super) fn remove(&self, name: &UniqueName<'_>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(listener, watch)| {
            let stays = listener.as_str() != name.as_str();
            if !stays {
                // Otherwise the watch would go on until the peer leaves the bus.
                watch.abort();
            }
            stays
        });
    }

    pub(super) fn all(&self) -> Vec<OwnedUniqueName> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(listener, _)| listener.clone()).collect()
    }
}
