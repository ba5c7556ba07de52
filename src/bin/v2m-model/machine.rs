//! Properties of this machine that matter to models: RAM, cores, disk, and a GPU if an installed
//! engine supports it.
//!
//! The GPU is queried through the engine beside this program (`--check`), because a GPU that no
//! engine can use is of no help.

use std::collections::HashSet;
use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::available_parallelism;

use v2m_messages::{tr, verbatim};
use v2m_models::fit::Machine;

/// The engines that are asked, in the order in which the service tries them. Those for models in GGUF
/// form use the same GPUs, and their speed there is unknown.
const GPU_ENGINES: [&str; 2] = ["v2m-engine-cuda", "v2m-engine-vulkan"];

/// Returns this machine, with models in `folder`, and the name of its GPU.
pub(crate) fn this(folder: &Path) -> (Machine, Option<String>) {
    let gpu = GPU_ENGINES.iter().find_map(|engine| gpu(engine));
    let machine = Machine {
        memory: memory(&fs::read_to_string("/proc/meminfo").unwrap_or_default()).unwrap_or(0),
        cores: cores(),
        vram: gpu.as_ref().map(|(_, vram)| *vram),
        disk: disk(folder),
    };
    (machine, gpu.map(|(name, _)| name))
}

/// Describes the machine in a sentence.
pub(crate) fn describe(machine: &Machine, gpu: Option<&str>) -> String {
    let gib = |bytes: u64| format!("{:.0} GiB", bytes as f64 / f64::from(1 << 30));
    let cores = tr!("{n} core" | "{n} cores" % machine.cores);
    let gpu = match (gpu, machine.vram) {
        (Some(name), Some(vram)) => tr!("{name} with {memory}", name, memory = gib(vram)),
        _ => tr!("no working GPU engine for Whisper models").into(),
    };
    tr!("{cores}, {memory} of memory, {gpu}", cores, memory = gib(machine.memory), gpu)
}

fn memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Counts physical cores, by their lists of siblings: two threads on one core compute no faster
/// than one.
fn cores() -> u32 {
    let allowed = available_parallelism().map_or(1, usize::from);
    let topology = |cpu: usize| {
        fs::read_to_string(format!("/sys/devices/system/cpu/cpu{cpu}/topology/core_cpus_list"))
    };
    let lists: HashSet<String> = (0..).map_while(|cpu| topology(cpu).ok()).collect();
    let cores = if lists.is_empty() { allowed } else { lists.len().min(allowed) };
    u32::try_from(cores).unwrap_or(u32::MAX)
}

/// Returns the free disk space of the folder, or of its nearest existing parent.
fn disk(folder: &Path) -> Option<u64> {
    let there = folder.ancestors().find(|folder| folder.is_dir())?;
    let disk = rustix::fs::statvfs(there).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Returns the GPU's name and memory in bytes.
fn gpu(engine: &str) -> Option<(String, u64)> {
    let beside = env::current_exe().ok()?.with_file_name(engine);
    if !beside.is_file() {
        return None;
    }
    let mut command = Command::new(beside);
    // The output is parsed here, not shown.
    command.arg("--check").env("LC_ALL", "C").stdin(Stdio::null());
    let output = command.output().ok()?;
    parse_check(std::str::from_utf8(&output.stdout).ok().filter(|_| output.status.success())?)
}

/// Parses `cuda: NAME, 10.0 of 15.9 GiB free` as name and bytes.
fn parse_check(line: &str) -> Option<(String, u64)> {
    let (_, device) = line.trim().split_once(": ")?;
    let (name, memory) = device.rsplit_once(", ")?;
    let (_, total) = memory.strip_suffix(verbatim!(" GiB free"))?.split_once(" of ")?;
    let gib: f64 = total.parse().ok()?;
    Some((name.to_owned(), (gib * f64::from(1 << 30)) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_answer_is_understood() {
        let line = "cuda: NVIDIA GeForce RTX 4060, Laptop, 7.5 of 8.0 GiB free\n";
        let wanted = ("NVIDIA GeForce RTX 4060, Laptop".to_owned(), 8 << 30);
        assert_eq!(parse_check(line), Some(wanted));
        assert_eq!(parse_check("vulkan: a GPU that does not tell\n"), None);
        assert_eq!(parse_check(""), None);
    }

    #[test]
    fn this_machine_has_memory_cores_and_a_disk() {
        let (machine, gpu) = this(Path::new("/tmp/not/there/yet"));
        assert!(machine.memory > 1 << 26 && machine.cores > 0, "{machine:?}");
        assert!(machine.disk.is_some(), "/tmp or / is there");
        assert_eq!(machine.vram.is_some(), gpu.is_some());
    }
}
