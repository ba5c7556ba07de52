//! Keys that the user still holds when a text is ready: nothing is pressed before they are up.
//!
//! A hand holds a shortcut for 100 to 300 ms, and a text is often ready sooner. What v2m pressed
//! then would be another combination: Ctrl+V becomes Ctrl+Alt+V, which may be the user's own
//! shortcut. So every way to the cursor waits, for [`PATIENCE`] at most; then the text goes to the
//! clipboard, and the user is told.
//!
//! Desktops differ in what they tell. X11 tells which keys are down: it is asked again and again
//! ([`Wait`]). Mutter tells only how long nobody has done anything, and that is enough to find out
//! by trying ([`probe`]). KWin tells which modifiers are down, and no other key. Other desktops
//! behind portals tell nothing, nor does Hyprland: there the keys wait until a shortcut is usually
//! up ([`USUAL`]). Here is only when to ask and when to stop; how to ask is known to the ways
//! themselves.

pub(crate) mod modifiers;
pub(crate) mod probe;
#[cfg(test)]
mod tests;

use crate::deliver::error::DeliverError;
use std::time::{Duration, Instant};

/// How long after its press a shortcut is not yet trusted to be up, where nothing tells whether it
/// is: nearly all people have let go by then (100 to 300 ms).
pub(crate) const USUAL: Duration = Duration::from_millis(350);
/// How long the other keys may take to follow the modifiers, where only those are told: a hand lets
/// go of all within this time.
pub(crate) const REST: Duration = Duration::from_millis(60);
/// How long the user may take to release the keys. A shortcut is held for 100 to 300 ms as a rule.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// The waiting for keys where the desktop tells which ones are down. Pure: the caller asks, and has
/// the clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    until: Instant,
}

impl Wait {
    /// Begins to wait.
    pub(crate) fn from(now: Instant) -> Self {
        Self { until: now + PATIENCE }
    }

    /// What to do now that keys are down, or none is: press (`None`), or ask again at a time.
    ///
    /// # Errors
    /// [`DeliverError::KeysHeld`]: the patience is over.
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
