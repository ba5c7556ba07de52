//! The command line. What is asked comes by the socket, and who may be asked from the configuration.

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

It asks the language model that llm.provider and llm.base_url in ~/.config/v2m/config.toml name,
and no other.

A key belongs to a host and is sent to no other one. The key of generativelanguage.googleapis.com,
api.openai.com or ollama.com (https) is looked for, in this order, as: the credential
gemini-api-key, openai-api-key or ollama-api-key (LoadCredential= of systemd); GEMINI_API_KEY,
OPENAI_API_KEY or OLLAMA_API_KEY in its environment; the file gemini.key, openai.key or ollama.key
in ~/.config/v2m. The key of any other HOST: the credential key-HOST; the file keys/HOST in
~/.config/v2m. With a port in the address HOST is host:port; in a credential's name host_port.
Files of keys must be yours alone (chmod 600).

Environment:
  V2M_CONFIG        the configuration's file
  V2M_LLM__PROVIDER, V2M_LLM__BASE_URL
                    as the settings, and before them; v2m must be given the same
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
