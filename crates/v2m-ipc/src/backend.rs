//! The engines that may be installed side by side, one for each backend.
//!
//! Not here: the order in which engines are tried when one fails (the daemon decides that), and the
//! choice of an engine's device.

/// The backend of an engine. It is fixed when the engine is built, because whisper.cpp is compiled
/// differently for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A server with a recogniser, which `v2m-remote` contacts. The engine itself is the plain one.
    Remote,
    /// NVIDIA GPUs.
    Cuda,
    /// GPUs with a Vulkan driver.
    Vulkan,
    /// Processors with AVX-512 and its VNNI instructions.
    CpuV4,
    /// Any processor since about 2015 (x86-64-v3), or aarch64.
    Cpu,
}

impl Backend {
    /// All backends, in the order in which the daemon tries them.
    pub const ALL: [Self; 5] = [Self::Remote, Self::Cuda, Self::Vulkan, Self::CpuV4, Self::Cpu];

    /// The name in the status and the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Remote => "remote",
            Self::Cuda => "cuda",
            Self::Vulkan => "vulkan",
            Self::CpuV4 => "cpu-v4",
            Self::Cpu => "cpu",
        }
    }

    /// The name of the engine's executable.
    pub fn program(self) -> &'static str {
        match self {
            Self::Cuda => "v2m-engine-cuda",
            Self::Vulkan => "v2m-engine-vulkan",
            Self::CpuV4 => "v2m-engine-v4",
            Self::Remote | Self::Cpu => "v2m-engine",
        }
    }

    /// The name of the executable for models in GGUF form; `None`: there is none for this backend.
    pub fn gguf_program(self) -> Option<&'static str> {
        match self {
            Self::Cuda => Some("v2m-engine-gguf-cuda"),
            Self::Vulkan => Some("v2m-engine-gguf-vulkan"),
            Self::Cpu => Some("v2m-engine-gguf"),
            Self::Remote | Self::CpuV4 => None,
        }
    }

    /// Whether it computes on a GPU. A GPU may be lost, sleeps with the machine, and has its own
    /// memory.
    pub fn is_gpu(self) -> bool {
        matches!(self, Self::Cuda | Self::Vulkan)
    }

    /// Whether a server computes, with a program that is not part of v2m.
    pub fn is_remote(self) -> bool {
        self == Self::Remote
    }
}
