//! Everything the user sees and hears: notifications, sounds, and delivered texts.

use super::feedback::Feedback;
use super::handing::{Handing, Handover, Parcel};
use super::refusal::note_file;
use super::screen::{Going, Screen};
use super::texts::Finished;
use crate::config::Settings;
use crate::deliver::{self, environment::DisplayServer};
use crate::session::{Code, Cue, Notice, Session, State};
use std::time::Duration;
use tokio::time::timeout;
use tracing::{info, warn};

pub(super) struct DesktopOutput {
    screen: Screen,
    feedback: Feedback,
    handing: Handing,
    /// The desktop session that this process was started in has ended, and its clipboard with it.
    has_ended: bool,
    display: DisplayServer,
}

/// Something that happened on the desktop.
pub(super) enum DesktopEvent {
    /// A delivery has ended.
    Handed(Handover),
    /// The desktop session that this process was started in has ended.
    Ended,
}

impl DesktopOutput {
    /// Within a tokio runtime.
    pub(super) async fn new() -> Self {
        let screen = Screen::new(note_file("notification"), note_file("notification-aside"));
        screen.progress(deliver::Notice::Tidy);
        Self {
            screen,
            feedback: Feedback::new(),
            handing: Handing::new(),
            has_ended: false,
            display: DisplayServer::watch().await,
        }
    }

    /// Cancel-safe.
    pub(super) async fn next(&mut self) -> DesktopEvent {
        tokio::select! {
            biased;
            handed = self.handing.next() => DesktopEvent::Handed(handed),
            () = self.display.ended() => DesktopEvent::Ended,
        }
    }

    /// Follows the session.
    pub(super) fn follow(&self, session: &Session) {
        self.screen.update(Going {
            recording: session.recording().is_some(),
            announced: session.is_announced(),
            pending: session.pending(),
        });
    }

    /// The notifications. `None`: the settings turn them off.
    pub(super) fn screen(&self, settings: &Settings) -> Option<&Screen> {
        settings.deliver.notify.then_some(&self.screen)
    }

    /// Shows a notice. `stops_after`: the silence that ends the recording under way.
    pub(super) fn notify(
        &self,
        notice: Notice,
        stops_after: Option<Duration>,
        settings: &Settings,
    ) {
        let Some(screen) = self.screen(settings) else { return };
        screen.progress(match notice {
            Notice::Recording => {
                screen.clear_aside();
                deliver::Notice::Recording { so_far: None, stops_after }
            }
            Notice::Transcribing => deliver::Notice::Transcribing { so_far: None },
            Notice::Rewriting => deliver::Notice::Rewriting,
            Notice::Problem(failure) => deliver::Notice::Problem(failure),
            Notice::Nothing => deliver::Notice::Closed,
        });
    }

    /// Closes the notification of a problem of that kind, if it is shown.
    pub(super) fn mended(&self, code: Code) {
        self.screen.progress(deliver::Notice::Mended(code));
    }

    /// Closes the notifications of states and problems.
    pub(super) fn clear(&self) {
        self.screen.clear();
    }

    pub(super) fn play(&self, cue: Cue, settings: &Settings) {
        if settings.feedback.sounds {
            self.feedback.play(cue);
        }
    }

    /// Pauses media players while something is recorded.
    pub(super) fn quiet(&self, state: State, settings: &Settings) {
        self.feedback.quiet(state == State::Recording && settings.feedback.pause_media);
    }

    /// Starts a delivery.
    pub(super) fn hand(&mut self, parcel: Parcel) {
        self.handing.add(parcel);
    }

    /// See [`DesktopEvent::Ended`].
    pub(super) fn ended(&mut self) {
        info!("the desktop has ended; v2m ends once it is idle, and starts with the next one");
        self.has_ended = true;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Returns the clients' texts that have not been handed over yet. Called at the end.
    pub(super) fn take_back(&mut self) -> Vec<Finished> {
        self.handing.take_back()
    }

    /// Waits for the delivery under way, at most this long.
    pub(super) async fn last_handed(&mut self, within: Duration) -> Option<Handover> {
        if !self.handing.is_busy() {
            return None;
        }
        timeout(within, self.handing.next()).await.ok()
    }

    /// Closes notifications that would be wrong after the end, and restores clipboards. Takes at
    /// most a second longer than given.
    pub(super) async fn settle(&mut self, within: Duration) {
        // On GNOME a critical notification that outlives its service hides all later ones.
        self.screen.end().await;
        if timeout(within, self.handing.settle()).await.is_err() {
            warn!("the clipboard was not given back in time");
        }
    }

    /// Resumes media players and plays the last sound to its end.
    pub(super) async fn end(self) {
        self.feedback.end().await;
    }
}
