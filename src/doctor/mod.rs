//! `v2m doctor`: each thing a dictation needs, looked at as the user has it, a line each with its
//! fix.
//!
//! Looks and asks; changes nothing. The clipboard is not written to: it is the user's.

mod desktop;
mod language_model;
mod programs;
mod service;

use std::io::Write;
use v2m_ipc::plain;

/// How a check went.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Finding {
    /// As it should be.
    Good(String),
    /// Dictation works, something beside it does not.
    Poor(String),
    /// Dictation does not work.
    Bad(String),
    /// There is nothing to look at.
    None,
}

use Finding::{Bad, Good, Poor};

/// What all the findings amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Dictation works.
    Works,
    /// The service transcribes, but cannot hear: there is no microphone, or no PipeWire, here and
    /// now.
    Deaf,
    /// Dictation does not work.
    Broken,
}

/// The name of a check, and the check.
type Check = (&'static str, fn(&mut service::ServiceCheck) -> Finding);

/// The check whose failure leaves the service itself sound.
const MICROPHONE: &str = "microphone";

/// In the order of a dictation, so that the first bad line is the one to mend first.
const CHECKS: [Check; 13] = [
    ("configuration", |_| desktop::configuration()),
    ("units", |_| desktop::units()),
    ("model", |_| desktop::model()),
    (MICROPHONE, |_| desktop::microphone()),
    ("shortcut", |_| desktop::shortcut()),
    ("notifications", |_| desktop::notifications()),
    ("clipboard", |_| desktop::clipboard()),
    ("cursor", |_| desktop::cursor()),
    ("socket", service::ServiceCheck::ping),
    ("recogniser", service::ServiceCheck::engine),
    ("sample", service::ServiceCheck::sample),
    ("recording", service::ServiceCheck::recording),
    ("language model", |_| language_model::check()),
];

/// Runs every check and prints its line to `out`. Blocking; seconds, or as long as the model loads.
///
/// # Errors
/// Those of `out`.
pub fn examine(out: &mut impl Write) -> std::io::Result<Verdict> {
    let mut service = service::ServiceCheck::default();
    let folder = programs::folder_off_path();
    let runnable = |text: &str| match &folder {
        Some(folder) => programs::with_paths(text, folder),
        None => text.to_owned(),
    };
    let mut verdict = Verdict::Works;
    for (name, check) in CHECKS {
        let finding = check(&mut service);
        let (mark, text) = match &finding {
            Good(text) => ("ok  ", text),
            Poor(text) => ("warn", text),
            Bad(text) => ("FAIL", text),
            Finding::None => continue,
        };
        verdict = match finding {
            Bad(_) if name != MICROPHONE => Verdict::Broken,
            Bad(_) if verdict == Verdict::Works => Verdict::Deaf,
            Bad(_) | Good(_) | Poor(_) | Finding::None => verdict,
        };
        plain::write(out, &format!("{mark}  {name:<14} {}\n", runnable(text)))?;
    }
    let summary = match verdict {
        Verdict::Works => "v2m works. Dictate: v2m-send toggle, speak, v2m-send toggle.",
        Verdict::Deaf => "v2m transcribes, but cannot hear you: see the line “microphone” above.",
        Verdict::Broken => {
            "v2m does not work yet. Fix the first line marked FAIL, then run `v2m doctor` again."
        }
    };
    writeln!(out, "\n{}", runnable(summary))?;
    Ok(verdict)
}
