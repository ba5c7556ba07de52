//! `v2m-engine-vulkan`: the recogniser for GPUs with a Vulkan driver. Built by `make
//! engine-vulkan`. Everything is in the crate's library.

fn main() -> std::process::ExitCode {
    v2m_engine::main(v2m_ipc::backend::Backend::Vulkan)
}
