//! The device an engine computes on: found, tried and named before anything of a model is read.
//!
//! whisper.cpp goes on with the processor, and without a word, where it finds no GPU or cannot open
//! it. An engine built for a GPU must rather say so and end, so that the next one is tried: this
//! module asks ggml the same questions first.

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
    /// No GPU can be used.
    #[error("{what}{}; {advice}", because(.why))]
    Gpu {
        /// What is missing.
        what: &'static str,
        /// The driver's own words; may be empty.
        why: String,
        /// What to do.
        advice: &'static str,
    },
}

fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(" ({why})") }
}

/// Where the engine computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The processor's or the GPU's own name.
    pub name: String,
    gpu: Option<GgmlDevice>,
}

/// ggml's handle of a device, which lives as long as the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct GgmlDevice(sys::ggml_backend_dev_t);

// SAFETY: ggml registers its devices once and never changes or frees them; asking one for its
// memory is allowed from any thread.
unsafe impl Send for GgmlDevice {}

/// Memory of a device, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// All of it.
    pub total: u64,
    /// What no program has taken.
    pub free: u64,
}

impl Device {
    /// Whether this is a GPU.
    pub fn is_gpu(&self) -> bool {
        self.gpu.is_some()
    }

    /// The GPU's memory now; `None` for the processor, and where the driver does not tell.
    pub fn memory(&self) -> Option<Memory> {
        let GgmlDevice(device) = self.gpu?;
        let (mut free, mut total) = (0, 0);
        // SAFETY: the handle is ggml's, and both numbers outlive the call.
        unsafe { sys::ggml_backend_dev_memory(device, &raw mut free, &raw mut total) };
        (total > 0).then_some(Memory { total: total as u64, free: free as u64 })
    }

    /// Bytes that the model and its working memory take where it computes: what the GPU's free
    /// memory has shrunk by since `before`, or what of this process lies in RAM. 0 where nothing
    /// tells. The driver's own context (0.5 GB on an H100) is older than `before` and not in it;
    /// what other programs take or give back meanwhile is.
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
        // `v2m-model` reads it.
        verbatim!(write!(f, ", {free:.1} of {total:.1} GiB free"))
    }
}

/// Finds what `backend` computes on, and sees that it works so far as that can be told without a
/// model.
///
/// # Errors
/// When it cannot run on this machine.
pub fn find(backend: Backend) -> Result<Device, Unavailable> {
    // First of all: ggml's own code for the processor is in every engine.
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

/// Turns CUDA graphs off, which ggml uses by itself in an engine that was built with them.
///
/// On an H100 they save no time (whisper.cpp 1.8.3: the shapes change with each token), and with
/// models larger than `base` ggml aborts within a few decodes (`ggml-cuda.cu:3031`, a graph that
/// cannot be captured anew). docs/performance.md.
pub fn without_cuda_graphs() {
    // SAFETY: the program has one thread so far, and nothing has read its environment.
    unsafe { env::set_var("GGML_CUDA_DISABLE_GRAPHS", "1") };
}

enum Opened {
    Yes(Device),
    None,
    Refused(String),
}

/// The device that whisper.cpp takes (`whisper_backend_init_gpu`, 1.8.3): the first GPU, integrated
/// ones included.
fn first_gpu() -> Opened {
    // SAFETY: the list of devices is made at the first of these calls and stays; indices are below
    // its length.
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

/// Runs `ask`, and hands back what ggml complained about meanwhile: its last error, without the
/// function's name.
fn listening<T>(ask: impl FnOnce() -> T) -> (T, String) {
    let heard = Mutex::new(String::new());
    let data = (&raw const heard).cast_mut().cast::<c_void>();
    // SAFETY: `heard` outlives the callback, which is replaced below by one that uses nothing.
    // Neither unwinds.
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

/// Drops log lines such as device names.
unsafe extern "C" fn ignore(_: sys::ggml_log_level, _: *const c_char, _: *mut c_void) {}

/// "ggml_cuda_init: failed to …: no device\n" as part of a sentence on one line.
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
        // This build of ggml knows no GPU at all.
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
