//! How a step went, and what that makes of the set-up.

use super::Step;
use super::dialogue::Dialogue;
use std::io::{Read, Write};
use v2m_messages::tr;

/// What dictation lacks. The numbers are the exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// No microphone can be heard.
    Microphone = 3,
    /// No speech model is installed, or the chosen one cannot be used.
    Model = 4,
    /// The service does not run.
    Service = 5,
    /// No key dictates, on a desktop where v2m can set one.
    Key = 6,
    /// The configuration is not valid, or cannot be written.
    Configuration = 78,
}

impl Lack {
    /// The most important first: without it the others do not matter.
    const ORDER: [Self; 5] =
        [Self::Configuration, Self::Service, Self::Model, Self::Microphone, Self::Key];
}

/// How a step went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is as it should be: in a few words, and the commands that undo what was changed.
    Done { state: String, undo: Vec<String> },
    /// Something is missing. What it is was said already; here it is in one line.
    Missing { lack: Lack, why: String },
    /// The user has skipped it.
    Skipped,
    /// It does not apply here.
    Unneeded,
}

impl Outcome {
    /// Nothing was changed.
    pub(super) fn unchanged(state: impl Into<String>) -> Self {
        Self::Done { state: state.into(), undo: Vec::new() }
    }

    pub(super) fn missing(lack: Lack, why: impl Into<String>) -> Self {
        Self::Missing { lack, why: why.into() }
    }
}

/// All steps that were taken, with how they went.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<(Step, Outcome)>);

impl Report {
    /// Notes how a step went. A step that was repeated counts as it went last, and keeps what undoes
    /// its first change.
    pub(super) fn add(&mut self, step: Step, outcome: Outcome) {
        let Some((_, before)) = self.0.iter_mut().find(|(known, _)| *known == step) else {
            return self.0.push((step, outcome));
        };
        let outcome = match (&*before, outcome) {
            (Outcome::Done { undo: first, .. }, Outcome::Done { state, .. })
                if !first.is_empty() =>
            {
                Outcome::Done { state, undo: first.clone() }
            }
            (Outcome::Done { .. }, Outcome::Skipped) => return,
            (_, outcome) => outcome,
        };
        *before = outcome;
    }

    /// What is missing most.
    pub(super) fn lack(&self) -> Option<Lack> {
        let is_missing = |wanted: Lack| {
            self.0
                .iter()
                .any(|(_, it)| matches!(it, Outcome::Missing { lack, .. } if *lack == wanted))
        };
        Lack::ORDER.into_iter().find(|lack| is_missing(*lack))
    }

    /// Tells all of it.
    pub(super) fn tell(&self, dialogue: &mut Dialogue<impl Read, impl Write>) {
        dialogue.say(format!("\n{}", tr!("Summary")));
        for (step, outcome) in &self.0 {
            let state = match outcome {
                Outcome::Done { state, .. } => state.clone(),
                Outcome::Missing { why, .. } => tr!("MISSING: {why}", why),
                Outcome::Skipped => {
                    let step = step.name();
                    tr!("skipped. Later: v2m setup --only {step}", step)
                }
                Outcome::Unneeded => continue,
            };
            dialogue.say(format!("  {}: {state}", step.title()));
        }
        let undo: Vec<&String> = self
            .0
            .iter()
            .rev()
            .filter_map(
                |(_, it)| if let Outcome::Done { undo, .. } = it { Some(undo) } else { None },
            )
            .flatten()
            .collect();
        if !undo.is_empty() {
            dialogue.say(format!("\n{}", tr!("To undo what this set-up has changed:")));
            for command in undo {
                dialogue.say(format!("  {command}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(undo: &str) -> Outcome {
        Outcome::Done { state: format!("done, {undo}"), undo: vec![undo.to_owned()] }
    }

    #[test]
    fn the_most_important_lack_counts() {
        let mut report = Report::default();
        assert_eq!(report.lack(), None);
        report.add(Step::Key, Outcome::missing(Lack::Key, "no key"));
        report.add(Step::Microphone, Outcome::missing(Lack::Microphone, "none"));
        assert_eq!(report.lack(), Some(Lack::Microphone));
        report.add(Step::Model, Outcome::missing(Lack::Model, "none"));
        report.add(Step::Service, Outcome::missing(Lack::Service, "none"));
        assert_eq!(report.lack(), Some(Lack::Service));
        report.add(Step::Languages, Outcome::missing(Lack::Configuration, "not writable"));
        assert_eq!(report.lack(), Some(Lack::Configuration));
    }

    #[test]
    fn a_repeated_step_is_undone_to_before_its_first_change() {
        let mut report = Report::default();
        report.add(Step::Model, done("first"));
        report.add(Step::Model, done("second"));
        report.add(Step::Model, Outcome::Skipped);
        let undo = vec!["first".to_owned()];
        assert_eq!(report.0, [(Step::Model, Outcome::Done { state: "done, second".into(), undo })]);
        report.add(Step::Key, Outcome::missing(Lack::Key, "x"));
        report.add(Step::Key, done("key"));
        assert_eq!(report.lack(), None);
    }
}
