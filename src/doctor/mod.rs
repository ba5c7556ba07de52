//! `v2m doctor`: each thing a dictation needs, looked at as the user has it, a line each with its
//! fix.
//!
//! Looks and asks; changes nothing. The clipboard is not written to: it is the user's. The
//! microphone is recorded only if the user has said so, on the command line or when asked.

mod desktop;
mod language_model;
mod listen;
mod programs;
mod service;

use std::io::{BufRead, IsTerminal, Write};
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

/// Whether two seconds of the microphone are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Yes.
    Yes,
    /// If the user says so when asked. Without a terminal nobody is asked, and nothing recorded.
    IfWanted,
}

/// Runs every check and prints its line to `out`. Blocking; seconds, or as long as the model loads.
///
/// # Errors
/// Those of `out`.
pub fn examine(out: &mut impl Write, listen: Listen) -> std::io::Result<Verdict> {
    let mut service = service::ServiceCheck::default();
    let folder = programs::folder_off_path();
    let runnable = |text: &str| match &folder {
        Some(folder) => programs::with_paths(text, folder),
        None => text.to_owned(),
    };
    let mut verdict = Verdict::Works;
    for (name, check) in CHECKS {
        let finding = check(&mut service);
        verdict = verdict.after(name, &finding);
        plain::write(out, &runnable(&line(name, &finding)))?;
    }
    if listen == Listen::Yes && verdict != Verdict::Deaf {
        plain::write(out, SPEAK)?;
        out.flush()?;
        let finding = listen::listen(&mut service);
        verdict = verdict.after(MICROPHONE, &finding);
        plain::write(out, &runnable(&line("heard", &finding)))?;
    }
    let summary = match verdict {
        Verdict::Works => "v2m works. Dictate: v2m-send toggle, speak, v2m-send toggle.",
        Verdict::Deaf => "v2m transcribes, but cannot hear you: see the line “microphone” above.",
        Verdict::Broken => {
            "v2m does not work yet. Fix the first line marked FAIL, then run `v2m doctor` again."
        }
    };
    writeln!(out, "\n{}", runnable(summary))?;
    if listen == Listen::IfWanted && verdict == Verdict::Works && wants_to_be_heard(out)? {
        plain::write(out, SPEAK)?;
        out.flush()?;
        let finding = listen::listen(&mut service);
        verdict = verdict.after(MICROPHONE, &finding);
        plain::write(out, &runnable(&line("heard", &finding)))?;
    }
    Ok(verdict)
}

/// Printed before the microphone is recorded.
const SPEAK: &str = "\nRecording two seconds from the microphone. Say something now.\n";

/// Asks the user, if there is one, whether to record.
fn wants_to_be_heard(out: &mut impl Write) -> std::io::Result<bool> {
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return Ok(false);
    }
    write!(out, "\nRecord two seconds now, to check how v2m hears you? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// The line of a finding; nothing if there is nothing to tell.
fn line(name: &str, finding: &Finding) -> String {
    let (mark, text) = match finding {
        Good(text) => ("ok  ", text),
        Poor(text) => ("warn", text),
        Bad(text) => ("FAIL", text),
        Finding::None => return String::new(),
    };
    format!("{mark}  {name:<14} {text}\n")
}

impl Verdict {
    /// With another finding.
    fn after(self, name: &str, finding: &Finding) -> Self {
        match finding {
            Bad(_) if name != MICROPHONE => Self::Broken,
            Bad(_) if self == Self::Works => Self::Deaf,
            Bad(_) | Good(_) | Poor(_) | Finding::None => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_recorded_unless_the_user_says_yes() {
        assert!(is_yes("y\n") && is_yes(" Yes "));
        for answer in ["", "\n", "n\n", "no", "maybe"] {
            assert!(!is_yes(answer), "{answer:?}");
        }
    }

    #[test]
    fn without_a_microphone_the_service_is_still_sound() {
        let bad = Bad("x".into());
        assert_eq!(Verdict::Works.after(MICROPHONE, &bad), Verdict::Deaf);
        assert_eq!(Verdict::Broken.after(MICROPHONE, &bad), Verdict::Broken);
        assert_eq!(Verdict::Deaf.after("model", &bad), Verdict::Broken);
        assert_eq!(Verdict::Works.after("model", &Poor("x".into())), Verdict::Works);
        assert_eq!(line("model", &bad), "FAIL  model          x\n");
        assert_eq!(line("model", &Finding::None), "");
    }
}
