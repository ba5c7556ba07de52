//! Checks whether this build of ggml can run on this processor.

use crate::device::Unavailable;
use v2m_ipc::backend::Backend;
use v2m_messages::tr;
use v2m_recogniser::processor::{self, Compiled};

/// Refuses a processor without the instructions that ggml was compiled for: they would end the
/// program with SIGILL in the middle of a dictation. Only ggml's and whisper.cpp's files are
/// compiled for them, and before this check only functions of theirs that return a constant run.
/// Rust's code is for any x86-64.
///
/// # Errors
/// [`Unavailable::Processor`] with the missing instructions and the remedy.
pub fn check(backend: Backend) -> Result<(), Unavailable> {
    let missing = processor::missing(compiled());
    if missing.is_empty() {
        return Ok(());
    }
    Err(Unavailable::Processor(match backend {
        Backend::CpuV4 => tr!(
            "this processor ({name}) lacks {missing}; v2m-engine does not need it",
            name = processor::name(),
            missing = missing.join(", ")
        ),
        _ => processor::too_old(&missing),
    }))
}

/// Asks ggml itself, so that the check fits any compilation.
#[cfg(target_arch = "x86_64")]
fn compiled() -> Compiled {
    use whisper_rs::whisper_rs_sys as sys;
    // SAFETY: these functions return whether the compiler defined a macro.
    unsafe {
        Compiled {
            ssse3: sys::ggml_cpu_has_ssse3() != 0,
            avx: sys::ggml_cpu_has_avx() != 0,
            avx2: sys::ggml_cpu_has_avx2() != 0,
            fma: sys::ggml_cpu_has_fma() != 0,
            f16c: sys::ggml_cpu_has_f16c() != 0,
            bmi2: sys::ggml_cpu_has_bmi2() != 0,
            avx_vnni: sys::ggml_cpu_has_avx_vnni() != 0,
            avx512: sys::ggml_cpu_has_avx512() != 0,
            avx512_vnni: sys::ggml_cpu_has_avx512_vnni() != 0,
            avx512_vbmi: sys::ggml_cpu_has_avx512_vbmi() != 0,
            avx512_bf16: sys::ggml_cpu_has_avx512_bf16() != 0,
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn compiled() -> Compiled {
    Compiled::default()
}
