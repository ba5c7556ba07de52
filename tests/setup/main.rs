//! Tests `v2m setup` in a terminal, with the real service, PipeWire and GNOME's settings, and with
//! each of them missing.
//!
//! systemctl and gnome-extensions are scripts that record their calls. The recogniser is the double
//! of the daemon's tests.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

mod dictation;
#[allow(dead_code, reason = "the tests of the daemon use more of it")]
#[path = "../daemon/house.rs"]
mod house;
mod lab;
mod missing;
mod steps;
