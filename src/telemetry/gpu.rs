//! Reads the figures of NVIDIA GPUs through their driver's library, which is loaded at run time.
//! Other GPUs are not supported here.
//!
//! The library is closed after each reading, because a process that holds it keeps the GPU awake.

use crate::call::Gpu;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};
use std::ffi::OsStr;
use tracing::debug;
use v2m_ipc::plain;

/// The driver's library. The name without a version exists only on developers' machines.
const LIBRARY: &str = "libnvidia-ml.so.1";

/// Returns the figures of the GPU named `device`, which the recogniser uses, or else of the first
/// one. `None`: there is no GPU or no driver. Blocking.
pub(super) fn read(device: Option<&str>) -> Option<Gpu> {
    let told = Nvml::builder().lib_path(OsStr::new(LIBRARY)).init().and_then(|nvml| {
        let count = nvml.device_count()?;
        let computes = (0..count).find(|&index| {
            let name = nvml.device_by_index(index).and_then(|device| device.name());
            name.is_ok_and(|name| device == Some(&*name))
        });
        figures(&nvml.device_by_index(computes.unwrap_or(0))?)
    });
    told.inspect_err(|error| debug!(%error, "no GPU tells its figures")).ok()
}

fn figures(device: &Device<'_>) -> Result<Gpu, NvmlError> {
    let memory = device.memory_info()?;
    let megabytes = |bytes: u64| bytes / 1_000_000;
    Ok(Gpu {
        name: plain::line(&device.name()?).into_owned(),
        vram_used_mb: megabytes(memory.used),
        vram_total_mb: megabytes(memory.total),
        // Some GPUs do not report the temperature or the utilisation.
        temp_c: device.temperature(TemperatureSensor::Gpu).ok(),
        percent: device.utilization_rates().map_or(0.0, |use_of| use_of.gpu as f32),
    })
}
