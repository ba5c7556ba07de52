//! The real `v2m-remote`, on a socket passed as systemd does, against servers on loopback that
//! behave or do not.
//!
//! Not here: what becomes of a recording whose server fails (`tests/daemon/remote.rs`), and the
//! units, which `tests/system` boots.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

mod allowed;
mod asking;
mod door;
mod faults;
mod harness;
