//! The portal on the bus: its calls, its signals, and the requests that it answers later.
//!
//! As documented (org.freedesktop.portal.Request), a call returns a request's path, and the result
//! arrives as a signal at that path. v2m subscribes to the signals before the first call, so that
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

/// How long one call may take. No call waits for the user. The first may start the portal.
const CALL: Duration = Duration::from_secs(2);

/// The options of a call, by name.
pub(crate) type Options<'a> = HashMap<&'a str, Variant<'a>>;
/// The results of a request, by name.
pub(crate) type Results = HashMap<String, OwnedVariant>;

/// A signal from the portal.
#[derive(Debug)]
pub(crate) enum Signal {
    /// The result of a request. The code 0 means success, 1 that the user refused, and 2 anything
    /// else.
    Response { request: String, code: u32, results: Results },
    /// A program asks for the session's clipboard content in this format.
    Transfer { format: String, serial: u32 },
    /// The clipboard has a new owner. The results say whether it is the session, and which formats
    /// are offered.
    Owner(Results),
    /// The session at this path has ended.
    Closed(String),
    /// The portal has ended, with all its sessions.
    Gone,
    /// A signal that does not matter here.
    Other,
}

/// The running portal.
#[derive(Clone, Debug)]
pub(crate) struct PortalBus {
    bus: Connection,
    /// The portal's unique name. Messages from other names are ignored.
    owner: String,
}

impl PortalBus {
    /// Finds the portal on this bus, and starts it if necessary.
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

    /// Reads a numeric property of one of the portal's interfaces.
    ///
    /// # Errors
    /// [`DeliverError::NoWay`]: the portal has no such interface.
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

    /// Calls a method of one of the portal's interfaces.
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

    /// Calls a method as [`Self::call`] does, on another object such as a session.
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

    /// Subscribes to all signals that the portal sends us from now on.
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

/// The signals of the portal and of the bus, in order.
#[derive(Debug)]
pub(crate) struct Signals {
    portal: MessageStream,
    names: MessageStream,
}

impl Signals {
    /// Waits for the next signal. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Signal {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// Returns a signal that has already arrived.
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
        // The new owner of the name does not have our sessions.
        Pin::new(&mut self.names).poll_next(cx).map(|_| Signal::Gone)
    }

    /// Waits for the result of the request that `reply` names, for as long as the user takes.
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

/// The result of a request.
#[derive(Debug)]
pub(crate) struct PortalResponse {
    code: u32,
    results: Results,
}

impl PortalResponse {
    /// Returns the results if the request was successful.
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
        // Both signals carry the session's path, and go only to its program. v2m has one session at
        // a time.
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
