//! Runs the whole program, from its arguments to the last connection.

use crate::listen::{self, Conversation};
use crate::{Program, log, sandbox};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use v2m_ipc::arguments;
use v2m_messages::tr;

/// Exit status of a program without a socket to listen on. `EX_UNAVAILABLE` of sysexits.h.
const NO_SOCKET: u8 = 69;

/// Reads the arguments, then serves the daemon until nobody has been connected for a while.
/// `prepare` gets that time, after files are restricted, and returns the handler of connections.
pub fn run(
    program: Program,
    usage: &str,
    prepare: impl FnOnce(Duration) -> Arc<Conversation>,
) -> ExitCode {
    crate::begin(program);
    let idle = match arguments::idle(program.name, usage) {
        Ok(idle) => idle,
        Err(status) => return status,
    };
    let listener = match listen::listener() {
        Ok(listener) => listener,
        Err(error) => {
            log::error(&error.to_string());
            return ExitCode::from(NO_SOCKET);
        }
    };
    // Before there is a second thread: the restriction applies to this thread and those that it
    // starts.
    sandbox::close();
    let thread = format!("{}-asks", program.name);
    match listen::serve(&listener, idle, &thread, &prepare(idle)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error(&tr!("serving v2m: {error}", error));
            ExitCode::FAILURE
        }
    }
}
