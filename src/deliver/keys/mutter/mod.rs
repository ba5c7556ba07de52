//! Presses keys through a Mutter session.

pub(crate) mod hands;
mod shortcut;
mod sources;
pub(crate) mod typing;

use self::hands::{Habits, Hands};
use super::held::probe::{ProbeKey, ProbeKeys, Seat, press, press_one, wait};
use super::{Keys, codes};
use crate::chord::{Chord, Modifier};
use crate::deliver::clipboard::bus::Answers;
use crate::deliver::display::mutter::MutterCalls;
use crate::deliver::error::DeliverError;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// How long a key takes to show in Mutter's idle time, at most. It usually takes 1 to 2 ms.
const DELAY: Duration = Duration::from_millis(5);
/// The time after which a key that has not shown in the idle time has done nothing. Keys wait
/// behind mouse movements for the next frame, which took more than 30 ms on a busy machine with
/// software rendering: a text was pasted twice.
const STALL: Duration = Duration::from_millis(150);

/// The keyboard of a session. Mutter releases the keys that a session leaves pressed when it ends.
#[derive(Debug)]
pub(crate) struct Keyboard {
    calls: MutterCalls,
    /// Records when the keys reached the desktop, and when windows asked for the text.
    answers: Arc<Answers>,
}

/// A combination of keys, which is pressed once the user's keys are up.
#[derive(Debug)]
pub(crate) struct MutterKeys {
    keyboard: Keyboard,
    habits: Habits,
    found: Option<(Chord, JoinHandle<Hands>)>,
}

impl MutterKeys {
    /// Wraps this session's keys. Its clipboard notes the `answers`.
    pub(crate) fn of(calls: MutterCalls, answers: Arc<Answers>, habits: Habits) -> Self {
        Self { keyboard: Keyboard { calls, answers }, habits, found: None }
    }
}

impl Keys for MutterKeys {
    async fn find(&mut self, chord: &Chord) -> Result<(), DeliverError> {
        // The settings and the keymap are read in the background until the keys are due.
        let hands = tokio::spawn(self.habits.clone().hands());
        self.found = Some((chord.clone(), hands));
        Ok(())
    }

    async fn press(&mut self) -> Result<(), DeliverError> {
        let (chord, hands) = self.found.take().ok_or(DeliverError::NoWay)?;
        let hands = hands.await.map_err(|_panic| DeliverError::Hanging)?;
        self.keyboard.press(&hands, &chord).await
    }
}

impl Keyboard {
    /// Creates a keyboard for keys that the clipboard does not answer.
    pub(crate) fn new(calls: MutterCalls) -> Self {
        Self { calls, answers: Arc::default() }
    }

    /// Waits until the user's keys are up, then presses and releases the combination.
    async fn press(&self, hands: &Hands, chord: &Chord) -> Result<(), DeliverError> {
        let asked = ProbeKeys { control: hands.place(Modifier::Ctrl), others: hands.in_the_way() };
        let place = |modifier: &Modifier| hands.place(*modifier);
        let modifiers: Vec<ProbeKey> = chord.modifiers.iter().map(place).collect();
        // The key is named by its meaning, not its place, because V is elsewhere on Dvorak.
        press(self, &asked, &modifiers, ProbeKey::Symbol(codes::keysym(chord.key).into())).await
    }

    /// Waits until the user's modifiers are up.
    pub(crate) async fn wait(&self, hands: &Hands) -> Result<(), DeliverError> {
        wait(self, &ProbeKeys { control: hands.place(Modifier::Ctrl), others: hands.all() }).await
    }

    /// Waits until the user's modifiers are up, then presses and releases the combination once. It
    /// is not repeated, because no window confirms these keys.
    pub(crate) async fn press_once(
        &self,
        hands: &Hands,
        chord: &Chord,
    ) -> Result<(), DeliverError> {
        self.wait(hands).await?;
        let modifiers = chord.modifiers.iter().map(|modifier| hands.place(*modifier));
        let mut keys: Vec<ProbeKey> = modifiers.collect();
        keys.push(ProbeKey::Symbol(codes::keysym(chord.key).into()));
        for key in &keys {
            self.key(*key, true).await?;
        }
        for key in keys.iter().rev() {
            self.key(*key, false).await?;
        }
        Ok(())
    }

    /// Presses the keys of each combination (the kernel's codes) in order, and releases them in
    /// reverse order. The first time that a combination ends with a key of `suspects`, it waits
    /// until the user's key is up. The others are sent without waiting, and v2m waits for Mutter at
    /// the end.
    pub(crate) async fn strike(
        &self,
        strokes: &[Vec<u32>],
        suspects: &[u32],
    ) -> Result<(), DeliverError> {
        let mut suspects = suspects.to_vec();
        for (number, codes) in strokes.iter().enumerate() {
            let Some((key, modifiers)) = codes.split_last() else { continue };
            let at = suspects.iter().position(|suspect| suspect == key);
            let Some(at) = at else {
                self.send(codes).await?;
                continue;
            };
            suspects.swap_remove(at);
            let modifiers: Vec<ProbeKey> = modifiers.iter().copied().map(ProbeKey::Code).collect();
            match press_one(self, &modifiers, ProbeKey::Code(*key)).await {
                Err(DeliverError::KeysHeld | DeliverError::KeysUnclear) if number > 0 => {
                    return Err(DeliverError::HeldInPart);
                }
                other => other?,
            }
        }
        // Mutter processes messages in order, and this one has an answer, which also shows if the
        // session has ended.
        self.calls.is_on("CapsLockState").await.map(drop)
    }

    async fn send(&self, codes: &[u32]) -> Result<(), DeliverError> {
        let down = codes.iter().map(|code| (*code, true));
        for (code, pressed) in down.chain(codes.iter().rev().map(|code| (*code, false))) {
            self.calls.send("NotifyKeyboardKeycode", &(code, pressed)).await?;
        }
        Ok(())
    }
}

impl Seat for Keyboard {
    fn now(&self) -> Instant {
        Instant::now()
    }

    async fn pause(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn idle(&self) -> Result<Duration, DeliverError> {
        self.calls.idle().await
    }

    async fn key(&self, key: ProbeKey, down: bool) -> Result<(), DeliverError> {
        let (method, number) = match key {
            ProbeKey::Code(code) => ("NotifyKeyboardKeycode", code),
            ProbeKey::Symbol(symbol) => ("NotifyKeyboardKeysym", symbol),
        };
        if down && matches!(key, ProbeKey::Symbol(_)) {
            self.answers.sent();
        }
        let answer = self.calls.call(method, &(number, down)).await?;
        if down && matches!(key, ProbeKey::Symbol(_)) {
            self.answers.pressed(answer.recv_position());
        }
        Ok(())
    }

    fn delay(&self) -> Duration {
        DELAY
    }

    fn stall(&self) -> Duration {
        STALL
    }

    fn is_answered(&self) -> bool {
        self.answers.is_answered()
    }
}
