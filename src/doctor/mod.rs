//! `v2m doctor`: checks each thing a dictation needs in the user's environment, and prints a line
//! each with its fix.
//!
//! Checks only; changes nothing. It does not write to the clipboard, because that is the user's. It
//! records the microphone only with the user's consent, on the command line or when asked.

mod applications;
mod desktop;
mod language_model;
mod listen;
mod programs;
mod service;

pub use applications::doubts;
pub(crate) use desktop::told_way;
pub(crate) use programs::{folder_off_path, with_paths};
pub(crate) use service::warm;

use std::io::{BufRead, IsTerminal, Write};
use v2m_ipc::plain;
use v2m_messages::{mark, tr};

/// Result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Finding {
    /// Everything is right.
    Good(String),
    /// Dictation works, but something else does not.
    Poor(String),
    /// Dictation does not work.
    Bad(String),
    /// There is nothing to check.
    None,
}

use Finding::{Bad, Good, Poor};

/// Overall result of all findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Dictation works.
    Works,
    /// The service can transcribe, but there is no microphone or no PipeWire here at present.
    Deaf,
    /// Dictation does not work.
    Broken,
}

/// The name of a check, a message, and the check.
type Check = (&'static str, fn(&mut service::ServiceCheck) -> Finding);

/// The check that can fail although the service itself works.
const MICROPHONE: &str = mark!("microphone");

/// The check that records sound and transcribes it.
const HEARD: &str = mark!("heard");

/// The checks in the order of a dictation, so that the first bad line is the one to fix first.
const CHECKS: [Check; 14] = [
    (mark!("configuration"), |_| desktop::configuration()),
    (mark!("units"), |_| desktop::units()),
    (mark!("model"), |_| desktop::model()),
    (MICROPHONE, |_| desktop::microphone()),
    (mark!("shortcut"), |_| desktop::shortcut()),
    (mark!("notifications"), |_| desktop::notifications()),
    (mark!("clipboard"), |_| desktop::clipboard()),
    (mark!("cursor"), |_| desktop::cursor()),
    (mark!("socket"), service::ServiceCheck::ping),
    (mark!("recogniser"), service::ServiceCheck::engine),
    (mark!("sample"), service::ServiceCheck::sample),
    (mark!("recording"), service::ServiceCheck::recording),
    (mark!("presets"), |_| applications::check()),
    (mark!("language model"), |_| language_model::check()),
];

/// Whether to record two seconds from the microphone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Yes.
    Yes,
    /// Only if the user agrees when asked. Without a terminal, nothing is asked or recorded.
    IfWanted,
}

/// Runs every check and prints its line to `out`. Blocking; seconds, or as long as the model loads.
///
/// # Errors
/// If writing to `out` fails.
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
        verdict = verdict.after(MICROPHONE, &hear(out, &mut service, runnable)?);
    }
    let summary = match verdict {
        Verdict::Works => tr!("v2m works. Dictate: v2m-send toggle, speak, v2m-send toggle."),
        Verdict::Deaf => {
            tr!("v2m transcribes, but cannot hear you: see the line “microphone” above.")
        }
        Verdict::Broken => {
            tr!(
                "v2m does not work yet. Fix the first line marked FAIL, then run `v2m doctor` again."
            )
        }
    };
    writeln!(out, "\n{}", runnable(summary))?;
    if listen == Listen::IfWanted && verdict == Verdict::Works && wants_to_be_heard(out)? {
        verdict = verdict.after(MICROPHONE, &hear(out, &mut service, runnable)?);
    }
    Ok(verdict)
}

/// Records the microphone, and prints what v2m understands.
fn hear(
    out: &mut impl Write,
    service: &mut service::ServiceCheck,
    runnable: impl Fn(&str) -> String,
) -> std::io::Result<Finding> {
    let speak = tr!("Recording two seconds from the microphone. Say something now.");
    plain::write(out, &format!("\n{speak}\n"))?;
    out.flush()?;
    let finding = listen::listen(service);
    plain::write(out, &runnable(&line(HEARD, &finding)))?;
    Ok(finding)
}

/// Asks the user, if there is one, whether to record.
fn wants_to_be_heard(out: &mut impl Write) -> std::io::Result<bool> {
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return Ok(false);
    }
    let question = tr!("Record two seconds now, to check how v2m hears you? [y/N]");
    write!(out, "\n{question} ")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(is_yes(&answer))
}

/// Accepts yes in the language of the question, or in English.
pub(crate) fn is_yes(answer: &str) -> bool {
    let answer = answer.trim().to_lowercase();
    let mut words = tr!("answers that mean yes" => "y yes").split(' ').chain(["y", "yes"]);
    words.any(|word| word == answer)
}

/// Formats the line of a finding; empty if there is nothing to report.
fn line(name: &'static str, finding: &Finding) -> String {
    let (mark, text) = match finding {
        Good(text) => (tr!("ok"), text),
        Poor(text) => (tr!("warn"), text),
        Bad(text) => (tr!("FAIL"), text),
        Finding::None => return String::new(),
    };
    let marks = widest([tr!("ok"), tr!("warn"), tr!("FAIL")]);
    let names = widest(CHECKS.map(|(name, _)| v2m_messages::text(name)));
    format!("{mark:<marks$}  {:<names$} {text}\n", v2m_messages::text(name))
}

/// Returns the width of a column of these words.
fn widest(words: impl IntoIterator<Item = &'static str>) -> usize {
    words.into_iter().map(|word| word.chars().count()).max().unwrap_or_default()
}

impl Verdict {
    /// Combines the verdict with another finding.
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
