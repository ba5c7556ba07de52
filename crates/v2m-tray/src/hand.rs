//! What the user means by clicks and choices that follow one another. Pure: time is an argument.
//!
//! A start that was chosen in the menu waits until the menu has closed. A click meanwhile, or just
//! after it, is impatience or a trembling hand, and means the same start. If it stopped the
//! recording, nothing would be recorded, and the user would speak to nobody. Two clicks in quick
//! succession are the service's to judge, which takes them for one, as it does with a bouncing key.

use std::time::{Duration, Instant};

/// A menu that has just been chosen from is closed, and the focus is back in its window, before keys
/// are pressed or a dictation remembers the window. Menus fade out in up to a quarter of a second.
pub const MENU_CLOSES: Duration = Duration::from_millis(400);
/// A click so soon after something that the menu did is no wish of its own. As long as the service
/// takes two presses for one (`v2m_core`, `session/trigger.rs`).
const BOUNCE: Duration = Duration::from_millis(300);

/// What the menu has been asked for and what still waits.
#[derive(Debug, Default)]
pub struct Hand {
    /// When the recording is to start that was chosen in the menu.
    starts: Option<Instant>,
    /// Until when a click means what the menu has just done.
    settles: Option<Instant>,
}

impl Hand {
    /// The icon was clicked. Whether that is to start or stop something.
    pub fn clicks(&mut self, now: Instant) -> bool {
        self.starts.is_none() && self.settles.is_none_or(|until| until <= now)
    }

    /// A start was chosen in the menu. [`Self::is_due`] tells when it is to be carried out.
    pub fn starts(&mut self, now: Instant) {
        self.starts.get_or_insert(now + MENU_CLOSES);
    }

    /// A stop was chosen in the menu: to be carried out at once.
    pub fn stops(&mut self, now: Instant) {
        (self.starts, self.settles) = (None, Some(now + BOUNCE));
    }

    /// Cancel was chosen in the menu. Whether v2m is to cancel something: a start that still waits is
    /// all that is cancelled.
    pub fn cancels(&mut self, now: Instant) -> bool {
        self.settles = Some(now + BOUNCE);
        self.starts.take().is_none()
    }

    /// When to ask [`Self::is_due`] next. `None`: not before something is chosen.
    pub fn due(&self) -> Option<Instant> {
        self.starts
    }

    /// Whether the start is to be carried out now, once.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.starts.is_some_and(|at| at <= now);
        if is_due {
            (self.starts, self.settles) = (None, Some(now + BOUNCE));
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_click_while_a_chosen_start_waits_and_just_after_it_means_that_start() {
        let (now, mut hand) = (Instant::now(), Hand::default());
        assert!(hand.clicks(now), "nothing was chosen");
        hand.starts(now);
        assert!(!hand.clicks(after(now, 100)));
        // Chosen twice, it does not wait longer, and starts once.
        hand.starts(after(now, 200));
        assert_eq!(hand.due(), Some(after(now, 400)));
        assert!(!hand.is_due(after(now, 399)));
        assert!(hand.is_due(after(now, 400)));
        assert!(!hand.is_due(after(now, 401)) && hand.due().is_none());
        assert!(!hand.clicks(after(now, 699)));
        assert!(hand.clicks(after(now, 700)), "this one stops it");
    }

    #[test]
    fn a_stop_is_not_followed_by_a_start_that_nobody_wanted() {
        let (now, mut hand) = (Instant::now(), Hand::default());
        hand.starts(now);
        hand.stops(after(now, 100));
        assert_eq!(hand.due(), None);
        assert!(!hand.clicks(after(now, 399)));
        assert!(hand.clicks(after(now, 400)));
    }

    #[test]
    fn cancel_takes_back_the_start_that_waits_and_nothing_else() {
        let (now, mut hand) = (Instant::now(), Hand::default());
        hand.starts(now);
        assert!(!hand.cancels(after(now, 100)), "v2m may have an earlier text under way");
        assert_eq!(hand.due(), None);
        assert!(hand.cancels(after(now, 200)));
        assert!(!hand.clicks(after(now, 300)));
    }
}
