//! What an executable computes with. Fixed when it is built: whisper.cpp is compiled otherwise for
//! each.
//!
//! Which of them is tried first, and what happens when one cannot run here, is the daemon's affair.

use std::fmt;

/// One of the engines that lie beside one another. Same command line, same protocol, same texts but
/// for rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// `v2m-engine`: any processor since about 2015 (x86-64-v3).
    Cpu,
    /// `v2m-engine-v4`: processors with AVX-512 and its VNNI instructions.
    CpuV4,
    /// `v2m-engine-cuda`: NVIDIA.
    Cuda,
    /// `v2m-engine-vulkan`: any GPU with a Vulkan driver.
    Vulkan,
}

impl Backend {
    /// In messages for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::CpuV4 => "cpu (AVX-512)",
            Self::Cuda => "cuda",
            Self::Vulkan => "vulkan",
        }
    }

    /// What computes, in the protocol's words: both of the processor's are `cpu`.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Cpu | Self::CpuV4 => "cpu",
            Self::Cuda => "cuda",
            Self::Vulkan => "vulkan",
        }
    }

    /// A device of this name, in words that tell this engine from the others for it.
    pub fn device(self, name: &str) -> String {
        match self {
            Self::CpuV4 => format!("{name} (AVX-512)"),
            Self::Cpu | Self::Cuda | Self::Vulkan => name.to_owned(),
        }
    }

    /// The executable's name.
    pub fn program(self) -> &'static str {
        match self {
            Self::Cpu => "v2m-engine",
            Self::CpuV4 => "v2m-engine-v4",
            Self::Cuda => "v2m-engine-cuda",
            Self::Vulkan => "v2m-engine-vulkan",
        }
    }

    /// Whether it needs a GPU.
    pub fn is_gpu(self) -> bool {
        matches!(self, Self::Cuda | Self::Vulkan)
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
