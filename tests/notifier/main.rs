//! Tests the notification of a dictation, on a real bus with a notification service that records
//! its calls.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod buses;
mod desktop;
mod dictation;
mod runs;
mod set_up;
