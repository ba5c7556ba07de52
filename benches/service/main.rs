//! `make bench` measures v2m's time, memory and wake-ups. It prints figures and judges nothing.
//!
//! It uses the real programs of a release build, started by a socket as systemd does it, with a
//! private PipeWire, virtual microphone, session bus and display. `cargo bench --bench service --
//! press idle` runs only those sections. docs/performance.md explains the figures.
//!
//! | file | content |
//! |---|---|
//! | `lab` | the environment: sound, bus, display, the running service |
//! | `figures` | minimum, median, 95th percentile |
//! | `machine` | the machine and the build |
//! | `send` | `v2m-send ping` compared with `/bin/true` |
//! | `ping` | PING on a kept connection compared with a bare echo |
//! | `press` | press to first captured sample |
//! | `text` | stop to text; memory before and after |
//! | `idle` | wake-ups while the service is idle |
//! | `process` | a process's figures from /proc |
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
    // cargo adds its own options.
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
