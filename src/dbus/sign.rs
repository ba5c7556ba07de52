//! Tracks the sign on the screen: the program that owns `org.v2m.Sign` on the session bus. It shows
//! v2m's states, and only this program receives the signal `Sign`.

use super::callers::{BUS, BUS_PATH};
use crate::call::Sign;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::pin::Pin;
use tokio::sync::watch;
use tracing::debug;
use v2m_ipc::plain;
use zbus::message::Type;
use zbus::{Connection, MatchRule, MessageStream, OwnedVariant, Variant};

/// The name that a sign owns while it can show something.
pub const SIGN: &str = "org.v2m.Sign";

/// The most changes of the owner that may wait.
const SIGNALS: NonZeroUsize = NonZeroUsize::new(8).expect("it is not zero");

/// The unique name of the program that shows the states. `None`: there is none.
pub type SignOwner = watch::Sender<Option<String>>;

/// Keeps `owner` up to date until the connection closes. Never returns.
pub(super) async fn watch(bus: &Connection, owner: &SignOwner) {
    if let Err(error) = follow(bus, owner).await {
        debug!(%error, "a sign on the screen will not be noticed");
    }
    owner.send_replace(None);
    std::future::pending().await
}

async fn follow(bus: &Connection, owner: &SignOwner) -> zbus::Result<()> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(BUS)
        .interface(BUS)
        .member("NameOwnerChanged")
        .arg(0, SIGN)
        .build()?;
    let mut changes = MessageStream::for_match_rule(rule, bus, Some(SIGNALS)).await?;
    // The sign may already own the name.
    let now = bus.call_method(Some(BUS), BUS_PATH, Some(BUS), "GetNameOwner", &SIGN).await;
    owner.send_replace(now.ok().and_then(|reply| reply.body().deserialize().ok()));
    loop {
        let next = std::future::poll_fn(|context| {
            futures_core::Stream::poll_next(Pin::new(&mut changes), context)
        });
        let Some(change) = next.await else { return Ok(()) };
        let told = change?.body().deserialize::<(String, String, String)>();
        if let Ok((_, _, now)) = told {
            owner.send_replace(Some(now).filter(|now| !now.is_empty()));
        }
    }
}

/// Returns the details in the signal `Sign`, besides the kind. Keys without a value are left out.
pub(super) fn details(sign: &Sign) -> HashMap<&'static str, OwnedVariant> {
    let Sign { kind: _, title, body, text, place, hint, code, stops_after, then } = sign;
    let line = |text: &str| Variant::from(plain::line(text).into_owned());
    let words = |text: &str| Variant::from(plain::text(text).into_owned());
    let given = |text: &str| !text.is_empty();
    let all = [
        ("title", Some(title).filter(|it| given(it)).map(|it| line(it))),
        ("body", Some(body).filter(|it| given(it)).map(|it| words(it))),
        ("text", text.as_deref().map(words)),
        ("place", place.map(|place| Variant::from(place.name()))),
        ("hint", hint.as_deref().map(words)),
        ("code", code.map(|code| Variant::from(code.name()))),
        ("stops_after", stops_after.map(|time| Variant::from(time.as_secs_f64()))),
        ("then", then.map(|state| Variant::from(state.name()))),
    ];
    let given = all.into_iter().filter_map(|(key, value)| Some((key, value?.try_into().ok()?)));
    given.collect()
}
