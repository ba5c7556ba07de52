//! The monotonic clock in nanoseconds. `Instant` does not fit: PipeWire gives the times of its
//! cycles as readings of CLOCK_MONOTONIC, and only a number can be compared with them.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// A reading of CLOCK_MONOTONIC, in nanoseconds. [`NEVER`] is later than any reading.
pub(super) type Nanos = i64;

/// A time that never comes.
pub(super) const NEVER: Nanos = Nanos::MAX;

/// Reads the clock. Safe on a realtime thread (the vDSO answers it).
pub(super) fn now() -> Nanos {
    let t = clock_gettime(ClockId::Monotonic);
    t.tv_sec * 1_000_000_000 + t.tv_nsec
}

/// Returns `time` plus `wait`.
pub(super) fn after(time: Nanos, wait: Duration) -> Nanos {
    time.saturating_add(Nanos::try_from(wait.as_nanos()).unwrap_or(NEVER))
}

/// Returns the time from `from` to `to`, or zero if `to` is earlier.
pub(super) fn between(from: Nanos, to: Nanos) -> Duration {
    Duration::from_nanos(u64::try_from(to.saturating_sub(from)).unwrap_or(0))
}
