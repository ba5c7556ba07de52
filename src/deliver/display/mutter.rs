//! One session of Mutter's RemoteDesktop interface: its calls and its signals.

use crate::deliver::clipboard::bus::{self as exchange, Offer, Source, TRANSFER};
use crate::deliver::clipboard::content::Content;
use crate::deliver::problem::Problem;
use futures_core::Stream;
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::debug;
use zbus::message::{Flags, Sequence};
use zbus::{Connection, MatchRule, Message, MessageStream, OwnedObjectPath, Variant, fdo};

const NAME: &str = "org.gnome.Mutter.RemoteDesktop";
const PATH: &str = "/org/gnome/Mutter/RemoteDesktop";
const SESSION: &str = "org.gnome.Mutter.RemoteDesktop.Session";

/// Mutter reads one format at a time, and may not know yet that the last one is read when we have come to its end: it tells
/// nobody when it does, and is asked again after so long.
const BUSY: Duration = Duration::from_millis(1);

/// What a session is for, beside keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Keys,
    Clipboard,
}

/// A session. Mutter ends it when it is closed or the connection goes.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) calls: Calls,
    signals: MessageStream,
}

/// The way to call a session's methods.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    bus: Connection,
    /// Mutter's unique name: what another one says is not believed.
    mutter: String,
    path: OwnedObjectPath,
}

/// What a session tells.
#[derive(Debug)]
enum Signal {
    /// A program asks for the content in this format; when, in the order of all that came over the bus.
    Transfer { format: String, serial: u32, position: Sequence },
    /// The clipboard has another owner, and these formats.
    Owner { ours: bool, formats: Vec<String> },
    /// Nothing that matters.
    Other,
    /// It has ended.
    Closed,
}

/// Mutter's unique name on the bus.
pub(crate) async fn mutter(bus: &Connection) -> Result<String, Problem> {
    let to = "org.freedesktop.DBus";
    let reply = bus
        .call_method(Some(to), "/org/freedesktop/DBus", Some(to), "GetNameOwner", &NAME)
        .await
        .map_err(problem)?;
    reply.body().deserialize().map_err(Problem::Refused)
}

/// Whether the bus lets nothing of ours through to Mutter. Asks for what changes nothing: the interface's version.
pub(crate) async fn is_refused(bus: &Connection) -> bool {
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
    pub(crate) async fn open(bus: &Connection, used: Use) -> Result<Self, Problem> {
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
        let session = Self { calls: Calls { bus: bus.clone(), mutter, path }, signals };
        match session.begin(used).await {
            Ok(()) => Ok(session),
            Err(problem) => {
                session.close().await;
                Err(problem)
            }
        }
    }

    async fn begin(&self, used: Use) -> Result<(), Problem> {
        self.calls.call("Start", &()).await?;
        if used == Use::Keys {
            return Ok(());
        }
        let none: HashMap<&str, Variant<'_>> = HashMap::new();
        self.calls.call("EnableClipboard", &none).await.map(drop)
    }

    /// What is on the clipboard, in all its formats. `None`: it cannot be had whole, in `patience` or in memory.
    pub(crate) async fn remember(&mut self, patience: Duration) -> Option<Content> {
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
    pub(crate) async fn offer(&self, content: &Content) -> Result<(), Problem> {
        let options = HashMap::from([("mime-types", Variant::from(content.names()))]);
        self.calls.call("SetSelection", &options).await.map(drop)
    }

    /// Leaves the clipboard to nobody.
    pub(crate) async fn clear(&self) -> Result<(), Problem> {
        let none: HashMap<&str, Variant<'_>> = HashMap::new();
        self.calls.call("SetSelection", &none).await.map(drop)
    }

    /// Serves requests for `content`; how many.
    pub(crate) async fn serve(
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
                Ok(Signal::Transfer { format, serial, .. }) => {
                    if !self.calls.serve(content, &format, serial).await {
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

    /// Serves requests for `content` while `other` goes on, and tells `served` which ones. `other` is given up if another program takes
    /// the clipboard.
    pub(crate) async fn serve_while(
        &mut self,
        content: &Content,
        served: impl Fn(Sequence),
        other: impl Future<Output = Result<(), Problem>>,
    ) -> Result<(), Problem> {
        let Self { calls, signals } = self;
        let is_giving = AtomicBool::new(false);
        let serving = async {
            loop {
                match next(signals).await {
                    Signal::Transfer { format, serial, position } => {
                        is_giving.store(true, Ordering::Relaxed);
                        if calls.serve(content, &format, serial).await {
                            served(position);
                        }
                        is_giving.store(false, Ordering::Relaxed);
                    }
                    Signal::Owner { ours: false, .. } => return Problem::Overtaken,
                    Signal::Owner { .. } | Signal::Other => {}
                    Signal::Closed => return Problem::NoWay,
                }
            }
        };
        tokio::pin!(serving);
        tokio::select! {
            outcome = other => outcome?,
            problem = &mut serving => return Err(problem),
        }
        // Nobody is left with half of it.
        poll_fn(|cx| match serving.as_mut().poll(cx) {
            Poll::Ready(problem) => Poll::Ready(Err(problem)),
            Poll::Pending if is_giving.load(Ordering::Relaxed) => Poll::Pending,
            Poll::Pending => Poll::Ready(Ok(())),
        })
        .await
    }

    /// Ends it. What the clipboard's manager has read stays on the clipboard.
    pub(crate) async fn close(self) {
        if let Err(problem) = self.calls.call("Stop", &()).await {
            debug!(reason = %problem, "the session with Mutter did not end in order");
        }
    }

    async fn next(&mut self) -> Signal {
        next(&mut self.signals).await
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

impl Calls {
    /// Calls a method of the session.
    pub(crate) async fn call<B>(&self, method: &str, body: &B) -> Result<Message, Problem>
    where
        B: serde::Serialize + zbus::wire::DynamicType,
    {
        let to = Some(self.mutter.as_str());
        let path = self.path.as_str();
        self.bus.call_method(to, path, Some(SESSION), method, body).await.map_err(problem)
    }

    /// As [`Self::call`], and waits for no answer.
    pub(crate) async fn send<B>(&self, method: &str, body: &B) -> Result<(), Problem>
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

    /// Whether Caps Lock and Num Lock are on. Mutter has told so since GNOME 40.
    pub(crate) async fn locks(&self) -> Result<(bool, bool), Problem> {
        Ok((self.is_on("CapsLockState").await?, self.is_on("NumLockState").await?))
    }

    /// GNOME Shell's version, say 43; 0 if it does not tell.
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

    pub(crate) async fn is_on(&self, property: &str) -> Result<bool, Problem> {
        let properties = Some("org.freedesktop.DBus.Properties");
        let (to, path) = (Some(self.mutter.as_str()), self.path.as_str());
        let wanted = (SESSION, property);
        let asked = self.bus.call_method(to, path, properties, "Get", &wanted).await;
        let value: zbus::OwnedVariant =
            asked.map_err(problem)?.body().deserialize().map_err(Problem::Refused)?;
        value.try_into().map_err(Problem::Refused)
    }

    /// Gives a program what it asks for; whether it took that. One that hangs up may have changed its mind, and may ask again.
    async fn serve(&self, content: &Content, format: &str, serial: u32) -> bool {
        let written = timeout(TRANSFER, self.write(content, format, serial)).await;
        let is_served = matches!(written, Ok(Ok(())));
        if !is_served {
            debug!(format, ?written, "a request for the clipboard was not served");
        }
        is_served
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

    /// For how long nobody has done anything on this desktop.
    pub(crate) async fn idle(&self) -> Result<Duration, Problem> {
        let (to, path) = (Some(self.mutter.as_str()), "/org/gnome/Mutter/IdleMonitor/Core");
        let name = Some("org.gnome.Mutter.IdleMonitor");
        let reply = self.bus.call_method(to, path, name, "GetIdletime", &()).await;
        let idle = reply.map_err(problem)?.body().deserialize().map_err(Problem::Refused)?;
        Ok(Duration::from_millis(idle))
    }
}

impl Source for Session {
    async fn read(&self, format: &str, most: usize) -> Result<Option<Vec<u8>>, Problem> {
        let reply = loop {
            match self.calls.call("SelectionRead", &format).await {
                Err(Problem::Refused(error)) if is_busy(&error) => sleep(BUSY).await,
                reply => break reply?,
            }
        };
        exchange::read(&reply, most).await
    }
}

async fn next(signals: &mut MessageStream) -> Signal {
    poll_fn(|cx| Pin::new(&mut *signals).poll_next(cx)).await.map_or(Signal::Closed, read)
}

fn read(message: zbus::Result<Message>) -> Signal {
    let Ok(message) = message else { return Signal::Other };
    let header = message.header();
    let member = header.member().map(|member| member.as_str().to_owned());
    let body = message.body();
    match member.as_deref() {
        Some("SelectionTransfer") => match body.deserialize() {
            Ok((format, serial)) => {
                Signal::Transfer { format, serial, position: message.recv_position() }
            }
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
