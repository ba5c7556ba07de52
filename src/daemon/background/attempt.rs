//! Another attempt at a recording: when to make it, and with which engine and model.
//!
//! After the recogniser failed on a recording, the daemon tries again after increasing waits, also
//! across restarts: first with the plain engine for any processor, then with smaller installed
//! models. If only one engine can run a model, that model would fail again, so the next attempt
//! uses the next model. The store counts the attempts.

use crate::config::Settings;
use crate::daemon::Reply;
use crate::daemon::engine::{Models, Plan};
use crate::daemon::requests::answer;
use crate::session::{Failure, JobId};
use crate::store::{TryRecord, Unfinished};
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// Waits before each retry: after the first failed try, the second, and so on. The first wait lets
/// a machine recover that was short of memory; the last ones give the user time to install another
/// model.
const WAITS: [Duration; 5] =
    [minutes(1), minutes(5), minutes(30), minutes(2 * 60), minutes(8 * 60)];

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// A client that requested the attempt.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) plan: Plan,
    pub(super) reply: Reply,
}

/// A pending or running attempt.
#[derive(Debug)]
pub(in crate::daemon) struct Attempt {
    pub(super) left: Unfinished,
    /// Earliest time of the attempt.
    pub(super) due: Instant,
    /// The client that requested it; `None` for an automatic attempt.
    pub(super) asked: Option<Asked>,
    /// Number of the dictation in the store, counted back from the last (1), when it was opened.
    pub(super) number: Option<u32>,
    /// Its job, if the store has already counted the attempt before a dictation interrupted it.
    pub(super) job: Option<JobId>,
}

impl Attempt {
    /// Creates an automatic attempt. `now` is the wall clock, which may have been set meanwhile.
    pub(super) fn by_itself(left: Unfinished, now: Timestamp) -> Self {
        let due = Instant::now() + wait(&left.tries, now);
        Self { left, due, asked: None, number: None, job: None }
    }

    pub(super) fn asked(left: Unfinished, asked: Asked) -> Self {
        Self { left, due: Instant::now(), asked: Some(asked), number: None, job: None }
    }

    /// Tells the client, if any, that the attempt is not made now. The recording stays in the
    /// store.
    pub(super) fn refuse(self, failure: &Failure) {
        if let Some(asked) = self.asked {
            answer(asked.reply, Err(failure.clone()));
        }
    }

    /// Whether it differs from the usual recovery after an interrupted run.
    pub(super) fn is_special(&self) -> bool {
        self.asked.is_some() || !self.left.tries.is_empty()
    }

    /// Returns the engine, model and language for this attempt.
    pub(super) fn plan(&self, models: &Models, settings: &Settings) -> Plan {
        let language = self.left.language.clone();
        let plan = match &self.asked {
            Some(asked) => asked.plan.clone(),
            None => {
                let smaller = models.smaller(settings, language.as_deref());
                let failed = self.left.tries.last().map(|last| &*last.engine);
                let is_alone = models.has_no_other_engine(settings, failed) && !smaller.is_empty();
                step(self.left.tries.len(), smaller, is_alone)
            }
        };
        // By default, use the language in which the user began to dictate.
        Plan { language: plan.language.or(language.map(Some)), ..plan }
    }
}

/// Returns the plan after `tries` failed tries. `smaller` lists installed smaller models, largest
/// first. `is_alone`: no other engine can run the usual model.
fn step(tries: usize, smaller: Vec<String>, is_alone: bool) -> Plan {
    let Some(steps) = tries.checked_sub(1) else { return Plan::default() };
    let steps = steps + usize::from(is_alone);
    let last = smaller.len();
    let model = steps.min(last).checked_sub(1).and_then(|index| smaller.into_iter().nth(index));
    Plan { model, language: None, is_safest: true }
}

/// Returns the time from `now` until the next attempt.
fn wait(tries: &[TryRecord], now: Timestamp) -> Duration {
    let Some(last) = tries.last() else { return Duration::ZERO };
    let wait = WAITS[(tries.len() - 1).min(WAITS.len() - 1)];
    let Ok(at) = last.at.parse::<Timestamp>() else { return wait };
    // A clock that was set back must not extend the wait.
    let passed = Duration::try_from(now.duration_since(at)).unwrap_or_default();
    wait.saturating_sub(passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(at: &str) -> TryRecord {
        TryRecord { at: at.into(), ..TryRecord::default() }
    }

    #[test]
    fn it_waits_longer_each_time_and_no_longer_for_a_clock_that_was_set() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        assert_eq!(wait(&[], now), Duration::ZERO);
        let mut tries = Vec::new();
        for expected in WAITS.into_iter().chain([WAITS[4]]) {
            tries.push(tried("2026-11-21T10:00:00Z"));
            assert_eq!(wait(&tries, now), expected);
        }
        assert_eq!(wait(&[tried("2026-11-21T09:59:15Z")], now), Duration::from_secs(15));
        assert_eq!(wait(&[tried("2026-11-20T10:00:00Z")], now), Duration::ZERO);
        assert_eq!(wait(&[tried("2027-01-01T10:00:00Z")], now), WAITS[0]);
        assert_eq!(wait(&[tried("yesterday")], now), WAITS[0]);
    }

    #[test]
    fn the_plain_engine_comes_first_and_then_ever_smaller_models() {
        let smaller = || vec!["base".to_owned(), "tiny".to_owned()];
        assert_eq!(step(0, smaller(), false), Plan::default());
        let models: Vec<_> = (1..=5).map(|tries| step(tries, smaller(), false).model).collect();
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(models, [None, named("base"), named("tiny"), named("tiny"), named("tiny")]);
        assert!((1..=5).all(|tries| step(tries, Vec::new(), false) == step(1, smaller(), false)));
        assert!(step(1, Vec::new(), false).is_safest);
        let models: Vec<_> = (1..=3).map(|tries| step(tries, smaller(), true).model).collect();
        assert_eq!(models, [named("base"), named("tiny"), named("tiny")]);
        assert_eq!(step(0, smaller(), true), Plan::default());
    }
}
