//! The monotonic clock in nanoseconds. Not `Instant`: PipeWire tells the times of its cycles as
//! readings of CLOCK_MONOTONIC, and only a number can be compared with them.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// A reading of CLOCK_MONOTONIC, in nanoseconds. Later than any, for "never": [`NEVER`].
pub(super) type Nanos = i64;

/// A time that does not come.
pub(super) const NEVER: Nanos = Nanos::MAX;

/// The time now. Safe on a realtime thread (answered by the vDSO).
pub(super) fn now() -> Nanos {
    let t = clock_gettime(ClockId::Monotonic);
    t.tv_sec * 1_000_000_000 + t.tv_nsec
}

/// `time` and `wait` after it.
pub(super) fn after(time: Nanos, wait: Duration) -> Nanos {
    time.saturating_add(Nanos::try_from(wait.as_nanos()).unwrap_or(NEVER))
}

/// From `from` to `to`, nothing if that is backwards.
pub(super) fn between(from: Nanos, to: Nanos) -> Duration {
    Duration::from_nanos(u64::try_from(to.saturating_sub(from)).unwrap_or(0))
}
