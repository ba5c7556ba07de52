//! Who calls over the bus, and who has left it: for work that is done for nobody else, and for
//! those who are told the text as it grows.

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
/// Those who may be told the text as it grows, each by a message of its own. A desktop has one or
/// two.
const MOST: usize = 16;
/// Signals that may wait for one caller.
const SIGNALS: NonZeroUsize = NonZeroUsize::new(4).expect("it is not zero");

/// Ends when the peer of that unique name has left the bus, and when the bus has gone. Never, where
/// the bus does not tell.
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
    // It may have left before this was listened to.
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

/// Those who asked for the text as it grows.
#[derive(Clone, Debug, Default)]
pub(super) struct Listeners(Arc<Mutex<Vec<(OwnedUniqueName, AbortHandle)>>>);

/// There are enough of them.
#[derive(Debug)]
pub(super) struct TooMany;

impl Listeners {
    /// Takes one in, until it leaves the bus. One that is there already stays.
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
                // Its watch over the bus would stay as long as the peer does.
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
