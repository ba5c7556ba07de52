//! The processor: whether this build can run on it, its name, and how many threads make sense.

use super::LoadError;
use std::collections::HashSet;
use std::fs;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

/// More threads than this gain nothing in whisper.cpp's decoder: each token is a short burst of
/// work with a barrier after every layer, and the barriers then cost more than the work saved.
const MOST_THREADS: usize = 8;

/// Refuses a processor without what ggml was compiled for (x86-64-v3, see `.cargo/config.toml`):
/// it would end the program with SIGILL in the middle of a dictation.
///
/// # Errors
/// [`LoadError::Unsupported`], naming what is missing.
pub fn check() -> Result<(), LoadError> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    Err(LoadError::Unsupported(format!(
        "its processor ({}) lacks {}, which every x86-64 processor since about 2013–2015 has",
        name(),
        missing.join(", ")
    )))
}

#[cfg(target_arch = "x86_64")]
fn missing() -> Vec<&'static str> {
    let features = [
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("FMA", is_x86_feature_detected!("fma")),
        ("F16C", is_x86_feature_detected!("f16c")),
        ("BMI2", is_x86_feature_detected!("bmi2")),
    ];
    features.into_iter().filter(|(_, has)| !has).map(|(name, _)| name).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn missing() -> Vec<&'static str> {
    Vec::new()
}

/// The processor's own name.
pub fn name() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    field(&info, "model name").unwrap_or("unknown processor").into()
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
        .filter_map(|cpu| Some((field(cpu, "physical id")?, field(cpu, "core id")?)))
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
