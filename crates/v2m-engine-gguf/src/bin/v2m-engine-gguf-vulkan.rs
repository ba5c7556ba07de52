//! `v2m-engine-gguf-vulkan`: the recogniser for models in GGUF form on GPUs with a Vulkan driver. Built by `make
//! engine-gguf-vulkan`. Everything is in the crate's library.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    v2m_engine_gguf::main(v2m_ipc::backend::Backend::Vulkan)
}
