//! The restore token: what the portal gives for a permission that lasts, so that the user is asked
//! once only.
//!
//! It is worth something to v2m alone: the portal takes it back from the program that it was given
//! to. It can be used once, and each use gives another one.

use crate::atomic;
use crate::regular::{self, Trust};
use etcetera::{BaseStrategy, base_strategy::Xdg};
use std::io::ErrorKind;
use std::path::PathBuf;
use tokio::task::spawn_blocking;
use tracing::warn;

/// No portal's is longer; they are UUIDs.
const LONGEST: u64 = 256;

/// Where it is kept.
#[derive(Clone, Debug)]
pub(crate) struct TokenFile(Option<PathBuf>);

impl TokenFile {
    /// In the user's state directory; nowhere if there is no home.
    pub(crate) fn of_the_user() -> Self {
        let state = Xdg::new().ok().and_then(|dirs| dirs.state_dir());
        Self(state.map(|state| state.join("v2m/remote-desktop-token")))
    }

    /// Whether there is one. Reads a small file.
    pub(crate) fn is_there(&self) -> bool {
        self.read().is_some()
    }

    /// What is kept. Reads a small file.
    pub(crate) fn read(&self) -> Option<String> {
        let bytes = regular::read(self.0.as_ref()?, Trust::Own, LONGEST).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let token = text.trim();
        (!token.is_empty()).then(|| token.to_owned())
    }

    /// Replaces what is kept; `None`: the last one is used up, and there is no other.
    pub(crate) async fn keep(&self, token: Option<String>) {
        let Some(path) = self.0.clone() else { return };
        let kept = spawn_blocking(move || match token {
            Some(token) => atomic::write(&path, token.as_bytes()),
            None => match std::fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        });
        match kept.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                warn!(%error, "the desktop's permission to press keys could not be kept, and will be asked for again");
            }
            Err(error) => warn!(%error, "the desktop's permission to press keys was not kept"),
        }
    }
}
