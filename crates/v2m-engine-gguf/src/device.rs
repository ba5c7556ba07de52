//! The device that transcribe.cpp computes on: found before anything of a model is read.
//!
//! transcribe.cpp may take another device than the one that a build is for. Here an engine for a GPU
//! that finds none says so and ends, so that the daemon takes the next engine.

use crate::{compiled, decode};
use std::fmt;
use std::mem;
use transcribe_cpp_sys as sys;
use v2m_ipc::backend::Backend;
use v2m_messages::{tr, verbatim};
use v2m_recogniser::processor;

/// Where the engine computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// What the executable is for.
    pub backend: Backend,
    /// The processor's or the GPU's own name.
    pub name: String,
    gpu: Option<Gpu>,
}

/// transcribe.cpp's handle of a device, which lives as long as the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gpu(sys::transcribe_device_t);

// SAFETY: the library registers its devices once and never changes or frees them; asking one for its
// memory is allowed from any thread.
unsafe impl Send for Gpu {}

/// Finds what `backend` computes on.
///
/// # Errors
/// Why it cannot run on this machine, in one line.
pub fn find(backend: Backend) -> Result<Device, String> {
    // First of all: ggml's own code for the processor is in every engine. Of its files nothing runs
    // before this but functions that return a constant.
    let missing = processor::missing(compiled());
    if !missing.is_empty() {
        return Err(processor::too_old(&missing));
    }
    if !backend.is_gpu() {
        return Ok(Device { backend, name: processor::name(), gpu: None });
    }
    let (found, why) = decode::listening(|| first(backend));
    let Some((gpu, info)) = found else { return Err(none(backend, &why)) };
    // SAFETY: the text belongs to the device, which lives as long as the process.
    let name = unsafe { decode::text(info.description) };
    Ok(Device { backend, name, gpu: Some(gpu) })
}

/// Turns flash attention off for CUDA. transcribe.cpp uses it on every device unless told otherwise.
///
/// ggml's CUDA kernels for it do not fit these models (`ggml-cuda/fattn.cu`, ggml 0.26): there is none
/// for heads of 56, to which Moonshine base pads its heads of 52, and none for a mask per head, which
/// the encoders of Canary and Parakeet have. The processor would compute that part of each layer. So
/// this engine is built without these kernels. With Whisper, flash attention on CUDA also made more
/// errors (docs/performance.md).
pub fn without_flash_attention(backend: Backend) {
    if backend == Backend::Cuda {
        // SAFETY: the program has only one thread so far.
        unsafe {
            std::env::set_var("TRANSCRIBE_NO_FLASH", "1");
            // It would win.
            std::env::remove_var("TRANSCRIBE_FORCE_FLASH");
        }
    }
}

/// The first GPU of this backend.
fn first(backend: Backend) -> Option<(Gpu, sys::transcribe_device_info)> {
    // SAFETY: the list of devices is made at the first of these calls and stays; indices are below
    // its length.
    let devices = unsafe {
        (0..sys::transcribe_device_count()).map(|index| Gpu(sys::transcribe_device_get(index)))
    };
    let mut named = devices.filter_map(|gpu| Some((gpu, gpu.info()?)));
    named.find(|(_, info)| is_gpu(info) && kind(info) == backend.name())
}

/// Says why there is no GPU, with the driver's own error if there was one.
fn none(backend: Backend, why: &str) -> String {
    let (what, advice) = match backend {
        Backend::Vulkan => (
            tr!("no GPU with a Vulkan driver"),
            tr!("`vulkaninfo --summary` lists the devices that Vulkan finds"),
        ),
        _ => (
            tr!("no NVIDIA GPU that CUDA can use"),
            tr!("`nvidia-smi` shows whether NVIDIA's driver works, and its version"),
        ),
    };
    let because = if why.is_empty() { String::new() } else { format!(" ({why})") };
    format!("{what}{because}; {advice}")
}

fn is_gpu(info: &sys::transcribe_device_info) -> bool {
    use sys::transcribe_device_type as Type;
    let kind = info.device_type;
    kind == Type::TRANSCRIBE_DEVICE_TYPE_GPU || kind == Type::TRANSCRIBE_DEVICE_TYPE_IGPU
}

fn kind(info: &sys::transcribe_device_info) -> String {
    // SAFETY: the text belongs to the device, which lives as long as the process.
    unsafe { decode::text(info.kind) }
}

impl Gpu {
    fn info(self) -> Option<sys::transcribe_device_info> {
        // SAFETY: the initialiser fills the whole structure, which outlives both calls. The library
        // refuses a null pointer for a device.
        unsafe {
            let mut info = mem::zeroed::<sys::transcribe_device_info>();
            sys::transcribe_device_info_init(&raw mut info);
            let status = sys::transcribe_device_get_info(self.0, &raw mut info);
            (status == sys::transcribe_status::TRANSCRIBE_OK).then_some(info)
        }
    }
}

impl Device {
    /// What transcribe.cpp is asked for: the backend, and the device, null for the processor.
    pub(crate) fn request(&self) -> (sys::transcribe_backend_request, sys::transcribe_device_t) {
        use sys::transcribe_backend_request as Request;
        let gpu = self.gpu.map_or(std::ptr::null_mut(), |gpu| gpu.0);
        match self.backend {
            Backend::Cuda => (Request::TRANSCRIBE_BACKEND_CUDA, gpu),
            Backend::Vulkan => (Request::TRANSCRIBE_BACKEND_VULKAN, gpu),
            // No model of a server comes here.
            Backend::Cpu | Backend::CpuV4 | Backend::Remote => {
                (Request::TRANSCRIBE_BACKEND_CPU, gpu)
            }
        }
    }

    /// Bytes free on the GPU now; `None` for the processor, and where the driver does not tell.
    pub fn free(&self) -> Option<u64> {
        Some(self.gpu?.info()?.memory_free).filter(|free| *free > 0)
    }

    /// Bytes that the model and its working memory take where it computes: what the GPU's free
    /// memory has shrunk by since `before`, or what of this process lies in RAM. 0 if unknown.
    pub fn taken(&self, before: Option<u64>) -> u64 {
        match (self.gpu, before, self.free()) {
            (None, _, _) => processor::resident_memory(),
            (Some(_), Some(before), Some(now)) => before.saturating_sub(now),
            (Some(_), _, _) => 0,
        }
    }
}

/// As `--check` prints it.
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        verbatim!(write!(f, "{}: {}", self.backend.name(), self.name))?;
        let info = self.gpu.and_then(Gpu::info).filter(|info| info.memory_total > 0);
        let Some(info) = info else { return Ok(()) };
        let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
        let (free, total) = (gib(info.memory_free), gib(info.memory_total));
        verbatim!(write!(f, ", {free:.1} of {total:.1} GiB free"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_a_device() {
        let device = find(Backend::Cpu).unwrap();
        assert!(!device.name.is_empty());
        assert_eq!(device.free(), None);
        assert!(device.taken(None) > 1 << 20, "a test takes more than 1 MiB");
    }

    #[test]
    fn without_a_gpu_one_line_says_so() {
        // The tests are built without CUDA.
        let refused = find(Backend::Cuda).unwrap_err();
        assert!(refused.starts_with("no NVIDIA GPU that CUDA can use; `nvidia-smi`"), "{refused}");
        assert!(!refused.contains('\n'));
        let refused = none(Backend::Vulkan, "no loader");
        assert!(refused.starts_with("no GPU with a Vulkan driver (no loader); "), "{refused}");
    }
}
