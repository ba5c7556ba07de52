//! Tests the session-bus interface from another program's view, on a real bus.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod buses;
mod calls;
mod events;
mod house;
mod sign;
