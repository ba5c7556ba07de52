//! Tests the real `v2m-send` with a scripted service: its requests, output and exit codes.

#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod asking;
mod files;
mod harness;
mod spanish;
mod troubles;
