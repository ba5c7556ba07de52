//! What v2m's two programs with a network have in common: `v2m-llm`, which asks language models,
//! and `v2m-remote`, which asks a recogniser on a server.
//!
//! | module | what it is for |
//! |---|---|
//! | [`address`] | a base URL, as far as it decides how it may be asked |
//! | [`keys`] | where the key of a host is found |
//! | [`configuration`] | the daemon's file, read anew with each question |
//! | [`agents`] | HTTP: no redirection, whose certificates are believed, which addresses are reached |
//! | [`connection`] | the connections of the HTTP library, so that a question can be cancelled |
//! | [`cancel`] | ends a question that nobody waits for |
//! | [`service`] | the whole program, from its arguments to the last connection |
//! | [`listen`] | the socket from systemd: who is let in, and when the program ends |
//! | [`peer`] | who was let in: read within limits, watched, and left with a last word |
//! | [`sandbox`] | which files a program may read, however it is started |
//! | [`log`] | lines for the journal |
//!
//! Not here: what is asked, in which form, and what is believed of an answer.

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
    /// Its name, which is also the name of its unit and its manual.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The setting with the address that it asks, such as `llm.base_url`.
    pub address: &'static str,
    /// The setting that has it asked at all.
    pub wanted_by: &'static str,
}

static PROGRAM: OnceLock<Program> = OnceLock::new();

/// Names the program, once, before anything else of this crate is used.
fn begin(program: Program) {
    let _ = PROGRAM.set(program);
}

/// The program; in tests of libraries, which name none, a general one.
pub fn program() -> Program {
    let general = Program { name: "v2m", version: "", address: "base_url", wanted_by: "base_url" };
    PROGRAM.get().copied().unwrap_or(general)
}
