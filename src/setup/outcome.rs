//! Outcomes of the steps, and of the whole set-up.

use super::Step;
use super::dialogue::Dialogue;
use super::model;
use std::io::{Read, Write};
use v2m_messages::tr;

/// A prerequisite of dictation that is missing. The numbers are the exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// No microphone delivers sound.
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
    /// The most important first: without it, the others do not matter.
    const ORDER: [Self; 5] =
        [Self::Configuration, Self::Service, Self::Model, Self::Microphone, Self::Key];
}

/// Outcome of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Everything is right: a short description, and the commands that undo the changes.
    Done { state: String, undo: Vec<String> },
    /// Something is missing. It has already been explained; this is the one-line summary.
    Missing { lack: Lack, why: String },
    /// The user has skipped it.
    Skipped,
    /// It does not apply here.
    Unneeded,
}

impl Outcome {
    /// Returns the outcome of a step that changed nothing.
    pub(super) fn unchanged(state: impl Into<String>) -> Self {
        Self::Done { state: state.into(), undo: Vec::new() }
    }

    pub(super) fn missing(lack: Lack, why: impl Into<String>) -> Self {
        Self::Missing { lack, why: why.into() }
    }
}

/// All steps taken, with their outcomes.
#[derive(Debug, Default)]
pub(super) struct Report {
    steps: Vec<(Step, Outcome)>,
    /// Changes to models, over all choices.
    pub(super) models: model::History,
}

impl Report {
    /// Adds the outcome of a step. For a repeated step the last outcome counts, and its undo covers
    /// all runs. A success remains if its repetition fails or is skipped.
    pub(super) fn add(&mut self, step: Step, outcome: Outcome) {
        let Some((_, before)) = self.steps.iter_mut().find(|(known, _)| *known == step) else {
            return self.steps.push((step, outcome));
        };
        if matches!(before, Outcome::Done { .. }) && !matches!(outcome, Outcome::Done { .. }) {
            return;
        }
        *before = outcome;
    }

    /// Returns the most important lack.
    pub(super) fn lack(&self) -> Option<Lack> {
        let is_missing = |wanted: Lack| {
            self.steps
                .iter()
                .any(|(_, it)| matches!(it, Outcome::Missing { lack, .. } if *lack == wanted))
        };
        Lack::ORDER.into_iter().find(|lack| is_missing(*lack))
    }

    /// Prints the summary.
    pub(super) fn tell(&self, dialogue: &mut Dialogue<impl Read, impl Write>) {
        dialogue.say(format!("\n{}", tr!("Summary")));
        for (step, outcome) in &self.steps {
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
            .steps
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
                dialogue.say_to_copy(command);
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
    fn what_was_done_holds_if_its_repetition_fails_or_is_skipped() {
        let mut report = Report::default();
        report.add(Step::Model, done("first"));
        report.add(Step::Model, done("second"));
        report.add(Step::Model, Outcome::Skipped);
        report.add(Step::Model, Outcome::missing(Lack::Model, "not downloaded"));
        assert_eq!(report.steps, [(Step::Model, done("second"))]);
        assert_eq!(report.lack(), None);
        report.add(Step::Key, Outcome::missing(Lack::Key, "x"));
        report.add(Step::Key, done("key"));
        assert_eq!(report.lack(), None);
    }
}
