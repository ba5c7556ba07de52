//! Tests v2m as its user has it: the installed programs on a booted machine with user manager,
//! journal, PipeWire, a virtual microphone, X server and notification daemon. `run.sh` builds that
//! machine and runs this program on it, one test at a time, as an ordinary user.
//!
//! Tests of one room or one program are elsewhere. Nothing here asserts a duration.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

mod lab;

mod compositors;
mod dictation;
mod gnome;
mod kde;
mod language_models;
mod loss;
mod machine;
mod network;
mod portal;
mod presses;
mod preview;
mod remote;
mod units;
