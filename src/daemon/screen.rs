//! Notifications: what is shown, and in which of the two.
//!
//! One notification, the sign, says what v2m is doing and then what came of it. While something is
//! recorded the sign says so, whatever becomes of earlier dictations: that one of their texts has
//! arrived is added to it, and what went wrong gets a notification of its own, beside it.

use super::growth::{Growth, show_when_known};
use crate::deliver::{Notice, Notifier, Observer, ScreenLock, Secret};
use crate::session::{Delivery, Failure};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

#[derive(Clone, Debug)]
pub(super) struct Screen {
    sign: Notifier,
    aside: Notifier,
    growing: mpsc::Sender<Growth>,
    /// Shared with the deliveries under way, because a recording may start during one.
    state: Arc<Mutex<State>>,
}

/// What the session is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Going {
    /// Something is recorded, perhaps because of a key bounce.
    pub(super) recording: bool,
    /// The user was told of the recording.
    pub(super) announced: bool,
    /// How many dictations wait for their texts.
    pub(super) pending: usize,
}

#[derive(Debug, Default)]
struct State {
    going: Going,
    /// The number of notices that the sign was given.
    order: u64,
    /// The notification beside the sign appeared after the press, before its recording was
    /// announced.
    is_fresh: bool,
}

impl Screen {
    /// Must be called within a tokio runtime. Connects to nothing before the first notice. `sign`
    /// and `aside` are the files that tell the next run what this one leaves on the desktop if it
    /// is killed.
    pub(super) fn new(sign: Option<PathBuf>, aside: Option<PathBuf>) -> Self {
        let sign = Notifier::spawn(sign, None);
        let aside = Notifier::spawn(aside, Some(sign.clone()));
        // More than one draft waits only while programs are slow to report the keyboard focus.
        let (growing, inbox) = mpsc::channel(2);
        let screen = Self { sign, aside, growing, state: Arc::default() };
        let (sign, state) = (screen.sign.clone(), Arc::clone(&screen.state));
        let show = move |Growth { notice, order, .. }| {
            let state = locked(&state);
            // Otherwise the draft comes too late.
            if state.order == order {
                sign.progress(notice);
            }
        };
        tokio::spawn(show_when_known(inbox, Observer::default(), show));
        screen
    }

    /// Takes note of what the session is doing.
    pub(super) fn update(&self, going: Going) {
        let mut state = self.state();
        let before = std::mem::replace(&mut state.going, going);
        if going.recording && !before.recording {
            state.is_fresh = false;
        }
    }

    /// Shows a draft of the text, unless something else is shown first. `at_cursor`: the text goes
    /// to the cursor, perhaps into a password field. Returns at once.
    pub(super) fn grow(&self, notice: Notice, at_cursor: bool) {
        let order = self.state().order;
        // A longer draft follows one that is dropped.
        let _ = self.growing.try_send(Growth { notice, order, at_cursor });
    }

    /// Shows a notice. Returns at once.
    pub(super) fn progress(&self, notice: Notice) {
        let has_text = matches!(notice, Notice::Problem(_) | Notice::Recovered { .. });
        if !has_text || !notice.shows_text() {
            return self.put(notice);
        }
        let screen = self.clone();
        tokio::spawn(async move {
            let is_locked = ScreenLock::default().is_locked().await;
            screen.put(if is_locked { notice.hidden(Secret::Locked) } else { notice });
        });
    }

    fn put(&self, notice: Notice) {
        match notice {
            Notice::Text { .. } | Notice::Problem(_) | Notice::Recovered { .. }
                if self.others_go_on(0) =>
            {
                self.aside.progress(notice);
            }
            Notice::Mended(_) | Notice::Tidy => {
                self.aside.progress(notice.clone());
                self.sign().progress(notice);
            }
            notice => self.sign().progress(notice),
        }
    }

    /// Shows a text, where it was delivered, what went wrong, and a hint. Returns within half a
    /// second.
    pub(super) async fn show_text(
        &self,
        text: String,
        deliveries: Vec<Delivery>,
        problems: Vec<Failure>,
        hint: Option<String>,
    ) -> Delivery {
        let arrived = problems.is_empty() && deliveries.iter().all(|delivery| delivery.ok);
        let place = deliveries.iter().rfind(|delivery| delivery.ok).map(|d| d.detail.clone());
        let announced = self.state().going.announced;
        let has_hint = hint.is_some();
        let whole = Notice::Text { text: text.clone(), deliveries, problems, hint };
        match (announced, place.filter(|_| arrived)) {
            // There is no room for a hint.
            (true, Some(_)) if has_hint => self.aside.show(whole).await,
            (true, Some(place)) => self.sign().show(Notice::RecordingNext { text, place }).await,
            (false, Some(_)) => self.sign().show(whole).await,
            (_, None) => {
                let notifier = if self.others_go_on(1) { &self.aside } else { self.sign() };
                notifier.show(whole).await
            }
        }
    }

    /// Closes the notification of an earlier dictation, because a new one begins.
    pub(super) fn clear_aside(&self) {
        if !self.state().is_fresh {
            self.aside.progress(Notice::Closed);
        }
    }

    /// Closes the notifications of states and problems, because the user has turned them off.
    pub(super) fn clear(&self) {
        self.sign().progress(Notice::Closed);
        self.aside.progress(Notice::Closed);
    }

    /// Closes notifications that would be wrong after the service has ended. Takes a second at
    /// most.
    pub(super) async fn end(&self) {
        // An error would change nothing now.
        let _ = self.sign().show(Notice::Closed).await;
        let _ = self.aside.show(Notice::Closed).await;
    }

    /// Whether another dictation needs the sign. The notice then goes into the notification beside
    /// it. `own`: 1 if the dictation that the notice is about still waits for its text, else 0.
    fn others_go_on(&self, own: usize) -> bool {
        let mut state = self.state();
        let Going { recording, announced, pending } = state.going;
        state.is_fresh |= recording && !announced;
        recording || pending > own
    }

    /// The sign, for a notice that is newer than all drafts.
    fn sign(&self) -> &Notifier {
        self.state().order += 1;
        &self.sign
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
