//! Policy: measures how long an engine has been silent although it could have worked. Pure.
//!
//! Delays that the engine cannot help do not count. The time since the last look counts
//!
//! - in full, if none of its threads wants a processor: it sleeps, is stopped, or waits for a
//!   device;
//! - as far as it got a processor, if one does: the rest it spent waiting for other programs.
//!
//! So an engine that computes for ever and one that sleeps for ever both count as hung, but a
//! starved engine gets more time. A late look shows nothing about the time before it: the daemon
//! was starved too, or both were frozen.

use std::time::Duration;
use tokio::time::Instant;

/// The time between two looks at an engine with work.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Maximum time that one look may count. Timers and a busy daemon may be late.
const STRETCH: Duration = Duration::from_secs(4);

/// What the system shows about an engine's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// The processor time that all its threads have used so far.
    pub(super) used: Duration,
    /// Whether any of its threads computes or waits for a processor.
    pub(super) wants: bool,
}

/// A period without a sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Silence {
    since: Instant,
    /// How much of the period counts.
    pub(super) counted: Duration,
    /// The processor time used in the period.
    used: Duration,
    /// The time spent waiting for a processor.
    pub(super) starved: Duration,
}

impl Silence {
    fn begin(now: Instant) -> Self {
        let none = Duration::ZERO;
        Self { since: now, counted: none, used: none, starved: none }
    }

    /// Whether the engine computed for most of the time that counts.
    pub(super) fn computing(&self) -> bool {
        self.used * 2 >= self.counted
    }

    fn add(&mut self, stretch: Duration, used: Duration, wants: bool) {
        let used = used.min(stretch);
        let counts = if wants { used } else { stretch };
        self.counted += counts;
        self.used += used;
        self.starved += stretch - counts;
    }
}

/// All observations of one engine.
#[derive(Debug)]
pub(super) struct Vigil {
    looked: Instant,
    used: Duration,
    /// The silence without progress.
    progress: Silence,
    /// The silence without an answer to the last ping.
    ping: Option<Silence>,
}

impl Vigil {
    pub(super) fn begin(now: Instant) -> Self {
        let progress = Silence::begin(now);
        Self { looked: now, used: Duration::ZERO, progress, ping: None }
    }

    /// Notes that the engine begins to work after a rest.
    pub(super) fn rouse(&mut self, now: Instant) {
        self.ping = None;
        self.progressed(now);
    }

    /// Notes that the engine made progress, or got new work.
    pub(super) fn progressed(&mut self, now: Instant) {
        self.progress = Silence::begin(now);
    }

    pub(super) fn pinged(&mut self, now: Instant) {
        self.ping = Some(Silence::begin(now));
    }

    pub(super) fn answered(&mut self) {
        self.ping = None;
    }

    /// Adds a look. If the system shows nothing, all time counts.
    pub(super) fn look(&mut self, now: Instant, look: Option<Look>) {
        let stretch = now.saturating_duration_since(self.looked).min(STRETCH);
        self.looked = now;
        let used = look.map_or(Duration::ZERO, |look| look.used.saturating_sub(self.used));
        self.used = look.map_or(self.used, |look| look.used);
        let wants = look.is_some_and(|look| look.wants);
        for silence in [Some(&mut self.progress), self.ping.as_mut()].into_iter().flatten() {
            let own = now.saturating_duration_since(silence.since).min(stretch);
            silence.add(own, used, wants);
        }
    }

    /// Returns the silence without progress.
    pub(super) fn without_progress(&self) -> Silence {
        self.progress
    }

    /// Returns the silence since a ping that has not been answered.
    pub(super) fn without_answer(&self) -> Option<Silence> {
        self.ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Sixty looks, two seconds apart, at an engine that uses `used` of each two seconds.
    fn minutes(used: Duration, wants: bool) -> Vigil {
        let start = Instant::now();
        let mut vigil = Vigil::begin(start);
        vigil.pinged(start);
        for look in 1..=60 {
            let shown = Look { used: used * look, wants };
            vigil.look(start + 2 * SECOND * look, Some(shown));
        }
        vigil
    }

    #[test]
    fn sleeping_and_spinning_count_and_starving_does_not() {
        let asleep = minutes(Duration::ZERO, false).without_progress();
        assert_eq!((asleep.counted, asleep.computing()), (120 * SECOND, false));
        let spinning = minutes(2 * SECOND, true).without_progress();
        assert_eq!((spinning.counted, spinning.computing()), (120 * SECOND, true));
        // Two threads can use more processor time than the time that passes.
        assert_eq!(minutes(4 * SECOND, true).without_progress().counted, 120 * SECOND);
        let starved = minutes(Duration::ZERO, true).without_progress();
        assert_eq!((starved.counted, starved.starved), (Duration::ZERO, 120 * SECOND));
        // An engine with a tenth of a processor gets ten times as long.
        let hungry = minutes(SECOND / 5, true);
        assert_eq!(hungry.without_progress().counted, 12 * SECOND);
        assert_eq!(hungry.without_answer(), Some(hungry.without_progress()));
    }

    #[test]
    fn a_sign_of_life_begins_a_new_silence() {
        let mut vigil = minutes(Duration::ZERO, false);
        let now = vigil.looked + SECOND;
        vigil.progressed(now);
        vigil.answered();
        vigil.look(now + SECOND, Some(Look { used: Duration::ZERO, wants: false }));
        assert_eq!(vigil.without_progress().counted, SECOND);
        assert_eq!(vigil.without_answer(), None);
    }

    #[test]
    fn a_daemon_that_was_frozen_itself_blames_nobody() {
        let start = Instant::now();
        let mut vigil = Vigil::begin(start);
        vigil.look(start + 600 * SECOND, Some(Look { used: Duration::ZERO, wants: false }));
        assert_eq!(vigil.without_progress().counted, STRETCH);
    }

    #[test]
    fn where_nothing_is_shown_all_time_counts() {
        let start = Instant::now();
        let mut vigil = Vigil::begin(start);
        for look in 1..=5 {
            vigil.look(start + 2 * SECOND * look, None);
        }
        assert_eq!(vigil.without_progress().counted, 10 * SECOND);
    }
}
