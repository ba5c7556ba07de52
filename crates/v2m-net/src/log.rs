//! Writes lines for the journal to standard error.
//!
//! The journal reads a line's level from a prefix (sd-daemon(3)); without a journal, the prefix is
//! left out. Callers must not pass a text or a key to these functions, at any level.

use crate::program;
use std::io::Write;
use std::sync::LazyLock;
use v2m_ipc::plain;

static JOURNAL: LazyLock<bool> = LazyLock::new(|| std::env::var_os("JOURNAL_STREAM").is_some());
static VERBOSE: LazyLock<bool> = LazyLock::new(|| {
    std::env::var("V2M_LOG").is_ok_and(|level| matches!(&*level, "debug" | "trace"))
});

/// Logs that the program cannot do its work.
pub fn error(line: &str) {
    write(3, line);
}

/// Logs a problem outside the program.
pub fn warning(line: &str) {
    write(4, line);
}

/// Logs an event that a user may look up later.
pub fn info(line: &str) {
    write(6, line);
}

/// Logs details for finding bugs, with `V2M_LOG=debug`.
pub fn debug(line: &str) {
    if *VERBOSE {
        write(7, line);
    }
}

fn write(level: u8, line: &str) {
    let line = plain::line(line);
    let line = if *JOURNAL {
        format!("<{level}>{line}\n")
    } else {
        format!("{}: {line}\n", program().name)
    };
    // There is no other place to report an error. One call, so that threads do not mix their lines.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
