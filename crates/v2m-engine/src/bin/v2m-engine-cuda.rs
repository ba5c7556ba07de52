//! `v2m-engine-cuda`: the recogniser for NVIDIA's GPUs. Built by `make engine-cuda`. Everything is
//! in the crate's library.

fn main() -> std::process::ExitCode {
    v2m_engine::main(v2m_ipc::backend::Backend::Cuda)
}
