//! What a session does with keys.

pub(crate) mod hands;
mod shortcut;
mod sources;
pub(crate) mod typing;

use self::hands::Hands;
use super::codes;
use super::held::probe::{Asked, Key, Seat, press, press_one, wait};
use crate::chord::{Chord, Modifier};
use crate::deliver::clipboard::x11::primary::Loan;
use crate::deliver::display::mutter::Calls;
use crate::deliver::problem::Problem;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use zbus::message::Sequence;

/// How long a key takes to show in Mutter's idle time: 1 to 2 ms as a rule.
const DELAY: Duration = Duration::from_millis(5);
/// Keys wait behind movements of the mouse for the next frame, which took more than 30 ms on a busy machine that draws by the processor: a text was
/// pasted twice.
const STALL: Duration = Duration::from_millis(150);

/// The keyboard of a session, with what is known of when its keys came to the desktop and of when windows asked for the text: by the order of all that comes
/// over the bus, exact whatever the clock says. Mutter releases what a session that ends has left pressed.
#[derive(Debug)]
pub(crate) struct Keyboard {
    calls: Calls,
    /// When the key that pastes was pressed last, and when a text was given last.
    told: Mutex<(Option<Sequence>, Option<Sequence>)>,
    /// After that key a program asked for the primary selection instead, which carries the text as well.
    is_selection_taken: AtomicBool,
    /// That key has been sent, though its answer may be outstanding.
    is_pressed: AtomicBool,
}

impl Keyboard {
    pub(crate) fn new(calls: Calls) -> Self {
        Self {
            calls,
            told: Mutex::default(),
            is_selection_taken: AtomicBool::default(),
            is_pressed: AtomicBool::default(),
        }
    }

    /// A text was given to somebody who asked for it at this place in the order.
    pub(crate) fn gave(&self, position: Sequence) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(position);
    }

    /// Notes when a program asks for the primary selection. Does not end.
    pub(crate) async fn heed(&self, loan: Option<&Loan>) -> Infallible {
        loop {
            Loan::taken_if(loan).await;
            if self.is_pressed.load(Ordering::Relaxed) {
                self.is_selection_taken.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Waits until the user's keys are up, presses and releases the combination.
    pub(crate) async fn press(&self, hands: &Hands, chord: &Chord) -> Result<(), Problem> {
        let asked = Asked { control: hands.place(Modifier::Ctrl), others: hands.in_the_way() };
        let place = |modifier: &Modifier| hands.place(*modifier);
        let modifiers: Vec<Key> = chord.modifiers.iter().map(place).collect();
        // By what it means, not where it is: V is elsewhere on Dvorak.
        press(self, &asked, &modifiers, Key::Symbol(codes::keysym(chord.key).into())).await
    }

    /// Waits until the user's modifiers are up.
    pub(crate) async fn wait(&self, hands: &Hands) -> Result<(), Problem> {
        wait(self, &Asked { control: hands.place(Modifier::Ctrl), others: hands.all() }).await
    }

    /// Presses each combination of keys, by the kernel's codes, in their order, and releases them in the other one. The first time that
    /// a combination ends with a key of `suspects`, it waits until the user's is up. The rest is sent in one go, and Mutter is
    /// waited for at the end.
    pub(crate) async fn strike(
        &self,
        strokes: &[Vec<u32>],
        suspects: &[u32],
    ) -> Result<(), Problem> {
        let mut suspects = suspects.to_vec();
        for (number, codes) in strokes.iter().enumerate() {
            let Some((key, modifiers)) = codes.split_last() else { continue };
            let at = suspects.iter().position(|suspect| suspect == key);
            let Some(at) = at else {
                self.send(codes).await?;
                continue;
            };
            suspects.swap_remove(at);
            let modifiers: Vec<Key> = modifiers.iter().copied().map(Key::Code).collect();
            match press_one(self, &modifiers, Key::Code(*key)).await {
                Err(Problem::KeysHeld | Problem::KeysUnclear) if number > 0 => {
                    return Err(Problem::HeldInPart);
                }
                other => other?,
            }
        }
        // Mutter deals with messages in their order, and has an answer for this one: a session that has ended is noticed.
        self.calls.is_on("CapsLockState").await.map(drop)
    }

    async fn send(&self, codes: &[u32]) -> Result<(), Problem> {
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

    async fn idle(&self) -> Result<Duration, Problem> {
        self.calls.idle().await
    }

    async fn key(&self, key: Key, down: bool) -> Result<(), Problem> {
        let (method, number) = match key {
            Key::Code(code) => ("NotifyKeyboardKeycode", code),
            Key::Symbol(symbol) => ("NotifyKeyboardKeysym", symbol),
        };
        if down && matches!(key, Key::Symbol(_)) {
            self.is_pressed.store(true, Ordering::Relaxed);
        }
        let answer = self.calls.call(method, &(number, down)).await?;
        if down && matches!(key, Key::Symbol(_)) {
            let position = answer.recv_position();
            self.told.lock().unwrap_or_else(PoisonError::into_inner).0 = Some(position);
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
        if self.is_selection_taken.load(Ordering::Relaxed) {
            return true;
        }
        match *self.told.lock().unwrap_or_else(PoisonError::into_inner) {
            (Some(pressed), Some(given)) => given > pressed,
            _ => false,
        }
    }
}
