//! The names of this executable's backend and its device in messages.

use v2m_ipc::backend::Backend;

/// Returns the backend's name in messages for people.
pub(crate) fn label(backend: Backend) -> &'static str {
    match backend {
        Backend::CpuV4 => "cpu (AVX-512)",
        Backend::Remote | Backend::Cpu | Backend::Cuda | Backend::Vulkan => backend.name(),
    }
}

/// Returns the backend's name in the protocol, where both processor backends are `cpu`.
pub(crate) fn protocol_name(backend: Backend) -> &'static str {
    match backend {
        Backend::Cpu | Backend::CpuV4 => Backend::Cpu.name(),
        Backend::Remote | Backend::Cuda | Backend::Vulkan => backend.name(),
    }
}

/// Returns the device's name, with a note that distinguishes the AVX-512 engine from the plain one.
pub(crate) fn device_name(backend: Backend, device: &str) -> String {
    match backend {
        Backend::CpuV4 => format!("{device} (AVX-512)"),
        Backend::Remote | Backend::Cpu | Backend::Cuda | Backend::Vulkan => device.to_owned(),
    }
}
