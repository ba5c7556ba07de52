//! The real `v2m-send` against a scripted service: what it asks, what it prints, how it ends.

#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod asking;
mod files;
mod harness;
mod spanish;
mod troubles;
