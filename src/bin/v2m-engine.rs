//! `v2m-engine`: the recogniser, a child of the daemon. Everything is in the crate of that name.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    v2m_engine::main(v2m_ipc::backend::Backend::Cpu)
}
