//! The command line. What is asked comes by the socket, and who may be asked from the
//! configuration.

use lexopt::prelude::*;
use std::time::Duration;
use v2m_messages::tr;

/// How long the program stays when nobody is connected.
const IDLE: Duration = Duration::from_secs(60);

/// Shown by `--help` and after a mistake.
pub fn usage() -> &'static str {
    tr!("\
usage: v2m-remote [--idle-seconds N]

Has a server transcribe for v2m, whose recogniser has no network access itself. systemd starts it
when v2m connects to its socket (v2m-remote.socket). It is of no use in a terminal.

  --idle-seconds N  exit after this time without a connection (default: 60)
  -h, --help        print this help
  -V, --version     print the version

It asks only the server that remote.base_url in ~/.config/v2m/config.toml names, and only if
engine.backend is \"remote\".

A key belongs to a host, and is sent to no other host. For HOST, v2m-remote looks for it in this
order:
  1. the systemd credential key-HOST (with a port: key-HOST_PORT)
  2. the file keys/HOST (with a port: keys/HOST:PORT) in ~/.config/v2m
For api.openai.com also openai-api-key, OPENAI_API_KEY and openai.key, as v2m-llm does.
Only you may be able to read a key file (chmod 600).

Environment:
  V2M_CONFIG        the configuration file
  V2M_ENGINE__BACKEND, V2M_REMOTE__BASE_URL
                    override these settings; set them for v2m too
  V2M_LOG           debug: log more, but never sound, a text or a key

Exit codes: 0 nobody was connected any more, 1 it failed, 2 wrong arguments,
69 it was started without its socket")
}

/// What to run with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Args {
    /// How long the program stays when nobody is connected.
    pub idle: Duration,
}

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Serve.
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
                    concat!("v2m-remote ", env!("CARGO_PKG_VERSION")).to_owned(),
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
    fn arguments_are_read() {
        let parsed = |args: &[&str]| parse_from(lexopt::Parser::from_args(args));
        assert_eq!(parsed(&[]).unwrap(), Parsed::Run(Args { idle: IDLE }));
        let idle = Duration::from_secs(3);
        assert_eq!(parsed(&["--idle-seconds", "3"]).unwrap(), Parsed::Run(Args { idle }));
        for wrong in [&["--idle-seconds"][..], &["--idle-seconds=-1"], &["x"], &["--url=x"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}
