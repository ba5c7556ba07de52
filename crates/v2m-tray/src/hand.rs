//! Interprets clicks and menu choices that follow one another. Pure: time is an argument.
//!
//! A start chosen in the menu waits until the menu has closed. A click meanwhile, or just after it,
//! comes from impatience or a trembling hand, and means the same start. If it stopped the
//! recording, nothing would be recorded, although the user speaks. Two clicks in quick succession
//! are left to the service, which counts them as one, as with a bouncing key.

use std::time::{Duration, Instant};

/// Time for the menu to close and the focus to return to its window. Only then may keys be pressed
/// or a dictation note the window. Menus take up to a quarter of a second to fade out.
pub const MENU_CLOSES: Duration = Duration::from_millis(400);
/// A click this soon after a menu action is ignored. The service counts two presses as one for the
/// same time (`v2m_core`, `session/trigger.rs`).
const BOUNCE: Duration = Duration::from_millis(300);

/// The last menu actions, and a start that still waits.
#[derive(Debug, Default)]
pub struct Hand {
    /// When to start the recording that was chosen in the menu.
    starts: Option<Instant>,
    /// Until when a click repeats the last menu action, and is ignored.
    settles: Option<Instant>,
}

impl Hand {
    /// Notes a click on the icon. Returns whether it starts or stops a recording.
    pub fn clicks(&mut self, now: Instant) -> bool {
        self.starts.is_none() && self.settles.is_none_or(|until| until <= now)
    }

    /// Notes that a start was chosen in the menu. [`Self::is_due`] reports when to carry it out.
    pub fn starts(&mut self, now: Instant) {
        self.starts.get_or_insert(now + MENU_CLOSES);
    }

    /// Notes that a stop was chosen in the menu, which is carried out at once.
    pub fn stops(&mut self, now: Instant) {
        (self.starts, self.settles) = (None, Some(now + BOUNCE));
    }

    /// Notes that Cancel was chosen in the menu. Returns whether v2m must cancel something; if a
    /// start still waits, only that start is cancelled.
    pub fn cancels(&mut self, now: Instant) -> bool {
        self.settles = Some(now + BOUNCE);
        self.starts.take().is_none()
    }

    /// Returns when to call [`Self::is_due`] next. `None`: not before something is chosen.
    pub fn due(&self) -> Option<Instant> {
        self.starts
    }

    /// Whether to carry out the start now. True only once.
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
        // If it is chosen twice, it waits no longer and starts once.
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
