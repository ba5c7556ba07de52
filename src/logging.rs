//! Log output: to the journal with fields, or to stderr if there is no journal.
//!
//! `journalctl --user -u v2m -o json F_CMD=toggle` finds an event by its field `cmd` (upper case,
//! with the prefix `F_`). Each call site decides what may be logged at which level.

use std::io::{self, Write};
use tracing::warn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, reload};
use v2m_ipc::plain;
use v2m_messages::tr;

/// Appended to a plain level, for libraries that report at `warn` what v2m expects and handles
/// (such as a bus that closes a connection, which is opened again).
const QUIET: &str = "zbus=warn";

/// Standard error, which may be a terminal. A log line arrives in one piece.
struct Plain;

impl Write for Plain {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        plain::write(&mut io::stderr().lock(), &String::from_utf8_lossy(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log as it was set up; changes its level while running.
#[derive(Debug)]
pub struct Logging {
    filter: reload::Handle<EnvFilter, Registry>,
    /// Whether the environment set the filter, which then overrides the settings.
    pinned: bool,
}

/// A level or filter that cannot be parsed.
#[derive(Debug, thiserror::Error)]
#[error(
    "{}",
    tr!(
        "cannot log at \"{filter}\": {source}. Use error, warn, info, debug or trace, or a filter \
         like \"info,v2m::capture=debug\"",
        filter,
        source
    )
)]
pub struct BadFilter {
    filter: String,
    source: tracing_subscriber::filter::ParseError,
}

impl Logging {
    /// Sets up the process's log. `level` is from the settings (`info`, or a filter as in
    /// tracing-subscriber's `EnvFilter`); `V2M_LOG` and then `RUST_LOG` override it. Never fails:
    /// an invalid filter is replaced, and that is logged.
    pub fn start(level: &str) -> Self {
        let (filter, pinned, complaint) = choose(from_env(), level);
        let (filter, handle) = reload::Layer::new(filter);
        let journal = stderr_is_the_journal().then(journal).flatten();
        let stderr = journal.is_none().then(|| {
            tracing_subscriber::fmt::layer()
                .compact()
                // No colours: they are control sequences, which [`Plain`] removes.
                .with_ansi(false)
                .with_writer(|| Plain)
        });
        let set = tracing_subscriber::registry().with(filter).with(journal).with(stderr).try_init();
        if let Err(error) = set {
            warn!(%error, "the log was set up twice; the first one stays: {error}");
        }
        if let Some(bad) = complaint {
            warn!("{bad}; until then: info");
        }
        Self { filter: handle, pinned }
    }

    /// Changes the level, unless `V2M_LOG` or `RUST_LOG` fixed it. Returns whether it did.
    ///
    /// # Errors
    /// If the level cannot be parsed; the old one stays.
    pub fn set_level(&self, level: &str) -> Result<bool, BadFilter> {
        let filter = parse(level)?;
        Ok(!self.pinned && self.filter.reload(filter).is_ok())
    }
}

/// Checks whether [`Logging`] accepts `level`, to validate settings.
///
/// # Errors
/// If the level cannot be parsed.
pub fn check_level(level: &str) -> Result<(), BadFilter> {
    parse(level).map(drop)
}

fn from_env() -> Option<String> {
    ["V2M_LOG", "RUST_LOG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
}

/// Returns the filter to use, whether the environment fixed it, and any filter that could not be
/// parsed.
fn choose(env: Option<String>, level: &str) -> (EnvFilter, bool, Option<BadFilter>) {
    let pinned = env.is_some();
    match parse(env.as_deref().unwrap_or(level)) {
        Ok(filter) => (filter, pinned, None),
        Err(bad) => (EnvFilter::new(format!("info,{QUIET}")), false, Some(bad)),
    }
}

fn parse(filter: &str) -> Result<EnvFilter, BadFilter> {
    EnvFilter::builder()
        .parse(format!("{QUIET},{filter}"))
        .map_err(|source| BadFilter { filter: filter.to_owned(), source })
}

fn journal() -> Option<tracing_journald::Layer> {
    let layer = tracing_journald::layer().ok()?;
    Some(layer.with_syslog_identifier("v2m".to_owned()))
}

/// Whether stderr is the stream to the journal. `JOURNAL_STREAM` contains device and inode of that
/// stream (systemd.exec(5)); they must match stderr's, because it may have been redirected and the
/// variable inherited.
fn stderr_is_the_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    rustix::fs::fstat(io::stderr()).is_ok_and(|stat| names(&stream, stat.st_dev, stat.st_ino))
}

fn names(stream: &str, device: u64, inode: u64) -> bool {
    stream == format!("{device}:{inode}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_outranks_the_settings() {
        let (filter, pinned, bad) = choose(Some("v2m=trace".into()), "error");
        assert!(pinned && bad.is_none());
        assert!(filter.to_string().contains("v2m=trace"), "{filter}");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_told_and_replaced() {
        let (filter, pinned, bad) = choose(Some("v2m=loud".into()), "debug");
        assert!(!pinned);
        assert!(filter.to_string().contains("info"), "{filter}");
        assert!(bad.unwrap().to_string().contains("v2m=loud"));
        assert!(check_level("chatty=very").is_err());
        assert!(check_level("info,v2m::capture=debug").is_ok());
    }

    #[test]
    fn only_the_very_same_stream_is_the_journal() {
        assert!(names("8:1234", 8, 1234));
        assert!(!names("8:1234", 8, 1235));
        assert!(!names("", 8, 1234));
    }
}
