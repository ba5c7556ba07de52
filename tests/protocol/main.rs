//! Tests PROTOCOL.md, sentence by sentence: the real server with real Unix sockets. Only the daemon
//! behind it is scripted; the effects of commands are tested with the real daemon.

#![allow(clippy::unwrap_used, reason = "a test's helpers may")]

mod commands;
mod events;
mod framing;
mod harness;
mod limits;
mod refuse;
