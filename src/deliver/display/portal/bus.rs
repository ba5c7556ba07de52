//! The portal on the bus: its calls, the requests it answers later, and its signals.
//!
//! As its documentation has it (org.freedesktop.portal.Request): a call gives a request's path, and
//! what came of it is a signal of that path. Signals are listened to before the first call, so that
//! no answer is missed.

use crate::deliver::error::DeliverError;
use futures_core::Stream;
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::timeout;
use zbus::message::Type;
use zbus::{
    Connection, MatchRule, Message, MessageStream, OwnedObjectPath, OwnedVariant, Variant, fdo,
};

pub(crate) const NAME: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
const DRIVER: &str = "org.freedesktop.DBus";

/// How long one call may take; none of them waits for the user. The first may start the portal.
const CALL: Duration = Duration::from_secs(2);

/// Further facts, by name.
pub(crate) type Options<'a> = HashMap<&'a str, Variant<'a>>;
/// What came of a request, by name.
pub(crate) type Results = HashMap<String, OwnedVariant>;

/// What the portal tells.
#[derive(Debug)]
pub(crate) enum Signal {
    /// What came of a request: 0 is well, 1 the user's no, 2 anything else.
    Response { request: String, code: u32, results: Results },
    /// A program asks for what the session has on the clipboard, in this format.
    Transfer { format: String, serial: u32 },
    /// The clipboard has another owner; which one and what it offers, by name.
    Owner(Results),
    /// The session at this path has ended.
    Closed(String),
    /// The portal has ended, and all its sessions.
    Gone,
    /// Nothing that matters.
    Other,
}

/// The portal as it runs now.
#[derive(Clone, Debug)]
pub(crate) struct PortalBus {
    bus: Connection,
    /// Its unique name: what another one says is not believed.
    owner: String,
}

impl PortalBus {
    /// The one on this bus, which is started if need be.
    pub(crate) async fn find(bus: &Connection) -> Result<Self, DeliverError> {
        let reply = match driver(bus, "GetNameOwner", &NAME).await {
            Err(DeliverError::NoWay) => {
                driver(bus, "StartServiceByName", &(NAME, 0u32)).await?;
                driver(bus, "GetNameOwner", &NAME).await?
            }
            reply => reply?,
        };
        let owner = reply.body().deserialize().map_err(DeliverError::Refused)?;
        Ok(Self { bus: bus.clone(), owner })
    }

    /// A number that an interface of it tells of itself.
    ///
    /// # Errors
    /// [`DeliverError::NoWay`]: it has no such interface.
    pub(crate) async fn number(&self, interface: &str, name: &str) -> Result<u32, DeliverError> {
        let properties = "org.freedesktop.DBus.Properties";
        let reply = self.call_at(PATH, properties, "Get", &(interface, name)).await;
        let reply = reply.map_err(|problem| match problem {
            DeliverError::Refused(zbus::Error::FDO(_)) => DeliverError::NoWay,
            other => other,
        })?;
        let value: OwnedVariant = reply.body().deserialize().map_err(DeliverError::Refused)?;
        u32::try_from(value).map_err(DeliverError::Refused)
    }

    /// Calls a method of one of its interfaces.
    pub(crate) async fn call<B>(
        &self,
        interface: &str,
        method: &str,
        body: &B,
    ) -> Result<Message, DeliverError>
    where
        B: serde::Serialize + zbus::wire::DynamicType,
    {
        self.call_at(PATH, interface, method, body).await
    }

    /// As [`Self::call`], of another object: a session, say.
    pub(crate) async fn call_at<B>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
    ) -> Result<Message, DeliverError>
    where
        B: serde::Serialize + zbus::wire::DynamicType,
    {
        let to = Some(self.owner.as_str());
        let call = self.bus.call_method(to, path, Some(interface), method, body);
        timeout(CALL, call).await.map_err(|_late| DeliverError::Hanging)?.map_err(problem)
    }

    /// All that it tells us from now on.
    pub(crate) async fn signals(&self) -> Result<Signals, DeliverError> {
        let signals = || MatchRule::builder().msg_type(Type::Signal);
        let portal = signals().sender(self.owner.as_str()).path_namespace(PATH).build();
        let names = signals().sender(DRIVER).member("NameOwnerChanged").add_arg(NAME).build();
        let (portal, names) =
            (portal.map_err(DeliverError::Refused)?, names.map_err(DeliverError::Refused)?);
        let stream = |rule| MessageStream::for_match_rule(rule, &self.bus, None);
        let portal = stream(portal).await.map_err(DeliverError::Refused)?;
        let names = stream(names).await.map_err(DeliverError::Refused)?;
        Ok(Signals { portal, names })
    }
}

/// What the portal and the bus tell, in order.
#[derive(Debug)]
pub(crate) struct Signals {
    portal: MessageStream,
    names: MessageStream,
}

impl Signals {
    /// The next one. Nothing is lost by giving up the wait.
    pub(crate) async fn next(&mut self) -> Signal {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// One that has come already.
    pub(crate) fn ready(&mut self) -> Option<Signal> {
        match self.poll(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(signal) => Some(signal),
            Poll::Pending => None,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Signal> {
        match Pin::new(&mut self.portal).poll_next(cx) {
            Poll::Ready(Some(Ok(message))) => return Poll::Ready(read(&message)),
            Poll::Ready(Some(Err(_))) => return Poll::Ready(Signal::Other),
            Poll::Ready(None) => return Poll::Ready(Signal::Gone),
            Poll::Pending => {}
        }
        // Whoever has the name now has not our sessions.
        Pin::new(&mut self.names).poll_next(cx).map(|_| Signal::Gone)
    }

    /// Waits for what comes of the request that `reply` names. As long as the user takes.
    pub(crate) async fn response(
        &mut self,
        reply: Message,
    ) -> Result<PortalResponse, DeliverError> {
        let path: OwnedObjectPath = reply.body().deserialize().map_err(DeliverError::Refused)?;
        loop {
            match self.next().await {
                Signal::Response { request, code, results } if request == path.as_str() => {
                    return Ok(PortalResponse { code, results });
                }
                Signal::Gone | Signal::Closed(_) => return Err(DeliverError::PortalGone),
                _ => {}
            }
        }
    }
}

/// What came of a request.
#[derive(Debug)]
pub(crate) struct PortalResponse {
    code: u32,
    results: Results,
}

impl PortalResponse {
    /// Its results, if all is well.
    pub(crate) fn granted(self) -> Result<Results, DeliverError> {
        match self.code {
            0 => Ok(self.results),
            1 => Err(DeliverError::Denied),
            _ => Err(DeliverError::PortalGone),
        }
    }
}

async fn driver<B>(bus: &Connection, method: &str, body: &B) -> Result<Message, DeliverError>
where
    B: serde::Serialize + zbus::wire::DynamicType,
{
    let call = bus.call_method(Some(DRIVER), "/org/freedesktop/DBus", Some(DRIVER), method, body);
    timeout(CALL, call).await.map_err(|_late| DeliverError::Hanging)?.map_err(problem)
}

fn problem(error: zbus::Error) -> DeliverError {
    match error {
        error @ zbus::Error::InputOutput(_) => DeliverError::NoBus(error),
        zbus::Error::FDO(error)
            if matches!(*error, fdo::Error::NameHasNoOwner(_) | fdo::Error::ServiceUnknown(_)) =>
        {
            DeliverError::NoWay
        }
        error => DeliverError::Refused(error),
    }
}

fn read(message: &Message) -> Signal {
    let header = message.header();
    let path = header.path().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let interface = header.interface().map(|interface| interface.as_str().to_owned());
    let member = header.member().map(|member| member.as_str().to_owned());
    let body = message.body();
    let known = match (interface.as_deref(), member.as_deref()) {
        (Some("org.freedesktop.portal.Request"), Some("Response")) => body
            .deserialize()
            .ok()
            .map(|(code, results)| Signal::Response { request: path, code, results }),
        (Some("org.freedesktop.portal.Session"), Some("Closed")) => Some(Signal::Closed(path)),
        // Both bear the session's path, and are sent to its program alone; we have one at a time.
        (Some("org.freedesktop.portal.Clipboard"), Some("SelectionTransfer")) => body
            .deserialize::<(OwnedObjectPath, String, u32)>()
            .ok()
            .map(|(_session, format, serial)| Signal::Transfer { format, serial }),
        (Some("org.freedesktop.portal.Clipboard"), Some("SelectionOwnerChanged")) => body
            .deserialize::<(OwnedObjectPath, Results)>()
            .ok()
            .map(|(_session, options)| Signal::Owner(options)),
        _ => None,
    };
    known.unwrap_or(Signal::Other)
}
