//! `v2m-engine-gguf`: the recogniser for models in GGUF form. Built by `make engine-gguf`.
//! Everything is in the crate's library.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    v2m_engine_gguf::main(v2m_ipc::backend::Backend::Cpu)
}
