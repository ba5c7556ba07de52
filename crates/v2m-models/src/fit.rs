//! Which models suit a machine: a pure rule over figures, so that a table can test it.
//!
//! Not here: measuring the machine (`v2m-model` does), and accuracy, which the user decides: the
//! rule takes the best model that is fast enough.

use crate::catalogue::{self, Form, Model, Purpose};
use serde::Serialize;

/// Properties of a machine that matter to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Total RAM in bytes.
    pub memory: u64,
    /// Physical cores.
    pub cores: u32,
    /// Memory in bytes of the GPU that an installed engine can use; `None`: there is none.
    pub vram: Option<u64>,
    /// Free bytes on the disk with the models; `None`: unknown.
    pub disk: Option<u64>,
}

/// How well a machine can run a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// It runs on the GPU.
    Gpu,
    /// It runs on the processor, quickly enough for dictation.
    Cpu,
    /// It runs on the processor, but the user would wait for the text.
    Slow,
    /// It fits neither into the GPU's memory nor into half of the RAM.
    Memory,
    /// It is not installed, and the disk has no room for it.
    Disk,
}

/// GPU memory that a driver and its libraries use in addition to the model's memory on a processor.
/// Measured on an H100 with `base-q8_0`: 853 MiB, including some 550 for the driver's own context
/// (docs/performance.md). Smaller GPUs use less.
const GPU_OVERHEAD: u64 = 1 << 30;
/// Bytes to leave free on the disk.
const DISK_RESERVE: u64 = 64 << 20;
/// Speed of one core with a q8_0 encoder, in GFLOP/s: measured (base, full context, Zen 4,
/// docs/performance.md).
const CORE_GFLOPS: f64 = 40.0;
/// Further cores gain nothing (`v2m-engine` uses no more by default).
const MOST_CORES: u32 = 8;
/// The context for 10 s of speech, as a share of the encoder's full context.
const TEN_SECONDS: f64 = 768.0 / 1500.0;
/// Maximum time in seconds to encode 10 s of speech for a recommended model; `base` on two cores
/// takes 0.5.
const SOON: f64 = 0.6;
/// Maximum time in seconds to encode 10 s of speech before a model counts as slow.
const LATE: f64 = 1.5;
/// Models to recommend, the best first. They serve English alone just as well. Not `medium`: its
/// decoder has 24 layers, turbo's 4. On a GPU the decoder's layers take most of the time (H100, 30
/// words: turbo 115 ms, small 184, large-v3 356), and on a processor `medium` is late.
const CANDIDATES: [&str; 4] = ["large-v3-turbo-q8_0", "small-q8_0", "base-q8_0", "tiny-q8_0"];

/// Returns how well `machine` can run `model`. An installed model needs no further disk space.
#[must_use]
pub fn fit(model: &Model, machine: &Machine, installed: bool) -> Fit {
    let memory = u64::from(model.memory_mib) << 20;
    if !installed && machine.disk.is_some_and(|free| free < model.bytes + DISK_RESERVE) {
        Fit::Disk
    } else if on_gpu(model) && machine.vram.is_some_and(|vram| vram >= memory + GPU_OVERHEAD) {
        Fit::Gpu
    } else if machine.memory / 2 < memory {
        Fit::Memory
    } else if model.purpose == Purpose::Text && wait(model, machine) > LATE {
        // Not for previews, because nobody waits for them.
        Fit::Slow
    } else {
        Fit::Cpu
    }
}

/// Whether the speed of the model on a GPU is known. Models in GGUF form were never run on one.
fn on_gpu(model: &Model) -> bool {
    model.form == Form::Ggml
}

/// Returns the model to begin with: the best one that fits on the GPU, or is fast enough on the
/// processor; otherwise the smallest candidate.
#[must_use]
pub fn recommend(machine: &Machine) -> &'static Model {
    let candidates = || CANDIDATES.iter().filter_map(|name| catalogue::find(name));
    // The best model does not depend on which ones are installed.
    let fits = |model: &Model| fit(model, machine, true);
    let soon = |model: &Model| match fits(model) {
        Fit::Gpu => true,
        Fit::Cpu => wait(model, machine) <= SOON || model.is_default(),
        Fit::Slow | Fit::Memory | Fit::Disk => false,
    };
    let smallest = &catalogue::all()[0];
    candidates().find(|model| soon(model)).or(candidates().next_back()).unwrap_or(smallest)
}

/// Measured time for a whole text on a machine.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// The model that was run.
    pub model: &'static Model,
    /// Seconds for the sample recording, which has 11 s of speech.
    pub seconds: f64,
    /// Whether it ran on a GPU.
    pub on_gpu: bool,
}

/// Maximum seconds for the sample with a recommended model. A dictation is decoded during speech,
/// so its text is ready much sooner after its end. This is [`SOON`] in terms of whole texts: eight
/// cores of [`CORE_GFLOPS`] need 0.54 s for `small`'s encoder and some 2 s for its text.
const SOON_MEASURED: f64 = 2.0;
/// Maximum seconds for the sample with the default model.
const LATE_MEASURED: f64 = 5.0;
/// A GPU that takes at most this many seconds can run the other models too: its time grows with the
/// layers of the decoder, not with the encoder's work (docs/performance.md).
const FAST_GPU: f64 = 0.5;

/// Returns the best model according to a measurement, among those that `may` be used (memory and
/// disk) and are fast enough.
#[must_use]
pub fn by_measure(measured: &Measured, may: impl Fn(&str) -> bool) -> &'static Model {
    let candidates = || CANDIDATES.iter().filter_map(|name| catalogue::find(name));
    let soon = |model: &Model| {
        let seconds = measured.seconds * core_seconds(model) / core_seconds(measured.model);
        let is_fast = measured.on_gpu && on_gpu(model) && measured.seconds <= FAST_GPU;
        is_fast || seconds <= SOON_MEASURED || model.is_default() && seconds <= LATE_MEASURED
    };
    let smallest = candidates().next_back().unwrap_or(&catalogue::all()[0]);
    candidates().find(|model| may(model.name) && soon(model)).unwrap_or(smallest)
}

/// Returns the candidates next to `name`: the better and slower one, and the smaller and faster
/// one.
pub fn beside(name: &str) -> impl Iterator<Item = &'static str> {
    let at = CANDIDATES.iter().position(|candidate| *candidate == name);
    let [better, faster] = match at {
        Some(at) => [at.checked_sub(1), Some(at + 1)],
        None => [None, CANDIDATES.iter().position(|candidate| *candidate == catalogue::DEFAULT)],
    };
    [faster, better].into_iter().flatten().filter_map(|at| CANDIDATES.get(at).copied())
}

/// Returns the seconds that one core needs for 10 s of speech: measured, or else calculated from
/// the encoder's work, to which the decoder's is proportional.
fn core_seconds(model: &Model) -> f64 {
    model
        .core_seconds
        .unwrap_or_else(|| encoder_gflop(model.family().0) * TEN_SECONDS / CORE_GFLOPS)
}

/// Returns the seconds that a processor needs to encode 10 s of speech.
fn wait(model: &Model, machine: &Machine) -> f64 {
    let cores = f64::from(machine.cores.clamp(1, MOST_CORES));
    core_seconds(model) / cores
}

/// Returns the encoder's work over its full context of 1500, from the number and width of its
/// layers: the products with the weights (12 widths squared a layer) and those of the attention.
fn encoder_gflop(family: &str) -> f64 {
    let (layers, width) = match family.trim_end_matches(".en") {
        "tiny" => (4.0, 384.0),
        "base" => (6.0, 512.0),
        "small" => (12.0, 768.0),
        "medium" => (24.0, 1024.0),
        _ => (32.0, 1280.0),
    };
    let context = 1500.0;
    layers * (2.0 * context * 12.0 * width * width + 4.0 * context * context * width) / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn machine(memory: u64, cores: u32, vram: Option<u64>) -> Machine {
        Machine { memory: memory * GIB, cores, vram: vram.map(|v| v * GIB), disk: Some(100 * GIB) }
    }

    #[test]
    fn recommended_by_hardware() {
        let table = [
            (machine(1, 1, None), "base-q8_0"),
            (machine(4, 2, None), "base-q8_0"),
            (machine(16, 4, None), "base-q8_0"),
            (machine(16, 8, None), "small-q8_0"),
            (machine(64, 64, None), "small-q8_0"),
            (machine(16, 8, Some(1)), "small-q8_0"),
            (machine(16, 2, Some(2)), "small-q8_0"),
            (machine(16, 8, Some(3)), "large-v3-turbo-q8_0"),
            (machine(8, 2, Some(80)), "large-v3-turbo-q8_0"),
            (Machine { memory: 256 << 20, ..machine(0, 1, None) }, "tiny-q8_0"),
        ];
        for (machine, name) in table {
            assert_eq!(recommend(&machine).name, name, "{machine:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_marked_with_its_reason() {
        let small_machine = machine(4, 2, None);
        let full = Machine { disk: Some(GIB / 4), ..small_machine };
        let unknown = Machine { disk: None, ..small_machine };
        let table = [
            ("base-q8_0", small_machine, false, Fit::Cpu),
            ("small-q8_0", small_machine, false, Fit::Slow),
            ("small-q8_0", machine(4, 4, None), false, Fit::Cpu),
            ("large-v3", small_machine, false, Fit::Memory),
            ("large-v3", machine(4, 2, Some(5)), false, Fit::Gpu),
            ("large-v3", machine(16, 2, Some(1)), false, Fit::Slow),
            ("small-q8_0", full, false, Fit::Disk),
            ("small-q8_0", full, true, Fit::Slow),
            ("base-q8_0", unknown, false, Fit::Cpu),
        ];
        for (name, machine, installed, wanted) in table {
            let model = catalogue::find(name).unwrap();
            assert_eq!(fit(model, &machine, installed), wanted, "{name} on {machine:?}");
        }
    }

    #[test]
    fn what_is_recommended_fits() {
        for memory in [1, 2, 4, 64] {
            for cores in [0, 1, 2, 8, 128] {
                for vram in [None, Some(0), Some(1), Some(2), Some(3), Some(16)] {
                    let machine = machine(memory, cores, vram);
                    let fit = fit(recommend(&machine), &machine, true);
                    assert!(matches!(fit, Fit::Gpu | Fit::Cpu), "{machine:?}: {fit:?}");
                }
            }
        }
    }

    #[test]
    fn what_was_measured_decides_and_what_has_no_room_is_left_out() {
        let all = |_: &str| true;
        let at = |name: &str, seconds, on_gpu| {
            let measured = Measured { model: catalogue::find(name).unwrap(), seconds, on_gpu };
            by_measure(&measured, all).name
        };
        assert_eq!(at("base-q8_0", 0.4, false), "small-q8_0");
        assert_eq!(at("base-q8_0", 1.7, false), "base-q8_0");
        assert_eq!(at("base-q8_0", 4.9, false), "base-q8_0", "the default may take longer");
        assert_eq!(at("base-q8_0", 6.0, false), "tiny-q8_0");
        assert_eq!(at("base-q8_0", 0.05, false), "large-v3-turbo-q8_0");
        assert_eq!(at("small-q8_0", 8.0, false), "base-q8_0");
        assert_eq!(at("base-q8_0", 0.3, true), "large-v3-turbo-q8_0", "a GPU");
        assert_eq!(at("base-q8_0", 1.5, true), "base-q8_0", "a slow one");
        let measured =
            Measured { model: catalogue::find("base-q8_0").unwrap(), seconds: 0.05, on_gpu: false };
        let may = |name: &str| name != "large-v3-turbo-q8_0" && name != "small-q8_0";
        assert_eq!(by_measure(&measured, may).name, "base-q8_0");
        assert_eq!(by_measure(&measured, |_| false).name, "tiny-q8_0");
    }

    #[test]
    fn alternatives_are_one_step_away() {
        assert_eq!(beside("base-q8_0").collect::<Vec<_>>(), ["tiny-q8_0", "small-q8_0"]);
        assert_eq!(beside("tiny-q8_0").collect::<Vec<_>>(), ["base-q8_0"]);
        assert_eq!(beside("large-v3-turbo-q8_0").collect::<Vec<_>>(), ["small-q8_0"]);
        assert_eq!(beside("mine").collect::<Vec<_>>(), ["base-q8_0"]);
    }

    #[test]
    fn every_candidate_is_published() {
        assert!(CANDIDATES.iter().all(|name| catalogue::find(name).is_some()));
    }
}
