//! Tests media players on a real session bus: which ones are paused during a recording, and which
//! ones continue.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

use std::time::Duration;
use tokio::sync::mpsc;
use v2m::feedback::MediaPlayers;
use v2m_testkit::media_player::{Calls, MediaPlayer};
use v2m_testkit::private_bus::{Gate, PrivateBus};

struct Desktop {
    bus: PrivateBus,
    calls: mpsc::Receiver<(String, &'static str)>,
    called: Calls,
}

impl Desktop {
    fn new() -> Self {
        let (called, calls) = mpsc::channel(32);
        Self { bus: PrivateBus::start(), calls, called }
    }

    async fn player(&self, name: &str, status: &'static str) -> MediaPlayer {
        MediaPlayer::start(&self.bus.address, name, status, &self.called).await
    }

    fn players(&self) -> MediaPlayers {
        MediaPlayers::spawn(Some(self.bus.address.clone()))
    }

    /// Waits for the next call to any player.
    async fn call(&mut self) -> (String, &'static str) {
        let called = tokio::time::timeout(Duration::from_secs(10), self.calls.recv()).await;
        called.expect("a player was asked for something").unwrap()
    }

    /// Waits for the next calls, and sorts them by the players' names.
    async fn calls<const N: usize>(&mut self) -> [(String, &'static str); N] {
        let mut calls = Vec::new();
        while calls.len() < N {
            calls.push(self.call().await);
        }
        calls.sort_unstable();
        calls.try_into().unwrap()
    }

    fn no_more_calls(&mut self) {
        assert_eq!(self.calls.try_recv().ok(), None);
    }
}

fn call(name: &str, method: &'static str) -> (String, &'static str) {
    (name.to_owned(), method)
}

#[tokio::test]
async fn what_plays_is_paused_and_plays_again_and_nothing_else_is_touched() {
    let mut desktop = Desktop::new();
    let music = desktop.player("music", "Playing").await;
    let video = desktop.player("firefox.instance_1_7", "Playing").await;
    let paused = desktop.player("paused", "Paused").await;
    let stopped = desktop.player("stopped", "Stopped").await;
    let radio = MediaPlayer::start_unpausable(&desktop.bus.address, "radio", &desktop.called).await;
    // A proxy for another player that is itself on the bus.
    let proxy = desktop.player("playerctld", "Playing").await;
    let players = desktop.players();

    for _ in 0..2 {
        players.quiet(true);
        let calls = [call("firefox.instance_1_7", "Pause"), call("music", "Pause")];
        assert_eq!(desktop.calls().await, calls);
        players.quiet(true);
        players.quiet(false);
        let calls = [call("firefox.instance_1_7", "Play"), call("music", "Play")];
        assert_eq!(desktop.calls().await, calls);
    }
    players.finish().await;
    desktop.no_more_calls();
    for (player, status) in [
        (music, "Playing"),
        (video, "Playing"),
        (paused, "Paused"),
        (stopped, "Stopped"),
        (radio, "Playing"),
        (proxy, "Playing"),
    ] {
        assert_eq!(player.status().await, status);
    }
}

#[tokio::test]
async fn a_player_that_its_user_started_or_stopped_meanwhile_is_left_alone() {
    let mut desktop = Desktop::new();
    let again = desktop.player("again", "Playing").await;
    let other = desktop.player("other", "Playing").await;
    let started = desktop.player("started", "Playing").await;
    let stopped = desktop.player("stopped", "Playing").await;
    let new = desktop.player("unheard", "Paused").await;
    let players = desktop.players();
    players.quiet(true);
    let paused = ["again", "other", "started", "stopped"].map(|name| call(name, "Pause"));
    assert_eq!(desktop.calls().await, paused);
    // The user plays it for a while and pauses it by hand, so it must stay paused.
    again.user("Playing").await;
    again.user("Paused").await;
    started.user("Playing").await;
    stopped.user("Stopped").await;
    new.user("Playing").await;
    players.quiet(false);
    assert_eq!(desktop.call().await, call("other", "Play"));
    players.finish().await;
    desktop.no_more_calls();
    assert_eq!((again.status().await, other.status().await), ("Paused", "Playing"));
    assert_eq!((started.status().await, stopped.status().await), ("Playing", "Stopped"));
}

#[tokio::test]
async fn a_player_that_ended_meanwhile_is_no_error_and_its_successor_stays_silent() {
    let mut desktop = Desktop::new();
    let music = desktop.player("music", "Playing").await;
    let video = desktop.player("video", "Playing").await;
    let players = desktop.players();
    players.quiet(true);
    assert_eq!(desktop.calls().await, [call("music", "Pause"), call("video", "Pause")]);
    music.quit().await;
    let successor = desktop.player("music", "Paused").await;
    players.quiet(false);
    assert_eq!(desktop.call().await, call("video", "Play"));
    players.finish().await;
    desktop.no_more_calls();
    assert_eq!((successor.status().await, video.status().await), ("Paused", "Playing"));
}

#[tokio::test]
async fn a_player_that_hangs_holds_up_no_other() {
    let mut desktop = Desktop::new();
    let hung = desktop.player("hung", "Playing").await;
    let music = desktop.player("music", "Playing").await;
    let players = desktop.players();
    hung.hang(true);
    players.quiet(true);
    assert_eq!(desktop.call().await, call("music", "Pause"));
    players.quiet(false);
    assert_eq!(desktop.call().await, call("music", "Play"));
    // A player that was paused, and hangs when it should play again.
    hung.hang(false);
    players.quiet(true);
    assert_eq!(desktop.calls().await, [call("hung", "Pause"), call("music", "Pause")]);
    hung.hang(true);
    players.quiet(false);
    assert_eq!(desktop.call().await, call("music", "Play"));
    players.finish().await;
    desktop.no_more_calls();
    assert_eq!(music.status().await, "Playing");
}

#[tokio::test]
async fn the_end_lets_play_again_what_was_paused() {
    let mut desktop = Desktop::new();
    let music = desktop.player("music", "Playing").await;
    let players = desktop.players();
    players.quiet(true);
    assert_eq!(desktop.call().await, call("music", "Pause"));
    players.finish().await;
    assert_eq!(desktop.call().await, call("music", "Play"));
    desktop.no_more_calls();
    assert_eq!(music.status().await, "Playing");
}

#[tokio::test]
async fn a_recording_of_no_length_leaves_all_as_it_was() {
    let desktop = Desktop::new();
    let music = desktop.player("music", "Playing").await;
    let players = desktop.players();
    players.quiet(true);
    players.quiet(false);
    players.finish().await;
    assert_eq!(music.status().await, "Playing");
}

#[tokio::test]
async fn without_a_bus_nothing_happens_and_a_bus_that_comes_later_is_found() {
    let mut desktop = Desktop::new();
    let players = MediaPlayers::spawn(Some("unix:path=/nonexistent/bus".into()));
    players.quiet(true);
    players.quiet(false);
    players.finish().await;

    let players = desktop.players();
    desktop.bus.restart();
    let music = desktop.player("music", "Playing").await;
    players.quiet(true);
    assert_eq!(desktop.call().await, call("music", "Pause"));
    // The bus ends again, with all its players.
    desktop.bus.restart();
    players.quiet(false);
    music.quit().await;
    let music = desktop.player("music", "Playing").await;
    players.quiet(true);
    assert_eq!(desktop.call().await, call("music", "Pause"));
    players.finish().await;
    assert_eq!(music.status().await, "Playing");
}

#[tokio::test]
async fn what_was_paused_plays_again_though_the_bus_has_thrown_v2m_off_meanwhile() {
    let mut desktop = Desktop::new();
    let gate = Gate::to(&desktop.bus.address);
    let music = desktop.player("music", "Playing").await;
    let video = desktop.player("video", "Playing").await;
    let players = MediaPlayers::spawn(Some(gate.address.clone()));
    players.quiet(true);
    assert_eq!(desktop.calls().await, [call("music", "Pause"), call("video", "Pause")]);
    gate.throw_off();
    // ListNames is the last call after a reconnection; the watch is set up before it.
    gate.has_passed("ListNames").await;
    // The watch works again: from now on the user controls this player.
    video.user("Playing").await;
    video.user("Paused").await;
    players.quiet(false);
    assert_eq!(desktop.call().await, call("music", "Play"));
    // The bus disconnects v2m, and the recording ends immediately afterwards.
    players.quiet(true);
    assert_eq!(desktop.call().await, call("music", "Pause"));
    gate.throw_off();
    players.quiet(false);
    assert_eq!(desktop.call().await, call("music", "Play"));
    players.finish().await;
    desktop.no_more_calls();
    assert_eq!((music.status().await, video.status().await), ("Playing", "Paused"));
}
