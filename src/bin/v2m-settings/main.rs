//! `v2m settings`: shows every setting with its documentation, value and origin, and changes
//! settings.
//!
//! | module | what it is for |
//! |---|---|
//! | [`store`] | the configuration: reads it, changes it with all checks, detects changes by others
//! |
//! | [`surroundings`] | the environment variables of the service |
//! | [`environment_file`] | a file of such variables |
//! | [`entry`] | formats and parses values |
//! | [`field`] | a line of input |
//! | [`app`] | effects of keys: pure, except for the store |
//! | [`view`] | draws the screen |
//! | [`run`] | the terminal, signals, the loop |
//!
//! A separate program, so that the daemon does not link the drawing library. There are no colours:
//! the selection is reversed, so `NO_COLOR` would have no effect.

#![forbid(unsafe_code)]

mod app;
mod entry;
mod environment_file;
mod field;
mod run;
mod store;
mod surroundings;
mod view;

use std::io::IsTerminal;
use std::process::ExitCode;
use v2m_ipc::plain;
use v2m_messages::tr;

/// The configuration is not valid (EX_CONFIG of sysexits.h), as for v2m.
const BAD_CONFIG: u8 = 78;
/// The arguments are wrong, or there is no terminal.
const USAGE: u8 = 2;

fn usage() -> &'static str {
    tr!(
        "\
usage: v2m-settings

Shows every setting of v2m with its documentation, its value and who gave it, and changes it there.
`v2m settings` runs it. The file keeps its comments, and a change is checked as by `v2m-send config set`.

  -h, --help        print this help
  -V, --version     print the version

Keys: Up and Down select, Enter changes, r goes back to the default, / searches, Tab shows all about a
setting, q quits. While you type: Enter saves, Esc leaves the value as it was.

Environment:
  V2M_CONFIG        the configuration file

Exit codes: 0 success, 1 the terminal failed, 2 wrong arguments, or no terminal to draw on,
78 the configuration is not valid"
    )
}

/// Parses the command line: returns a text to print, or `None` for the screen.
fn arguments() -> Result<Option<String>, lexopt::Error> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_env();
    match parser.next()? {
        None => Ok(None),
        Some(Short('h') | Long("help")) => Ok(Some(usage().to_owned())),
        Some(Short('V') | Long("version")) => {
            Ok(Some(concat!("v2m-settings ", env!("CARGO_PKG_VERSION")).to_owned()))
        }
        Some(other) => Err(other.unexpected()),
    }
}

fn main() -> ExitCode {
    match arguments() {
        Ok(None) => {}
        Ok(Some(text)) => {
            return plain::print(text).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
        }
        Err(error) => {
            let why = v2m_messages::arguments::refusal(&error);
            plain::complain(format_args!("v2m-settings: {why}\n\n{}", usage()));
            return ExitCode::from(USAGE);
        }
    }
    let is_simple = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    if is_simple || !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        plain::complain(tr!(
            "`v2m settings` needs a terminal that can be drawn on. Without one: `v2m-send config get` \
             prints the settings, `v2m-send config set SECTION.KEY=VALUE` changes one, `v2m default-config` explains all"
        ));
        return ExitCode::from(USAGE);
    }
    let store = match store::Store::open() {
        Ok(store) => store,
        Err(error) => {
            plain::complain(error);
            return ExitCode::from(BAD_CONFIG);
        }
    };
    match run::run(store) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            plain::complain(tr!("drawing on the terminal: {error}", error));
            ExitCode::FAILURE
        }
    }
}
