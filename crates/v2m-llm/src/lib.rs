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
use std::time::Duration;
use v2m_ipc::arguments;
use v2m_messages::tr;
use v2m_net::{Program, listen, log, sandbox};

/// Exit status of a program without a socket to listen on. `EX_UNAVAILABLE` of sysexits.h.
pub const NO_SOCKET: u8 = 69;

/// The whole program: reads the arguments, then serves the daemon until nobody asks any more.
pub fn main() -> ExitCode {
    v2m_net::begin(Program {
        name: "v2m-llm",
        version: env!("CARGO_PKG_VERSION"),
        address: "llm.base_url",
        wanted_by: "llm.provider",
    });
    match arguments::idle("v2m-llm", args::usage()) {
        Ok(idle) => serve(idle),
        Err(status) => status,
    }
}

fn serve(idle: Duration) -> ExitCode {
    let listener = match listen::listener() {
        Ok(listener) => listener,
        Err(error) => {
            log::error(&error.to_string());
            return ExitCode::from(NO_SOCKET);
        }
    };
    // Before there is a second thread: it holds for this one and all that it starts.
    sandbox::close();
    let client = Client::default();
    let hold: Arc<listen::Conversation> = Arc::new(move |stream: UnixStream, room| {
        let mut conversation = Conversation::new(stream, &client, idle);
        if room { conversation.hold() } else { conversation.refuse(listen::CONNECTIONS) }
    });
    match listen::serve(&listener, idle, "v2m-llm-asks", &hold) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error(&tr!("serving v2m: {error}", error));
            ExitCode::FAILURE
        }
    }
}
