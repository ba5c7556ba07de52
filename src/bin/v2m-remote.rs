//! `v2m-remote`: asks a recogniser on a server for the daemon. Everything is in the crate of that
//! name.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    v2m_remote::main()
}
