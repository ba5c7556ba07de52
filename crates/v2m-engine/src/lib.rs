//! v2m's recogniser: PCM in, text out.
//!
//! | module | what it is for |
//! |---|---|
//! | [`backend`] | which of the engines this executable is |
//! | [`args`] | the command line |
//! | [`confine`] | which files and system calls are left to it |
//! | [`device`] | the processor or GPU it computes on, tried before a model is read |
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
pub mod backend;
pub mod confine;
pub mod decode;
pub mod device;
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
use backend::Backend;
use device::Device;
use std::process::ExitCode;
use v2m_ipc::plain;

/// Exit status of an engine that cannot run on this machine: its processor lacks instructions, there is no GPU, or the GPU's
/// driver is missing, too old or broken. Told before the model is read and before anything is said by the socket;
/// the reason is one line on standard error. `EX_UNAVAILABLE` of sysexits.h. (A shared library that is not
/// there ends the program earlier, with the dynamic loader's 127.)
pub const UNAVAILABLE: u8 = v2m_ipc::engine::EXIT_UNFIT;

/// The whole program: reads the arguments, then serves the daemon until it closes its end.
pub fn main(backend: Backend) -> ExitCode {
    let program = backend.program();
    match args::parse(program) {
        Ok(Parsed::Run(args)) => serve(backend, &args),
        Ok(Parsed::Check) => {
            // As it serves, or it would find what it cannot use.
            confine::confine([], backend);
            match device::find(backend) {
                Ok(device) => {
                    let _ = plain::print(format_args!("{backend}: {device}"));
                    ExitCode::SUCCESS
                }
                Err(reason) => unavailable(backend, &reason),
            }
        }
        Ok(Parsed::Print(text)) => {
            let _ = plain::print(text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            plain::complain(format_args!("{program}: {error}\n{}", args::usage(program)));
            ExitCode::from(2)
        }
    }
}

fn serve(backend: Backend, args: &Args) -> ExitCode {
    let program = backend.program();
    if let Err(reason) = model::cpu::check(backend) {
        return unavailable(backend, &reason);
    }
    if let Err(error) = openmp::spin_little() {
        plain::complain(format_args!(
            "{program}: telling OpenMP not to spin: {error}; decoding may be slow"
        ));
    }
    if !args.cuda_graphs {
        device::without_cuda_graphs();
    }
    // While there is one thread, and before anything is read that others have made.
    confine::confine([args.model.clone()].into_iter().chain(args.vad.clone()), backend);
    let device: Device = match device::find(backend) {
        Ok(device) => device,
        Err(reason) => return unavailable(backend, &reason),
    };
    match run::serve(args, backend, device) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            plain::complain(format_args!("{program}: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn unavailable(backend: Backend, reason: &device::Unavailable) -> ExitCode {
    plain::complain(format_args!("{}: {reason}", backend.program()));
    ExitCode::from(UNAVAILABLE)
}
