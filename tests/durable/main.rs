//! What is on disk survives a power cut as far as the file system promises, and a store of which
//! files are cut short is sorted out.
//!
//! `power` records the system calls of a real store with strace, and builds from them each state
//! that a disk may be in if the power goes at that moment. `cut` shortens the files of a store.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod calls;
mod cut;
mod disk;
mod power;
