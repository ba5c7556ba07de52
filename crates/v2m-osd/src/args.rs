//! The command line.

use lexopt::prelude::*;
use std::time::Duration;
use v2m_messages::tr;

/// How long the program stays when nothing goes on. Texts that are dictated one after the other find
/// it there.
const IDLE: Duration = Duration::from_secs(60);

/// Shown by `--help` and after a mistake.
pub fn usage() -> &'static str {
    tr!("\
usage: v2m-osd [--idle-seconds N]

Shows what v2m is doing in a small sign at the bottom of the screen: the recording with its level
and length, the last words, and where the text went. It takes no keys and no clicks. v2m starts it
when you dictate (feedback.overlay), so you need not.

It needs a Wayland compositor with wlr-layer-shell (KDE, sway, Hyprland and others), or X11. It
takes the display from WAYLAND_DISPLAY and DISPLAY; Wayland comes first. On GNOME, v2m has an
extension for the same purpose.

  --idle-seconds N  exit after this time without a dictation (default: 60)
  -h, --help        print this help
  -V, --version     print the version

Exit codes: 0 nothing went on any more, or the display has ended, or another program shows the
state already; 1 it failed; 2 wrong arguments; 69 there is no display that can show it")
}

/// What to run with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Args {
    /// How long the program stays when nothing goes on.
    pub idle: Duration,
}

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Show the sign.
    Run(Args),
    /// Print this and end.
    Print(String),
}

/// Reads the process's arguments.
///
/// # Errors
/// Says which argument is wrong.
pub fn parse() -> Result<Parsed, lexopt::Error> {
    parse_from(lexopt::Parser::from_env())
}

fn parse_from(mut parser: lexopt::Parser) -> Result<Parsed, lexopt::Error> {
    let mut idle = IDLE;
    while let Some(argument) = parser.next()? {
        match argument {
            // A day is for ever; more could not be added to a clock.
            Long("idle-seconds") => {
                idle = Duration::from_secs(parser.value()?.parse::<u64>()?.min(86_400));
            }
            Short('h') | Long("help") => return Ok(Parsed::Print(usage().to_owned())),
            Short('V') | Long("version") => {
                return Ok(Parsed::Print(
                    concat!("v2m-osd ", env!("CARGO_PKG_VERSION")).to_owned(),
                ));
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(Parsed::Run(Args { idle }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_bounded_and_other_arguments_are_refused() {
        let parse = |words: &[&str]| parse_from(lexopt::Parser::from_args(words));
        assert_eq!(parse(&[]).unwrap(), Parsed::Run(Args { idle: IDLE }));
        let long = parse(&["--idle-seconds", "18446744073709551615"]).unwrap();
        assert_eq!(long, Parsed::Run(Args { idle: Duration::from_secs(86_400) }));
        assert!(parse(&["--idle-seconds", "soon"]).is_err());
        assert!(parse(&["extra"]).is_err());
        assert!(
            matches!(parse(&["-V"]).unwrap(), Parsed::Print(text) if text.starts_with("v2m-osd "))
        );
    }
}
