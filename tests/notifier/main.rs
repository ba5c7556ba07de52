//! The notification of a dictation, at a real bus and a notification service that records its
//! calls.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod buses;
mod desktop;
mod dictation;
mod runs;
mod set_up;
