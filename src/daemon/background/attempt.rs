//! One more attempt at a recording: when, and with which engine and model.
//!
//! A recording on which the recogniser failed is tried again by itself after longer and longer
//! waits, also across restarts: first with the plain engine for any processor, then with smaller
//! models that are installed. A model that one engine alone runs would fail again there, so the next
//! model comes at once. The store counts the attempts.

use crate::config::Settings;
use crate::daemon::Reply;
use crate::daemon::engine::{Models, Plan};
use crate::daemon::requests::answer;
use crate::session::{Failure, JobId};
use crate::store::{TryRecord, Unfinished};
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// How long a recording waits after the first failed try, the second, and so on. The first wait
/// gives a machine that was short of memory time; the last ones are for models that the user
/// installs meanwhile.
const WAITS: [Duration; 5] =
    [minutes(1), minutes(5), minutes(30), minutes(2 * 60), minutes(8 * 60)];

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// A client that asked for the attempt.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) plan: Plan,
    pub(super) reply: Reply,
}

/// An attempt to come, or under way.
#[derive(Debug)]
pub(in crate::daemon) struct Attempt {
    pub(super) left: Unfinished,
    /// Not before this moment.
    pub(super) due: Instant,
    /// `None`: it is made by itself.
    pub(super) asked: Option<Asked>,
    /// Which dictation of the store it is, counted back from the last: 1. As it was when it was
    /// opened.
    pub(super) number: Option<u32>,
    /// Its job, once the store has counted it: a dictation came in between.
    pub(super) job: Option<JobId>,
}

impl Attempt {
    /// One that is made by itself. `now` is the clock's time, which may have been set meanwhile.
    pub(super) fn by_itself(left: Unfinished, now: Timestamp) -> Self {
        let due = Instant::now() + wait(&left.tries, now);
        Self { left, due, asked: None, number: None, job: None }
    }

    pub(super) fn asked(left: Unfinished, asked: Asked) -> Self {
        Self { left, due: Instant::now(), asked: Some(asked), number: None, job: None }
    }

    /// Tells the client, if one asked, that it is not made now. The recording stays in the store.
    pub(super) fn refuse(self, failure: &Failure) {
        if let Some(asked) = self.asked {
            answer(asked.reply, Err(failure.clone()));
        }
    }

    /// Whether it differs from what is done with every recording of an interrupted run.
    pub(super) fn is_special(&self) -> bool {
        self.asked.is_some() || !self.left.tries.is_empty()
    }

    /// With what it is transcribed.
    pub(super) fn plan(&self, models: &Models, settings: &Settings) -> Plan {
        let language = self.left.language.clone();
        let plan = match &self.asked {
            Some(asked) => asked.plan.clone(),
            None => {
                let smaller = models.smaller(settings, language.as_deref());
                let is_alone = models.has_one_engine(settings) && !smaller.is_empty();
                step(self.left.tries.len(), smaller, is_alone)
            }
        };
        // Without a wish it is the language in which the user began to dictate.
        Plan { language: plan.language.or(language.map(Some)), ..plan }
    }
}

/// The plan after so many failed tries; `smaller`: models that are installed, the largest first.
/// `is_alone`: there is no other engine to try the usual model with.
fn step(tries: usize, smaller: Vec<String>, is_alone: bool) -> Plan {
    let Some(steps) = tries.checked_sub(1) else { return Plan::default() };
    let steps = steps + usize::from(is_alone);
    let last = smaller.len();
    let model = steps.min(last).checked_sub(1).and_then(|index| smaller.into_iter().nth(index));
    Plan { model, language: None, is_safest: true }
}

/// How long to wait from `now` on.
fn wait(tries: &[TryRecord], now: Timestamp) -> Duration {
    let Some(last) = tries.last() else { return Duration::ZERO };
    let wait = WAITS[(tries.len() - 1).min(WAITS.len() - 1)];
    let Ok(at) = last.at.parse::<Timestamp>() else { return wait };
    // A clock that was set back does not make it longer.
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
