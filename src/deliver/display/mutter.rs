//! One session of Mutter's RemoteDesktop interface: its calls and its signals.

use crate::deliver::error::DeliverError;
use futures_core::Stream;
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tracing::debug;
use zbus::message::Flags;
use zbus::{Connection, MatchRule, Message, MessageStream, OwnedObjectPath, Variant, fdo};

const NAME: &str = "org.gnome.Mutter.RemoteDesktop";
const PATH: &str = "/org/gnome/Mutter/RemoteDesktop";
const SESSION: &str = "org.gnome.Mutter.RemoteDesktop.Session";

/// The purpose of a session. Every session can press keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Keys,
    Clipboard,
}

/// A session of Mutter's RemoteDesktop interface. Mutter ends it when it or the connection is
/// closed.
#[derive(Debug)]
pub(crate) struct MutterSession {
    pub(crate) calls: MutterCalls,
    signals: MessageStream,
}

/// The handle that calls a session's methods.
#[derive(Clone, Debug)]
pub(crate) struct MutterCalls {
    bus: Connection,
    /// Mutter's unique name. Messages from other names are ignored.
    mutter: String,
    path: OwnedObjectPath,
}

/// Finds Mutter's unique name on the bus.
pub(crate) async fn mutter(bus: &Connection) -> Result<String, DeliverError> {
    let to = "org.freedesktop.DBus";
    let reply = bus
        .call_method(Some(to), "/org/freedesktop/DBus", Some(to), "GetNameOwner", &NAME)
        .await
        .map_err(problem)?;
    reply.body().deserialize().map_err(DeliverError::Refused)
}

/// Whether the bus blocks our calls to Mutter. The test reads the interface's version, which
/// changes nothing.
pub(crate) async fn is_refused(bus: &Connection) -> bool {
    let (to, body) = (Some("org.freedesktop.DBus.Properties"), (NAME, "Version"));
    let asked = bus.call_method(Some(NAME), PATH, to, "Get", &body).await;
    matches!(asked, Err(zbus::Error::FDO(error)) if matches!(*error, fdo::Error::AccessDenied(_)))
}

/// Whether `error` says that Mutter still reads the previous format.
pub(crate) fn is_busy(error: &zbus::Error) -> bool {
    matches!(error, zbus::Error::FDO(error) if matches!(**error, fdo::Error::LimitsExceeded(_)))
}

fn problem(error: zbus::Error) -> DeliverError {
    match error {
        error @ zbus::Error::InputOutput(_) => DeliverError::NoBus(error),
        zbus::Error::FDO(error) if matches!(*error, fdo::Error::NameHasNoOwner(_)) => {
            DeliverError::NoWay
        }
        error => DeliverError::Refused(error),
    }
}

impl MutterSession {
    /// Opens a session that may press keys, and own the clipboard if `used` says so.
    pub(crate) async fn open(bus: &Connection, used: Use) -> Result<Self, DeliverError> {
        let mutter = mutter(bus).await?;
        let reply = bus
            .call_method(Some(mutter.as_str()), PATH, Some(NAME), "CreateSession", &())
            .await
            .map_err(problem)?;
        let path: OwnedObjectPath = reply.body().deserialize().map_err(DeliverError::Refused)?;
        let rule = MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .sender(mutter.as_str())
            .interface(SESSION)
            .path(path.as_str())
            .build()
            .map_err(DeliverError::Refused)?;
        let signals =
            MessageStream::for_match_rule(rule, bus, None).await.map_err(DeliverError::Refused)?;
        let session = Self { calls: MutterCalls { bus: bus.clone(), mutter, path }, signals };
        match session.begin(used).await {
            Ok(()) => Ok(session),
            Err(problem) => {
                session.close().await;
                Err(problem)
            }
        }
    }

    async fn begin(&self, used: Use) -> Result<(), DeliverError> {
        self.calls.call("Start", &()).await?;
        if used == Use::Keys {
            return Ok(());
        }
        let none: HashMap<&str, Variant<'_>> = HashMap::new();
        self.calls.call("EnableClipboard", &none).await.map(drop)
    }

    /// Ends the session. The content that Mutter's clipboard manager has read stays on the
    /// clipboard.
    pub(crate) async fn close(self) {
        if let Err(problem) = self.calls.call("Stop", &()).await {
            debug!(reason = %problem, "the session with Mutter did not end in order");
        }
    }

    /// Waits for the next signal. `None`: the bus is gone. Cancel-safe.
    pub(crate) async fn next_message(&mut self) -> Option<zbus::Result<Message>> {
        poll_fn(|cx| Pin::new(&mut self.signals).poll_next(cx)).await
    }

    /// Returns a signal that has already arrived.
    pub(crate) fn ready_message(&mut self) -> Option<zbus::Result<Message>> {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        match Pin::new(&mut self.signals).poll_next(&mut cx) {
            Poll::Ready(message) => message,
            Poll::Pending => None,
        }
    }
}

impl MutterCalls {
    /// Calls a method of the session.
    pub(crate) async fn call<B>(&self, method: &str, body: &B) -> Result<Message, DeliverError>
    where
        B: serde::Serialize + zbus::wire::DynamicType,
    {
        let to = Some(self.mutter.as_str());
        let path = self.path.as_str();
        self.bus.call_method(to, path, Some(SESSION), method, body).await.map_err(problem)
    }

    /// Calls a method as [`Self::call`] does, without waiting for an answer.
    pub(crate) async fn send<B>(&self, method: &str, body: &B) -> Result<(), DeliverError>
    where
        B: serde::Serialize + zbus::wire::DynamicType,
    {
        let message = Message::method_call(self.path.as_str(), method)
            .destination(self.mutter.as_str())
            .interface(SESSION)
            .with_flags(Flags::NO_REPLY_EXPECTED)
            .build(body)
            .map_err(DeliverError::Refused)?;
        self.bus.send(&message).await.map_err(problem)
    }

    /// Whether Caps Lock and Num Lock are on. Mutter has reported this since GNOME 40.
    pub(crate) async fn locks(&self) -> Result<(bool, bool), DeliverError> {
        Ok((self.is_on("CapsLockState").await?, self.is_on("NumLockState").await?))
    }

    /// Returns GNOME Shell's major version, for example 43, or 0 if the Shell does not report it.
    pub(crate) async fn shell(&self) -> u32 {
        let (shell, path) = (Some("org.gnome.Shell"), "/org/gnome/Shell");
        let properties = Some("org.freedesktop.DBus.Properties");
        let wanted = ("org.gnome.Shell", "ShellVersion");
        let asked = self.bus.call_method(shell, path, properties, "Get", &wanted).await;
        let told = asked.and_then(|reply| reply.body().deserialize::<zbus::OwnedVariant>());
        let version: Option<String> = told.ok().and_then(|value| value.try_into().ok());
        let major = version.as_deref().and_then(|version| version.split('.').next());
        major.and_then(|major| major.parse().ok()).unwrap_or(0)
    }

    pub(crate) async fn is_on(&self, property: &str) -> Result<bool, DeliverError> {
        let properties = Some("org.freedesktop.DBus.Properties");
        let (to, path) = (Some(self.mutter.as_str()), self.path.as_str());
        let wanted = (SESSION, property);
        let asked = self.bus.call_method(to, path, properties, "Get", &wanted).await;
        let value: zbus::OwnedVariant =
            asked.map_err(problem)?.body().deserialize().map_err(DeliverError::Refused)?;
        value.try_into().map_err(DeliverError::Refused)
    }

    /// Reads how long there has been no activity on this desktop.
    pub(crate) async fn idle(&self) -> Result<Duration, DeliverError> {
        let (to, path) = (Some(self.mutter.as_str()), "/org/gnome/Mutter/IdleMonitor/Core");
        let name = Some("org.gnome.Mutter.IdleMonitor");
        let reply = self.bus.call_method(to, path, name, "GetIdletime", &()).await;
        let idle = reply.map_err(problem)?.body().deserialize().map_err(DeliverError::Refused)?;
        Ok(Duration::from_millis(idle))
    }
}
