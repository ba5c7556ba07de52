//! Tests the store of dictations: crashes, full disks, and other programs that change its
//! directory.
//!
//! If a process must die or needs a small disk, the test runs itself again as a child process.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod any_order;
mod bench;
mod damage;
mod full;
mod keeping;
mod talk;
mod unfinished;
