//! The processor: whether this build can run on it, its name, and how many threads make sense.

use crate::device::Unavailable;
use std::collections::HashSet;
#[cfg(target_arch = "x86_64")]
use std::ffi::c_int;
use std::fs;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use v2m_ipc::backend::Backend;
use v2m_messages::{tr, verbatim};

/// More threads than this gain nothing in whisper.cpp's decoder: each token is a short burst of
/// work with a barrier after every layer, and the barriers then cost more than the work saved.
const MOST_THREADS: usize = 8;

/// Refuses a processor without the instructions that ggml was compiled with: they would end the
/// program with SIGILL in the middle of a dictation. Only ggml's and whisper.cpp's files are
/// compiled so, and of them nothing runs before this but functions that return a constant; Rust's
/// code is for any x86-64.
///
/// # Errors
/// [`Unavailable::Processor`], naming what is missing and what to do.
pub fn check(backend: Backend) -> Result<(), Unavailable> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let (name, missing) = (name(), missing.join(", "));
    Err(Unavailable::Processor(match backend {
        Backend::CpuV4 => {
            tr!("this processor ({name}) lacks {missing}; v2m-engine does without", name, missing)
        }
        _ => tr!(
            "this processor ({name}) lacks {missing}; it needs x86-64-v3, as processors since about 2013 to 2015 have \
             it; for an older one build v2m on it, with `make install CPU=native`",
            name,
            missing
        ),
    }))
}

/// Asks ggml itself, so that the check fits every way of compiling it.
#[cfg(target_arch = "x86_64")]
fn missing() -> Vec<&'static str> {
    use whisper_rs::whisper_rs_sys as sys;
    /// What ggml uses, the processor's features that this takes, whether it has them.
    type Need = (unsafe extern "C" fn() -> c_int, &'static str, bool);
    // Each option of AVX-512 comes with all that the first one names
    // (ggml/src/ggml-cpu/CMakeLists.txt).
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512cd")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw");
    let needs: [Need; 11] = [
        (sys::ggml_cpu_has_ssse3, "SSE4.2", is_x86_feature_detected!("sse4.2")),
        (sys::ggml_cpu_has_avx, "AVX", is_x86_feature_detected!("avx")),
        (sys::ggml_cpu_has_avx2, "AVX2", is_x86_feature_detected!("avx2")),
        (sys::ggml_cpu_has_fma, "FMA", is_x86_feature_detected!("fma")),
        (sys::ggml_cpu_has_f16c, "F16C", is_x86_feature_detected!("f16c")),
        (sys::ggml_cpu_has_bmi2, "BMI2", is_x86_feature_detected!("bmi2")),
        (sys::ggml_cpu_has_avx_vnni, "AVX-VNNI", is_x86_feature_detected!("avxvnni")),
        (sys::ggml_cpu_has_avx512, "AVX-512", avx512),
        (sys::ggml_cpu_has_avx512_vnni, "AVX-512 VNNI", is_x86_feature_detected!("avx512vnni")),
        (sys::ggml_cpu_has_avx512_vbmi, "AVX-512 VBMI", is_x86_feature_detected!("avx512vbmi")),
        (sys::ggml_cpu_has_avx512_bf16, "AVX-512 BF16", is_x86_feature_detected!("avx512bf16")),
    ];
    // SAFETY: these functions return whether the compiler defined a macro.
    let used = |need: &Need| unsafe { (need.0)() } != 0;
    needs.into_iter().filter(|need| !need.2 && used(need)).map(|(_, name, _)| name).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn missing() -> Vec<&'static str> {
    Vec::new()
}

/// The processor's own name.
pub fn name() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let known = verbatim!(field(&info, "model name"));
    known.unwrap_or(tr!("unknown processor")).into()
}

/// Threads beside a GPU when the user names no number: the processors this process may use,
/// [`MOST_THREADS`] at most.
///
/// The processor then only picks the next words, each beam in a thread of its own. On an H100 with
/// five beams, 10 s of speech took 255 ms with one thread, 177 with four, 142 with five, 132 with
/// eight (docs/performance.md).
pub fn threads_beside_gpu() -> NonZeroUsize {
    let allowed = available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(allowed.min(MOST_THREADS)).unwrap_or(NonZeroUsize::MIN)
}

/// Threads for the decoder when the user names no number: the physical cores this process may use,
/// [`MOST_THREADS`] at most. Two threads on one core compute no faster than one.
pub fn threads() -> NonZeroUsize {
    let allowed = available_parallelism().map_or(1, NonZeroUsize::get);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = physical_cores(&info).unwrap_or(allowed);
    NonZeroUsize::new(cores.min(allowed).min(MOST_THREADS)).unwrap_or(NonZeroUsize::MIN)
}

fn physical_cores(cpuinfo: &str) -> Option<usize> {
    let cores: HashSet<_> = cpuinfo
        .split("\n\n")
        .filter_map(|cpu| verbatim!(Some((field(cpu, "physical id")?, field(cpu, "core id")?))))
        .collect();
    (!cores.is_empty()).then_some(cores.len())
}

fn field<'a>(cpuinfo: &'a str, key: &str) -> Option<&'a str> {
    cpuinfo
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(name, value)| (name.trim() == key).then_some(value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_a_gpu_no_processor_is_left_out() {
        assert!(threads() <= threads_beside_gpu());
        assert!(threads_beside_gpu().get() <= MOST_THREADS);
    }

    #[test]
    fn hyperthreads_share_a_core() {
        let cpu = |id, core| format!("processor\t: {id}\nphysical id\t: 0\ncore id\t\t: {core}\n");
        let info = [cpu(0, 0), cpu(1, 0), cpu(2, 1), cpu(3, 1)].join("\n");
        assert_eq!(physical_cores(&info), Some(2));
        assert_eq!(physical_cores("processor : 0\n"), None);
    }

    #[test]
    fn the_name_is_read() {
        let info = "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\n";
        assert_eq!(field(info, "model name"), Some("Some CPU @ 3 GHz"));
    }
}
