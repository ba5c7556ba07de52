//! The device that an engine computes on: found, tested and named before any part of a model is
//! read.
//!
//! whisper.cpp silently continues on the processor if it finds no GPU or cannot open it. An engine
//! built for a GPU must report this and exit instead, so that the next engine is tried. So this
//! module first makes the same requests to ggml.

use crate::model::cpu;
use std::env;
use std::ffi::{CStr, c_char, c_void};
use std::fmt;
use std::sync::Mutex;
use thiserror::Error;
use v2m_ipc::backend::Backend;
use v2m_messages::{tr, verbatim};
use v2m_recogniser::processor;
use whisper_rs::whisper_rs_sys as sys;

/// This machine cannot run this engine. The text is one line, for the user.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Unavailable {
    /// The processor lacks instructions.
    #[error("{0}")]
    Processor(String),
    /// There is no usable GPU.
    #[error("{what}{}; {advice}", because(.why))]
    Gpu {
        /// The missing part.
        what: &'static str,
        /// The driver's own message. May be empty.
        why: String,
        /// The remedy.
        advice: &'static str,
    },
}

fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(" ({why})") }
}

/// The device that the engine computes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The processor's or the GPU's own name.
    pub name: String,
    gpu: Option<GgmlDevice>,
}

/// ggml's handle of a device. It lives as long as the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct GgmlDevice(sys::ggml_backend_dev_t);

// SAFETY: ggml registers its devices once and never changes or frees them. Querying a device's
// memory is allowed from any thread.
unsafe impl Send for GgmlDevice {}

/// Memory of a device, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The total memory.
    pub total: u64,
    /// The memory that no program uses.
    pub free: u64,
}

impl Device {
    /// Whether this is a GPU.
    pub fn is_gpu(&self) -> bool {
        self.gpu.is_some()
    }

    /// Returns the GPU's current memory. `None` for the processor, and if the driver does not
    /// report it.
    pub fn memory(&self) -> Option<Memory> {
        let GgmlDevice(device) = self.gpu?;
        let (mut free, mut total) = (0, 0);
        // SAFETY: the handle is ggml's, and both numbers outlive the call.
        unsafe { sys::ggml_backend_dev_memory(device, &raw mut free, &raw mut total) };
        (total > 0).then_some(Memory { total: total as u64, free: free as u64 })
    }

    /// Returns the memory in bytes that the model and its working memory use on the device: the
    /// decrease of the GPU's free memory since `before`, or this process's resident memory. 0 if
    /// unknown. The driver's own context (0.5 GB on an H100) existed before `before` and is not
    /// included; memory that other programs allocate or free in the meantime is.
    pub fn taken(&self, before: Option<Memory>) -> u64 {
        match (self.gpu, before, self.memory()) {
            (None, _, _) => processor::resident_memory(),
            (Some(_), Some(before), Some(now)) => before.free.saturating_sub(now.free),
            (Some(_), _, _) => 0,
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let Some(memory) = self.memory() else { return Ok(()) };
        let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
        let (free, total) = (gib(memory.free), gib(memory.total));
        // `v2m-model` parses this.
        verbatim!(write!(f, ", {free:.1} of {total:.1} GiB free"))
    }
}

/// Finds the device for `backend`, and checks that it works, as far as possible without a model.
///
/// # Errors
/// When the engine cannot run on this machine.
pub fn find(backend: Backend) -> Result<Device, Unavailable> {
    // First, because every engine contains ggml's code for the processor.
    cpu::check(backend)?;
    if backend.is_gpu() { gpu(backend) } else { Ok(Device { name: processor::name(), gpu: None }) }
}

fn gpu(backend: Backend) -> Result<Device, Unavailable> {
    let (opened, why) = listening(first_gpu);
    let advice = match backend {
        Backend::Vulkan => tr!("`vulkaninfo --summary` lists the devices that Vulkan finds"),
        _ => tr!("`nvidia-smi` shows whether NVIDIA's driver works, and its version"),
    };
    match opened {
        Opened::Yes(device) => Ok(device),
        Opened::None => {
            let what = match backend {
                Backend::Vulkan => tr!("no GPU with a Vulkan driver"),
                _ => tr!("no NVIDIA GPU that CUDA can use"),
            };
            Err(Unavailable::Gpu { what, why, advice })
        }
        Opened::Refused(name) => {
            let why = if why.is_empty() { name } else { format!("{name}: {why}") };
            Err(Unavailable::Gpu { what: tr!("the GPU cannot be opened"), why, advice })
        }
    }
}

/// Disables CUDA graphs, which ggml uses by default in an engine that was built with them.
///
/// On an H100 they save no time (whisper.cpp 1.8.3: the shapes change with each token), and with
/// models larger than `base` ggml aborts within a few decodes (`ggml-cuda.cu:3031`, a graph that
/// cannot be captured again). docs/performance.md.
pub fn without_cuda_graphs() {
    // SAFETY: the program has only one thread so far, and nothing has read its environment.
    unsafe { env::set_var("GGML_CUDA_DISABLE_GRAPHS", "1") };
}

enum Opened {
    Yes(Device),
    None,
    Refused(String),
}

/// Finds the device that whisper.cpp uses (`whisper_backend_init_gpu`, 1.8.3): the first GPU,
/// including integrated ones.
fn first_gpu() -> Opened {
    // SAFETY: the list of devices is created by the first of these calls and stays; indices are
    // below its length.
    unsafe {
        let mut devices =
            (0..sys::ggml_backend_dev_count()).map(|index| sys::ggml_backend_dev_get(index));
        let is_gpu = |device: &sys::ggml_backend_dev_t| {
            matches!(
                sys::ggml_backend_dev_type(*device),
                sys::ggml_backend_dev_type_GGML_BACKEND_DEVICE_TYPE_GPU
                    | sys::ggml_backend_dev_type_GGML_BACKEND_DEVICE_TYPE_IGPU
            )
        };
        let Some(device) = devices.find(is_gpu) else { return Opened::None };
        let description = sys::ggml_backend_dev_description(device);
        let name = CStr::from_ptr(description).to_string_lossy().into_owned();
        let opened = sys::ggml_backend_dev_init(device, std::ptr::null());
        if opened.is_null() {
            return Opened::Refused(name);
        }
        sys::ggml_backend_free(opened);
        Opened::Yes(Device { name, gpu: Some(GgmlDevice(device)) })
    }
}

/// Runs `ask`. Also returns ggml's last error message in the meantime, without the function's name.
fn listening<T>(ask: impl FnOnce() -> T) -> (T, String) {
    let heard = Mutex::new(String::new());
    let data = (&raw const heard).cast_mut().cast::<c_void>();
    // SAFETY: `heard` outlives the callback, which is replaced below by one that uses no data.
    // Neither callback unwinds.
    let answer = unsafe {
        sys::ggml_log_set(Some(hear), data);
        let answer = ask();
        sys::ggml_log_set(Some(ignore), std::ptr::null_mut());
        answer
    };
    (answer, heard.into_inner().unwrap_or_default())
}

unsafe extern "C" fn hear(level: sys::ggml_log_level, text: *const c_char, data: *mut c_void) {
    if level != sys::ggml_log_level_GGML_LOG_LEVEL_ERROR {
        return;
    }
    // SAFETY: set in `listening` to a mutex that outlives the callback; ggml's texts end with a
    // zero byte.
    let (heard, text) = unsafe { (&*data.cast::<Mutex<String>>(), CStr::from_ptr(text)) };
    if let Ok(mut heard) = heard.lock() {
        *heard = plain(&text.to_string_lossy());
    }
}

/// Ignores log lines such as device names.
unsafe extern "C" fn ignore(_: sys::ggml_log_level, _: *const c_char, _: *mut c_void) {}

/// Turns "ggml_cuda_init: failed to …: no device\n" into a part of a sentence on one line.
fn plain(logged: &str) -> String {
    let line = logged.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.split_once(": ") {
        Some((function, rest)) if !function.contains(' ') => rest.to_owned(),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_a_device() {
        let device = find(Backend::Cpu).unwrap();
        assert!(!device.name.is_empty());
        assert_eq!(device.memory(), None);
        assert!(device.taken(None) > 1 << 20, "a test takes more than 1 MiB");
    }

    #[test]
    fn without_a_gpu_one_line_says_so() {
        // This build of ggml supports no GPU.
        let refused = find(Backend::Cuda).unwrap_err().to_string();
        assert!(refused.starts_with("no NVIDIA GPU that CUDA can use; `nvidia-smi`"), "{refused}");
        assert!(!refused.contains('\n'));
    }

    #[test]
    fn a_logged_error_becomes_part_of_a_sentence() {
        let logged = "ggml_cuda_init: failed to initialize CUDA: no device\n";
        assert_eq!(plain(logged), "failed to initialize CUDA: no device");
        assert_eq!(plain("two words: stay"), "two words: stay");
        let refused = Unavailable::Gpu { what: "no GPU", why: plain(logged), advice: "buy one" };
        let said = "no GPU (failed to initialize CUDA: no device); buy one";
        assert_eq!(refused.to_string(), said);
    }
}
