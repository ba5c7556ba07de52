//! The clipboard through the portal, for desktops where the compositor offers no other way (GNOME).
//!
//! The portal clears its clipboard when the session closes, so the session stays open.

use super::bus::{self, BusClipboard, Calls, ClipboardSession, ReadFormat, Signal};
use crate::deliver::display::portal::bus::{Options, Signal as Told};
use crate::deliver::display::portal::{self, is_set};
use crate::deliver::error::DeliverError;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};
use zbus::{Message, Variant};

/// How long to wait before asking again. The desktop may read only one format at a time and notice
/// the end of it late (Mutter does). The portal gives no reason for a refusal.
const BUSY: Duration = Duration::from_millis(5);
/// How often to ask at most.
const TRIES: u32 = 20;

/// How long the portal may take to announce that the clipboard is ours.
const TAKEN: Duration = Duration::from_millis(300);

/// The portal's clipboard.
pub(crate) type PortalClipboard = BusClipboard<portal::PortalSession>;

/// Wraps this session's clipboard. The portal announces the content after the session has started,
/// and announces nothing if the clipboard has no owner.
pub(crate) fn of(session: portal::PortalSession) -> PortalClipboard {
    BusClipboard::of(session, None)
}

impl ClipboardSession for portal::PortalSession {
    type Calls = portal::PortalCalls;

    const RELEASES_KEYS: bool = false;

    fn calls(&self) -> &portal::PortalCalls {
        &self.calls
    }

    async fn next(&mut self) -> Signal {
        let told = self.signals.next().await;
        read(told, self.calls.path())
    }

    fn ready(&mut self) -> Option<Signal> {
        self.signals.ready().map(|told| read(told, self.calls.path()))
    }

    async fn take(&mut self, formats: &[&str]) -> Result<(), DeliverError> {
        let options = Options::from([("mime_types", Variant::from(formats.to_vec()))]);
        self.calls.clipboard("SetSelection", |path| (path, options)).await?;
        // Requests from before this point can no longer be served, and must not be answered:
        // xdg-desktop-portal (1.20) crashes on such an answer.
        let until = Instant::now() + TAKEN;
        while let Ok(signal) = timeout_at(until, ClipboardSession::next(self)).await {
            match signal {
                Signal::Owner { ours: true, .. } => break,
                Signal::Ended(problem) => return Err(problem),
                Signal::Owner { .. } | Signal::Transfer { .. } | Signal::Other => {}
            }
        }
        Ok(())
    }
}

impl ReadFormat for portal::PortalCalls {
    async fn read(&self, format: &str, most: usize) -> Result<Option<Vec<u8>>, DeliverError> {
        let mut tries = 0;
        let reply = loop {
            tries += 1;
            match self.clipboard("SelectionRead", |path| (path, format)).await {
                Err(DeliverError::Refused(_)) if tries < TRIES => sleep(BUSY).await,
                reply => break reply?,
            }
        };
        bus::read(&reply, most).await
    }
}

impl Calls for portal::PortalCalls {
    async fn clear(&self) -> Result<(), DeliverError> {
        self.clipboard("SetSelection", |path| (path, Options::new())).await.map(drop)
    }

    async fn begin(&self, serial: u32) -> Result<Message, DeliverError> {
        self.clipboard("SelectionWrite", |path| (path, serial)).await
    }

    async fn end(&self, serial: u32, is_whole: bool) -> Result<(), DeliverError> {
        self.clipboard("SelectionWriteDone", |path| (path, serial, is_whole)).await.map(drop)
    }
}

/// Converts the portal's signal, if it concerns the session at `path`.
fn read(told: Told, path: &str) -> Signal {
    match told {
        Told::Transfer { format, serial } => Signal::Transfer { format, serial, position: None },
        Told::Owner(options) => {
            let formats = options.get("mime_types").map(|list| &**list);
            let ours = is_set(&options, "session_is_owner");
            Signal::Owner { ours, formats: bus::formats(formats) }
        }
        Told::Closed(closed) if closed == path => Signal::Ended(DeliverError::PortalGone),
        Told::Gone => Signal::Ended(DeliverError::PortalGone),
        Told::Closed(_) | Told::Response { .. } | Told::Other => Signal::Other,
    }
}
