//! The common part of v2m's two programs that use the network: `v2m-llm`, which asks language
//! models, and `v2m-remote`, which asks a recogniser on a server.
//!
//! | module | what it is for |
//! |---|---|
//! | [`address`] | a base URL, with the properties that decide how it may be used |
//! | [`keys`] | finds the key of a host |
//! | [`configuration`] | the daemon's file, read again with each question |
//! | [`agents`] | HTTP: no redirections, trusted certificates, allowed addresses |
//! | [`connection`] | the connections of the HTTP library, so that a question can be cancelled |
//! | [`cancel`] | cancels a question whose answer is no longer needed |
//! | [`service`] | the whole program, from its arguments to the last connection |
//! | [`listen`] | the socket from systemd: accepts connections, and ends the program when idle |
//! | [`peer`] | an accepted connection: reads within limits, detects a disconnect, sends a last message |
//! | [`sandbox`] | limits the files that a program may read, however it is started |
//! | [`log`] | lines for the journal |
//!
//! Not here: the questions, their form, and the judgement of answers.

#![forbid(unsafe_code)]

pub mod address;
pub mod agents;
pub mod cancel;
pub mod configuration;
pub mod connection;
pub mod keys;
pub mod listen;
pub mod log;
pub mod peer;
pub mod sandbox;
pub mod service;

use std::sync::OnceLock;

/// The program that uses this crate, for its messages.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The name, which is also the name of its unit and its manual.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The setting with its endpoint's address, such as `llm.base_url`.
    pub address: &'static str,
    /// The setting that makes v2m use the program.
    pub wanted_by: &'static str,
}

static PROGRAM: OnceLock<Program> = OnceLock::new();

/// Sets the program, once, before anything else of this crate is used.
fn begin(program: Program) {
    let _ = PROGRAM.set(program);
}

/// Returns the program. In tests of libraries, which set none, returns a general one.
pub fn program() -> Program {
    let general = Program { name: "v2m", version: "", address: "base_url", wanted_by: "base_url" };
    PROGRAM.get().copied().unwrap_or(general)
}
