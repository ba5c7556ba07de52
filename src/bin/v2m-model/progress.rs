//! Output of v2m-model: answers on standard output, and the progress of a long step on standard
//! error (a bar on a terminal, otherwise a line now and then).

use std::fmt::Display;
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use v2m_ipc::plain;
use v2m_messages::tr;

use indicatif::{DecimalBytes, ProgressBar, ProgressStyle};

/// Minimum time between two lines about one step in a log.
const LINES: Duration = Duration::from_secs(3);

/// Prints a line of the answer. Ignores a closed pipe (`v2m-model list | head`).
pub(crate) fn say(line: impl Display) {
    let _ = plain::print(line);
}

/// The progress of one step over a number of bytes.
pub(crate) enum Progress {
    /// On a terminal.
    Bar(ProgressBar),
    /// In a log.
    Lines {
        /// Name of the step.
        what: String,
        /// Total number of bytes.
        total: u64,
        /// Number of bytes done.
        done: u64,
        /// When the last line was printed, or the step began.
        told: Instant,
    },
}

impl Progress {
    /// Begins a step over `total` bytes, with `done` of them already there.
    pub(crate) fn new(what: &str, total: u64, done: u64) -> Self {
        if !stderr().is_terminal() {
            let (what, total) = (what.to_owned(), total.max(1));
            return Self::Lines { what, total, done, told: Instant::now() };
        }
        let bar = ProgressBar::new(total).with_message(plain::line(what).into_owned());
        let style = "{msg} [{bar:30}] {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {eta}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_position(done);
        bar.reset_eta();
        Self::Bar(bar)
    }

    /// Adds this many bytes.
    pub(crate) fn add(&mut self, bytes: u64) {
        match self {
            Self::Bar(bar) => bar.inc(bytes),
            Self::Lines { what, total, done, told } => {
                *done += bytes;
                if told.elapsed() >= LINES {
                    *told = Instant::now();
                    let percent = (100 * *done / *total).min(100);
                    plain::complain(tr!(
                        "{what}: {percent} % of {size}",
                        what,
                        percent,
                        size = DecimalBytes(*total)
                    ));
                }
            }
        }
    }

    /// Sets the number of bytes done, for a step that had to start over.
    pub(crate) fn set(&mut self, bytes: u64) {
        match self {
            Self::Bar(bar) => bar.set_position(bytes),
            Self::Lines { done, .. } => *done = bytes,
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// Formats a size for people.
pub(crate) fn size(bytes: u64) -> String {
    format!("{} MB", (bytes + 500_000) / 1_000_000)
}
