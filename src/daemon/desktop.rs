//! What the user sees and hears of v2m: notifications, sounds, and the texts on their way to the
//! desktop.

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
    /// The desktop that this process knows has ended: its clipboard cannot be reached any more.
    has_ended: bool,
    display: DisplayServer,
}

/// Something that happened on the desktop.
pub(super) enum DesktopEvent {
    /// A text has arrived, or could not.
    Handed(Handover),
    /// The desktop that this process was given is gone.
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

    /// Notifications, for those who are to be shown any.
    pub(super) fn screen(&self, settings: &Settings) -> Option<&Screen> {
        settings.deliver.notify.then_some(&self.screen)
    }

    /// Shows what goes on, or went wrong.
    pub(super) fn notify(&self, notice: Notice, settings: &Settings) {
        let Some(screen) = self.screen(settings) else { return };
        screen.progress(match notice {
            Notice::Recording => {
                screen.clear_aside();
                deliver::Notice::Recording { so_far: None }
            }
            Notice::Transcribing => deliver::Notice::Transcribing { so_far: None },
            Notice::Rewriting => deliver::Notice::Rewriting,
            Notice::Problem(failure) => deliver::Notice::Problem(failure),
            Notice::Nothing => deliver::Notice::Closed,
        });
    }

    /// Takes the notification of a problem of that kind away, if it is there.
    pub(super) fn mended(&self, code: Code) {
        self.screen.progress(deliver::Notice::Mended(code));
    }

    /// Takes away what says that something goes on, or went wrong.
    pub(super) fn clear(&self) {
        self.screen.clear();
    }

    pub(super) fn play(&self, cue: Cue, settings: &Settings) {
        if settings.feedback.sounds {
            self.feedback.play(cue);
        }
    }

    /// Media players are quiet while something is recorded.
    pub(super) fn quiet(&self, state: State, settings: &Settings) {
        self.feedback.quiet(state == State::Recording && settings.feedback.pause_media);
    }

    /// Puts a text on its way.
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

    /// Takes back the texts of clients that wait for their turn, for the end.
    pub(super) fn take_back(&mut self) -> Vec<Finished> {
        self.handing.take_back()
    }

    /// The text that is on its way, if there is one and it arrives within that time.
    pub(super) async fn last_handed(&mut self, within: Duration) -> Option<Handover> {
        if !self.handing.is_busy() {
            return None;
        }
        timeout(within, self.handing.next()).await.ok()
    }

    /// Takes away what is not true after the end, and puts right what is left. A second, and as
    /// long as given, at most.
    pub(super) async fn settle(&mut self, within: Duration) {
        // A critical notification that outlives its service stands before all later ones on GNOME.
        self.screen.end().await;
        if timeout(within, self.handing.settle()).await.is_err() {
            warn!("the clipboard was not given back in time");
        }
    }

    /// Lets media play again, and the last sound be heard out.
    pub(super) async fn end(self) {
        self.feedback.end().await;
    }
}
