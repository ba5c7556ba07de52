//! Tests that data on disk survives a power cut as far as the file system guarantees it, and that a
//! store with truncated files keeps everything else.
//!
//! `power` records the system calls of a real store with strace, and derives from them each state
//! of the disk that a power cut at that moment may leave. `cut` truncates the files of a store.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod calls;
mod cut;
mod disk;
mod power;
