//! Shows drafts of the text, except while a password field has the keyboard or the screen is
//! locked.
//!
//! Checking both takes some milliseconds, and a second at most, so an actor does it. A draft is
//! shown only if nothing else was shown meanwhile.

use crate::deliver::{Notice, Observer, ScreenLock, Secret};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long to cache whether a password field has the keyboard. Drafts come once or twice a second.
const HOLDS: Duration = Duration::from_millis(500);

/// A draft, with its position in the order of all notices.
#[derive(Debug)]
pub(super) struct Growth {
    pub(super) notice: Notice,
    pub(super) order: u64,
    /// Whether the text will be inserted at the cursor.
    pub(super) at_cursor: bool,
}

/// Makes a channel of drafts that keeps the newest one. While the desktop is slow to answer, older
/// drafts are not worth showing, and the newest may be the last one before the speaker pauses.
pub(super) fn drafts() -> (DraftSender, DraftReceiver) {
    let (bell, rings) = mpsc::channel(1);
    let newest = Arc::new(Mutex::new(None));
    (DraftSender { newest: Arc::clone(&newest), bell }, DraftReceiver { newest, rings })
}

/// Sends drafts.
#[derive(Clone, Debug)]
pub(super) struct DraftSender {
    newest: Arc<Mutex<Option<Growth>>>,
    bell: mpsc::Sender<()>,
}

/// Receives drafts.
#[derive(Debug)]
pub(super) struct DraftReceiver {
    newest: Arc<Mutex<Option<Growth>>>,
    rings: mpsc::Receiver<()>,
}

impl DraftSender {
    /// Sends a draft in place of one that still waits. Returns at once.
    pub(super) fn send(&self, growth: Growth) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(growth);
        // If it is full, the receiver has yet to look.
        let _ = self.bell.try_send(());
    }
}

impl DraftReceiver {
    /// Waits for a draft. `None`: the sender was dropped.
    async fn receive(&mut self) -> Option<Growth> {
        while self.rings.recv().await.is_some() {
            let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner).take();
            if newest.is_some() {
                return newest;
            }
        }
        None
    }
}

/// Checks whether a draft may be seen.
pub(super) trait Watch {
    /// Whether the screen is locked.
    fn is_locked(&mut self) -> impl Future<Output = bool> + Send;
    /// Whether a password field has the keyboard.
    fn is_password(&mut self) -> impl Future<Output = bool> + Send;
}

/// The desktop, queried over persistent connections.
#[derive(Debug, Default)]
pub(super) struct DesktopWatch {
    lock: ScreenLock,
    observer: Observer,
}

impl Watch for DesktopWatch {
    async fn is_locked(&mut self) -> bool {
        self.lock.is_locked().await
    }

    async fn is_password(&mut self) -> bool {
        self.observer.is_password().await
    }
}

/// Runs until the sender of drafts is dropped. `show` receives each notice that may be seen, and
/// decides whether it is too late.
pub(super) async fn show_when_known(
    mut growing: DraftReceiver,
    mut watch: impl Watch,
    show: impl Fn(Growth),
) {
    let mut known: Option<(Instant, bool)> = None;
    while let Some(growth) = growing.receive().await {
        // Checked for each draft: the screen may have been locked a moment ago.
        let secret = if watch.is_locked().await {
            Some(Secret::Locked)
        } else if growth.at_cursor {
            let still = known.filter(|(asked, _)| asked.elapsed() < HOLDS);
            let (_, is_password) = match still {
                Some(still) => still,
                None => *known.insert((Instant::now(), watch.is_password().await)),
            };
            is_password.then_some(Secret::Password)
        } else {
            None
        };
        show(match secret {
            Some(secret) => Growth { notice: growth.notice.hidden(secret), ..growth },
            None => growth,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A desktop that is locked at the second query.
    #[derive(Default)]
    struct LockedSoon {
        asked: u32,
    }

    impl Watch for LockedSoon {
        async fn is_locked(&mut self) -> bool {
            self.asked += 1;
            self.asked > 1
        }

        async fn is_password(&mut self) -> bool {
            false
        }
    }

    /// Regression: the answer that the screen was unlocked was cached for half a second.
    #[tokio::test(start_paused = true)]
    async fn no_draft_is_shown_right_after_the_screen_was_locked() {
        for at_cursor in [false, true] {
            let (sender, receiver) = drafts();
            let draft = |order| Growth {
                notice: Notice::Transcribing { so_far: Some("secret".into()) },
                order,
                at_cursor,
            };
            sender.send(draft(1));
            let (sender, shown) = (Mutex::new(Some(sender)), Mutex::new(Vec::new()));
            let show = |growth: Growth| {
                shown.lock().unwrap().push(growth.notice);
                if let Some(sender) = sender.lock().unwrap().take() {
                    sender.send(draft(2));
                }
            };
            show_when_known(receiver, LockedSoon::default(), show).await;
            let text = |text: &str| Notice::Transcribing { so_far: Some(text.into()) };
            let locked = text(Secret::Locked.notice());
            assert_eq!(*shown.lock().unwrap(), [text("secret"), locked], "no time has passed");
        }
    }

    /// Regression: while two drafts waited, the newest one was dropped, and with it the last words
    /// before a pause.
    #[tokio::test]
    async fn the_newest_draft_is_shown_however_many_have_waited() {
        let (sender, receiver) = drafts();
        for order in 1..=4 {
            let notice = Notice::Transcribing { so_far: None };
            sender.send(Growth { notice, order, at_cursor: false });
        }
        drop(sender);
        let shown = Mutex::new(Vec::new());
        let show = |growth: Growth| shown.lock().unwrap().push(growth.order);
        show_when_known(receiver, LockedSoon::default(), show).await;
        assert_eq!(*shown.lock().unwrap(), [4]);
    }

    #[test]
    fn a_hidden_text_says_so_and_an_invitation_stays() {
        let so_far = Some("secret".to_owned());
        let notice = |secret: Secret| Some(secret.notice().to_owned());
        let shown =
            Notice::Recording { so_far: so_far.clone(), stops_after: None }.hidden(Secret::Locked);
        assert_eq!(shown, Notice::Recording { so_far: notice(Secret::Locked), stops_after: None });
        let shown = Notice::Transcribing { so_far }.hidden(Secret::Password);
        assert_eq!(shown, Notice::Transcribing { so_far: notice(Secret::Password) });
        let nothing_yet = Notice::Recording { so_far: None, stops_after: None };
        assert_eq!(nothing_yet.clone().hidden(Secret::Locked), nothing_yet);
    }

    #[test]
    fn a_state_without_its_draft_says_nothing_of_the_text() {
        let so_far = Some("secret".to_owned());
        let place = "at the cursor".to_owned();
        for state in [
            Notice::Recording { so_far: so_far.clone(), stops_after: None },
            Notice::RecordingNext { text: "secret".into(), place },
            Notice::Transcribing { so_far },
        ] {
            let shown = state.without_draft();
            assert!(shown.is_state() && !shown.shows_text(), "{shown:?}");
        }
    }
}
