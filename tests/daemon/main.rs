//! The service itself, `v2m`, with a socket as systemd passes it, a double in place of its engine,
//! a home of its own and, where something is to be heard, a PipeWire of its own.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod applications;
mod backends;
mod config;
mod continuous;
mod crowd;
mod cursor;
mod detection;
mod ending;
mod examples;
mod feedback;
mod files;
mod history;
mod hostage;
mod house;
mod language_model;
mod languages;
mod menu;
mod presses;
mod preview;
mod progress;
mod recording;
mod remote;
mod retry;
mod sign;
mod sleep;
mod start;
mod text;
