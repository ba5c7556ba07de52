//! One session of Mutter's RemoteDesktop interface: its calls and its signals.

use super::super::Problem;
use super::super::content::Content;
use super::super::exchange::{self, Offer, Source, TRANSFER};
use futures_core::Stream;
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::debug;
use zbus::message::Flags;
use zbus::{Connection, MatchRule, Message, MessageStream, OwnedObjectPath, Variant, fdo};

const NAME: &str = "org.gnome.Mutter.RemoteDesktop";
const PATH: &str = "/org/gnome/Mutter/RemoteDesktop";
const SESSION: &str = "org.gnome.Mutter.RemoteDesktop.Session";

/// Mutter reads one format at a time, and may not know yet that the last one is read when we have come to its end: it tells
/// nobody when it does, and is asked again after so long.
const BUSY: Duration = Duration::from_millis(1);

/// What a session is for, beside keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Keys,
    Clipboard,
}

/// A session. Mutter ends it when it is closed or the connection goes.
#[derive(Debug)]
pub(super) struct Session {
    bus: Connection,
    /// Mutter's unique name: what another one says is not believed.
    mutter: String,
    path: OwnedObjectPath,
    signals: MessageStream,
}

/// What a session tells.
#[derive(Debug)]
enum Signal {
    /// A program asks for the content in this format.
    Transfer { format: String, serial: u32 },
    /// The clipboard has another owner, and these formats.
    Owner { ours: bool, formats: Vec<String> },
    /// Nothing that matters.
    Other,
    /// It has ended.
    Closed,
}

/// Mutter's unique name on the bus.
pub(super) async fn mutter(bus: &Connection) -> Result<String, Problem> {
    let to = "org.freedesktop.DBus";
    let reply = bus
        .call_method(Some(to), "/org/freedesktop/DBus", Some(to), "GetNameOwner", &NAME)
        .await
        .map_err(problem)?;
    reply.body().deserialize().map_err(Problem::Refused)
}

/// Whether the bus lets nothing of ours through to Mutter. Asks for what changes nothing: the interface's version.
pub(super) async fn is_refused(bus: &Connection) -> bool {
    let (to, body) = (Some("org.freedesktop.DBus.Properties"), (NAME, "Version"));
    let asked = bus.call_method(Some(NAME), PATH, to, "Get", &body).await;
    matches!(asked, Err(zbus::Error::FDO(error)) if matches!(*error, fdo::Error::AccessDenied(_)))
}

/// Whether Mutter still reads the format before.
fn is_busy(error: &zbus::Error) -> bool {
    matches!(error, zbus::Error::FDO(error) if matches!(**error, fdo::Error::LimitsExceeded(_)))
}

fn problem(error: zbus::Error) -> Problem {
    match error {
        error @ zbus::Error::InputOutput(_) => Problem::NoBus(error),
        zbus::Error::FDO(error) if matches!(*error, fdo::Error::NameHasNoOwner(_)) => {
            Problem::NoWay
        }
        error => Problem::Refused(error),
    }
}

impl Session {
    /// Opens a session that may press keys, and hold the clipboard if it is to be used.
    pub(super) async fn open(bus: &Connection, used: Use) -> Result<Self, Problem> {
        let mutter = mutter(bus).await?;
        let reply = bus
            .call_method(Some(mutter.as_str()), PATH, Some(NAME), "CreateSession", &())
            .await
            .map_err(problem)?;
        let path: OwnedObjectPath = reply.body().deserialize().map_err(Problem::Refused)?;
        let rule = MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .sender(mutter.as_str())
            .interface(SESSION)
            .path(path.as_str())
            .build()
            .map_err(Problem::Refused)?;
        let signals =
            MessageStream::for_match_rule(rule, bus, None).await.map_err(Problem::Refused)?;
        let session = Self { bus: bus.clone(), mutter, path, signals };
        match session.begin(used).await {
            Ok(()) => Ok(session),
            Err(problem) => {
                session.close().await;
                Err(problem)
            }
        }
    }

    async fn begin(&self, used: Use) -> Result<(), Problem> {
        self.call("Start", &()).await?;
        if used == Use::Keys {
            return Ok(());
        }
        let none: HashMap<&str, Variant<'_>> = HashMap::new();
        self.call("EnableClipboard", &none).await.map(drop)
    }

    /// What is on the clipboard, in all its formats. `None`: it cannot be had whole, in `patience` or in memory.
    pub(super) async fn remember(&mut self, patience: Duration) -> Option<Content> {
        // Mutter says whose the clipboard is before it answers EnableClipboard, and nothing if it is nobody's.
        let mut formats = Vec::new();
        while let Some(signal) = self.ready() {
            if let Signal::Owner { formats: newer, .. } = signal {
                formats = newer;
            }
        }
        exchange::remember(self, &formats, patience).await
    }

    /// Takes the clipboard for `content`.
    pub(super) async fn offer(&self, content: &Content) -> Result<(), Problem> {
        let options = HashMap::from([("mime-types", Variant::from(content.names()))]);
        self.call("SetSelection", &options).await.map(drop)
    }

    /// Leaves the clipboard to nobody.
    pub(super) async fn clear(&self) -> Result<(), Problem> {
        let none: HashMap<&str, Variant<'_>> = HashMap::new();
        self.call("SetSelection", &none).await.map(drop)
    }

    /// Serves requests for `content`; how many.
    pub(super) async fn serve(
        &mut self,
        content: &Content,
        offer: Offer,
    ) -> Result<usize, Problem> {
        let mut served = 0;
        let begun = Instant::now();
        let mut until = match offer {
            Offer::Once(patience) | Offer::UntilQuiet(patience, _) => begun + patience,
        };
        loop {
            match timeout_at(until, self.next()).await {
                Err(_quiet) => return Ok(served),
                Ok(Signal::Transfer { format, serial }) => {
                    let written = timeout(TRANSFER, self.write(content, &format, serial)).await;
                    // A program that hangs up may have changed its mind, and may ask again.
                    if !matches!(written, Ok(Ok(()))) {
                        debug!(format, ?written, "a request for the clipboard was not served");
                        continue;
                    }
                    served += 1;
                    match offer {
                        Offer::Once(_) => return Ok(served),
                        Offer::UntilQuiet(quiet, no_longer) => {
                            until = (Instant::now() + quiet).min(begun + no_longer);
                        }
                    }
                }
                Ok(Signal::Owner { ours: false, .. }) => return Err(Problem::Overtaken),
                Ok(Signal::Owner { .. } | Signal::Other) => {}
                Ok(Signal::Closed) => return Err(Problem::NoWay),
            }
        }
    }

    async fn write(&self, content: &Content, format: &str, serial: u32) -> Result<(), Problem> {
        let bytes = content.get(format);
        let written = match bytes {
            Some(bytes) => self.transfer(bytes, serial).await,
            None => Ok(()),
        };
        let done = written.is_ok() && bytes.is_some();
        self.call("SelectionWriteDone", &(serial, done)).await?;
        written
    }

    async fn transfer(&self, bytes: &[u8], serial: u32) -> Result<(), Problem> {
        let reply = self.call("SelectionWrite", &serial).await?;
        exchange::write(&reply, bytes).await
    }

    /// Whether Caps Lock and Num Lock are on. Mutter has told so since GNOME 40.
    pub(super) async fn locks(&self) -> Result<(bool, bool), Problem> {
        Ok((self.is_on("CapsLockState").await?, self.is_on("NumLockState").await?))
    }

    /// GNOME Shell's version, say 43; 0 if it does not tell.
    pub(super) async fn shell(&self) -> u32 {
        let (shell, path) = (Some("org.gnome.Shell"), "/org/gnome/Shell");
        let properties = Some("org.freedesktop.DBus.Properties");
        let wanted = ("org.gnome.Shell", "ShellVersion");
        let asked = self.bus.call_method(shell, path, properties, "Get", &wanted).await;
        let told = asked.and_then(|reply| reply.body().deserialize::<zbus::OwnedVariant>());
        let version: Option<String> = told.ok().and_then(|value| value.try_into().ok());
        let major = version.as_deref().and_then(|version| version.split('.').next());
        major.and_then(|major| major.parse().ok()).unwrap_or(0)
    }

    pub(super) async fn is_on(&self, property: &str) -> Result<bool, Problem> {
        let properties = Some("org.freedesktop.DBus.Properties");
        let (to, path) = (Some(self.mutter.as_str()), self.path.as_str());
        let wanted = (SESSION, property);
        let asked = self.bus.call_method(to, path, properties, "Get", &wanted).await;
        let value: zbus::OwnedVariant =
            asked.map_err(problem)?.body().deserialize().map_err(Problem::Refused)?;
        value.try_into().map_err(Problem::Refused)
    }

    /// Ends it. What the clipboard's manager has read stays on the clipboard.
    pub(super) async fn close(self) {
        if let Err(problem) = self.call("Stop", &()).await {
            debug!(reason = %problem, "the session with Mutter did not end in order");
        }
    }

    pub(super) async fn call<B>(&self, method: &str, body: &B) -> Result<Message, Problem>
    where
        B: serde::Serialize + zbus::wire::DynamicType,
    {
        let to = Some(self.mutter.as_str());
        let path = self.path.as_str();
        self.bus.call_method(to, path, Some(SESSION), method, body).await.map_err(problem)
    }

    pub(super) async fn send<B>(&self, method: &str, body: &B) -> Result<(), Problem>
    where
        B: serde::Serialize + zbus::wire::DynamicType,
    {
        let message = Message::method_call(self.path.as_str(), method)
            .destination(self.mutter.as_str())
            .interface(SESSION)
            .with_flags(Flags::NO_REPLY_EXPECTED)
            .build(body)
            .map_err(Problem::Refused)?;
        self.bus.send(&message).await.map_err(problem)
    }

    async fn next(&mut self) -> Signal {
        poll_fn(|cx| Pin::new(&mut self.signals).poll_next(cx)).await.map_or(Signal::Closed, read)
    }

    /// What has come already.
    fn ready(&mut self) -> Option<Signal> {
        let waker = std::task::Waker::noop();
        let mut cx = std::task::Context::from_waker(waker);
        match Pin::new(&mut self.signals).poll_next(&mut cx) {
            Poll::Ready(Some(message)) => Some(read(message)),
            Poll::Ready(None) | Poll::Pending => None,
        }
    }
}

impl Source for Session {
    async fn read(&self, format: &str, most: usize) -> Result<Option<Vec<u8>>, Problem> {
        let reply = loop {
            match self.call("SelectionRead", &format).await {
                Err(Problem::Refused(error)) if is_busy(&error) => sleep(BUSY).await,
                reply => break reply?,
            }
        };
        exchange::read(&reply, most).await
    }
}

fn read(message: zbus::Result<Message>) -> Signal {
    let Ok(message) = message else { return Signal::Other };
    let header = message.header();
    let member = header.member().map(|member| member.as_str().to_owned());
    let body = message.body();
    match member.as_deref() {
        Some("SelectionTransfer") => match body.deserialize() {
            Ok((format, serial)) => Signal::Transfer { format, serial },
            Err(_) => Signal::Other,
        },
        Some("SelectionOwnerChanged") => match body.deserialize::<HashMap<String, Variant<'_>>>() {
            Ok(options) => owner(&options),
            Err(_) => Signal::Other,
        },
        Some("Closed") => Signal::Closed,
        _ => Signal::Other,
    }
}

fn owner(options: &HashMap<String, Variant<'_>>) -> Signal {
    let ours = matches!(options.get("session-is-owner"), Some(Variant::Bool(true)));
    Signal::Owner { ours, formats: exchange::formats(options.get("mime-types")) }
}
