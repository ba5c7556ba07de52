//! The restore token, which the portal issues for a lasting permission, so that the user is asked
//! only once.
//!
//! Only v2m can use the token, because the portal accepts it only from the program that it was
//! issued to. It can be used once, and each use issues a new one.

use crate::atomic;
use crate::regular::{self, Trust};
use etcetera::{BaseStrategy, base_strategy::Xdg};
use std::io::ErrorKind;
use std::path::PathBuf;
use tokio::task::spawn_blocking;
use tracing::warn;

/// The longest token that is read, in bytes. Portals' tokens are UUIDs, which are shorter.
const LONGEST: u64 = 256;

/// The file in which the token is kept.
#[derive(Clone, Debug)]
pub(crate) struct TokenFile(Option<PathBuf>);

impl TokenFile {
    /// Names the file in the user's state directory. Without a home directory, no token is kept.
    pub(crate) fn of_the_user() -> Self {
        let state = Xdg::new().ok().and_then(|dirs| dirs.state_dir());
        Self(state.map(|state| state.join("v2m/remote-desktop-token")))
    }

    /// Whether there is a token. Reads a small file, in a thread.
    pub(crate) async fn is_there(&self) -> bool {
        self.read().await.is_some()
    }

    /// Reads the token from its small file, in a thread: the disk may be slow.
    pub(crate) async fn read(&self) -> Option<String> {
        let path = self.0.clone()?;
        let read = spawn_blocking(move || regular::read(&path, Trust::Own, LONGEST));
        let bytes = read.await.ok()?.ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let token = text.trim();
        (!token.is_empty()).then(|| token.to_owned())
    }

    /// Replaces the token. `None`: the last one is used up, and there is no new one.
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Poll;

    /// While the thread for files is busy, the event loop goes on.
    #[test]
    fn the_token_is_read_in_a_thread() {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.max_blocking_threads(1).build().unwrap().block_on(async {
            let (release, held) = std::sync::mpsc::channel::<()>();
            drop(spawn_blocking(move || held.recv()));
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("token");
            atomic::write(&path, b"abc\n").unwrap();
            let file = TokenFile(Some(path));
            let mut read = std::pin::pin!(file.read());
            let first = std::future::poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx))).await;
            assert_eq!(first, Poll::Pending);
            drop(release);
            assert_eq!(read.await.as_deref(), Some("abc"));
        });
    }
}
