//! Waiting for what no event tells.

use std::time::{Duration, Instant};

/// Only a hang takes so long, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until `probe` gives something; panics with `what` when that takes too long.
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
