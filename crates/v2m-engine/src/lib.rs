//! v2m's recogniser: PCM in, text out.
//!
//! | module | what it is for |
//! |---|---|
//! | [`args`] | the command line |
//! | [`run`] | the main thread: frames in, frames out, one job at a time |
//! | [`job`] | one recording: its stream, its clock, its answer |
//! | [`stream`] | the policy, pure: what to decode when, and what to believe |
//! | [`wire`] | the socketpair on standard input, as frames |
//! | [`worker`] | the thread `v2m-whisper`: loads the model, decodes pieces, reports |
//! | [`model`] | checks of the machine and of the model files before whisper.cpp sees them |
//! | [`decode`] | whisper.cpp: parameters, callbacks, results |
//! | [`openmp`] | how the decoder's threads wait for one another |
//! | [`vad`] | Silero: where somebody speaks |
//! | [`text`] | what of a transcript was never said: bracketed artefacts |
//!
//! The frames themselves are [`v2m_ipc::engine`]. Nothing here knows the desktop, the daemon's
//! config or its store; dictated text leaves by the socket and is never printed.

pub mod args;
pub mod decode;
pub mod job;
pub mod model;
pub mod openmp;
pub mod run;
pub mod stream;
pub mod text;
pub mod vad;
pub mod wire;
pub mod worker;

use args::{Args, Parsed};
use std::process::ExitCode;

/// The whole program: reads the arguments, then serves the daemon until it closes its end.
pub fn main() -> ExitCode {
    match args::parse() {
        Ok(Parsed::Run(args)) => serve(&args),
        Ok(Parsed::Print(text)) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("v2m-engine: {error}\n{}", args::USAGE);
            ExitCode::from(2)
        }
    }
}

fn serve(args: &Args) -> ExitCode {
    if let Err(error) = openmp::spin_little() {
        eprintln!("v2m-engine: telling OpenMP not to spin: {error}; decoding may be slow");
    }
    match run::serve(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("v2m-engine: {error}");
            ExitCode::FAILURE
        }
    }
}
