//! The store of dictations against crashes, full disks and a directory that others meddle with.
//!
//! Where a process has to die or needs a small disk of its own, a test runs itself again as a
//! child.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod any_order;
mod bench;
mod damage;
mod full;
mod keeping;
mod talk;
mod unfinished;
