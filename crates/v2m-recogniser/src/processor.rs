//! The processor: the instructions that it lacks, its name, and a sensible number of threads.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use v2m_messages::{tr, verbatim};

/// Gives all other programs of the user priority: this process gets the remaining time (nice 19).
///
/// # Errors
/// The errors of setpriority(2).
pub fn give_way() -> io::Result<()> {
    Ok(rustix::process::setpriority_process(None, 19)?)
}

/// More threads than this gain nothing in the decoders of whisper.cpp and transcribe.cpp: each
/// token is a short burst of work with a barrier after every layer, and the barriers then cost more
/// than the work saved.
const MOST_THREADS: usize = 8;

/// Instruction sets that ggml may be compiled for, and whether this processor has the features that
/// each needs. Each option of AVX-512 includes all features of the first one
/// (ggml/src/ggml-cpu/CMakeLists.txt).
#[cfg(target_arch = "x86_64")]
fn instructions() -> [(&'static str, bool); 11] {
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512cd")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw");
    [
        ("SSE4.2", is_x86_feature_detected!("sse4.2")),
        ("AVX", is_x86_feature_detected!("avx")),
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("FMA", is_x86_feature_detected!("fma")),
        ("F16C", is_x86_feature_detected!("f16c")),
        ("BMI2", is_x86_feature_detected!("bmi2")),
        ("AVX-VNNI", is_x86_feature_detected!("avxvnni")),
        ("AVX-512", avx512),
        ("AVX-512 VNNI", is_x86_feature_detected!("avx512vnni")),
        ("AVX-512 VBMI", is_x86_feature_detected!("avx512vbmi")),
        ("AVX-512 BF16", is_x86_feature_detected!("avx512bf16")),
    ]
}

/// Returns the instruction sets of [`Compiled`] that this processor lacks. They would end the
/// program with SIGILL in the middle of a dictation.
#[cfg(target_arch = "x86_64")]
#[must_use]
pub fn missing(compiled: Compiled) -> Vec<&'static str> {
    let Compiled {
        ssse3,
        avx,
        avx2,
        fma,
        f16c,
        bmi2,
        avx_vnni,
        avx512,
        avx512_vnni,
        avx512_vbmi,
        avx512_bf16,
    } = compiled;
    let used = [
        ssse3,
        avx,
        avx2,
        fma,
        f16c,
        bmi2,
        avx_vnni,
        avx512,
        avx512_vnni,
        avx512_vbmi,
        avx512_bf16,
    ];
    let needs = instructions().into_iter().zip(used);
    needs.filter(|((_, here), used)| *used && !here).map(|((name, _), _)| name).collect()
}

/// Returns nothing: other processors have everything that ggml uses on them.
#[cfg(not(target_arch = "x86_64"))]
#[must_use]
pub fn missing(_compiled: Compiled) -> Vec<&'static str> {
    Vec::new()
}

/// The instruction sets that an engine's ggml was compiled for, from its functions
/// `ggml_cpu_has_…`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compiled {
    /// SSSE3, compiled together with SSE4.2.
    pub ssse3: bool,
    /// AVX.
    pub avx: bool,
    /// AVX2.
    pub avx2: bool,
    /// FMA.
    pub fma: bool,
    /// F16C.
    pub f16c: bool,
    /// BMI2.
    pub bmi2: bool,
    /// AVX-VNNI.
    pub avx_vnni: bool,
    /// AVX-512 F, CD, VL, DQ and BW.
    pub avx512: bool,
    /// AVX-512 VNNI.
    pub avx512_vnni: bool,
    /// AVX-512 VBMI.
    pub avx512_vbmi: bool,
    /// AVX-512 BF16.
    pub avx512_bf16: bool,
}

/// Returns the message for a user whose processor lacks these instructions.
#[must_use]
pub fn too_old(missing: &[&str]) -> String {
    tr!(
        "this processor ({name}) lacks {missing}; it needs x86-64-v3, as processors since about 2013 to 2015 have \
         it; for an older one build v2m on it, with `make install CPU=native`",
        name = name(),
        missing = missing.join(", ")
    )
}

/// Returns the processor's own name.
pub fn name() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let known = verbatim!(field(&info, "model name"));
    known.unwrap_or(tr!("unknown processor")).into()
}

/// Returns the number of threads beside a GPU, if the user sets none: the processors this process
/// may use, at most [`MOST_THREADS`].
///
/// With a GPU, the processor only picks the next words, each beam in a thread of its own. On an
/// H100 with five beams, 10 s of speech took 255 ms with one thread, 177 with four, 142 with five,
/// 132 with eight (docs/performance.md).
pub fn threads_beside_gpu() -> NonZeroUsize {
    let allowed = available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(allowed.min(MOST_THREADS)).unwrap_or(NonZeroUsize::MIN)
}

/// Returns the number of threads for the decoder, if the user sets none: the physical cores this
/// process may use, at most [`MOST_THREADS`]. Two threads on one core compute no faster than one.
pub fn threads() -> NonZeroUsize {
    let allowed = available_parallelism().map_or(1, NonZeroUsize::get);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = physical_cores(&info).unwrap_or(allowed);
    NonZeroUsize::new(cores.min(allowed).min(MOST_THREADS)).unwrap_or(NonZeroUsize::MIN)
}

/// Returns the part of this process's memory that is in RAM, in bytes; 0 if unknown.
#[must_use]
pub fn resident_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = verbatim!(status.lines().find_map(|line| line.strip_prefix("VmRSS:")));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
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
    #[cfg(target_arch = "x86_64")]
    fn what_is_not_compiled_in_is_not_needed() {
        assert_eq!(missing(Compiled::default()), Vec::<&str>::new());
        let all = Compiled { avx512_bf16: true, avx_vnni: true, avx: true, ..Compiled::default() };
        let known = ["AVX", "AVX-VNNI", "AVX-512 BF16"];
        assert!(missing(all).iter().all(|name| known.contains(name)));
        assert!(too_old(&["AVX2", "FMA"]).contains("lacks AVX2, FMA;"));
    }

    #[test]
    fn the_name_is_read() {
        let info = "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\n";
        assert_eq!(field(info, "model name"), Some("Some CPU @ 3 GHz"));
    }
}
