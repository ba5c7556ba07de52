//! `--help` of the programs that use clap: translates clap's own messages, and wraps lines to the
//! terminal's usual width.
//!
//! `v2m-model` compiles this file too, because it does not link the daemon's library. Not here:
//! clap's messages about wrong arguments, which cannot be translated.

use clap::builder::{PossibleValue, Styles};
use clap::{Arg, Command};
use v2m_messages::tr;

/// Maximum number of characters in a line of a command's description.
const WIDTH: usize = 100;
/// Maximum number of characters in a line of an argument's description, which is in a column.
const COLUMN: usize = 72;

/// Translates a command's headings and clap's own options to the user's language. For English,
/// clap's texts stay.
#[must_use]
pub fn in_users_language(mut command: Command) -> Command {
    // `--help`, `--version` and `help` exist only after this.
    command.build();
    if v2m_messages::language() == "en" { folded(command) } else { folded(translated(command)) }
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
    // With a heading of its own, clap would sort them by name.
    let place = argument.get_index();
    let argument = match place {
        Some(place) => argument.display_order(place),
        None => argument,
    };
    match argument.get_id().as_str() {
        "help" => argument.help(tr!("Print help")).long_help(tr!("Print help")),
        "version" => argument.help(tr!("Print version")).long_help(tr!("Print version")),
        _ => with_values(argument),
    }
    .help_heading(heading)
}

/// Adds the default and the possible values to the description: clap labels them in English.
fn with_values(argument: Arg) -> Arg {
    let Some(help) = argument.get_help().map(ToString::to_string) else { return argument };
    if !argument.get_action().takes_values() {
        return argument;
    }
    let defaults = argument.get_default_values().iter().map(|value| value.to_string_lossy());
    let defaults = defaults.collect::<Vec<_>>().join(", ");
    let values: Vec<PossibleValue> = argument.get_possible_values();
    let names = values.iter().map(PossibleValue::get_name).collect::<Vec<_>>().join(", ");
    let default = (!defaults.is_empty()).then(|| tr!("[default: {defaults}]", defaults));
    let possible = (!names.is_empty()).then(|| tr!("[possible values: {names}]", names));
    let explained = values.iter().map(|value| Some((value.get_name(), value.get_help()?)));
    let listed = match explained.collect::<Option<Vec<_>>>() {
        Some(rows) if !rows.is_empty() => {
            let rows = rows.iter().map(|(name, help)| format!("\n- {name}: {help}"));
            Some(tr!("Possible values:").to_owned() + &rows.collect::<String>())
        }
        Some(_) | None => possible.clone(),
    };
    let parts = |parts: [Option<String>; 2], between| {
        let help = std::iter::once(help.clone());
        help.chain(parts.into_iter().flatten()).collect::<Vec<_>>().join(between)
    };
    let (short, long) = (parts([default.clone(), possible], " "), parts([listed, default], "\n\n"));
    argument.help(short).long_help(long).hide_default_value(true).hide_possible_values(true)
}

/// Wraps the lines of descriptions. clap could do it, with one more dependency.
fn folded(command: Command) -> Command {
    let command = match command.get_long_about().map(|about| fold(&about.to_string(), WIDTH)) {
        Some(about) => command.long_about(about),
        None => command,
    };
    command.mut_args(folded_argument).mut_subcommands(folded)
}

fn folded_argument(argument: Arg) -> Arg {
    let fold = |text: &clap::builder::StyledStr| fold(&text.to_string(), COLUMN);
    let (help, long) = (argument.get_help().map(fold), argument.get_long_help().map(fold));
    let argument = match help {
        Some(help) => argument.help(help),
        None => argument,
    };
    match long {
        Some(long) => argument.long_help(long),
        None => argument,
    }
}

/// Wraps the text to lines of at most `width` characters, except for longer words.
fn fold(text: &str, width: usize) -> String {
    let mut folded = String::with_capacity(text.len());
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            folded.push('\n');
        }
        let mut length = 0;
        for word in line.split(' ') {
            let count = word.chars().count();
            if length > 0 && length + 1 + count > width {
                folded.push('\n');
                length = 0;
            } else if length > 0 {
                folded.push(' ');
                length += 1;
            }
            folded.push_str(word);
            length += count;
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        for (text, expected) in [
            ("one two three", "one two\nthree"),
            ("one\n\ntwo three four", "one\n\ntwo\nthree\nfour"),
            ("ñandú añil", "ñandú\nañil"),
            ("unbreakable words", "unbreakable\nwords"),
            ("", ""),
        ] {
            assert_eq!(fold(text, 8), expected);
        }
    }
}
