//! Confines an engine to its models, and on a GPU to the files that the driver opens.
//!
//! A model may come from an untrusted source, and the decoder's library checks little of it. So the
//! process is confined before it opens the file.

use std::env;
use std::path::{Path, PathBuf};
use v2m_confine::{AllowedFiles, CallPolicy, ConfineError};
use v2m_ipc::plain;

/// Files with information about memory and processors, which computing needs.
const MACHINE: [&str; 6] = [
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/sys/fs/cgroup",
];

/// Folders with GPU drivers, their settings and their information, on all distributions. Landlock
/// still hides other processes' secrets in /proc.
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
/// Environment variables with more such folders, each a list of paths.
const DRIVER_PATHS: [&str; 5] =
    ["LD_LIBRARY_PATH", "VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES", "CUDA_PATH"];
/// Devices of all kinds of GPUs, including WSL's.
const DEVICES: [&str; 5] = ["/dev/dri", "/dev/kfd", "/dev/dxg", "/dev/null", "/dev/zero"];
/// Prefixes of numbered devices: NVIDIA's, and those of its Jetsons.
const NUMBERED: [&str; 4] = ["nvidia", "nvmap", "nvhost", "nvgpu"];

/// Confines this process for good: it may open these models and, on a GPU, the files that drivers
/// need. Whatever cannot be enforced is reported once on standard error, after the program's name.
pub fn confine(program: &str, models: impl IntoIterator<Item = PathBuf>, on_gpu: bool) {
    let calls = if on_gpu { CallPolicy::Driver } else { CallPolicy::Compute };
    for problem in v2m_confine::confine(&files(models, on_gpu), calls) {
        match problem {
            // An old kernel is not worth a line at each start; `v2m doctor` reports it.
            ConfineError::Files(_) => {}
            ConfineError::Calls(_) => plain::complain(format_args!("{program}: {problem}")),
        }
    }
}

fn files(models: impl IntoIterator<Item = PathBuf>, on_gpu: bool) -> AllowedFiles {
    let mut files = AllowedFiles::default();
    files.read.extend(models);
    files.read.extend(MACHINE.map(PathBuf::from));
    if on_gpu {
        files.read.extend(DRIVERS.map(PathBuf::from));
        for list in DRIVER_PATHS.into_iter().filter_map(env::var_os) {
            files.read.extend(env::split_paths(&list).filter(|path| path.is_absolute()));
        }
        files.read.extend(own_libraries());
        files.devices.extend(DEVICES.map(PathBuf::from));
        files.devices.extend(numbered(Path::new("/dev")));
    }
    files
}

/// The folder of this engine's own libraries.
fn own_libraries() -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    Some(program.parent()?.parent()?.join("lib/v2m"))
}

fn numbered(devices: &Path) -> Vec<PathBuf> {
    let Ok(entries) = devices.read_dir() else { return Vec::new() };
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        NUMBERED.iter().any(|beginning| name.starts_with(beginning))
    };
    entries.flatten().map(|entry| entry.path()).filter(is_one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processors_engine_opens_its_models_and_no_device() {
        let models = ["/m/model.bin", "/m/vad.bin"].map(PathBuf::from);
        let files = files(models.clone(), false);
        assert_eq!(files.read[..2], models);
        assert!(!files.read.iter().any(|path| path == Path::new("/usr")));
        assert_eq!(files.devices, Vec::<PathBuf>::new());
    }

    #[test]
    fn the_devices_of_nvidias_drivers_are_found() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["nvidia0", "nvidiactl", "nvidia-uvm", "nvhost-gpu", "sda", "null"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let mut found = numbered(folder.path());
        found.sort();
        let wanted = ["nvhost-gpu", "nvidia-uvm", "nvidia0", "nvidiactl"]
            .map(|name| folder.path().join(name));
        assert_eq!(found, wanted);
    }
}
