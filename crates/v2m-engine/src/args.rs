//! The command line. Everything that may differ between recordings comes by the socket instead.

use lexopt::prelude::*;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use v2m_ipc::arguments;
use v2m_ipc::remote::Endpoint;
use v2m_messages::tr;

/// Returns the text for `--help` and for invalid arguments. `program` is one of the engines, which
/// all take the same arguments.
pub fn usage(program: &str) -> String {
    tr!(
        "\
usage: {program} --model FILE [--vad FILE] [--threads N]
       {program} --remote URL [--remote-model NAME] [--vad FILE]
       {program} --check

v2m's recogniser. The service starts it with one end of a socketpair as standard input.
It is of no use in a terminal.

  --model FILE   Whisper model in ggml form
  --vad FILE     Silero voice activity model in ggml form; without it, all audio counts as speech
  --threads N    threads of the decoder (default: one per physical core, or one per logical
                 processor with a GPU; at most 8)
  --remote URL   load no model: v2m-remote, to which standard output leads, asks the server at URL
  --remote-model NAME
                 the model's name there
  --connect-ms N, --total-ms N
                 the server's limits for a connection and an answer (default: 3000 and 20000)
  --check        only say what it would run on, or why it cannot run here
  --flash-attention, --cuda-graphs
                 for measurements; off by default, because both were slower or worse on a GPU
  -h, --help     print this help
  -V, --version  print the version

Exit codes: 0 the service closed its end, 1 it failed, 2 wrong arguments,
69 it cannot run on this machine (processor, GPU or driver; standard error says why)",
        program
    )
}

/// The arguments for transcribing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Args {
    /// The Whisper model's file, in ggml's format.
    pub model: PathBuf,
    /// The Silero model's file, in ggml's format.
    pub vad: Option<PathBuf>,
    /// The number of decoder threads. `None`: a sensible number for this machine.
    pub threads: Option<NonZeroUsize>,
    /// whisper.cpp's flash attention. [`crate::decode::Options`] explains why it is off.
    pub flash_attention: bool,
    /// Whether the engine for CUDA uses CUDA graphs.
    pub cuda_graphs: bool,
}

/// The command line's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Transcribe with a local model.
    Run(Args),
    /// Transcribe with a server's answers.
    Remote {
        /// The server's endpoint.
        endpoint: Endpoint,
        /// The Silero model's file, in ggml's format.
        vad: Option<PathBuf>,
    },
    /// Find the device, print its name, and exit.
    Check,
    /// Print this text and exit.
    Print(String),
}

/// Reads the process's arguments.
///
/// # Errors
/// The error in the arguments.
pub fn parse(program: &str) -> Result<Parsed, lexopt::Error> {
    parse_from(program, lexopt::Parser::from_env())
}

fn parse_from(program: &str, mut parser: lexopt::Parser) -> Result<Parsed, lexopt::Error> {
    let (mut model, mut vad, mut threads) = (None, None, None);
    let (mut flash_attention, mut cuda_graphs) = (false, false);
    let (mut remote, mut remote_model) = (None, String::new());
    let (mut connect_ms, mut total_ms) = (3_000, 20_000);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("model") => model = Some(PathBuf::from(parser.value()?)),
            Long("vad") => vad = Some(PathBuf::from(parser.value()?)),
            Long("threads") => threads = Some(parser.value()?.parse()?),
            Long("remote") => remote = Some(parser.value()?.string()?),
            Long("remote-model") => remote_model = parser.value()?.string()?,
            Long("connect-ms") => connect_ms = parser.value()?.parse()?,
            Long("total-ms") => total_ms = parser.value()?.parse()?,
            Long("flash-attention") => flash_attention = true,
            Long("cuda-graphs") => cuda_graphs = true,
            Long("check") => return Ok(Parsed::Check),
            other => {
                return arguments::common(other, program, || usage(program)).map(Parsed::Print);
            }
        }
    }
    if let Some(base_url) = remote {
        let endpoint = Endpoint { base_url, model: remote_model, connect_ms, total_ms };
        return Ok(Parsed::Remote { endpoint, vad });
    }
    let model = model.ok_or(tr!("--model FILE is needed"))?;
    Ok(Parsed::Run(Args { model, vad, threads, flash_attention, cuda_graphs }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Parsed, lexopt::Error> {
        parse_from("v2m-engine", lexopt::Parser::from_args(args))
    }

    #[test]
    fn model_vad_and_threads_are_read() {
        let args = parsed(&["--model", "m.bin", "--vad=v.bin", "--threads", "3"]).unwrap();
        let wanted = Args {
            model: "m.bin".into(),
            vad: Some("v.bin".into()),
            threads: NonZeroUsize::new(3),
            flash_attention: false,
            cuda_graphs: false,
        };
        assert_eq!(args, Parsed::Run(wanted));
    }

    #[test]
    fn a_server_takes_the_place_of_a_model() {
        let args = ["--remote", "http://h/v1", "--remote-model", "m", "--total-ms=7", "--vad=v"];
        let (base_url, model) = ("http://h/v1".into(), "m".into());
        let endpoint = Endpoint { base_url, model, connect_ms: 3_000, total_ms: 7 };
        let wanted = Parsed::Remote { endpoint, vad: Some("v".into()) };
        assert_eq!(parsed(&args).unwrap(), wanted);
    }

    #[test]
    fn mistakes_are_refused() {
        assert!(parsed(&[]).is_err());
        assert!(parsed(&["--model", "m", "--threads", "0"]).is_err());
        assert!(parsed(&["--model", "m", "extra"]).is_err());
        assert!(parsed(&["--remote", "u", "--total-ms", "x"]).is_err());
    }
}
