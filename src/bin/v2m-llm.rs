//! `v2m-llm`: asks language models for the daemon. Everything is in the crate of that name.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    v2m_llm::main()
}
