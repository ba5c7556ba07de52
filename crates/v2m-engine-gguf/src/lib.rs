//! `v2m-engine-gguf`: v2m's recogniser on models in GGUF form, by transcribe.cpp. PCM in, text out.
//! It runs models of Moonshine, Canary and Parakeet, and as a preview Nemotron and Moonshine.
//!
//! | module | what it is for |
//! |---|---|
//! | [`args`] | the command line |
//! | [`device`] | the processor or GPU it computes on |
//! | [`family`] | the models as the run loop knows them |
//! | [`preview`] | the models that write while somebody speaks |
//! | [`decode`] | transcribe.cpp: what it is asked, how it is interrupted, what it answers |
//!
//! What to decode when, voice activity, the run loop and the confinement are [`v2m_recogniser`]; what
//! a model must hold is [`v2m_models::gguf`]. transcribe.cpp has a ggml of its own, so this program
//! links no whisper.cpp: two versions of ggml in one program would call one another. All `unsafe`
//! is in [`decode`], [`device`] and in the question which instructions ggml was compiled for.

pub mod args;
pub mod decode;
pub mod device;
pub mod family;
pub mod preview;

use args::{Args, Parsed};
use family::GgufModel;
use preview::GgufPreview;
use std::ffi::c_int;
use std::process::ExitCode;
use v2m_ipc::backend::Backend;
use v2m_ipc::engine::EXIT_UNFIT;
use v2m_ipc::{arguments, plain};
use v2m_messages::verbatim;
use v2m_recogniser::processor::{self, Compiled};
use v2m_recogniser::{confine, openmp, run};

/// The program's name.
pub(crate) const NAME: &str = "v2m-engine-gguf";

/// The whole program: reads the arguments, then serves the daemon until it closes its end.
pub fn main(backend: Backend) -> ExitCode {
    match args::parse() {
        Ok(Parsed::Run(args)) => serve(backend, &args),
        Ok(Parsed::Check) => {
            // As it serves, or it would find what it cannot use.
            confine::confine(NAME, [], backend.is_gpu());
            match device::find(backend) {
                Ok(device) => {
                    let _ = plain::print(device);
                    ExitCode::SUCCESS
                }
                Err(reason) => unavailable(&reason),
            }
        }
        Ok(Parsed::Print(text)) => arguments::print(text),
        Err(error) => arguments::refuse(NAME, &error, &args::usage()),
    }
}

fn serve(backend: Backend, args: &Args) -> ExitCode {
    // Before OpenMP's functions are called.
    let missing = processor::missing(compiled());
    if !missing.is_empty() {
        return unavailable(&processor::too_old(&missing));
    }
    if let Err(error) = openmp::spin_little() {
        verbatim!(plain::complain(format_args!(
            "{NAME}: telling OpenMP not to spin: {error}; decoding may be slow"
        )));
    }
    if args.preview
        && let Err(error) = processor::give_way()
    {
        verbatim!(plain::complain(format_args!(
            "{NAME}: letting other programs go first: {error}; they may be slower while you speak"
        )));
    }
    device::without_flash_attention(backend);
    // While there is one thread, and before anything is read that others have made.
    let files = [args.model.clone()].into_iter().chain(args.vad.clone());
    confine::confine(NAME, files, backend.is_gpu());
    let device = match device::find(backend) {
        Ok(device) => device,
        Err(reason) => return unavailable(&reason),
    };
    let (model, vad) =
        (GgufModel { file: args.model.clone(), device, threads: args.threads }, &args.vad);
    let served = match args.preview {
        true => v2m_recogniser::preview::run::serve(GgufPreview { model, vad: vad.clone() }),
        false => run::serve(model, vad.as_deref()),
    };
    match served {
        Ok(()) => leave(),
        Err(error) => {
            plain::complain(format_args!("{NAME}: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Ends the process without running destructors: the worker may be inside transcribe.cpp, which
/// would then use what exit handlers destroyed.
fn leave() -> ! {
    // SAFETY: `_exit` takes any status and does not return.
    unsafe { libc::_exit(0) }
}

fn unavailable(reason: &str) -> ExitCode {
    plain::complain(format_args!("{NAME}: {reason}"));
    ExitCode::from(EXIT_UNFIT)
}

#[cfg(target_arch = "x86_64")]
unsafe extern "C" {
    // ggml-cpu.h; the bindings of transcribe-cpp-sys leave ggml out.
    safe fn ggml_cpu_has_ssse3() -> c_int;
    safe fn ggml_cpu_has_avx() -> c_int;
    safe fn ggml_cpu_has_avx2() -> c_int;
    safe fn ggml_cpu_has_fma() -> c_int;
    safe fn ggml_cpu_has_f16c() -> c_int;
    safe fn ggml_cpu_has_bmi2() -> c_int;
    safe fn ggml_cpu_has_avx_vnni() -> c_int;
    safe fn ggml_cpu_has_avx512() -> c_int;
    safe fn ggml_cpu_has_avx512_vnni() -> c_int;
    safe fn ggml_cpu_has_avx512_vbmi() -> c_int;
    safe fn ggml_cpu_has_avx512_bf16() -> c_int;
}

/// Asks ggml itself, so that the check fits every way of compiling it.
#[cfg(target_arch = "x86_64")]
fn compiled() -> Compiled {
    Compiled {
        ssse3: ggml_cpu_has_ssse3() != 0,
        avx: ggml_cpu_has_avx() != 0,
        avx2: ggml_cpu_has_avx2() != 0,
        fma: ggml_cpu_has_fma() != 0,
        f16c: ggml_cpu_has_f16c() != 0,
        bmi2: ggml_cpu_has_bmi2() != 0,
        avx_vnni: ggml_cpu_has_avx_vnni() != 0,
        avx512: ggml_cpu_has_avx512() != 0,
        avx512_vnni: ggml_cpu_has_avx512_vnni() != 0,
        avx512_vbmi: ggml_cpu_has_avx512_vbmi() != 0,
        avx512_bf16: ggml_cpu_has_avx512_bf16() != 0,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn compiled() -> Compiled {
    Compiled::default()
}
