//! `v2m-llm`: sends the daemon's requests to language models. Everything is in the crate of that
//! name.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    v2m_llm::main()
}
