//! Tests the recogniser with a double of the engine that misbehaves in every way. Each recording
//! must come back with its text, or with its audio and a reason.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod dying;
mod fallback;
mod holding;
mod jobs;
mod lab;
mod loading;
mod loss;
mod real;
mod rest;
mod server;
mod time;
