//! A double of a media player on the session bus (MPRIS), with a user who may press its buttons.

use tokio::sync::{mpsc, watch};
use zbus::Connection;
use zbus::object_server::{InterfaceRef, SignalEmitter};

const PATH: &str = "/org/mpris/MediaPlayer2";

/// The calls that others made: the player's name, and the method.
pub type Calls = mpsc::Sender<(String, &'static str)>;

struct Player {
    name: String,
    status: &'static str,
    can_pause: bool,
    hangs: watch::Receiver<bool>,
    calls: Calls,
}

impl Player {
    async fn turn(&mut self, status: &'static str, emitter: &SignalEmitter<'_>) {
        if self.status != status {
            self.status = status;
            self.playback_status_changed(emitter).await.unwrap();
        }
    }
}

#[zbus::interface(name = "org.mpris.MediaPlayer2.Player")]
impl Player {
    async fn pause(&mut self, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) {
        self.calls.send((self.name.clone(), "Pause")).await.unwrap();
        if self.status == "Playing" {
            self.turn("Paused", &emitter).await;
        }
    }

    async fn play(&mut self, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) {
        self.calls.send((self.name.clone(), "Play")).await.unwrap();
        self.turn("Playing", &emitter).await;
    }

    #[zbus(property)]
    async fn playback_status(&self) -> &'static str {
        let mut hangs = self.hangs.clone();
        hangs.wait_for(|hangs| !hangs).await.unwrap();
        self.status
    }

    #[zbus(property)]
    fn can_pause(&self) -> bool {
        self.can_pause
    }
}

/// A running player.
pub struct MediaPlayer {
    connection: Connection,
    hangs: watch::Sender<bool>,
}

impl MediaPlayer {
    /// Starts a player of that name, for example `vlc`, in that state: `Playing`, `Paused` or
    /// `Stopped`.
    pub async fn start(address: &str, name: &str, status: &'static str, calls: &Calls) -> Self {
        Self::with(address, name, status, true, calls).await
    }

    /// Starts a playing player with CanPause set to false.
    pub async fn start_unpausable(address: &str, name: &str, calls: &Calls) -> Self {
        Self::with(address, name, "Playing", false, calls).await
    }

    async fn with(
        address: &str,
        name: &str,
        status: &'static str,
        can_pause: bool,
        calls: &Calls,
    ) -> Self {
        let hangs = watch::Sender::new(false);
        let (listening, calls) = (hangs.subscribe(), calls.clone());
        let player = Player { name: name.into(), status, can_pause, hangs: listening, calls };
        let builder = zbus::connection::Builder::address(address);
        let builder = builder.serve_at(PATH, player).name(format!("org.mpris.MediaPlayer2.{name}"));
        Self { connection: builder.build().await.unwrap(), hangs }
    }

    async fn object(&self) -> InterfaceRef<Player> {
        self.connection.object_server().interface(PATH).await.unwrap()
    }

    /// Changes the state, as the user does. Calls that came before are finished and answered first.
    pub async fn user(&self, status: &'static str) {
        let object = self.object().await;
        let mut player = object.get_mut().await;
        player.turn(status, object.signal_emitter()).await;
    }

    pub async fn status(&self) -> &'static str {
        self.object().await.get().await.status
    }

    /// Sets whether it leaves questions about its state unanswered.
    pub fn hang(&self, hangs: bool) {
        self.hangs.send_replace(hangs);
    }

    /// Ends the player.
    pub async fn quit(self) {
        self.connection.close().await.unwrap();
    }
}
