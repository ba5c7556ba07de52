//! What the engine may touch: its models, and for a GPU what its driver opens.
//!
//! A model is a stranger's file that whisper.cpp reads with few doubts, so it is confined before it is opened.

use crate::args::Args;
use crate::backend::Backend;
use std::env;
use std::path::{Path, PathBuf};
use v2m_confine::{Calls, Files, Problem};

/// What computing asks of the kernel by files: memory and processors, their number and kind.
const MACHINE: [&str; 6] = [
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/sys/fs/cgroup",
];

/// Where drivers for GPUs, their settings and what they tell lie, on the distributions there are. Landlock keeps other
/// processes' secrets in /proc closed all the same.
const DRIVERS: [&str; 11] = [
    "/usr",
    "/lib",
    "/lib64",
    "/etc",
    "/opt",
    "/nix/store",
    "/gnu/store",
    "/run/opengl-driver",
    "/proc",
    "/sys",
    "/var/lib/nvidia",
];
/// Variables that name more of them, each a list of paths.
const DRIVER_PATHS: [&str; 5] =
    ["LD_LIBRARY_PATH", "VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES", "CUDA_PATH"];
/// Devices of all kinds of GPUs; those of NVIDIA's driver are numbered.
const DEVICES: [&str; 4] = ["/dev/dri", "/dev/kfd", "/dev/null", "/dev/zero"];
const NVIDIA: &str = "nvidia";

/// Confines this process, for good. What cannot be enforced is said on standard error, once.
pub fn confine(args: &Args, backend: Backend) {
    let calls = if backend.is_gpu() { Calls::Driver } else { Calls::Compute };
    for problem in v2m_confine::confine(&files(args, backend), calls) {
        match problem {
            // Of an old kernel nobody needs to hear at each start; `v2m doctor` tells.
            Problem::Files(_) => {}
            Problem::Calls(_) => eprintln!("{}: {problem}", backend.program()),
        }
    }
}

fn files(args: &Args, backend: Backend) -> Files {
    let mut files = Files::default();
    files.read.push(args.model.clone());
    files.read.extend(args.vad.clone());
    files.read.extend(MACHINE.map(PathBuf::from));
    if backend.is_gpu() {
        files.read.extend(DRIVERS.map(PathBuf::from));
        for list in DRIVER_PATHS.into_iter().filter_map(env::var_os) {
            files.read.extend(env::split_paths(&list).filter(|path| path.is_absolute()));
        }
        files.read.extend(own_libraries());
        files.devices.extend(DEVICES.map(PathBuf::from));
        files.devices.extend(nvidia(Path::new("/dev")));
    }
    files
}

/// Where this engine's own libraries are installed.
fn own_libraries() -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    Some(program.parent()?.parent()?.join("lib/v2m"))
}

fn nvidia(devices: &Path) -> Vec<PathBuf> {
    let Ok(entries) = devices.read_dir() else { return Vec::new() };
    let named = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(NVIDIA.as_bytes()))
    };
    entries.flatten().map(|entry| entry.path()).filter(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> Args {
        Args {
            model: "/m/model.bin".into(),
            vad: Some("/m/vad.bin".into()),
            threads: None,
            flash_attention: false,
            cuda_graphs: false,
        }
    }

    #[test]
    fn the_processors_engine_opens_its_models_and_no_device() {
        let files = files(&args(), Backend::Cpu);
        assert_eq!(files.read[..2], [PathBuf::from("/m/model.bin"), "/m/vad.bin".into()]);
        assert!(!files.read.iter().any(|path| path == Path::new("/usr")));
        assert_eq!(files.devices, Vec::<PathBuf>::new());
    }

    #[test]
    fn the_devices_of_nvidias_driver_are_found() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["nvidia0", "nvidiactl", "nvidia-uvm", "sda", "null"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let mut found = nvidia(folder.path());
        found.sort();
        let wanted = ["nvidia-uvm", "nvidia0", "nvidiactl"].map(|name| folder.path().join(name));
        assert_eq!(found, wanted);
    }
}
