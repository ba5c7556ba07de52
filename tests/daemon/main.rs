//! Tests the real service, `v2m`: with a socket passed as systemd does it, a double of the engine,
//! a private home and, where a test records or plays sound, a private PipeWire.
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
mod left_out;
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
