//! Lines for the journal, by standard error.
//!
//! The journal takes a line's level from a prefix (sd-daemon(3)); elsewhere it is left out. Nothing
//! of a text and no key is given to these functions, at any level: that is for their callers to
//! hold.

use crate::program;
use std::io::Write;
use std::sync::LazyLock;
use v2m_ipc::plain;

static JOURNAL: LazyLock<bool> = LazyLock::new(|| std::env::var_os("JOURNAL_STREAM").is_some());
static VERBOSE: LazyLock<bool> = LazyLock::new(|| {
    std::env::var("V2M_LOG").is_ok_and(|level| matches!(&*level, "debug" | "trace"))
});

/// The program cannot do what it is for.
pub fn error(line: &str) {
    write(3, line);
}

/// The world misbehaves.
pub fn warning(line: &str) {
    write(4, line);
}

/// What a user may want to know afterwards.
pub fn info(line: &str) {
    write(6, line);
}

/// For who looks for a bug: with `V2M_LOG=debug`.
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
    // Nowhere to complain to. One call, so that threads do not mix their lines.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
