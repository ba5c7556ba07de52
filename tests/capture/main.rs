//! Tests capture with a real PipeWire and WirePlumber and virtual microphones: the sound that is
//! played into them is recorded completely, and every failure to do so is reported.
#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod bench;
mod channels;
mod gaps;
mod lingering;
mod troubles;
