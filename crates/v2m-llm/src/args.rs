//! The command line. What is asked of whom comes by the socket instead.

use lexopt::prelude::*;
use std::time::Duration;

/// How long the program stays when nobody is connected.
const IDLE: Duration = Duration::from_secs(60);

/// Shown by `--help` and after a mistake.
pub const USAGE: &str = "\
usage: v2m-llm [--idle-seconds N]

Asks language models for v2m, which itself has no network. systemd starts it when v2m
first connects to its socket (v2m-llm.socket); it is of no use on a terminal.

  --idle-seconds N  end after so long without a connection (default: 60)
  -h, --help        print this
  -V, --version     print the version

A provider's key is looked for, in this order, as: the credential gemini-api-key,
openai-api-key or ollama-api-key (LoadCredential= of systemd); GEMINI_API_KEY, OPENAI_API_KEY or
OLLAMA_API_KEY in its environment; the file gemini.key, openai.key or ollama.key in ~/.config/v2m,
which must be yours alone (chmod 600).

Environment:
  V2M_LOG           debug: log more. Never a text, never a key

Exit codes: 0 nobody asked any more, 1 it could not go on, 2 wrong arguments,
69 it was started without its socket";

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
            Short('h') | Long("help") => return Ok(Parsed::Print(USAGE.to_owned())),
            Short('V') | Long("version") => {
                return Ok(Parsed::Print(
                    concat!("v2m-llm ", env!("CARGO_PKG_VERSION")).to_owned(),
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

    fn parsed(args: &[&str]) -> Result<Parsed, lexopt::Error> {
        parse_from(lexopt::Parser::from_args(args))
    }

    #[test]
    fn arguments_are_read() {
        assert_eq!(parsed(&[]).unwrap(), Parsed::Run(Args { idle: IDLE }));
        let idle = Duration::from_secs(3);
        assert_eq!(parsed(&["--idle-seconds", "3"]).unwrap(), Parsed::Run(Args { idle }));
        for wrong in [&["--idle-seconds"][..], &["--idle-seconds=-1"], &["x"], &["--model=x"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}
