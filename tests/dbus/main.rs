//! The session-bus interface as another program meets it, at a real bus.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod buses;
mod calls;
mod events;
mod house;
mod sign;
