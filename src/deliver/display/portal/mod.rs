//! A session of the RemoteDesktop portal, from the user's permission to its end.

pub(crate) mod advance;
pub(crate) mod bus;
pub(crate) mod token;

use self::bus::{NAME, Options, PortalBus, Results, Signals};
use self::token::TokenFile;
use crate::deliver::error::DeliverError;
use std::sync::atomic::{AtomicU32, Ordering};
use tracing::debug;
use zbus::{Connection, OwnedObjectPath, OwnedVariant, Variant};

const DEVICES: &str = "org.freedesktop.portal.RemoteDesktop";
const CLIPBOARD: &str = "org.freedesktop.portal.Clipboard";
const SESSION: &str = "org.freedesktop.portal.Session";

/// The bit for keyboards among the portal's device types.
const KEYBOARD: u32 = 1;
/// The persist mode of a permission that lasts until it is revoked.
const UNTIL_REVOKED: u32 = 2;

/// Numbers the requests and sessions, so that their names differ.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// The optional features of a portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offers {
    /// The portal offers the clipboard too.
    pub(crate) clipboard: bool,
}

/// Asks the portal on this bus for its features.
///
/// # Errors
/// [`DeliverError::NoWay`]: there is no portal, or it does not let programs press keys.
pub(crate) async fn offers(bus: &Connection) -> Result<Offers, DeliverError> {
    let desktop = PortalBus::find(bus).await?;
    let devices = desktop.number(DEVICES, "AvailableDeviceTypes").await?;
    if devices & KEYBOARD == 0 {
        return Err(DeliverError::NoWay);
    }
    Ok(Offers { clipboard: desktop.number(CLIPBOARD, "version").await.is_ok() })
}

/// A session that may press keys, and own the clipboard if that was requested. The portal ends it
/// when it or the connection is closed.
#[derive(Debug)]
pub(crate) struct PortalSession {
    pub(crate) calls: PortalCalls,
    pub(crate) signals: Signals,
}

/// The handle that calls a session's methods.
#[derive(Clone, Debug)]
pub(crate) struct PortalCalls {
    desktop: PortalBus,
    path: OwnedObjectPath,
}

fn token() -> String {
    format!("v2m{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

impl PortalSession {
    /// Opens a session. If the portal asks the user, this waits as long as that takes. The portal
    /// does not ask if `kept` has a valid permission.
    pub(crate) async fn open(
        bus: &Connection,
        kept: &TokenFile,
        with_clipboard: bool,
    ) -> Result<Self, DeliverError> {
        let desktop = PortalBus::find(bus).await?;
        let mut signals = desktop.signals().await?;
        let path = create(&desktop, &mut signals).await?;
        let mut session = Self { calls: PortalCalls { desktop, path }, signals };
        match session.start(kept, with_clipboard).await {
            Ok(()) => Ok(session),
            Err(problem) => {
                session.close().await;
                Err(problem)
            }
        }
    }

    async fn start(&mut self, kept: &TokenFile, with_clipboard: bool) -> Result<(), DeliverError> {
        let restored = kept.read().await;
        match self.select(restored.as_deref()).await {
            // The file may contain something that is not a token.
            Err(problem) if restored.is_some() => {
                debug!(reason = %problem, "the portal does not take back its token");
                self.select(None).await?;
            }
            selected => selected?,
        }
        if with_clipboard {
            let none = Options::new();
            let PortalCalls { desktop, path } = &self.calls;
            desktop.call(CLIPBOARD, "RequestClipboard", &(path, none)).await?;
        }
        let token = token();
        let options = Options::from([("handle_token", Variant::from(token.as_str()))]);
        // v2m has no window that the portal's dialog could belong to.
        let PortalCalls { desktop, path } = &self.calls;
        let reply = desktop.call(DEVICES, "Start", &(path, "", options)).await?;
        let results = self.signals.response(reply).await?.granted()?;
        let has_keyboard = number(&results, "devices") & KEYBOARD != 0;
        let has_clipboard = is_set(&results, "clipboard_enabled");
        let token = text(&results, "restore_token");
        if !has_keyboard || (with_clipboard && !has_clipboard) {
            // A restored permission would lack the same again.
            kept.keep(None).await;
            return Err(DeliverError::HalfAllowed);
        }
        kept.keep(token).await;
        Ok(())
    }

    async fn select(&mut self, restored: Option<&str>) -> Result<(), DeliverError> {
        let token = token();
        let mut options = Options::from([
            ("handle_token", Variant::from(token.as_str())),
            ("types", Variant::from(KEYBOARD)),
            ("persist_mode", Variant::from(UNTIL_REVOKED)),
        ]);
        if let Some(restored) = restored {
            options.insert("restore_token", Variant::from(restored));
        }
        let PortalCalls { desktop, path } = &self.calls;
        let reply = desktop.call(DEVICES, "SelectDevices", &(path, options)).await?;
        self.signals.response(reply).await?.granted().map(drop)
    }

    /// Ends the session.
    pub(crate) async fn close(self) {
        let closed =
            self.calls.desktop.call_at(self.calls.path.as_str(), SESSION, "Close", &()).await;
        if let Err(problem) = closed {
            debug!(reason = %problem, portal = NAME, "the session with the portal did not end in order");
        }
    }
}

impl PortalCalls {
    /// Returns the session's path on the bus.
    pub(crate) fn path(&self) -> &str {
        self.path.as_str()
    }

    /// Presses or releases a key. `method` says how the key is named.
    pub(crate) async fn notify(
        &self,
        method: &str,
        key: i32,
        down: bool,
    ) -> Result<(), DeliverError> {
        let body = (&self.path, Options::new(), key, u32::from(down));
        self.desktop.call(DEVICES, method, &body).await.map(drop)
    }

    /// Calls a method of the clipboard. The method's first argument is the session.
    pub(crate) async fn clipboard<B>(
        &self,
        method: &str,
        body: impl FnOnce(OwnedObjectPath) -> B,
    ) -> Result<zbus::Message, DeliverError>
    where
        B: serde::Serialize + zbus::wire::DynamicType,
    {
        self.desktop.call(CLIPBOARD, method, &body(self.path.clone())).await
    }
}

async fn create(
    desktop: &PortalBus,
    signals: &mut Signals,
) -> Result<OwnedObjectPath, DeliverError> {
    let (request, session) = (token(), token());
    let options = Options::from([
        ("handle_token", Variant::from(request.as_str())),
        ("session_handle_token", Variant::from(session.as_str())),
    ]);
    let reply = desktop.call(DEVICES, "CreateSession", &options).await?;
    let results = signals.response(reply).await?.granted()?;
    // The documentation says that this is a path, but it arrives as a string.
    let path = results.get("session_handle").and_then(|handle| match &**handle {
        Variant::Str(text) => OwnedObjectPath::try_from(text.as_str()).ok(),
        Variant::ObjectPath(path) => OwnedObjectPath::try_from(path.as_str()).ok(),
        _ => None,
    });
    path.ok_or(DeliverError::PortalGone)
}

fn number(results: &Results, name: &str) -> u32 {
    match results.get(name).map(|value| &**value) {
        Some(Variant::U32(number)) => *number,
        _ => 0,
    }
}

pub(crate) fn is_set(results: &Results, name: &str) -> bool {
    matches!(results.get(name).map(|value: &OwnedVariant| &**value), Some(Variant::Bool(true)))
}

fn text(results: &Results, name: &str) -> Option<String> {
    match results.get(name).map(|value| &**value) {
        Some(Variant::Str(text)) => Some(text.as_str().to_owned()),
        _ => None,
    }
}
