//! The portal's keys, pressed once the user's are up, where the compositor tells for how long nobody has done anything. KWin does.

use super::super::held::probe::{Asked, Key, Seat, press};
use super::super::wayland::Idle;
use super::super::{Problem, codes};
use super::keys::Stroke;
use super::session::Session;
use super::shortcut::modifiers;
use crate::chord::{Chord, Modifier};
use std::time::{Duration, Instant};

/// How long a key takes to show in KWin's idle notifications. It goes through two portals: 2 to 40 ms on a busy machine.
const DELAY: Duration = Duration::from_millis(60);
/// Ten times that.
const STALL: Duration = Duration::from_millis(400);

/// The keyboard of a session.
pub(super) struct Keyboard<'a> {
    session: &'a Session,
    idle: &'a Idle,
}

fn place(modifier: Modifier) -> Key {
    Key::Code(codes::of_modifier(modifier).into())
}

impl<'a> Keyboard<'a> {
    pub(super) fn new(session: &'a Session, idle: &'a Idle) -> Self {
        Self { session, idle }
    }

    /// Waits until the user's keys are up, presses and releases the combination.
    pub(super) async fn press(&self, chord: &Chord) -> Result<(), Problem> {
        let others = modifiers().into_iter().filter(|modifier| *modifier != Modifier::Ctrl);
        let asked = Asked { control: place(Modifier::Ctrl), others: others.map(place).collect() };
        let modifiers: Vec<Key> = chord.modifiers.iter().copied().map(place).collect();
        press(self, &asked, &modifiers, Key::Symbol(codes::keysym(chord.key).into())).await
    }
}

impl Seat for Keyboard<'_> {
    fn now(&self) -> Instant {
        Instant::now()
    }

    async fn pause(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn idle(&self) -> Result<Duration, Problem> {
        // Whole milliseconds are enough, and to look without end would keep the compositor's answer from being read.
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(Duration::from_millis(self.idle.time().as_millis().try_into().unwrap_or(u64::MAX)))
    }

    async fn key(&self, key: Key, down: bool) -> Result<(), Problem> {
        let number = |number: u32| i32::try_from(number).unwrap_or_default();
        self.session
            .strike(match key {
                Key::Code(code) => Stroke::Code(number(code), down),
                Key::Symbol(symbol) => Stroke::Symbol(number(symbol), down),
            })
            .await
    }

    fn delay(&self) -> Duration {
        DELAY
    }

    fn stall(&self) -> Duration {
        STALL
    }

    /// KWin has a set of keys that are down, for the whole seat.
    fn lifts_the_users(&self) -> bool {
        true
    }

    /// The window's request goes to another thread.
    fn is_answered(&self) -> bool {
        false
    }
}
