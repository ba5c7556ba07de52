//! `v2m-llm`: asks language models for the daemon, which has no network.
//!
//! | module | what it is for |
//! |---|---|
//! | [`args`] | the help; [`v2m_ipc::arguments`] reads the command line |
//! | [`conversation`] | one connection: questions in, answers out |
//! | [`question`] | one question: checked, asked, judged, logged |
//! | [`config`] | the one endpoint that the configuration allows |
//! | [`client`] | HTTP: deadlines, attempts, limits; the only module with a network |
//! | [`wire`] | how each provider wants to be asked, pure |
//! | [`prompt`] | the text within a fence that it cannot close, pure |
//! | [`accept`] | whether an answer is a rewriting of the text, pure |
//!
//! The socket, keys, files, TLS and the journal are [`v2m_net`], which `v2m-remote` has too.
//!
//! Dictated text is data, never instruction. Two things hold that, neither of them trusting the
//! model: the fence of [`prompt`], and the judgement of [`accept`], by which an answer that is no
//! rewriting is refused. What is asked in which words, presets and settings are the daemon's; the
//! frames are [`v2m_ipc::llm`]. Nothing here writes a file, and no text and no key is ever logged.

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

/// The whole program: reads the arguments, then serves the daemon until nobody asks any more.
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
