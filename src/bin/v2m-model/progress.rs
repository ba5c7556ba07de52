//! How far a long step is, on standard error: a bar on a terminal, a line at each tenth elsewhere.

use std::io::{IsTerminal, stderr};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

/// The progress of one step over a number of bytes.
pub(crate) enum Progress {
    /// On a terminal.
    Bar(ProgressBar),
    /// In a log: what, bytes in all, bytes done, tenths told.
    Lines(String, u64, u64, u64),
}

impl Progress {
    /// Begins a step over `total` bytes of which `done` are there already.
    pub(crate) fn new(what: &str, total: u64, done: u64) -> Self {
        if stderr().is_terminal() {
            let bar = ProgressBar::new(total).with_message(what.to_owned());
            let style = "{msg} [{bar:30}] {bytes}/{total_bytes}  {bytes_per_sec}  {eta}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_position(done);
            bar.reset_eta();
            return Self::Bar(bar);
        }
        eprintln!("{what}: {}", HumanBytes(total));
        Self::Lines(what.to_owned(), total.max(1), done, 10 * done / total.max(1))
    }

    /// So many bytes more are done.
    pub(crate) fn add(&mut self, bytes: u64) {
        match self {
            Self::Bar(bar) => bar.inc(bytes),
            Self::Lines(what, total, done, told) => {
                *done += bytes;
                let tenths = 10 * *done / *total;
                if tenths > *told {
                    *told = tenths;
                    eprintln!("{what}: {} %", 10 * tenths.min(10));
                }
            }
        }
    }

    /// The bytes done are so many: for a step that had to begin again.
    pub(crate) fn set(&mut self, bytes: u64) {
        match self {
            Self::Bar(bar) => bar.set_position(bytes),
            Self::Lines(_, total, done, told) => (*done, *told) = (bytes, 10 * bytes / *total),
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

/// A size for people.
pub(crate) fn size(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}
