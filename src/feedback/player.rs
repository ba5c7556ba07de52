//! Who plays the sounds: a thread of its own that sleeps until one is wanted, and a handle that
//! never waits. One sound after the other, for a sound that is cut off clicks; one that comes too
//! late is left out, for it would say what is no longer true.

use super::playback::{Playback, SoundError};
use super::sounds::Sound;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tracing::debug;

/// Sounds that may wait: the stop of a very short recording, and what came of it.
const QUEUE: usize = 2;
/// How long after it was wanted a sound may begin.
const STALE: Duration = Duration::from_millis(500);
/// How long after it was wanted a sound may end. A sound card that slept takes some tenths of a
/// second to wake.
const PATIENCE: Duration = Duration::from_millis(1500);

/// The handle of the thread `v2m-sounds`. Dropping it waits for the sound that is being played:
/// tenths of a second, 1.5 s where PipeWire hangs.
#[derive(Debug)]
pub struct Speaker {
    /// `None` only while being dropped, or where there is no thread.
    orders: Option<SyncSender<PlayRequest>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct PlayRequest {
    sound: Sound,
    wanted: Instant,
}

impl Speaker {
    /// Starts the thread, which then sleeps. PipeWire is connected to for each sound, and let go of
    /// after it: found by the environment, as by any of its clients.
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

    /// Plays `sound` soon. Never blocks; of more than a few at once some are left out.
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

/// Plays a sound with what is kept from the one before. After a failure the next one begins anew.
fn play(kept: &mut Option<Playback>, sound: Sound, deadline: Instant) -> Result<(), SoundError> {
    let playback = match kept.take() {
        Some(playback) => playback,
        None => Playback::new()?,
    };
    playback.play(sound.samples(), deadline)?;
    *kept = Some(playback);
    Ok(())
}
