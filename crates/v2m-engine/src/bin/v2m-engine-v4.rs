//! `v2m-engine-v4`: the recogniser for processors with AVX-512 and VNNI. Built by `make engine-v4`.
//! Everything is in the crate's library.

fn main() -> std::process::ExitCode {
    v2m_engine::main(v2m_ipc::backend::Backend::CpuV4)
}
