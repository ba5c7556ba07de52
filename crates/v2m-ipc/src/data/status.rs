//! The status of the service: GET_STATUS.

use super::{Preset, Problem};
use serde::{Deserialize, Serialize};

/// The answer to GET_STATUS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The session's state.
    pub state: String,
    /// Whether the user is being recorded now.
    pub is_recording: bool,
    /// The language of the newest current dictation, otherwise of the next one: a code, or `auto`
    /// if it is detected.
    #[serde(default)]
    pub language: String,
    /// How many dictations wait for their texts, without the one being recorded.
    #[serde(default)]
    pub pending: u32,
    /// The preset of the newest current dictation, otherwise of the last one. Absent if it has
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// The GPU's load in percent.
    pub gpu_usage: Option<f64>,
    /// The GPU's memory in use, in MB.
    pub vram_usage: Option<u64>,
    /// The CPUs' load in percent.
    pub cpu_usage: f64,
    /// Measurements of the machine.
    pub telemetry: Telemetry,
    /// The recogniser.
    pub engine: Engine,
    /// The quality of the recording.
    #[serde(default)]
    pub capture: Capture,
    /// Where texts go. Absent until the desktop has reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliver: Option<Deliver>,
    /// Seconds since the service started.
    pub uptime_s: u64,
    /// When the current recording was requested: seconds since 1970, UTC.
    #[serde(default)]
    pub recording_since: Option<f64>,
    /// How long it has been recording, in seconds.
    #[serde(default)]
    pub elapsed_s: Option<f64>,
    /// Why the last press, or the last dictation, gave no text. Null once the next recording
    /// begins.
    #[serde(default)]
    pub reason: Option<Problem>,
    /// The service's version.
    pub version: String,
    /// The current problem, if there is one.
    pub problem: Option<Problem>,
}

/// Measurements of the machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Telemetry {
    /// Memory.
    pub ram: Ram,
    /// Processors.
    pub cpu: Cpu,
    /// The GPU, if there is one.
    pub gpu: Option<Gpu>,
}

/// Memory.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ram {
    /// Installed memory in GiB.
    pub total_gb: f64,
    /// Memory in use, in GiB.
    pub used_gb: f64,
    /// Memory in use, in percent.
    pub percent: f64,
}

/// Processors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cpu {
    /// The load in percent.
    pub percent: f64,
}

/// A GPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gpu {
    /// The device's own name.
    pub name: String,
    /// Memory in use, in MB.
    pub vram_used_mb: u64,
    /// Installed memory in MB.
    pub vram_total_mb: u64,
    /// The temperature in degrees Celsius.
    pub temp_c: Option<u32>,
    /// The load in percent.
    pub percent: f64,
}

/// The recogniser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engine {
    /// `absent`, `loading`, `warm`, `unloaded` or `failed`.
    pub state: String,
    /// The backend that really computes, once the model is loaded: `cpu`, `cuda`, `vulkan` or
    /// `remote`.
    pub backend: Option<String>,
    /// The device's own name, once the model is loaded.
    pub device: Option<String>,
    /// The model's name.
    pub model: Option<String>,
    /// How long loading took, in milliseconds.
    pub loaded_in_ms: Option<u64>,
    /// The memory that it uses on its device, in MB, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<u64>,
    /// Installed engines that would be preferred, but are not used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
    /// The address of the server that gets the sound (`remote.base_url`). Absent if the sound stays
    /// on this machine. It also stays here while `passed_over` names `remote`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Settings that the model cannot follow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfollowed: Vec<Unfollowed>,
    /// The model that shows words while the user speaks. Absent if none is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
}

/// The model that shows words while the user speaks (`engine.preview`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// The model's name in the setting.
    pub model: String,
    /// `absent`, `loading`, `warm`, `unloaded` or `failed`.
    pub state: String,
    /// The memory that it uses, in MB, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<u64>,
    /// Why it is not used, if it is not. Then the recogniser's own drafts are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A setting that the model cannot follow, or that prevents every recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfollowed {
    /// The setting, such as `engine.vocabulary`.
    pub key: String,
    /// The reason.
    pub reason: String,
    /// Whether nothing is recorded because of it. Absent if false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prevents_recording: bool,
}

/// The quality of the recording since the service started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// Whether the thread that receives the sound has real-time priority. Null before the first
    /// recording.
    pub realtime: Option<bool>,
    /// How often sound could not be recorded.
    pub gaps: u32,
    /// How many seconds of sound are missing.
    pub missing_s: f64,
}

/// Where texts go now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliver {
    /// The setting `deliver.mode`.
    pub mode: String,
    /// The effective mode on this desktop: `paste`, `type`, `clipboard` or `none`.
    pub way: String,
    /// The desktop backend that brings texts to the cursor: `mutter`, `portal`, `wayland` or `x11`.
    /// Absent if texts do not go there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// The reason for this mode, for people.
    pub reason: String,
}

/// An engine that is not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// The engine's name: `remote`, `cuda`, `vulkan`, `cpu-v4` or `cpu`.
    pub backend: String,
    /// Why it is not used, for people.
    pub reason: String,
}
