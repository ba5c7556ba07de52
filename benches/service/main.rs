//! `make bench`: what v2m takes, in time, memory and wake-ups. It prints figures and judges
//! nothing.
//!
//! The real programs of a release build, started by a socket as systemd starts them, with a private
//! PipeWire, a virtual microphone, a session bus and a display of their own. `cargo bench --bench
//! service -- press idle` runs only those sections. docs/performance.md tells what the figures
//! mean.
//!
//! | file | what it is for |
//! |---|---|
//! | `lab` | the surroundings: sound, bus, display, the running service |
//! | `figures` | minimum, median, 95th percentile |
//! | `machine` | what it ran on |
//! | `send` | `v2m-send ping` against `/bin/true` |
//! | `ping` | PING on a kept connection against a bare echo |
//! | `press` | press to first captured sample |
//! | `text` | stop to text; memory before and after |
//! | `idle` | wake-ups while nothing is going on |
//! | `process` | what /proc tells of a process |
//!
//! Deliberately not here: limits, comparisons with earlier runs, accuracy.

mod figures;
mod idle;
mod lab;
mod machine;
mod ping;
mod press;
mod process;
mod send;
mod text;

use lab::{BenchResult, Lab};

/// A part of the run.
type Section = fn(&Lab) -> BenchResult<()>;

const SECTIONS: [(&str, Section); 5] = [
    ("send", send::measure),
    ("ping", ping::measure),
    ("press", press::measure),
    ("text", text::measure),
    ("idle", idle::measure),
];

fn main() -> BenchResult<()> {
    // cargo adds options of its own.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if let Some(unknown) = wanted.iter().find(|name| !SECTIONS.iter().any(|(n, _)| n == name)) {
        return Err(format!("no section `{unknown}`: {:?}", SECTIONS.map(|(name, _)| name)).into());
    }
    let lab = Lab::new()?;
    machine::print(&lab);
    for (name, section) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|one| one == name) {
            println!();
            section(&lab)?;
        }
    }
    Ok(())
}
