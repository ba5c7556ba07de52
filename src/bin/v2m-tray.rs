//! `v2m-tray`: an icon in the desktop's tray. Everything is in the crate of that name.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    v2m_tray::main()
}
