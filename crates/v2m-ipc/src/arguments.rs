//! The command line of programs that other programs start: their common arguments, and the
//! arguments of programs that exit when idle. It uses lexopt, because these programs must start
//! quickly.

use lexopt::{Arg, Error, Parser};
use std::process::ExitCode;
use std::time::Duration;

use crate::plain;

/// The default time that an idle program stays. Requests in quick succession find it running.
const IDLE: Duration = Duration::from_secs(60);
/// The largest accepted time in seconds. A day is practically for ever, and larger values could
/// overflow a clock.
const LONGEST_IDLE: u64 = 86_400;
/// Exit status after an invalid command line.
const WRONG: u8 = 2;

/// Reads the process's arguments, for a program that takes only `--idle-seconds`: the time that it
/// stays when idle. `Err`: help, the version or an error was printed, and the program must exit
/// with this status.
pub fn idle(program: &str, usage: &str) -> Result<Duration, ExitCode> {
    match idle_from(Parser::from_env(), program, usage) {
        Ok(Idle::Stay(idle)) => Ok(idle),
        Ok(Idle::Print(text)) => Err(print(text)),
        Err(error) => Err(refuse(program, &error, usage)),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Idle {
    Stay(Duration),
    Print(String),
}

fn idle_from(mut parser: Parser, program: &str, usage: &str) -> Result<Idle, Error> {
    use lexopt::prelude::*;
    let mut idle = IDLE;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("idle-seconds") => {
                idle = Duration::from_secs(parser.value()?.parse::<u64>()?.min(LONGEST_IDLE));
            }
            other => return common(other, program, || usage.to_owned()).map(Idle::Print),
        }
    }
    Ok(Idle::Stay(idle))
}

/// Returns the text to print for an argument that every program understands: `--help` or
/// `--version`.
///
/// # Errors
/// Fails for any other argument.
pub fn common(
    argument: Arg<'_>,
    program: &str,
    usage: impl FnOnce() -> String,
) -> Result<String, Error> {
    use lexopt::prelude::*;
    match argument {
        Short('h') | Long("help") => Ok(usage()),
        // All of v2m's packages have one version.
        Short('V') | Long("version") => Ok(format!("{program} {}", env!("CARGO_PKG_VERSION"))),
        other => Err(other.unexpected()),
    }
}

/// Prints a requested text. It does not matter if the reader has gone.
pub fn print(text: String) -> ExitCode {
    let _ = plain::print(text);
    ExitCode::SUCCESS
}

/// Prints the error in the command line, and the usage.
pub fn refuse(program: &str, error: &Error, usage: &str) -> ExitCode {
    let error = v2m_messages::arguments::refusal(error);
    plain::complain(format_args!("{program}: {error}\n{usage}"));
    ExitCode::from(WRONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Idle, Error> {
        idle_from(Parser::from_args(args), "v2m-x", "usage: v2m-x")
    }

    #[test]
    fn the_time_is_read_and_bounded() {
        assert_eq!(parsed(&[]).unwrap(), Idle::Stay(IDLE));
        let seconds = |n| Idle::Stay(Duration::from_secs(n));
        assert_eq!(parsed(&["--idle-seconds", "3"]).unwrap(), seconds(3));
        assert_eq!(parsed(&["--idle-seconds=18446744073709551615"]).unwrap(), seconds(86_400));
    }

    #[test]
    fn help_and_version_are_printed() {
        for help in ["-h", "--help"] {
            assert_eq!(parsed(&[help]).unwrap(), Idle::Print("usage: v2m-x".into()));
        }
        let version = concat!("v2m-x ", env!("CARGO_PKG_VERSION"));
        for asked in ["-V", "--version"] {
            assert_eq!(parsed(&[asked]).unwrap(), Idle::Print(version.into()));
        }
    }

    #[test]
    fn other_arguments_are_refused() {
        let soon = &["--idle-seconds", "soon"];
        for wrong in [&["--idle-seconds"][..], soon, &["--idle-seconds=-1"], &["x"], &["--url=x"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}
