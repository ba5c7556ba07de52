//! The command line.

use lexopt::prelude::*;
use std::time::Duration;
use v2m_messages::tr;

/// How long to wait for the desktop's first tray. Panels come up in the first seconds of a session.
const WAIT: Duration = Duration::from_secs(60);

/// Shown by `--help` and after a mistake.
pub fn usage() -> &'static str {
    tr!("\
usage: v2m-tray [--wait-seconds N]

Shows an icon in the desktop's tray: whether v2m records, transcribes or has a problem. A click
starts a dictation or stops it. The menu has your last texts, the language and the settings.

It needs a tray for status notifier items: KDE, XFCE, Cinnamon and LXQt have one, sway has one in
Waybar, GNOME has one with the extension AppIndicator. While v2m's own extension for GNOME shows
the state, the icon is hidden. Your desktop starts v2m-tray when you log in.

  --wait-seconds N  exit if no tray appears in this time (default: 60)
  -h, --help        print this help
  -V, --version     print the version

Exit codes: 0 the session has ended, or you have hidden the icon, or there is no tray, or another
v2m-tray runs; 1 it failed; 2 wrong arguments")
}

/// The options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Args {
    /// How long to wait for the first tray.
    pub wait: Duration,
}

/// A parsed command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Show the icon.
    Run(Args),
    /// Print this and exit.
    Print(String),
}

/// Reads the process's arguments.
///
/// # Errors
/// Names the wrong argument.
pub fn parse() -> Result<Parsed, lexopt::Error> {
    parse_from(lexopt::Parser::from_env())
}

fn parse_from(mut parser: lexopt::Parser) -> Result<Parsed, lexopt::Error> {
    let mut wait = WAIT;
    while let Some(argument) = parser.next()? {
        match argument {
            // A day is as good as forever; a huge value would overflow the clock.
            Long("wait-seconds") => {
                wait = Duration::from_secs(parser.value()?.parse::<u64>()?.min(86_400));
            }
            Short('h') | Long("help") => return Ok(Parsed::Print(usage().to_owned())),
            Short('V') | Long("version") => {
                return Ok(Parsed::Print(
                    concat!("v2m-tray ", env!("CARGO_PKG_VERSION")).to_owned(),
                ));
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(Parsed::Run(Args { wait }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_bounded_and_other_arguments_are_refused() {
        let parse = |words: &[&str]| parse_from(lexopt::Parser::from_args(words));
        assert_eq!(parse(&[]).unwrap(), Parsed::Run(Args { wait: WAIT }));
        let long = parse(&["--wait-seconds", "18446744073709551615"]).unwrap();
        assert_eq!(long, Parsed::Run(Args { wait: Duration::from_secs(86_400) }));
        assert!(parse(&["--wait-seconds", "soon"]).is_err());
        assert!(parse(&["extra"]).is_err());
        assert!(
            matches!(parse(&["-V"]).unwrap(), Parsed::Print(text) if text.starts_with("v2m-tray "))
        );
    }
}
