//! `v2m-llm`: asks language models for the daemon. Everything is in the crate of that name.

fn main() -> std::process::ExitCode {
    v2m_llm::main()
}
