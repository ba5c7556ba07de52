//! Capture against a real PipeWire and WirePlumber with virtual microphones: what is spoken into
//! them comes out whole, and each way in which it cannot is told.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod bench;
mod channels;
mod gaps;
mod lingering;
mod troubles;
