//! `v2m-engine`: v2m's recogniser for Whisper models. PCM in, text out.
//!
//! | module | what it is for |
//! |---|---|
//! | `backend` | the names of the executable's backend and device in messages |
//! | [`args`] | the command line |
//! | [`device`] | the processor or GPU that computes, tested before a model is read |
//! | [`model`] | checks of the machine and of the model files before whisper.cpp sees them |
//! | [`family`] | Whisper for the run loop |
//! | [`decode`] | whisper.cpp: parameters, callbacks, results |
//!
//! The stream policy, voice activity, the run loop and the confinement are in [`v2m_recogniser`],
//! which does not depend on whisper.cpp. All of this recogniser's `unsafe` is here.

pub mod args;
mod backend;
pub mod decode;
pub mod device;
pub mod family;
pub mod model;

use args::{Args, Parsed};
use device::Device;
use family::WhisperModel;
use std::process::ExitCode;
use v2m_ipc::backend::Backend;
use v2m_ipc::{arguments, plain};
use v2m_messages::verbatim;
use v2m_recogniser::run::RunError;
use v2m_recogniser::{confine, openmp, remote, run};

/// The engine's name in messages, whatever its backend.
pub(crate) const NAME: &str = "v2m-engine";

/// Exit status of an engine that cannot run on this machine: its processor lacks instructions,
/// there is no GPU, or the GPU's driver is missing, too old or broken. The engine exits before it
/// reads the model and before it uses the socket; the reason is one line on standard error.
/// `EX_UNAVAILABLE` of sysexits.h. (A missing shared library ends the program earlier, with the
/// dynamic loader's 127.)
pub const UNAVAILABLE: u8 = v2m_ipc::engine::EXIT_UNFIT;

/// Runs the program: reads the arguments, then serves the daemon until it closes its end.
pub fn main(backend: Backend) -> ExitCode {
    let program = backend.program();
    match args::parse(program) {
        Ok(Parsed::Run(args)) => serve(backend, &args),
        Ok(Parsed::Remote { endpoint, vad }) => {
            ended(program, remote::serve(program, endpoint, vad.as_deref()))
        }
        Ok(Parsed::Check) => {
            // Confined as when it serves. Otherwise it could find a device that it cannot use then.
            confine::confine(program, [], backend.is_gpu());
            match device::find(backend) {
                Ok(device) => {
                    let _ = plain::print(format_args!("{}: {device}", backend::label(backend)));
                    ExitCode::SUCCESS
                }
                Err(reason) => unavailable(backend, &reason),
            }
        }
        Ok(Parsed::Print(text)) => arguments::print(text),
        Err(error) => arguments::refuse(program, &error, &args::usage(program)),
    }
}

fn serve(backend: Backend, args: &Args) -> ExitCode {
    let program = backend.program();
    if let Err(reason) = model::cpu::check(backend) {
        return unavailable(backend, &reason);
    }
    if let Err(error) = openmp::spin_little() {
        verbatim!(plain::complain(format_args!(
            "{program}: telling OpenMP not to spin: {error}; decoding may be slow"
        )));
    }
    if !args.cuda_graphs {
        device::without_cuda_graphs();
    }
    // While there is only one thread, and before any untrusted data is read.
    let files = [args.model.clone()].into_iter().chain(args.vad.clone());
    confine::confine(program, files, backend.is_gpu());
    let device: Device = match device::find(backend) {
        Ok(device) => device,
        Err(reason) => return unavailable(backend, &reason),
    };
    let model = WhisperModel {
        file: args.model.clone(),
        backend,
        device,
        threads: args.threads,
        flash_attention: args.flash_attention,
    };
    ended(program, run::serve(model, args.vad.as_deref()))
}

fn ended(program: &str, served: Result<(), RunError>) -> ExitCode {
    match served {
        Ok(()) => leave(),
        Err(error) => {
            plain::complain(format_args!("{program}: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Ends the process without running destructors. The worker may be inside whisper.cpp, which cannot
/// be interrupted for about a second and would then use data that exit handlers have destroyed.
fn leave() -> ! {
    // SAFETY: `_exit` takes any status and does not return.
    unsafe { libc::_exit(0) }
}

fn unavailable(backend: Backend, reason: &device::Unavailable) -> ExitCode {
    plain::complain(format_args!("{}: {reason}", backend.program()));
    ExitCode::from(UNAVAILABLE)
}
