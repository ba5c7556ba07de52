//! Finding out by trying whether the user holds a key, on a desktop that tells only when somebody
//! last did something.
//!
//! Mutter counts each key over the whole seat. A virtual press of a key that is down already
//! changes nothing, and only a press or release that changes something counts as activity. So v2m
//! presses a key and looks whether the idle time starts anew: if it does, nobody else holds that
//! key. (Seen on GNOME 43.9 and 48.7; delay 1 to 2 ms.)
//!
//! What is pressed for the question is safe whatever the user holds. Control comes first, alone:
//! while the user holds it, it does nothing. The other modifiers of the shortcut are pressed and
//! released while ours is down, so that Super opens no overview and Alt no menu. The last key of
//! the combination is pressed once all of them are up, and is a question too: if the user holds
//! that key, nothing happens, and it is pressed again later. (If the user lets go of another key
//! just while Control is asked for, the answer may be wrong. Then Control is still the user's too,
//! and the combination is the same.)
//!
//! A moving mouse is activity as well, and hides the answer. So a round of questions begins only
//! after [`CALM`]: while the mouse moves, the text waits. (To press Shift+Insert again and again
//! meanwhile would paste at once, but a slow window would get the text twice, and a terminal
//! another one.) The last key is pressed again only once the desktop has shown that it did nothing.

use super::PATIENCE;
use crate::deliver::error::DeliverError;
use std::time::{Duration, Instant};

/// How long nobody must have done anything before a round of questions: a mouse that moves is seen
/// more often.
const CALM: Duration = Duration::from_millis(20);
/// How long nobody must have done anything before a key of ours, so that what is seen then is its
/// doing. The idle time comes in whole milliseconds.
const QUIET: Duration = Duration::from_millis(2);
/// How long a moment of quiet is waited for before a key of ours.
const NO_QUIET: Duration = Duration::from_millis(40);
/// How long to wait between two rounds, if nobody does anything: a key that was let go of is seen
/// at once.
const REST: Duration = Duration::from_millis(50);
/// If nothing could be asked for so long at the end, it was not a key that was in the way.
const LATELY: Duration = Duration::from_millis(400);
/// How often the idle time is asked for meanwhile.
const LOOK: Duration = Duration::from_millis(4);

/// What a key is pressed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyPurpose {
    /// Only to ask. If the answer is late, the key is asked for again, and nothing is lost.
    Question,
    /// To paste or to write. Pressed again, it might do so twice.
    Effect,
}

impl KeyPurpose {
    /// How long the key may take to show as activity: for this time, and for so many readings.
    fn patience(self, seat: &impl Seat) -> (Duration, u32) {
        match self {
            Self::Question => (seat.delay(), 3),
            Self::Effect => (seat.stall(), 12),
        }
    }
}

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProbeKey {
    /// By its place: the kernel's code (input-event-codes.h).
    Code(u32),
    /// By its meaning: xkb's number for it.
    Symbol(u32),
}

/// A desktop on which keys can be pressed and the idle time can be read.
pub(crate) trait Seat: Sync {
    /// The clock.
    fn now(&self) -> Instant;

    /// Waits.
    fn pause(&self, time: Duration) -> impl Future<Output = ()> + Send;

    /// For how long nobody has done anything, rounded down to milliseconds.
    fn idle(&self) -> impl Future<Output = Result<Duration, DeliverError>> + Send;

    /// Presses a key (`down`) or releases it.
    fn key(
        &self,
        key: ProbeKey,
        down: bool,
    ) -> impl Future<Output = Result<(), DeliverError>> + Send;

    /// How long a key takes to show as activity, at most as a rule.
    fn delay(&self) -> Duration;

    /// After which time a key that does not show has certainly done nothing, however busy the
    /// desktop is.
    fn stall(&self) -> Duration;

    /// Whether a window has answered the last [`ProbeKey::Symbol`] that was pressed: then that key was
    /// not held, whatever the idle time says.
    fn is_answered(&self) -> bool;
}

/// What is to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProbeKeys {
    /// Control: pressed first and held meanwhile.
    pub(crate) control: ProbeKey,
    /// All other modifiers that must be up.
    pub(crate) others: Vec<ProbeKey>,
}

/// One reading of the idle time.
#[derive(Clone, Copy, Debug)]
struct Reading {
    idle: Duration,
    asked: Instant,
    answered: Instant,
}

impl Reading {
    /// Whether somebody has done something since `earlier`: otherwise the idle time would have
    /// grown as the clock has.
    fn differs_from(&self, earlier: &Self) -> bool {
        let grown = self.asked.saturating_duration_since(earlier.answered).as_millis();
        self.idle.as_millis() < earlier.idle.as_millis() + grown
    }

    /// How long the answer took.
    fn round_trip(&self) -> Duration {
        self.answered - self.asked
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProbeResult {
    /// The key counted: nobody else holds it.
    Counted,
    /// It did nothing: somebody else holds it.
    Held,
    /// There was no moment to ask in, and nothing was pressed.
    NotAsked,
}

/// Waits until the keys in `asked` are up, and presses and releases `modifiers` and `key`.
///
/// # Errors
/// [`DeliverError::KeysHeld`], [`DeliverError::KeysUnclear`]: nothing was pressed but what is asked with. Others: of the desktop.
pub(crate) async fn press(
    seat: &impl Seat,
    asked: &ProbeKeys,
    modifiers: &[ProbeKey],
    key: ProbeKey,
) -> Result<(), DeliverError> {
    let mut probe = Probe::new(seat);
    let mut is_pressed = false;
    loop {
        let outcome = probe.wait_for_modifiers(asked).await;
        if is_pressed && seat.is_answered() {
            // It was not held: the desktop was slow to say so.
            return if outcome.is_ok() { seat.key(asked.control, false).await } else { Ok(()) };
        }
        outcome?;
        match probe.strike(vec![asked.control], modifiers, key).await? {
            ProbeResult::Counted => return Ok(()),
            ProbeResult::Held => is_pressed = true,
            ProbeResult::NotAsked => {}
        }
        probe.rest().await?;
    }
}

/// Waits until the keys in `asked` are up.
///
/// # Errors
/// As [`press`].
pub(crate) async fn wait(seat: &impl Seat, asked: &ProbeKeys) -> Result<(), DeliverError> {
    let mut probe = Probe::new(seat);
    loop {
        probe.wait_for_modifiers(asked).await?;
        match probe.ask(asked.control, false, KeyPurpose::Question).await? {
            ProbeResult::Counted => return Ok(()),
            ProbeResult::Held => {}
            ProbeResult::NotAsked => seat.key(asked.control, false).await?,
        }
        probe.rest().await?;
    }
}

/// Presses and releases `modifiers`, which are known to be up, and `key`; waits until that one is
/// up.
///
/// # Errors
/// As [`press`].
pub(crate) async fn press_one(
    seat: &impl Seat,
    modifiers: &[ProbeKey],
    key: ProbeKey,
) -> Result<(), DeliverError> {
    let mut probe = Probe::new(seat);
    // What was pressed before shows by then.
    seat.pause(seat.delay()).await;
    loop {
        probe.may_go_on()?;
        if probe.strike(Vec::new(), modifiers, key).await? == ProbeResult::Counted {
            return Ok(());
        }
        probe.rest().await?;
    }
}

struct Probe<'a, S> {
    seat: &'a S,
    until: Instant,
    /// When a key was pressed last to ask.
    asked: Option<Instant>,
}

impl<'a, S: Seat> Probe<'a, S> {
    fn new(seat: &'a S) -> Self {
        Self { seat, until: seat.now() + PATIENCE, asked: None }
    }

    fn may_go_on(&self) -> Result<(), DeliverError> {
        if self.seat.now() < self.until {
            return Ok(());
        }
        let is_clear = self.asked.is_some_and(|asked| asked + LATELY >= self.until);
        Err(if is_clear { DeliverError::KeysHeld } else { DeliverError::KeysUnclear })
    }

    /// Waits until all modifiers are up. Ours of Control is down then.
    async fn wait_for_modifiers(&mut self, asked: &ProbeKeys) -> Result<(), DeliverError> {
        loop {
            let is_calm = self.quiet(CALM, self.until).await?.is_some();
            self.may_go_on()?;
            if is_calm && self.are_up(asked).await? {
                return Ok(());
            }
            self.rest().await?;
        }
    }

    /// Whether all modifiers are up. If so, ours of Control is down then; if not, none of ours is.
    async fn are_up(&mut self, asked: &ProbeKeys) -> Result<bool, DeliverError> {
        let control = asked.control;
        match self.ask(control, true, KeyPurpose::Question).await? {
            ProbeResult::Counted => {}
            ProbeResult::NotAsked => return Ok(false),
            ProbeResult::Held => {
                self.seat.key(control, false).await?;
                return Ok(false);
            }
        }
        for other in &asked.others {
            match self.ask(*other, true, KeyPurpose::Question).await? {
                // The user may press it in between.
                ProbeResult::Counted => {
                    match self.ask(*other, false, KeyPurpose::Question).await? {
                        ProbeResult::Counted => continue,
                        ProbeResult::Held => {}
                        ProbeResult::NotAsked => self.seat.key(*other, false).await?,
                    }
                }
                ProbeResult::Held => {
                    self.seat.key(control, false).await?;
                    self.seat.key(*other, false).await?;
                    return Ok(false);
                }
                ProbeResult::NotAsked => {}
            }
            self.seat.key(control, false).await?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Presses and releases a combination whose modifiers are up; ours in `down` are down already.
    /// None of ours is afterwards.
    async fn strike(
        &mut self,
        mut down: Vec<ProbeKey>,
        modifiers: &[ProbeKey],
        key: ProbeKey,
    ) -> Result<ProbeResult, DeliverError> {
        let answer = self.strike_on(&mut down, modifiers, key).await?;
        if answer != ProbeResult::NotAsked {
            self.seat.key(key, false).await?;
        }
        for modifier in down.iter().rev() {
            self.seat.key(*modifier, false).await?;
        }
        Ok(answer)
    }

    /// As above, and leaves down what is in `down` then. Each key is asked for: what shows late
    /// must not be taken for the next one's.
    async fn strike_on(
        &mut self,
        down: &mut Vec<ProbeKey>,
        modifiers: &[ProbeKey],
        key: ProbeKey,
    ) -> Result<ProbeResult, DeliverError> {
        while let Some(other) = down.pop_if(|other| !modifiers.contains(other)) {
            match self.ask(other, false, KeyPurpose::Question).await? {
                ProbeResult::Counted => {}
                ProbeResult::Held => return Ok(ProbeResult::NotAsked),
                ProbeResult::NotAsked => {
                    down.push(other);
                    return Ok(ProbeResult::NotAsked);
                }
            }
        }
        for modifier in modifiers {
            if down.contains(modifier) {
                continue;
            }
            let answer = self.ask(*modifier, true, KeyPurpose::Question).await?;
            if answer != ProbeResult::NotAsked {
                down.push(*modifier);
            }
            if answer != ProbeResult::Counted {
                return Ok(ProbeResult::NotAsked);
            }
        }
        self.ask(key, true, KeyPurpose::Effect).await
    }

    /// Presses a key or releases it, and looks whether that counts.
    async fn ask(
        &mut self,
        key: ProbeKey,
        down: bool,
        purpose: KeyPurpose,
    ) -> Result<ProbeResult, DeliverError> {
        let limit = (self.seat.now() + NO_QUIET).min(self.until);
        let Some(before) = self.quiet(QUIET, limit).await? else {
            return Ok(ProbeResult::NotAsked);
        };
        self.seat.key(key, down).await?;
        let (time, readings) = purpose.patience(self.seat);
        let sent = self.seat.now();
        self.asked = Some(sent);
        let mut looks = 0;
        loop {
            let reading = self.look().await?;
            let is_answered = purpose == KeyPurpose::Effect && self.seat.is_answered();
            if is_answered || reading.differs_from(&before) {
                return Ok(ProbeResult::Counted);
            }
            looks += 1;
            if looks >= readings && reading.asked >= sent + time {
                return Ok(ProbeResult::Held);
            }
        }
    }

    /// Waits until nobody has done anything for `time`; the reading that says so. `None`: not
    /// before `limit`.
    async fn quiet(&self, time: Duration, limit: Instant) -> Result<Option<Reading>, DeliverError> {
        loop {
            let reading = self.look().await?;
            // An answer that is long on its way tells less.
            let wanted = time.max(QUIET + reading.round_trip());
            if reading.idle >= wanted {
                return Ok(Some(reading));
            }
            if reading.answered >= limit {
                return Ok(None);
            }
            // A pause is longer than it is meant to be, by up to a millisecond: the last part is
            // looked through.
            let left = (wanted - reading.idle).min(limit - reading.answered);
            if left > QUIET {
                self.seat.pause(left - QUIET).await;
            }
        }
    }

    /// Waits until somebody does something, or for a short time.
    async fn rest(&self) -> Result<(), DeliverError> {
        self.may_go_on()?;
        self.seat.pause(self.seat.delay()).await;
        self.watch((self.seat.now() + REST).min(self.until)).await
    }

    /// Waits until somebody does something, or until `end`.
    async fn watch(&self, end: Instant) -> Result<(), DeliverError> {
        let mut before = self.look().await?;
        while before.answered < end {
            self.seat.pause(LOOK).await;
            let reading = self.look().await?;
            if reading.differs_from(&before) {
                return Ok(());
            }
            before = reading;
        }
        Ok(())
    }

    async fn look(&self) -> Result<Reading, DeliverError> {
        let asked = self.seat.now();
        let idle = self.seat.idle().await?;
        Ok(Reading { idle, asked, answered: self.seat.now() })
    }
}
