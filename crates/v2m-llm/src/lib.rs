//! `v2m-llm` asks language models for the daemon, which has no network access.
//!
//! | module | what it is for |
//! |---|---|
//! | [`args`] | the help text; [`v2m_ipc::arguments`] reads the command line |
//! | [`conversation`] | one connection: questions in, answers out |
//! | [`question`] | one question: checked, asked, judged, logged |
//! | [`config`] | the one endpoint that the configuration allows |
//! | [`client`] | HTTP: deadlines, attempts, limits; the only module that uses the network |
//! | [`wire`] | the providers' APIs, pure |
//! | [`prompt`] | puts the text in a fence that it cannot close, pure |
//! | [`accept`] | decides whether an answer is a rewriting of the text, pure |
//!
//! The socket, keys, files, TLS and the journal are in [`v2m_net`], which `v2m-remote` uses too.
//!
//! Dictated text is data, never an instruction. Two mechanisms ensure this, and neither trusts the
//! model: the fence of [`prompt`], and the judgement of [`accept`], which refuses an answer that is
//! not a rewriting. The daemon decides the instructions, presets and settings; the frames are in
//! [`v2m_ipc::llm`]. Nothing here writes a file, and no text and no key is ever logged.

#![forbid(unsafe_code)]

pub mod accept;
pub mod answer;
pub mod args;
pub mod client;
pub mod config;
pub mod conversation;
pub mod prompt;
pub mod question;
pub mod wire;

use client::Client;
use conversation::Conversation;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use v2m_net::{Program, listen, service};

/// Runs the program: reads the arguments, then serves the daemon until it has been idle for long
/// enough.
pub fn main() -> ExitCode {
    let program = Program {
        name: "v2m-llm",
        version: env!("CARGO_PKG_VERSION"),
        address: "llm.base_url",
        wanted_by: "llm.provider",
    };
    service::run(program, args::usage(), |idle| {
        let client = Client::default();
        Arc::new(move |stream: UnixStream, room| {
            let mut conversation = Conversation::new(stream, &client, idle);
            if room { conversation.hold() } else { conversation.refuse(listen::CONNECTIONS) }
        })
    })
}
