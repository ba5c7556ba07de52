//! `v2m-remote` has a server transcribe for the recogniser, which has no network access.
//!
//! | module | what it is for |
//! |---|---|
//! | [`args`] | the help text; [`v2m_ipc::arguments`] reads the command line |
//! | [`conversation`] | one connection: sound and questions in, answers out |
//! | [`question`] | one question: checked, asked, logged |
//! | [`config`] | the one endpoint that the configuration allows |
//! | [`client`] | HTTP: deadlines and limits; the only module that uses the network |
//! | [`form`] | the request's body, pure |
//! | [`answer`] | reads the server's body, pure |
//! | [`error`] | the reasons for a missing text |
//!
//! The socket, keys, files, TLS and the journal are in [`v2m_net`], which `v2m-llm` uses too. The
//! frames are in [`v2m_ipc::remote`]. The recogniser (`v2m-recogniser`) decides when to ask, and
//! whether to believe a text. Nothing here writes a file, and no sound, no text and no key is ever
//! logged.

#![forbid(unsafe_code)]

pub mod answer;
pub mod args;
pub mod client;
pub mod config;
pub mod conversation;
pub mod error;
pub mod form;
pub mod question;

use client::Client;
use conversation::Conversation;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use v2m_net::{Program, listen, service};

/// Runs the program: reads the arguments, then serves the daemon until nobody is connected.
pub fn main() -> ExitCode {
    let program = Program {
        name: "v2m-remote",
        version: env!("CARGO_PKG_VERSION"),
        address: "remote.base_url",
        wanted_by: "engine.backend = \"remote\"",
    };
    service::run(program, args::usage(), |_| {
        let client = Client::default();
        Arc::new(move |stream: UnixStream, room| {
            let mut conversation = Conversation::new(stream, &client);
            if room { conversation.hold() } else { conversation.refuse(listen::CONNECTIONS) }
        })
    })
}
