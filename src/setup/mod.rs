//! `v2m setup`: from a fresh installation to the first dictation, in a terminal, step by step.
//!
//! | file | what it is for |
//! |---|---|
//! | `dialogue` | questions and answers, in plain lines |
//! | `interrupt` | Ctrl+C at any moment |
//! | `configuration` | changed settings, and the commands that restore them |
//! | `outcome` | results of the steps, what is missing, the exit code |
//! | `microphone`, `languages`, `service`, `model`, `key`, `texts`, `extension`, `dictation` | the steps |
//! | `measure` | measures the speed of this machine |
//!
//! Each step checks the current state first, and changes nothing that is already right, so it can
//! be repeated. It prints how to undo its changes. Not here: checks without changes (`v2m doctor`).

mod configuration;
mod dialogue;
mod dictation;
mod extension;
mod interrupt;
mod key;
mod languages;
mod measure;
mod microphone;
mod model;
mod outcome;
mod service;
mod texts;
mod wrap;

pub use outcome::Lack;

use configuration::Configuration;
use dialogue::{Dialogue, Stop};
use outcome::{Outcome, Report};
use std::io::IsTerminal;
use v2m_ipc::plain;
use v2m_messages::{mark, tr};

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Choose the microphone, by listening.
    Microphone,
    /// Choose the spoken languages.
    Languages,
    /// The service's socket.
    Service,
    /// Choose the model.
    Model,
    /// The key that dictates.
    Key,
    /// Choose where texts go.
    Texts,
    /// GNOME's extension.
    Extension,
    /// A first dictation.
    Dictation,
}

impl clap::ValueEnum for Step {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.name()))
    }
}

impl Step {
    /// All steps, in order.
    const ALL: [Self; 8] = [
        Self::Microphone,
        Self::Languages,
        Self::Service,
        Self::Model,
        Self::Key,
        Self::Texts,
        Self::Extension,
        Self::Dictation,
    ];

    /// Returns the name for `--only`.
    fn name(self) -> &'static str {
        match self {
            Self::Microphone => "microphone",
            Self::Languages => "languages",
            Self::Service => "service",
            Self::Model => "model",
            Self::Key => "key",
            Self::Texts => "texts",
            Self::Extension => "extension",
            Self::Dictation => "dictation",
        }
    }

    /// Returns the title in the user's language.
    fn title(self) -> &'static str {
        v2m_messages::text(match self {
            Self::Microphone => mark!("Microphone"),
            Self::Languages => mark!("Languages"),
            Self::Service => mark!("Service"),
            Self::Model => mark!("Speech model"),
            Self::Key => mark!("Key"),
            Self::Texts => mark!("Texts"),
            Self::Extension => mark!("GNOME extension"),
            Self::Dictation => mark!("First dictation"),
        })
    }
}

/// Options of the command line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Accept the defaults without questions.
    pub yes: bool,
    /// This step only.
    pub only: Option<Step>,
    /// Wait for Enter at the end, because the window closes then.
    pub hold: bool,
}

/// Result of the set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing is missing, according to the steps taken.
    Ready,
    /// The most important lack.
    Lacks(Lack),
    /// The user has left before its end.
    Left,
    /// There is no terminal to ask in.
    NoTerminal,
}

/// Runs the steps in the terminal. Blocking, as long as the user takes.
pub fn run(options: Options) -> End {
    if !options.yes && !std::io::stdin().is_terminal() {
        let why = tr!(
            "`v2m setup` asks questions, and standard input is no terminal. Run it in a terminal, or \
             have it take the defaults: v2m setup --yes"
        );
        plain::complain(dialogue::fitted(why, &std::io::stderr()));
        return End::NoTerminal;
    }
    let mut dialogue = Dialogue::in_terminal(!options.yes);
    if let Err(error) = interrupt::watch() {
        dialogue.say(tr!("Ctrl+C is not watched: {error}", error));
    }
    let mut configuration = match Configuration::load() {
        Ok(configuration) => configuration,
        Err(error) => {
            dialogue.say(error.to_string());
            hold(&mut dialogue, options);
            return End::Lacks(Lack::Configuration);
        }
    };
    let mut report = Report::default();
    let left = walk(options, &mut dialogue, &mut configuration, &mut report);
    report.tell(&mut dialogue);
    close(&mut dialogue, options, &report, left);
    hold(&mut dialogue, options);
    match report.lack() {
        _ if left => End::Left,
        Some(lack) => End::Lacks(lack),
        None => End::Ready,
    }
}

/// Waits until the user has read the output, if the window closes then.
fn hold(dialogue: &mut Dialogue, options: Options) {
    if options.hold {
        wait_for_enter(dialogue);
    }
}

/// Waits until the user has read another command's output. Blocking, as long as the user takes.
pub fn hold_window() {
    wait_for_enter(&mut Dialogue::in_terminal(true));
}

fn wait_for_enter(dialogue: &mut Dialogue) {
    // Any answer will do.
    let _ = dialogue.enter(tr!("Press Enter to finish. If this window stays open, close it."));
}

/// Runs the steps. Returns whether the user left before the end.
fn walk(
    options: Options,
    dialogue: &mut Dialogue,
    configuration: &mut Configuration,
    report: &mut Report,
) -> bool {
    if dialogue.asks() && options.only.is_none() {
        dialogue.say(tr!(
            "This sets v2m up, and ends with a first dictation. It takes about a minute.\n\
             Enter takes what is in brackets, s skips a step, q leaves. Nothing is recorded without asking."
        ));
    }
    let steps = Step::ALL.iter().filter(|step| options.only.is_none_or(|only| only == **step));
    let count = steps.clone().count();
    for (index, step) in steps.enumerate() {
        let title = step.title();
        dialogue.say(if count == 1 {
            format!("\n{title}")
        } else {
            format!("\n{}/{count} {title}", index + 1)
        });
        match take(*step, dialogue, configuration, report) {
            Ok(outcome) => {
                tell_undo(dialogue, &outcome);
                report.add(*step, outcome);
            }
            Err(Stop::Skip) => report.add(*step, Outcome::Skipped),
            Err(Stop::Leave) => {
                report.add(*step, Outcome::Skipped);
                return true;
            }
        }
    }
    false
}

fn take(
    step: Step,
    dialogue: &mut Dialogue,
    configuration: &mut Configuration,
    report: &mut Report,
) -> Result<Outcome, Stop> {
    match step {
        Step::Microphone => microphone::choose(dialogue, configuration),
        Step::Languages => languages::choose(dialogue, configuration),
        Step::Service => service::start(dialogue),
        Step::Model => model::choose(dialogue, configuration, report),
        Step::Key => key::bind(dialogue),
        Step::Texts => texts::choose(dialogue, configuration),
        Step::Extension => extension::enable(dialogue),
        Step::Dictation => dictation::first(dialogue, configuration, report),
    }
}

/// Prints at once how to undo a step.
fn tell_undo(dialogue: &mut Dialogue, outcome: &Outcome) {
    if let Outcome::Done { undo, .. } = outcome {
        for command in undo {
            dialogue.say(tr!("To undo this: {command}", command));
        }
    }
}

fn close(dialogue: &mut Dialogue, options: Options, report: &Report, left: bool) {
    let last = match report.lack() {
        _ if left => tr!("You have left the set-up. What is done stays; `v2m setup` continues."),
        Some(_) => {
            tr!("v2m is not ready yet. See what is missing above, then run `v2m setup` again.")
        }
        None if options.only.is_some() => return,
        None => {
            tr!("v2m is set up. `v2m doctor` checks it at any time; `v2m setup` can be run again.")
        }
    };
    dialogue.say(format!("\n{last}"));
}
