//! The clipboard of a Mutter session (GNOME).
//!
//! The session's clipboard content disappears when the session ends. Mutter's own clipboard manager
//! reads offered content within a millisecond and keeps only its preferred format.

use super::bus::{self, BusClipboard, Calls, ClipboardSession, ReadFormat, Signal};
use crate::deliver::display::mutter::{self, is_busy};
use crate::deliver::error::DeliverError;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::sleep;
use zbus::{Message, Variant};

/// How long to wait before asking Mutter again. It reads one format at a time, and may notice the
/// end of the last one later than we do. It sends no signal when it is ready.
const BUSY: Duration = Duration::from_millis(1);

/// Mutter's clipboard.
pub(crate) type MutterClipboard = BusClipboard<mutter::MutterSession>;

/// Wraps this session's clipboard. Before Mutter opened the session, it announced the clipboard's
/// owner, if there was one.
pub(crate) fn of(session: mutter::MutterSession) -> MutterClipboard {
    BusClipboard::of(session, Some(Vec::new()))
}

impl ClipboardSession for mutter::MutterSession {
    type Calls = mutter::MutterCalls;

    const RELEASES_KEYS: bool = true;

    fn calls(&self) -> &mutter::MutterCalls {
        &self.calls
    }

    async fn next(&mut self) -> Signal {
        self.next_message().await.map_or(Signal::Ended(DeliverError::NoWay), read)
    }

    fn ready(&mut self) -> Option<Signal> {
        self.ready_message().map(read)
    }

    async fn take(&mut self, formats: &[&str]) -> Result<(), DeliverError> {
        let options = HashMap::from([("mime-types", Variant::from(formats.to_vec()))]);
        self.calls.call("SetSelection", &options).await.map(drop)
    }
}

impl ReadFormat for mutter::MutterCalls {
    async fn read(&self, format: &str, most: usize) -> Result<Option<Vec<u8>>, DeliverError> {
        let reply = loop {
            match self.call("SelectionRead", &format).await {
                Err(DeliverError::Refused(error)) if is_busy(&error) => sleep(BUSY).await,
                reply => break reply?,
            }
        };
        bus::read(&reply, most).await
    }
}

impl Calls for mutter::MutterCalls {
    async fn clear(&self) -> Result<(), DeliverError> {
        let none: HashMap<&str, Variant<'_>> = HashMap::new();
        self.call("SetSelection", &none).await.map(drop)
    }

    async fn begin(&self, serial: u32) -> Result<Message, DeliverError> {
        self.call("SelectionWrite", &serial).await
    }

    async fn end(&self, serial: u32, is_whole: bool) -> Result<(), DeliverError> {
        self.call("SelectionWriteDone", &(serial, is_whole)).await.map(drop)
    }
}

fn read(message: zbus::Result<Message>) -> Signal {
    let Ok(message) = message else { return Signal::Other };
    let header = message.header();
    let member = header.member().map(|member| member.as_str().to_owned());
    let body = message.body();
    match member.as_deref() {
        Some("SelectionTransfer") => match body.deserialize() {
            Ok((format, serial)) => {
                Signal::Transfer { format, serial, position: Some(message.recv_position()) }
            }
            Err(_) => Signal::Other,
        },
        Some("SelectionOwnerChanged") => match body.deserialize::<HashMap<String, Variant<'_>>>() {
            Ok(options) => owner(&options),
            Err(_) => Signal::Other,
        },
        Some("Closed") => Signal::Ended(DeliverError::NoWay),
        _ => Signal::Other,
    }
}

fn owner(options: &HashMap<String, Variant<'_>>) -> Signal {
    let ours = matches!(options.get("session-is-owner"), Some(Variant::Bool(true)));
    Signal::Owner { ours, formats: bus::formats(options.get("mime-types")) }
}
