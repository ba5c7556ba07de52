//! Takes access away from a process that it does not need: files, sockets, other programs and
//! processes.
//!
//! A process that reads data from untrusted sources (a model, a sound file) may be taken over by
//! that data. Before it reads any, it calls [`confine`]. From then on, the kernel enforces these
//! limits. No code in the process can undo the first two:
//!
//! - **Landlock**: it opens only the named files, and creates, removes and executes none.
//! - **seccomp**: it creates no socket, starts no program or process, traces and signals no other
//!   process, and uses no io_uring, which would bypass the filter.
//! - It is not dumpable, so that no other program of the user can read its memory, and it leaves no
//!   core file.
//!
//! Files that are already open stay open: the socket to the daemon, standard error. Call it while
//! the process has one thread: Landlock applies to the calling thread and the threads that it
//! starts.

#![forbid(unsafe_code)]

mod calls;
mod files;

pub use calls::CallPolicy;
pub use files::AllowedFiles;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use thiserror::Error;
use v2m_messages::verbatim;

verbatim! {
    /// A limit that the kernel could not enforce. The process continues without it.
    #[derive(Debug, Error)]
    pub enum ConfineError {
        /// Files are as accessible as to any program of the user.
        #[error("closing files by Landlock: {0}")]
        Files(String),
        /// System calls are only limited by the service's unit.
        #[error("closing system calls by seccomp: {0}")]
        Calls(String),
    }
}

/// Confines this process for good. Returns the limits that could not be enforced. A kernel without
/// Landlock (before 5.13, or with Landlock disabled) gives a [`ConfineError::Files`].
pub fn confine(files: &AllowedFiles, calls: CallPolicy) -> Vec<ConfineError> {
    // Neither can fail for a process that gives up its own rights.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // This order matters: seccomp forbids Landlock's own calls.
    [files.close(), calls.close()].into_iter().filter_map(Result::err).collect()
}
