//! Pauses media players (MPRIS, on the session bus) while it should be quiet. Afterwards resumes
//! the paused players that nobody has touched meanwhile.
//!
//! An actor follows one wish: quiet or not. If the wish changes while it works, only the last one
//! counts, and it is never lost. All players are asked at once, for half a second at most, so a
//! player that hangs does not delay the others. The recording does not wait for any of this. There
//! is no connection to the bus unless it should be quiet. If the connection is lost meanwhile, the
//! actor makes a new one, and watches the players again.

use crate::pauses::Pauses;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tracing::debug;
use v2m_messages::verbatim;
use zbus::message::{Sequence, Type};
use zbus::{Connection, MatchRule, Message, MessageStream, OwnedVariant};

/// The prefix of all players' names.
const PREFIX: &str = "org.mpris.MediaPlayer2.";
/// A proxy for the player that was used last. It is left out, because that player is on the bus
/// itself, and may be another one after the recording.
const PROXY: &str = "org.mpris.MediaPlayer2.playerctld";
const PATH: &str = "/org/mpris/MediaPlayer2";
const PLAYER: &str = "org.mpris.MediaPlayer2.Player";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// How long a player or the bus may take to answer. They take a few milliseconds.
const BOUND: Duration = Duration::from_millis(500);
/// How long the end of the service may wait for the current work: connecting, pausing, resuming.
const LAST: Duration = Duration::from_secs(2);
/// How long reconnecting may take. A bus that has just restarted is busy with all its other
/// clients.
const ANEW: Duration = Duration::from_secs(1);
/// The most signals of players that may wait.
const SIGNALS: NonZeroUsize = NonZeroUsize::new(256).expect("it is not zero");

/// The handle of the actor. Dropping it resumes the paused players, if the runtime lives that long.
#[derive(Debug)]
pub struct MediaPlayers {
    quiet: watch::Sender<bool>,
    actor: JoinHandle<()>,
}

impl MediaPlayers {
    /// Starts the actor on the current tokio runtime. `bus` is a D-Bus address. `None`: the session
    /// bus.
    pub fn spawn(bus: Option<String>) -> Self {
        let (quiet, wish) = watch::channel(false);
        Self { quiet, actor: tokio::spawn(run(bus, wish)) }
    }

    /// Sets whether it should be quiet from now on. Returns at once. Setting the same again changes
    /// nothing.
    pub fn quiet(&self, wanted: bool) {
        self.quiet.send_if_modified(|quiet| std::mem::replace(quiet, wanted) != wanted);
    }

    /// Resumes the players that are still paused, and ends the actor. Takes 2 s at most, and no
    /// time if nothing was paused.
    pub async fn finish(self) {
        let Self { quiet, actor } = self;
        drop(quiet);
        if timeout(LAST, actor).await.is_err() {
            debug!("media players were not resumed in time");
        }
    }
}

async fn run(bus: Option<String>, mut quiet: watch::Receiver<bool>) {
    loop {
        // The wish outlives its handle. If the handle was dropped, the wish no longer counts.
        let wanted = quiet.wait_for(|quiet| *quiet).await.is_ok();
        if !wanted || quiet.has_changed().is_err() {
            return;
        }
        match MediaPause::begin(bus.as_deref()).await {
            Ok(mut silence) => {
                silence.hold(&mut quiet).await;
                silence.end().await;
            }
            Err(error) => {
                debug!(%error, "no media players are paused");
                let _ = quiet.wait_for(|quiet| !quiet).await;
            }
        }
    }
}

verbatim! {
    /// The reason why players cannot be paused, for the log.
    #[derive(Debug, thiserror::Error)]
    enum BusError {
        #[error("the session bus: {0}")]
        Bus(#[from] zbus::Error),
        #[error("the session bus does not answer")]
        Hanging,
    }
}

/// A player on the bus, identified by its unique name. A restarted player counts as another one.
#[derive(Clone, Debug)]
struct Player {
    bus: Connection,
    name: String,
}

/// A player that was paused.
#[derive(Debug)]
struct PausedPlayer {
    player: Player,
    /// The position of the pause on this connection. Messages from the player before this position
    /// are outdated. `None`: it was paused over an earlier connection.
    since: Option<Sequence>,
}

/// The time from pausing the players to resuming them.
struct MediaPause {
    /// The address of the bus. `None`: the session bus.
    address: Option<String>,
    bus: Connection,
    /// Whether the bus has closed that connection.
    lost: bool,
    /// The players' reports about their state.
    signals: MessageStream,
    paused: Vec<PausedPlayer>,
}

impl MediaPause {
    /// Pauses all players that are playing.
    async fn begin(address: Option<&str>) -> Result<Self, BusError> {
        let (bus, signals, names) =
            timeout(BOUND, look(address)).await.map_err(|_| BusError::Hanging)??;
        let deadline = Instant::now() + BOUND;
        let mut asked = JoinSet::new();
        for name in names {
            asked.spawn(pause(bus.clone(), name, deadline));
        }
        let mut paused: Vec<PausedPlayer> = Vec::new();
        for one in asked.join_all().await.into_iter().flatten() {
            // A player may have several names.
            if paused.iter().all(|known| known.player.name != one.player.name) {
                paused.push(one);
            }
        }
        debug!(players = paused.len(), "media players were paused");
        Ok(Self { address: address.map(str::to_owned), bus, lost: false, signals, paused })
    }

    /// Watches the players until quiet is no longer wanted.
    async fn hold(&mut self, quiet: &mut watch::Receiver<bool>) {
        let mut pauses = Pauses::default();
        let mut again = None;
        loop {
            tokio::select! {
                () = over(quiet) => return,
                signal = next(&mut self.signals), if !self.lost => match signal {
                    Some(signal) => self.note(&signal),
                    None => {
                        debug!("the session bus has closed the connection to media players");
                        (self.lost, again) = (true, Some(Instant::now() + pauses.next_pause()));
                    }
                },
                () = at(again) => {
                    self.connect_anew().await;
                    again = self.lost.then(|| Instant::now() + pauses.next_pause());
                }
            }
        }
    }

    /// Tries once to reconnect after the connection was lost. Bounded in time.
    async fn connect_anew(&mut self) {
        let (bus, signals, _names) = match timeout(ANEW, look(self.address.as_deref())).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return debug!(%error, "media players cannot be reached yet"),
            Err(_late) => return debug!("the session bus does not answer yet"),
        };
        // Each bus has its own numbering of clients, so the same name on another bus means another
        // player.
        if bus.server_guid() != self.bus.server_guid() {
            self.paused.clear();
        }
        for one in &mut self.paused {
            (one.player.bus, one.since) = (bus.clone(), None);
        }
        (self.bus, self.signals, self.lost) = (bus, signals, false);
    }

    /// Forgets a player that somebody has started or stopped meanwhile.
    fn note(&mut self, signal: &Message) {
        let header = signal.header();
        let Some(sender) = header.sender().map(|name| name.as_str()) else { return };
        if status_in(signal).is_some_and(|status| status != "Paused") {
            let (said, before) = (signal.recv_position(), self.paused.len());
            self.paused.retain(|one| {
                one.player.name != sender || one.since.is_some_and(|since| said < since)
            });
            if self.paused.len() < before {
                debug!("a paused media player was started or stopped; it is left alone");
            }
        }
    }

    /// Returns the names of the players that are still paused. `None`: the bus has closed the
    /// connection. Bounded in time.
    async fn as_left(&self) -> Option<Vec<String>> {
        let deadline = Instant::now() + BOUND;
        let mut asked = JoinSet::new();
        for PausedPlayer { player, .. } in &self.paused {
            let player = player.clone();
            asked.spawn(async move {
                match timeout_at(deadline, player.status()).await {
                    Ok(Err(zbus::Error::InputOutput(_))) => Err(()),
                    Ok(Ok(status)) if status == "Paused" => Ok(Some(player.name)),
                    _ => Ok(None),
                }
            });
        }
        let told: Result<Vec<_>, ()> = asked.join_all().await.into_iter().collect();
        Some(told.ok()?.into_iter().flatten().collect())
    }

    /// Resumes the players that are still paused and that nobody has touched.
    async fn end(mut self) {
        let mut as_left = if self.lost { None } else { self.as_left().await };
        if as_left.is_none() {
            self.connect_anew().await;
            as_left = self.as_left().await;
        }
        let as_left = as_left.unwrap_or_default();
        let deadline = Instant::now() + BOUND;
        // A player's signals before that answer have arrived, but may not have been read yet.
        while let Some(signal) = next_if_there(&mut self.signals).await {
            self.note(&signal);
        }
        let mut played = JoinSet::new();
        for PausedPlayer { player, .. } in std::mem::take(&mut self.paused) {
            if as_left.contains(&player.name) {
                played.spawn(async move {
                    let played = timeout_at(deadline, player.call("Play")).await;
                    if !matches!(played, Ok(Ok(_))) {
                        debug!(?played, "a media player did not play again");
                    }
                });
            }
        }
        played.join_all().await;
    }
}

/// Connects to the bus, and lists the players.
async fn look(address: Option<&str>) -> zbus::Result<(Connection, MessageStream, Vec<String>)> {
    let builder = match address {
        Some(address) => zbus::connection::Builder::address(address),
        None => zbus::connection::Builder::session(),
    };
    let bus = builder.build().await?;
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .path(PATH)
        .interface(PROPERTIES)
        .member("PropertiesChanged")
        .arg(0, PLAYER)
        .build()?;
    let signals = MessageStream::for_match_rule(rule, &bus, Some(SIGNALS)).await?;
    let mut names: Vec<String> = ask_bus(&bus, "ListNames", &()).await?.body().deserialize()?;
    names.retain(|name| name.starts_with(PREFIX) && name != PROXY);
    Ok((bus, signals, names))
}

async fn ask_bus<B>(bus: &Connection, method: &str, body: &B) -> zbus::Result<Message>
where
    B: serde::Serialize + zbus::wire::DynamicType,
{
    let name = "org.freedesktop.DBus";
    bus.call_method(Some(name), "/org/freedesktop/DBus", Some(name), method, body).await
}

/// Pauses the player with this name, if it is playing and can be paused.
async fn pause(bus: Connection, name: String, deadline: Instant) -> Option<PausedPlayer> {
    let playing = timeout_at(deadline, playing(&bus, &name)).await;
    let Ok(Ok(Some((player, since)))) = playing else {
        debug!(name, ?playing, "this media player is not to be paused");
        return None;
    };
    match timeout_at(deadline, player.call("Pause")).await {
        Ok(Ok(reply)) => Some(PausedPlayer { player, since: Some(reply.recv_position()) }),
        // The bus has closed the connection, but the call may have arrived.
        Ok(Err(zbus::Error::InputOutput(_))) => Some(PausedPlayer { player, since: Some(since) }),
        Ok(Err(error)) => {
            debug!(name, %error, "this media player does not pause");
            None
        }
        // The player may still pause. Its state is checked before it is resumed.
        Err(_late) => Some(PausedPlayer { player, since: Some(since) }),
    }
}

/// Returns the player with this name, if it is playing and can be paused, and the position of its
/// answer.
async fn playing(bus: &Connection, name: &str) -> zbus::Result<Option<(Player, Sequence)>> {
    let owner = ask_bus(bus, "GetNameOwner", &name).await?.body().deserialize()?;
    let player = Player { bus: bus.clone(), name: owner };
    if player.status().await? != "Playing" {
        return Ok(None);
    }
    let reply = player.property("CanPause").await?;
    let can_pause: bool = reply.body().deserialize::<OwnedVariant>()?.try_into()?;
    Ok(can_pause.then(|| (player, reply.recv_position())))
}

impl Player {
    async fn property(&self, property: &str) -> zbus::Result<Message> {
        let name = Some(self.name.as_str());
        self.bus.call_method(name, PATH, Some(PROPERTIES), "Get", &(PLAYER, property)).await
    }

    async fn status(&self) -> zbus::Result<String> {
        let reply = self.property("PlaybackStatus").await?;
        reply.body().deserialize::<OwnedVariant>()?.try_into()
    }

    async fn call(&self, method: &str) -> zbus::Result<Message> {
        self.bus.call_method(Some(self.name.as_str()), PATH, Some(PLAYER), method, &()).await
    }
}

/// Waits until quiet is no longer wanted, or the handle is dropped.
async fn over(quiet: &mut watch::Receiver<bool>) {
    let _ = quiet.wait_for(|quiet| !quiet).await;
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Returns the new PlaybackStatus, if the signal contains one.
fn status_in(signal: &Message) -> Option<String> {
    let body = signal.body();
    let (_, mut changed, _): (String, HashMap<String, OwnedVariant>, Vec<String>) =
        body.deserialize().ok()?;
    changed.remove("PlaybackStatus")?.try_into().ok()
}

/// Waits for the next signal. Returns `None` at the end of the connection.
async fn next(signals: &mut MessageStream) -> Option<Message> {
    std::future::poll_fn(|context| poll(signals, context)).await
}

/// Returns the next signal that has already arrived.
async fn next_if_there(signals: &mut MessageStream) -> Option<Message> {
    let now = std::future::poll_fn(|context| match poll(signals, context) {
        Poll::Pending => Poll::Ready(None),
        ready => ready,
    });
    now.await
}

fn poll(
    signals: &mut MessageStream,
    context: &mut std::task::Context<'_>,
) -> Poll<Option<Message>> {
    loop {
        match futures_core::Stream::poll_next(Pin::new(signals), context) {
            Poll::Ready(Some(Ok(signal))) => return Poll::Ready(Some(signal)),
            // Ignore a signal that cannot be read.
            Poll::Ready(Some(Err(_))) => {}
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => return Poll::Pending,
        }
    }
}
