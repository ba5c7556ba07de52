//! Simulates a slow disk: a library that is loaded into a program (LD_PRELOAD) and delays each
//! `fdatasync` and `fsync`, like a busy or failing disk.
//!
//! `SLOW_DISK_FILE` names a file with the delay in milliseconds. Without that file there is no
//! delay.

use libc::{c_int, c_long};
use std::time::Duration;

fn wait() {
    let Some(file) = std::env::var_os("SLOW_DISK_FILE") else { return };
    let text = std::fs::read_to_string(file).unwrap_or_default();
    if let Ok(ms) = text.trim().parse() {
        std::thread::sleep(Duration::from_millis(ms));
    }
}

fn sync(call: c_long, fd: c_int) -> c_int {
    wait();
    // SAFETY: both calls take one descriptor, and check it.
    unsafe { libc::syscall(call, fd) as c_int }
}

/// Replaces the C library's function.
#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(fd: c_int) -> c_int {
    sync(libc::SYS_fdatasync, fd)
}

/// Replaces the C library's function.
#[unsafe(no_mangle)]
pub extern "C" fn fsync(fd: c_int) -> c_int {
    sync(libc::SYS_fsync, fd)
}
