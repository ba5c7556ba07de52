//! PROTOCOL.md, sentence by sentence: the real server over real Unix sockets. Only the daemon
//! behind it is scripted; what commands really do is tested with the daemon itself.

#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod commands;
mod events;
mod framing;
mod harness;
mod limits;
mod refuse;
