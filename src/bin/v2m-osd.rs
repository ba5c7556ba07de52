//! `v2m-osd`: shows what v2m is doing on the screen. Everything is in the crate of that name.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    v2m_osd::main()
}
