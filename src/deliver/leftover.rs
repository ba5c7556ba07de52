//! Notes v2m's notification in a file of the runtime directory. If this process is killed, the next
//! run can close or replace the notification.
//!
//! A notification's number is valid for one run of the notification service, which counts from 1
//! when it starts again. So the file also has the service's unique name, which a bus never gives
//! twice, and the bus's GUID. The runtime directory is deleted with the user's last session; so are
//! the bus and the notifications.

use super::card::Stay;
use crate::atomic;
use crate::regular::{self, Trust};
use crate::session::Code;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use tracing::debug;

/// The maximum size of the file that is read, in bytes. v2m's own files are smaller.
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
    /// What the next run does with it.
    pub(super) what: What,
}

/// What the next run does with a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    /// Closes it, because the state that it reports is over.
    Over,
    /// Closes it. It reports an invalid configuration, and a run only starts with a valid one.
    BadConfig,
    /// Closes it once the recogniser works. It reports that the recogniser or its model did not
    /// work.
    NoEngine,
    /// Leaves it, because it shows a text or is in the list. The next notice replaces it, as within
    /// one run. Otherwise GNOME would hold that notice back behind another program's banner until
    /// the user presses a key.
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

/// The file's path. `None`: there is no runtime directory, and the next run learns nothing.
#[derive(Debug)]
pub(super) struct LeftoverFile {
    path: Option<PathBuf>,
    /// The file's content, as far as this process knows.
    written: Option<Leftover>,
}

impl LeftoverFile {
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self { path, written: None }
    }

    /// Whether an earlier run has left a notification that must be closed or replaced.
    pub(super) fn is_untidy(&mut self) -> bool {
        self.read().is_some_and(|left| left.what != What::Stays)
    }

    /// Returns the notification that an earlier run has left.
    pub(super) fn read(&mut self) -> Option<Leftover> {
        let bytes = regular::read(self.path.as_ref()?, Trust::Own, LONGEST).ok()?;
        self.written = serde_json::from_slice(&bytes).ok();
        self.written.clone()
    }

    /// Replaces the file's content. `None` deletes the file. Takes some microseconds, because the
    /// runtime directory is in memory.
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
