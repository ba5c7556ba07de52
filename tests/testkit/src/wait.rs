//! Waits for conditions that send no event.

use std::time::{Duration, Instant};

/// Only a hang takes this long, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Calls `probe` until it returns a value; panics with `what` if that takes too long.
pub fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
