//! Hints in the notification of a text that `deliver.mode = "auto"` has put on the clipboard: the
//! reason, once per run, and how to have texts at the cursor, only once ever.

use super::error::DeliverError;
use crate::atomic;
use etcetera::{BaseStrategy, base_strategy::Xdg};
use std::path::PathBuf;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::debug;
use v2m_messages::tr;

/// How long access to the file may take. A home directory on a network may hang while the next text
/// waits.
const LIMIT: Duration = Duration::from_secs(1);

/// Returns the instruction for getting texts to the cursor on a desktop that would ask first.
pub(crate) fn how_to_allow() -> &'static str {
    tr!(
        "To have texts at the cursor: v2m-send config set deliver.mode=paste. The desktop asks you \
         once."
    )
}

/// The hints that were already shown.
#[derive(Debug)]
pub(crate) struct Hints {
    /// The file that records that [`how_to_allow`] was shown. `None`: there is no home directory.
    file: Option<PathBuf>,
    /// The hints that this run has shown.
    told: Vec<String>,
}

impl Default for Hints {
    fn default() -> Self {
        let state = Xdg::new().ok().and_then(|dirs| dirs.state_dir());
        Self::kept_in(state.map(|state| state.join("v2m/told-how-to-paste")))
    }
}

impl Hints {
    fn kept_in(file: Option<PathBuf>) -> Self {
        Self { file, told: Vec::new() }
    }

    /// Returns the hint for a text that is not at the cursor for this reason. `None`: it was
    /// already shown. Looks for a file, in a thread, for 1 s at most. After a timeout this run does
    /// not show the hint.
    pub(crate) async fn about(&mut self, problem: &DeliverError) -> Option<String> {
        let hint = match problem {
            DeliverError::WouldAsk => how_to_allow().to_owned(),
            problem => tr!("Not at the cursor: {problem}", problem),
        };
        if self.told.contains(&hint) {
            return None;
        }
        let Some(file) = self.file.clone().filter(|_| hint == how_to_allow()) else {
            return Some(hint);
        };
        let Ok(found) = timeout(LIMIT, spawn_blocking(move || file.exists())).await else {
            self.told.push(hint);
            return None;
        };
        (!found.unwrap_or(false)).then_some(hint)
    }

    /// Notes that this hint was shown. Takes 1 s at most.
    pub(crate) async fn told(&mut self, hint: String) {
        let lasts = hint == how_to_allow();
        self.told.push(hint);
        let Some(file) = self.file.clone().filter(|_| lasts) else { return };
        match timeout(LIMIT, spawn_blocking(move || atomic::write(&file, b""))).await {
            Ok(Ok(Err(error))) => {
                debug!(%error, "the next run will tell again how texts get to the cursor")
            }
            Ok(_) => {}
            Err(_late) => debug!("the disk is too slow to note that the user was told"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::Pin;
    use std::task::Poll;

    /// Polls a future once.
    async fn once<T>(mut future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
        std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
    }

    #[tokio::test]
    async fn how_to_allow_it_is_told_once_ever_and_a_reason_once_in_each_run() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("v2m/told");
        let hints = || Hints::kept_in(Some(file.clone()));
        let mut first = hints();
        for _ in 0..2 {
            let hint = first.about(&DeliverError::WouldAsk).await;
            assert_eq!(hint.as_deref(), Some(how_to_allow()), "it was not shown yet");
        }
        first.told(how_to_allow().to_owned()).await;
        assert_eq!(first.about(&DeliverError::WouldAsk).await, None);
        let reason = first.about(&DeliverError::NoWay).await.unwrap();
        assert!(reason.starts_with("Not at the cursor: v2m cannot paste"), "{reason}");
        first.told(reason.clone()).await;
        assert_eq!(first.about(&DeliverError::NoWay).await, None);
        let mut next = hints();
        assert_eq!(next.about(&DeliverError::WouldAsk).await, None);
        assert_eq!(next.about(&DeliverError::NoWay).await, Some(reason));
    }

    /// While the thread for files is busy, nothing is known yet, and the event loop is not blocked.
    #[test]
    fn the_file_is_looked_for_in_a_thread() {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().max_blocking_threads(1).build().unwrap().block_on(async {
            let (release, held) = std::sync::mpsc::channel::<()>();
            drop(spawn_blocking(move || held.recv()));
            let folder = tempfile::tempdir().unwrap();
            let mut hints = Hints::kept_in(Some(folder.path().join("told")));
            let mut about = std::pin::pin!(hints.about(&DeliverError::WouldAsk));
            assert_eq!(once(about.as_mut()).await, Poll::Pending);
            drop(release);
            assert!(about.await.is_some());
        });
    }

    /// Regression: the delivery of a dictation never ended.
    #[test]
    fn a_home_directory_that_hangs_holds_no_text_up() {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).max_blocking_threads(1);
        runtime.build().unwrap().block_on(async {
            let (release, held) = std::sync::mpsc::channel::<()>();
            drop(spawn_blocking(move || held.recv()));
            let folder = tempfile::tempdir().unwrap();
            let mut hints = Hints::kept_in(Some(folder.path().join("told")));
            {
                let mut about = std::pin::pin!(hints.about(&DeliverError::WouldAsk));
                assert_eq!(once(about.as_mut()).await, Poll::Pending);
                tokio::time::advance(LIMIT).await;
                assert_eq!(once(about.as_mut()).await, Poll::Ready(None));
            }
            assert_eq!(hints.about(&DeliverError::WouldAsk).await, None, "without another wait");
            let mut told = std::pin::pin!(hints.told(how_to_allow().to_owned()));
            assert_eq!(once(told.as_mut()).await, Poll::Pending);
            tokio::time::advance(LIMIT).await;
            assert_eq!(once(told.as_mut()).await, Poll::Ready(()));
            drop(release);
        });
    }

    #[tokio::test]
    async fn without_a_home_it_is_told_once_in_each_run() {
        let mut hints = Hints::kept_in(None);
        assert!(hints.about(&DeliverError::WouldAsk).await.is_some());
        hints.told(how_to_allow().to_owned()).await;
        assert_eq!(hints.about(&DeliverError::WouldAsk).await, None);
    }
}
