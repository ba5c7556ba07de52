//! The service itself, `v2m`, with a socket as systemd passes it, a double in place of its engine,
//! a home of its own and, where something is to be heard, a PipeWire of its own.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

#[path = "../doubles/digest.rs"]
mod digest;
#[path = "../doubles/llm.rs"]
mod llm;
#[path = "../doubles/logind.rs"]
mod logind;
#[path = "../doubles/media_player.rs"]
mod media_player;
#[path = "../common/pipewire.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests use more of it")]
mod pipewire;
#[path = "../doubles/x11_programs.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod programs;
#[path = "../doubles/x11_window.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod window;
#[path = "../common/xserver.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests use more of it")]
mod xserver;

mod backends;
mod config;
mod crowd;
mod cursor;
mod ending;
mod examples;
mod feedback;
mod files;
mod hostage;
mod house;
mod language_model;
mod presses;
mod recording;
mod sleep;
mod start;
mod text;
