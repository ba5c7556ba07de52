//! The words of clap's own in `--help`, in the user's language.
//!
//! Not here: what clap says of wrong arguments, which it does not let anybody translate.

use clap::builder::Styles;
use clap::{Arg, Command};
use v2m_messages::tr;

/// The command with its headings and its own options in the user's language. English is clap's own.
#[must_use]
pub fn in_users_language(mut command: Command) -> Command {
    if v2m_messages::language() == "en" {
        return command;
    }
    // Only then it has `--help`, `--version` and `help`.
    command.build();
    translated(command)
}

fn translated(command: Command) -> Command {
    let styles = Styles::default();
    let style = styles.get_usage();
    let usage = tr!("Usage:");
    let template = format!(
        "{{before-help}}{{about-with-newline}}\n{style}{usage}{style:#} {{usage}}\n\n{{all-args}}{{after-help}}"
    );
    let command = match command.get_name() {
        "help" => command.about(tr!("Print this message or the help of the given subcommand(s)")),
        _ => command,
    };
    command
        .help_template(template)
        .subcommand_help_heading(tr!("Commands"))
        .mut_args(argument)
        .mut_subcommands(translated)
}

fn argument(argument: Arg) -> Arg {
    let heading = if argument.is_positional() { tr!("Arguments") } else { tr!("Options") };
    match argument.get_id().as_str() {
        "help" => argument.help(tr!("Print help")).long_help(tr!("Print help")),
        "version" => argument.help(tr!("Print version")).long_help(tr!("Print version")),
        _ => argument,
    }
    .help_heading(heading)
}
