//! What v2m's notification would be if this process were killed now, in a file of the runtime
//! directory, so that the next run can take it away or replace it.
//!
//! A notification's number means something to one notification service only, and a service that is
//! started again counts from 1: so the file names the service's unique name on the bus, which no
//! bus gives twice, and the bus by its GUID. The runtime directory goes with the last session of
//! the user, and so do bus and notifications.

use super::card::Stay;
use crate::atomic;
use crate::regular::{self, Trust};
use crate::session::Code;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use tracing::debug;

/// Longer than any such file is, in bytes.
const LONGEST: u64 = 64 << 10;

/// A notification that this process has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Leftover {
    /// GUID of the bus.
    pub(super) bus: String,
    /// Unique name of the notification service there.
    pub(super) service: String,
    /// The notification's number with that service.
    pub(super) id: u32,
    /// What is to become of it.
    pub(super) what: What,
}

/// What is to become of a notification at the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    /// It is over: taken away.
    Over,
    /// The configuration was not valid: whoever starts has a valid one, and takes it away.
    BadConfig,
    /// The recogniser or its model was of no use. Taken away when it is.
    NoEngine,
    /// Nothing: it is a text, or listed. The next notice takes its place, as it does within one
    /// run: GNOME would keep that one waiting behind another program's banner, as long as nobody
    /// touches a key.
    Stays,
}

impl What {
    pub(super) fn of(stay: Stay) -> Self {
        match stay {
            Stay::WhileTrue | Stay::ThenGone(_) | Stay::ThenListed(_) => Self::Over,
            Stay::UntilMended(Code::BadConfig) => Self::BadConfig,
            Stay::UntilMended(_) => Self::NoEngine,
            Stay::AsUsual => Self::Stays,
        }
    }
}

/// The file. Without one (no runtime directory) nothing outlives the process.
#[derive(Debug)]
pub(super) struct LeftoverFile {
    path: Option<PathBuf>,
    /// What it holds, as far as this process knows.
    written: Option<Leftover>,
}

impl LeftoverFile {
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self { path, written: None }
    }

    /// Whether an earlier run has left something that must not stay as it is.
    pub(super) fn is_untidy(&mut self) -> bool {
        self.read().is_some_and(|left| left.what != What::Stays)
    }

    /// What an earlier run has left.
    pub(super) fn read(&mut self) -> Option<Leftover> {
        let bytes = regular::read(self.path.as_ref()?, Trust::Own, LONGEST).ok()?;
        self.written = serde_json::from_slice(&bytes).ok();
        self.written.clone()
    }

    /// Replaces the file's content; `None` removes it. Some microseconds: the runtime directory is
    /// in memory.
    pub(super) fn keep(&mut self, left: Option<Leftover>) {
        let Some(path) = self.path.as_ref().filter(|_| left != self.written) else { return };
        let kept = match &left {
            Some(left) => serde_json::to_vec(left)
                .map_err(std::io::Error::from)
                .and_then(|bytes| atomic::write(path, &bytes)),
            None => std::fs::remove_file(path),
        };
        if let Err(error) = kept {
            debug!(%error, path = %path.display(), "the notification's number is not kept");
        }
        self.written = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_by_the_next_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v2m/notification.json");
        let left =
            Leftover { bus: "b".into(), service: ":1.7".into(), id: 3, what: What::BadConfig };
        let mut note = LeftoverFile::new(Some(path.clone()));
        assert!(!note.is_untidy());
        note.keep(Some(left.clone()));
        let mut next = LeftoverFile::new(Some(path.clone()));
        assert!(next.is_untidy());
        assert_eq!(next.read(), Some(left));
        next.keep(None);
        assert!(!path.exists());
        std::fs::write(&path, "{").unwrap();
        assert_eq!(LeftoverFile::new(Some(path)).read(), None);
        assert_eq!(LeftoverFile::new(None).read(), None);
    }
}
