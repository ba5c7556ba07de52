//! The command line: that of `v2m-engine` without what only Whisper has. Everything that may differ
//! between recordings comes by the socket instead.

use lexopt::prelude::*;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use v2m_ipc::arguments;
use v2m_messages::tr;

use crate::NAME;

/// Shown by `--help` and after a mistake.
pub fn usage() -> String {
    tr!(
        "\
usage: {program} --model FILE [--vad FILE] [--threads N] [--preview]
       {program} --check

v2m's recogniser for models in GGUF form. The service starts it with one end of a socketpair as
standard input. It is of no use in a terminal.

  --model FILE   Moonshine, Canary or Parakeet model in GGUF form; with --preview Nemotron or Moonshine
  --vad FILE     Silero voice activity model in ggml form; without it, all audio counts as speech
  --threads N    threads of the decoder (default: one per physical core; at most 8)
  --preview      write while somebody speaks, for engine.preview, and let all other programs go first
  --check        only say what it would run on, or why it cannot run here
  -h, --help     print this help
  -V, --version  print the version

Exit codes: 0 the service closed its end, 1 it failed, 2 wrong arguments,
69 it cannot run on this machine (standard error says why)",
        program = NAME
    )
}

/// What to run with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Args {
    /// The model, GGUF.
    pub model: PathBuf,
    /// Silero model, ggml.
    pub vad: Option<PathBuf>,
    /// Threads of the decoder; `None`: as many as make sense here.
    pub threads: Option<NonZeroUsize>,
    /// Whether it writes while somebody speaks, and nothing else.
    pub preview: bool,
}

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Serve.
    Run(Args),
    /// Say what it would run on, and end.
    Check,
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
    let (mut model, mut vad, mut threads, mut preview) = (None, None, None, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("model") => model = Some(PathBuf::from(parser.value()?)),
            Long("vad") => vad = Some(PathBuf::from(parser.value()?)),
            Long("threads") => threads = Some(parser.value()?.parse()?),
            Long("preview") => preview = true,
            Long("check") => return Ok(Parsed::Check),
            other => return arguments::common(other, NAME, usage).map(Parsed::Print),
        }
    }
    let model = model.ok_or(tr!("--model FILE is needed"))?;
    Ok(Parsed::Run(Args { model, vad, threads, preview }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Parsed, lexopt::Error> {
        parse_from(lexopt::Parser::from_args(args))
    }

    #[test]
    fn model_vad_and_threads_are_read() {
        let args = parsed(&["--model", "m.gguf", "--vad=v.bin", "--threads", "3"]).unwrap();
        let wanted = Args {
            model: "m.gguf".into(),
            vad: Some("v.bin".into()),
            threads: NonZeroUsize::new(3),
            preview: false,
        };
        assert_eq!(args, Parsed::Run(wanted));
        let args = parsed(&["--preview", "--model", "m.gguf"]).unwrap();
        assert!(matches!(args, Parsed::Run(Args { preview: true, vad: None, .. })), "{args:?}");
    }

    #[test]
    fn mistakes_are_refused() {
        assert!(parsed(&[]).is_err());
        assert!(parsed(&["--model", "m", "--threads", "0"]).is_err());
        assert!(parsed(&["--model", "m", "extra"]).is_err());
    }
}
