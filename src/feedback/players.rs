//! Media players, by MPRIS on the session bus: those that play are paused while it should be quiet,
//! and of those the ones that nobody touched meanwhile play again after it.
//!
//! An actor that follows one wish, quiet or not: of wishes that change while it is at work only the
//! last counts, and none is lost. No player is waited for longer than half a second, and all at
//! once; a player that hangs holds up neither the others nor the recording, which waits for none of
//! this. While there is no need for quiet there is no connection to the bus. One that is lost
//! meanwhile is made anew, and with it the watch.

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

/// What the names of all players begin with.
const PREFIX: &str = "org.mpris.MediaPlayer2.";
/// Stands for whichever player was used last, which may be another one after the recording than
/// before it; and that one is on the bus itself.
const PROXY: &str = "org.mpris.MediaPlayer2.playerctld";
const PATH: &str = "/org/mpris/MediaPlayer2";
const PLAYER: &str = "org.mpris.MediaPlayer2.Player";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// How long a player, or the bus, may take. They answer in a few milliseconds.
const BOUND: Duration = Duration::from_millis(500);
/// How long the end of the service may wait for what is under way: connecting, pausing, resuming.
const LAST: Duration = Duration::from_secs(2);
/// How long connecting anew may take: a bus that has just started again is busy with all its other
/// clients too.
const ANEW: Duration = Duration::from_secs(1);
/// Signals of players that may wait to be looked at.
const SIGNALS: NonZeroUsize = NonZeroUsize::new(256).expect("it is not zero");

/// The handle of the actor. Dropping it resumes what was paused, if the runtime lives that long.
#[derive(Debug)]
pub struct MediaPlayers {
    quiet: watch::Sender<bool>,
    actor: JoinHandle<()>,
}

impl MediaPlayers {
    /// Starts the actor on the current tokio runtime. `bus` is a D-Bus address; `None`: the
    /// session's.
    pub fn spawn(bus: Option<String>) -> Self {
        let (quiet, wish) = watch::channel(false);
        Self { quiet, actor: tokio::spawn(run(bus, wish)) }
    }

    /// From now on it should be quiet, or need not be. Returns at once; saying so again changes
    /// nothing.
    pub fn quiet(&self, wanted: bool) {
        self.quiet.send_if_modified(|quiet| std::mem::replace(quiet, wanted) != wanted);
    }

    /// Resumes what is still paused, and ends. Takes 2 s at most, and no time where nothing was
    /// paused.
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
        // The wish outlives its handle: a handle that is gone wants nothing any more.
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
    /// Why players cannot be paused. For the log.
    #[derive(Debug, thiserror::Error)]
    enum BusError {
        #[error("the session bus: {0}")]
        Bus(#[from] zbus::Error),
        #[error("the session bus does not answer")]
        Hanging,
    }
}

/// A player on the bus, by its unique name: one that ends and starts again is another one.
#[derive(Clone, Debug)]
struct Player {
    bus: Connection,
    name: String,
}

/// A player that was paused.
#[derive(Debug)]
struct PausedPlayer {
    player: Player,
    /// Where on the connection it was: what the player said before this is older. `None`: on a
    /// connection before this one.
    since: Option<Sequence>,
}

/// From pausing to resuming.
struct MediaPause {
    /// Of the bus; `None`: the session's.
    address: Option<String>,
    bus: Connection,
    /// Whether the bus has closed that connection.
    lost: bool,
    /// What players tell of themselves.
    signals: MessageStream,
    paused: Vec<PausedPlayer>,
}

impl MediaPause {
    /// Pauses what plays.
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

    /// Watches the players until it need not be quiet any more.
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

    /// Tries to connect once more, after the bus was lost. Bounded.
    async fn connect_anew(&mut self) {
        let (bus, signals, _names) = match timeout(ANEW, look(self.address.as_deref())).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return debug!(%error, "media players cannot be reached yet"),
            Err(_late) => return debug!("the session bus does not answer yet"),
        };
        // A bus counts its clients anew: on another one a player of that name is another player.
        if bus.server_guid() != self.bus.server_guid() {
            self.paused.clear();
        }
        for one in &mut self.paused {
            (one.player.bus, one.since) = (bus.clone(), None);
        }
        (self.bus, self.signals, self.lost) = (bus, signals, false);
    }

    /// A player that somebody started or stopped meanwhile is theirs again.
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

    /// Who is as it was left; `None` where the bus has closed the connection. Bounded.
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

    /// Lets those play again that are as they were left.
    async fn end(mut self) {
        let mut as_left = if self.lost { None } else { self.as_left().await };
        if as_left.is_none() {
            self.connect_anew().await;
            as_left = self.as_left().await;
        }
        let as_left = as_left.unwrap_or_default();
        let deadline = Instant::now() + BOUND;
        // What a player said before that answer has come before it, and may not have been read yet.
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

/// Connects, and learns which players there are.
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

/// Pauses the player of that name, if it plays and can be.
async fn pause(bus: Connection, name: String, deadline: Instant) -> Option<PausedPlayer> {
    let playing = timeout_at(deadline, playing(&bus, &name)).await;
    let Ok(Ok(Some((player, since)))) = playing else {
        debug!(name, ?playing, "this media player is not to be paused");
        return None;
    };
    match timeout_at(deadline, player.call("Pause")).await {
        Ok(Ok(reply)) => Some(PausedPlayer { player, since: Some(reply.recv_position()) }),
        // The bus has closed the connection: the call may have come through.
        Ok(Err(zbus::Error::InputOutput(_))) => Some(PausedPlayer { player, since: Some(since) }),
        Ok(Err(error)) => {
            debug!(name, %error, "this media player does not pause");
            None
        }
        // It may do it yet; whether it did is looked at before it plays again.
        Err(_late) => Some(PausedPlayer { player, since: Some(since) }),
    }
}

/// The player of that name, if it plays and can be paused; and when it said so.
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

/// Until it need not be quiet any more, or the handle is gone: nothing is recorded any more.
async fn over(quiet: &mut watch::Receiver<bool>) {
    let _ = quiet.wait_for(|quiet| !quiet).await;
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// The new PlaybackStatus, if the signal tells one.
fn status_in(signal: &Message) -> Option<String> {
    let body = signal.body();
    let (_, mut changed, _): (String, HashMap<String, OwnedVariant>, Vec<String>) =
        body.deserialize().ok()?;
    changed.remove("PlaybackStatus")?.try_into().ok()
}

/// The next signal; `None` at the end of the connection.
async fn next(signals: &mut MessageStream) -> Option<Message> {
    std::future::poll_fn(|context| poll(signals, context)).await
}

/// The next signal that is here already.
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
            // A signal that cannot be read says nothing.
            Poll::Ready(Some(Err(_))) => {}
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => return Poll::Pending,
        }
    }
}
