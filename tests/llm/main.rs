//! Tests the real `v2m-llm`, on a socket passed as systemd does it, with servers on loopback that
//! behave or misbehave.
//!
//! The quality of a model's prose is not tested, nor are the units, which `tests/system` boots.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

mod allowed;
mod answers;
mod checks;
mod door;
mod faults;
mod harness;
mod keys;
mod odd;
mod peer;
mod proxies;
mod sandbox;
mod tls;
