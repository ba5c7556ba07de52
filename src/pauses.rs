//! Waits between attempts to reconnect.
//!
//! A bus that restarts is there within a second, so the first attempts come soon. One that stays
//! away must not keep the machine awake: each wait is twice as long as the one before, up to an
//! hour.
//! an hour.

use std::time::Duration;
use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// A connection that lasted this long was a good one: after it the waits are short again. After
/// connections that are lost at once, again and again, the waits keep growing.
const STEADY: Duration = Duration::from_secs(10);

/// State of the wait before the next attempt.
#[derive(Debug)]
pub struct Pauses {
    next: Duration,
    connected: Option<Instant>,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { next: FIRST, connected: None }
    }
}

impl Pauses {
    /// Notes that an attempt succeeded.
    pub fn connected(&mut self) {
        self.connected = Some(Instant::now());
    }

    /// Returns the wait before the next attempt.
    pub fn next_pause(&mut self) -> Duration {
        if self.connected.take().is_some_and(|since| since.elapsed() >= STEADY) {
            self.next = FIRST;
        }
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_until_a_connection_has_stood() {
        let mut pauses = Pauses::default();
        let three = |pauses: &mut Pauses| [(); 3].map(|()| pauses.next_pause().as_millis());
        assert_eq!(three(&mut pauses), [250, 500, 1000]);
        pauses.connected();
        tokio::time::advance(STEADY - Duration::from_millis(1)).await;
        assert_eq!(three(&mut pauses), [2000, 4000, 8000], "it was lost at once");
        pauses.connected();
        tokio::time::advance(STEADY).await;
        assert_eq!(three(&mut pauses), [250, 500, 1000]);
        assert_eq!((0..40).map(|_| pauses.next_pause()).max(), Some(LONGEST));
    }
}
