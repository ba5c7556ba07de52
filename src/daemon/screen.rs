//! What the user is shown, and where.
//!
//! One notification, the sign, says what v2m is doing and then what came of it. While something is recorded the sign
//! says so, whatever becomes of earlier dictations: that one of their texts has arrived is added to it, and what went
//! wrong gets a notification of its own, beside it.

use crate::deliver::{Notice, Notifier};
use crate::session::{Delivery, Failure};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Clone, Debug)]
pub(super) struct Screen {
    sign: Notifier,
    aside: Notifier,
    /// Something is recorded. Shared with the deliveries under way: a recording may start meanwhile.
    recording: Arc<AtomicBool>,
}

impl Screen {
    /// Within a tokio runtime. Connects to nothing before the first notice. `sign` and `aside` are the files that tell the next run
    /// what this one leaves on the desktop if it is killed.
    pub(super) fn new(sign: Option<PathBuf>, aside: Option<PathBuf>) -> Self {
        let recording = Arc::new(AtomicBool::new(false));
        let [sign, aside] = [sign, aside].map(|note| Notifier::spawn(None, note));
        Self { sign, aside, recording }
    }

    pub(super) fn set_recording(&self, recording: bool) {
        self.recording.store(recording, Ordering::Relaxed);
    }

    /// Shows what goes on, or went wrong. Returns at once.
    pub(super) fn progress(&self, notice: Notice) {
        match notice {
            Notice::Text { .. } | Notice::Problem(_) | Notice::Recovered { .. }
                if self.is_recording() =>
            {
                self.aside.progress(notice);
            }
            Notice::Mended(_) | Notice::Tidy => {
                self.aside.progress(notice.clone());
                self.sign.progress(notice);
            }
            notice => self.sign.progress(notice),
        }
    }

    /// Shows a text, where it went, and what went wrong on the way. Answers within half a second.
    pub(super) async fn show_text(
        &self,
        text: String,
        deliveries: Vec<Delivery>,
        problems: Vec<Failure>,
    ) -> Delivery {
        let arrived = problems.is_empty() && deliveries.iter().all(|delivery| delivery.ok);
        let place = deliveries.iter().rfind(|delivery| delivery.ok).map(|d| d.detail.clone());
        match (self.is_recording(), place.filter(|_| arrived)) {
            (true, Some(place)) => self.sign.show(Notice::RecordingNext { text, place }).await,
            (recording, _) => {
                let notifier = if recording { &self.aside } else { &self.sign };
                notifier.show(Notice::Text { text, deliveries, problems }).await
            }
        }
    }

    /// Takes away what is shown of an earlier dictation: a new one begins.
    pub(super) fn clear_aside(&self) {
        self.aside.progress(Notice::Closed);
    }

    /// Takes away what is true no longer once the service has ended. A second at most.
    pub(super) async fn end(&self) {
        // The outcome changes nothing now.
        let _ = self.sign.show(Notice::Closed).await;
        let _ = self.aside.show(Notice::Closed).await;
    }

    fn is_recording(&self) -> bool {
        self.recording.load(Ordering::Relaxed)
    }
}
