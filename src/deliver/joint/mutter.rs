//! Watches when the user becomes active and idle, as reported by Mutter
//! (org.gnome.Mutter.IdleMonitor). Mutter does not say whether keys or only the mouse caused it.
//!
//! The watch has its own connection, because Mutter removes its idle watches when the connection
//! closes.

use super::{Grain, InputWatch, Recorder};
use crate::deliver::display::mutter::mutter;
use crate::deliver::error::DeliverError;
use futures_core::Stream;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;
use tracing::debug;
use zbus::{Connection, MatchRule, MessageStream};

const MONITOR: &str = "org.gnome.Mutter.IdleMonitor";
/// The monitor of the whole seat, with all keyboards and mice.
const CORE: &str = "/org/gnome/Mutter/IdleMonitor/Core";
/// The time without activity after which the user counts as idle.
const IDLE: Duration = Duration::from_secs(1);

/// Starts a watch. `None`: Mutter does not report activity.
pub(crate) async fn watch() -> Option<InputWatch> {
    InputWatch::by_task(Grain::Coarse, |recorder| async move {
        if let Err(problem) = work(recorder).await {
            debug!(reason = %problem, "Mutter does not tell when somebody is active");
        }
    })
    .await
}

async fn work(mut recorder: Recorder) -> Result<(), DeliverError> {
    let bus = Connection::session().await.map_err(DeliverError::NoBus)?;
    let mutter = mutter(&bus).await?;
    let rule = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender(mutter.as_str())
        .interface(MONITOR)
        .member("WatchFired")
        .path(CORE)
        .build()
        .map_err(DeliverError::Refused)?;
    let fired = MessageStream::for_match_rule(rule, &bus, None).await;
    let mut fired = fired.map_err(DeliverError::Refused)?;
    let milliseconds = u64::try_from(IDLE.as_millis()).unwrap_or(u64::MAX);
    // This watch fires whenever the user becomes idle. The other kind fires only once.
    let idle = add(&bus, &mutter, "AddIdleWatch", &milliseconds).await?;
    let mut active = None;
    if !recorder.begin() {
        return Ok(());
    }
    while let Some(message) = poll_fn(|cx| Pin::new(&mut fired).poll_next(cx)).await {
        let message = message.map_err(DeliverError::Refused)?;
        let watch: u32 = message.body().deserialize().map_err(DeliverError::Refused)?;
        if watch == idle {
            recorder.idle(IDLE);
            active = Some(add(&bus, &mutter, "AddUserActiveWatch", &()).await?);
        } else if Some(watch) == active && !recorder.active() {
            return Ok(());
        }
    }
    Ok(())
}

async fn add<B>(bus: &Connection, mutter: &str, method: &str, body: &B) -> Result<u32, DeliverError>
where
    B: serde::Serialize + zbus::wire::DynamicType,
{
    let asked = bus.call_method(Some(mutter), CORE, Some(MONITOR), method, body).await;
    asked.and_then(|reply| reply.body().deserialize()).map_err(DeliverError::Refused)
}
