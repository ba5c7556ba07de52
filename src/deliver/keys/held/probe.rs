//! Detects keys that the user holds by probing, on a desktop that reports only the idle time.
//!
//! Mutter counts each key over the whole seat. A virtual press of a key that is already down
//! changes nothing, and only a press or release that changes something counts as activity. So v2m
//! presses a key and checks whether the idle time restarts. If it does, nobody else holds that key.
//! (Seen on GNOME 43.9 and 48.7; delay 1 to 2 ms.)
//!
//! The probing keys are safe whatever the user holds. Control comes first, alone: while the user
//! holds it, our press does nothing. The other modifiers of the shortcut are pressed and released
//! while our Control is down, so that Super opens no overview and Alt no menu. The last key of the
//! combination is pressed once all modifiers are up, and is a probe too: if the user holds that
//! key, nothing happens, and it is pressed again later. (If the user releases another key exactly
//! while Control is probed, the answer may be wrong. Then the user still holds Control too, and the
//! combination is the same.)
//!
//! A moving mouse is activity as well, and hides the answer. So a round of probes starts only after
//! [`CALM`], and the text waits while the mouse moves. (Pressing Shift+Insert repeatedly meanwhile
//! would paste at once, but a slow window would get the text twice, and a terminal would get
//! another text.) The last key is pressed again only once the desktop has shown that it did
//! nothing.

use super::PATIENCE;
use crate::deliver::error::DeliverError;
use std::time::{Duration, Instant};

/// The idle time required before a round of probes. A moving mouse causes activity more often than
/// this.
const CALM: Duration = Duration::from_millis(20);
/// The idle time required before one of our keys, so that the activity seen afterwards comes from
/// that key. The idle time is in whole milliseconds.
const QUIET: Duration = Duration::from_millis(2);
/// How long to wait for that idle time before one of our keys.
const NO_QUIET: Duration = Duration::from_millis(40);
/// How long to wait between two rounds if there is no activity. A key release is seen at once.
const REST: Duration = Duration::from_millis(50);
/// If no probe was possible for this long at the end, the obstacle was not a held key.
const LATELY: Duration = Duration::from_millis(400);
/// The interval at which the idle time is read between two rounds.
const LOOK: Duration = Duration::from_millis(4);

/// The purpose of a key press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyPurpose {
    /// The key is only a probe. If the answer is late, the key is probed again, and nothing is
    /// lost.
    Question,
    /// The key pastes or writes. A second press might do so twice.
    Effect,
}

impl KeyPurpose {
    /// Returns how long the key may take to show as activity. Both the time and the number of
    /// readings must be used up.
    fn patience(self, seat: &impl Seat) -> (Duration, u32) {
        match self {
            Self::Question => (seat.delay(), 3),
            Self::Effect => (seat.stall(), 12),
        }
    }
}

/// A key to press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProbeKey {
    /// A key by its place: the kernel's code (input-event-codes.h).
    Code(u32),
    /// A key by its meaning: xkb's keysym.
    Symbol(u32),
}

/// A desktop on which keys can be pressed and the idle time can be read.
pub(crate) trait Seat: Sync {
    /// Returns the current time.
    fn now(&self) -> Instant;

    /// Waits for `time`.
    fn pause(&self, time: Duration) -> impl Future<Output = ()> + Send;

    /// Reads the idle time, rounded down to milliseconds.
    fn idle(&self) -> impl Future<Output = Result<Duration, DeliverError>> + Send;

    /// Presses a key (`down`) or releases it.
    fn key(
        &self,
        key: ProbeKey,
        down: bool,
    ) -> impl Future<Output = Result<(), DeliverError>> + Send;

    /// Returns how long a key usually takes to show as activity, at most.
    fn delay(&self) -> Duration;

    /// Returns the time after which a key that has not shown as activity has certainly done
    /// nothing, however busy the desktop is.
    fn stall(&self) -> Duration;

    /// Whether a window has answered the last [`ProbeKey::Symbol`] that was pressed. If so, the
    /// user did not hold that key, whatever the idle time says.
    fn is_answered(&self) -> bool;
}

/// The keys to probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProbeKeys {
    /// Control, which is pressed first and held during the round.
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
    /// Whether there was activity since `earlier`. Without activity, the idle time would have grown
    /// as much as the clock.
    fn differs_from(&self, earlier: &Self) -> bool {
        let grown = self.asked.saturating_duration_since(earlier.answered).as_millis();
        self.idle.as_millis() < earlier.idle.as_millis() + grown
    }

    /// Returns how long the answer took.
    fn round_trip(&self) -> Duration {
        self.answered - self.asked
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProbeResult {
    /// The key counted as activity, so nobody else holds it.
    Counted,
    /// The key did nothing, so somebody else holds it.
    Held,
    /// There was no quiet moment for a probe, and nothing was pressed.
    NotAsked,
}

/// Waits until the keys in `asked` are up, then presses and releases `modifiers` and `key`.
///
/// # Errors
/// [`DeliverError::KeysHeld`], [`DeliverError::KeysUnclear`]: only probes were pressed. Other
/// errors come from the desktop.
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
            // The user did not hold the key. The desktop was slow to show it.
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
/// The same as for [`press`].
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

/// Presses and releases `modifiers`, which are known to be up, and `key`. Waits until the user's
/// `key` is up.
///
/// # Errors
/// The same as for [`press`].
pub(crate) async fn press_one(
    seat: &impl Seat,
    modifiers: &[ProbeKey],
    key: ProbeKey,
) -> Result<(), DeliverError> {
    let mut probe = Probe::new(seat);
    // By then, the keys pressed before have shown as activity.
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
    /// The time of the last probe.
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

    /// Waits until all modifiers are up. Afterwards our Control is down.
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

    /// Whether all modifiers are up. If so, our Control is down afterwards. If not, none of our
    /// keys is.
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
                // The user may press this key in between.
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

    /// Presses and releases a combination. The user's modifiers are up, and our keys in `down` are
    /// already down. Afterwards none of our keys is down.
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

    /// Presses the combination as [`Self::strike`] does, and records in `down` the modifiers that
    /// it leaves down. Each key is probed, because late activity must not be taken for that of the
    /// next key.
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

    /// Presses or releases a key, and checks whether that counts as activity.
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

    /// Waits until there was no activity for `time`, and returns the reading that shows it. `None`:
    /// this did not happen before `limit`.
    async fn quiet(&self, time: Duration, limit: Instant) -> Result<Option<Reading>, DeliverError> {
        loop {
            let reading = self.look().await?;
            // A slow answer is less precise.
            let wanted = time.max(QUIET + reading.round_trip());
            if reading.idle >= wanted {
                return Ok(Some(reading));
            }
            if reading.answered >= limit {
                return Ok(None);
            }
            // A pause lasts up to a millisecond longer than requested, so the last part is polled.
            let left = (wanted - reading.idle).min(limit - reading.answered);
            if left > QUIET {
                self.seat.pause(left - QUIET).await;
            }
        }
    }

    /// Waits until there is activity, or for a short time.
    async fn rest(&self) -> Result<(), DeliverError> {
        self.may_go_on()?;
        self.seat.pause(self.seat.delay()).await;
        self.watch((self.seat.now() + REST).min(self.until)).await
    }

    /// Waits until there is activity, or until `end`.
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
