//! Takes from a process what it does not need: files, sockets, other programs, other processes.
//!
//! A process that reads what strangers made (a model, a sound file) may be taken over by it. Before
//! it reads any of that it calls [`confine`], and from then on the kernel holds it to these, of
//! which no code in it can undo the first two:
//!
//! - **Landlock**: it opens no file but those it names, and creates, removes and runs none.
//! - **seccomp**: it makes no socket, starts no program and no process, traces and signals nobody,
//!   and uses no io_uring, which would walk around the filter.
//! - it is not dumpable, so no other program of the user reads its memory, and leaves no core.
//!
//! What it has open already stays: the socket to the daemon, standard error. Call it while the
//! process has one thread: Landlock holds the calling thread and those that it starts.

#![forbid(unsafe_code)]

mod calls;
mod files;

pub use calls::CallPolicy;
pub use files::AllowedFiles;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use thiserror::Error;
use v2m_messages::verbatim;

verbatim! {
    /// What the kernel could not be told to enforce. The process runs on without that part.
    #[derive(Debug, Error)]
    pub enum ConfineError {
        /// Files are as open as to any program of the user's.
        #[error("closing files by Landlock: {0}")]
        Files(String),
        /// System calls are as the service's unit leaves them.
        #[error("closing system calls by seccomp: {0}")]
        Calls(String),
    }
}

/// Confines this process for good. Answers what could not be enforced; a kernel without Landlock
/// (before 5.13, or switched off) is one such, and its [`ConfineError::Files`] says so.
pub fn confine(files: &AllowedFiles, calls: CallPolicy) -> Vec<ConfineError> {
    // Neither can fail for a process that gives up its own rights.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // Landlock's own calls are among those that are closed.
    [files.close(), calls.close()].into_iter().filter_map(Result::err).collect()
}
