//! Waits for keys that the user still holds when a text is ready. v2m presses nothing before they
//! are up.
//!
//! Users hold a shortcut for 100 to 300 ms, and a text is often ready sooner. Keys that v2m pressed
//! then would make another combination: Ctrl+V becomes Ctrl+Alt+V, which may be the user's own
//! shortcut. So every way of pressing keys waits, for [`PATIENCE`] at most. After that, the text
//! goes to the clipboard, and the user is informed.
//!
//! Desktops differ in what they report. X11 reports which keys are down, and v2m polls it
//! ([`Wait`]). Mutter reports only the idle time, which is enough to detect held keys by probing
//! ([`probe`]). KWin reports which modifiers are down, and no other keys. Hyprland reports nothing,
//! and neither do other desktops behind portals. There v2m waits until a shortcut is usually
//! released ([`USUAL`]). This module only decides when to ask and when to stop. Each way of
//! pressing keys knows how to ask.

pub(crate) mod modifiers;
pub(crate) mod probe;
#[cfg(test)]
mod tests;

use crate::deliver::error::DeliverError;
use std::time::{Duration, Instant};

/// How long after its press a shortcut may still be held, on desktops that do not report keys.
/// Nearly all people have released it by then (100 to 300 ms).
pub(crate) const USUAL: Duration = Duration::from_millis(350);
/// How long the other keys may stay down after the modifiers, on desktops that report only
/// modifiers. Users release all keys within this time.
pub(crate) const REST: Duration = Duration::from_millis(60);
/// How long the user may take to release the keys. A shortcut is usually held for 100 to 300 ms.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// The wait for held keys on desktops that report which keys are down. Pure: the caller asks the
/// desktop and has the clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    until: Instant,
}

impl Wait {
    /// Starts the wait at `now`.
    pub(crate) fn from(now: Instant) -> Self {
        Self { until: now + PATIENCE }
    }

    /// Decides the next step, given whether any key is down. `None`: press. `Some`: ask again at
    /// that time.
    ///
    /// # Errors
    /// [`DeliverError::KeysHeld`]: [`PATIENCE`] is over.
    pub(crate) fn next(
        self,
        any_down: bool,
        now: Instant,
        interval: Duration,
    ) -> Result<Option<Instant>, DeliverError> {
        if !any_down {
            return Ok(None);
        }
        if now >= self.until {
            return Err(DeliverError::KeysHeld);
        }
        Ok(Some((now + interval).min(self.until)))
    }
}
