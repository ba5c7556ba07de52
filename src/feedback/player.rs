//! Plays sounds on a thread that sleeps until one is requested. Its handle never waits. Sounds are
//! played one after the other, because a sound that is cut off clicks. A sound that would come too
//! late is skipped, because it would report something that is no longer true.

use super::playback::{Playback, SoundError};
use super::sounds::Sound;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tracing::debug;

/// The number of sounds that may wait: the stop of a very short recording, and its outcome.
const QUEUE: usize = 2;
/// How long after its request a sound may begin.
const STALE: Duration = Duration::from_millis(500);
/// How long after its request a sound may end. A suspended sound card takes some tenths of a second
/// to wake.
const PATIENCE: Duration = Duration::from_millis(1500);

/// The handle of the thread `v2m-sounds`. Dropping it waits for the current sound: tenths of a
/// second, or 1.5 s if PipeWire hangs.
#[derive(Debug)]
pub struct Speaker {
    /// `None` only during the drop, or if the thread could not be started.
    orders: Option<SyncSender<PlayRequest>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct PlayRequest {
    sound: Sound,
    wanted: Instant,
}

impl Speaker {
    /// Starts the thread, which then sleeps. It connects to PipeWire for each sound, and
    /// disconnects after it. PipeWire is found through the environment, as by any client.
    pub fn spawn() -> Self {
        let (orders, inbox) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new().name("v2m-sounds".into());
        match thread.spawn(move || run(&inbox)) {
            Ok(thread) => Self { orders: Some(orders), thread: Some(thread) },
            Err(error) => {
                debug!(%error, "there will be no sounds");
                Self { orders: None, thread: None }
            }
        }
    }

    /// Plays `sound` soon. Never blocks. If too many are requested at once, some are skipped.
    pub fn play(&self, sound: Sound) {
        let order = PlayRequest { sound, wanted: Instant::now() };
        let sent = self.orders.as_ref().is_some_and(|orders| orders.try_send(order).is_ok());
        if !sent {
            debug!(sound = sound.name(), "a sound was left out");
        }
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(inbox: &Receiver<PlayRequest>) {
    let mut playback = None;
    while let Ok(PlayRequest { sound, wanted }) = inbox.recv() {
        if wanted.elapsed() > STALE {
            debug!(sound = sound.name(), "a sound came too late and was left out");
            continue;
        }
        match play(&mut playback, sound, wanted + PATIENCE) {
            Ok(()) => {
                let took = wanted.elapsed();
                debug!(sound = sound.name(), took_us = took.as_micros(), "a sound was played");
            }
            Err(error) => debug!(sound = sound.name(), %error, "a sound was not played"),
        }
    }
}

/// Plays a sound with the context kept from the last one. After a failure, the next sound gets a
/// new context.
fn play(kept: &mut Option<Playback>, sound: Sound, deadline: Instant) -> Result<(), SoundError> {
    let playback = match kept.take() {
        Some(playback) => playback,
        None => Playback::new()?,
    };
    playback.play(sound.samples(), deadline)?;
    *kept = Some(playback);
    Ok(())
}
