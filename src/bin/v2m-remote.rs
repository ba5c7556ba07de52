//! `v2m-remote`: sends the daemon's audio to a recogniser on a server. Everything is in the crate
//! of that name.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    v2m_remote::main()
}
