//! Summarises durations as minimum, median and 95th percentile.

use std::time::Duration;

/// Durations of the same step, unordered.
#[derive(Default)]
pub(crate) struct Figures(Vec<Duration>);

impl Figures {
    pub(crate) fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns the duration that `part` (0 to 1) of all do not exceed; zero if there are none.
    pub(crate) fn quantile(&self, part: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (part * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// Prints a row in milliseconds.
    pub(crate) fn print_ms(&self, what: &str) {
        let [min, median, p95] =
            [0.0, 0.5, 0.95].map(|part| self.quantile(part).as_secs_f64() * 1e3);
        println!("  {what:44} {min:9.2} {median:9.2} {p95:9.2}  {:5}", self.count());
    }
}

/// Prints the head of a table of [`Figures::print_ms`].
pub(crate) fn head_ms(title: &str) {
    println!("{title}");
    println!("  {:44} {:>9} {:>9} {:>9}  {:>5}", "milliseconds", "min", "median", "p95", "runs");
}

/// Returns `a` divided by `b`.
pub(crate) fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64().max(f64::MIN_POSITIVE)
}
