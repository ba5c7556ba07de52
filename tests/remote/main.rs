//! Tests the real `v2m-remote`, on a socket passed as systemd does it, with servers on loopback
//! that behave or misbehave.
//!
//! `tests/daemon/remote.rs` tests what happens to a recording if its server fails; `tests/system`
//! boots the units.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

mod allowed;
mod asking;
mod door;
mod faults;
mod harness;
