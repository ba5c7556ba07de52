//! `v2m-engine-gguf-cuda`: the recogniser for models in GGUF form on NVIDIA GPUs. Built by `make
//! engine-gguf-cuda`. Everything is in the crate's library.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    v2m_engine_gguf::main(v2m_ipc::backend::Backend::Cuda)
}
