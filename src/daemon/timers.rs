//! The session's timers, a few at most.

use crate::session::Timer;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Timers(Vec<(Instant, Timer)>);

impl Timers {
    /// Sets a timer. Replaces an equal one.
    pub(super) fn arm(&mut self, timer: Timer, after: Duration) {
        self.disarm(timer);
        self.0.push((Instant::now() + after, timer));
    }

    pub(super) fn disarm(&mut self, timer: Timer) {
        self.0.retain(|(_, armed)| *armed != timer);
    }

    /// Returns the timer that is due first.
    pub(super) fn next(&self) -> Option<(Instant, Timer)> {
        self.0.iter().copied().min_by_key(|(due, _)| *due)
    }
}
