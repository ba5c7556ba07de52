//! Everything the user sees and hears: notifications, sounds, and delivered texts.

use super::Reply;
use super::chores::{Chore, Chores};
use super::feedback::Feedback;
use super::handing::{Handed, Handing, Parcel};
use super::overlay::Overlay;
use super::refusal::note_file;
use super::screen::{Going, Screen};
use super::shown::Present;
use super::texts::Finished;
use crate::call::{DeliverStatus, Event};
use crate::config::Settings;
use crate::deliver::{self, UndoOptions, Way, environment::DisplayServer};
use crate::session::{Code, Cue, DeliverMode, Notice, Session, State};
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

/// How long to cache the desktop's answer: programs may ask for the status each second.
const WAY_LASTS: Duration = Duration::from_secs(10);

/// Where texts go, according to the desktop.
#[derive(Debug, Default)]
struct KnownWay {
    /// The mode asked about, the answer, and when it arrived.
    told: Option<(DeliverMode, Way, Instant)>,
    is_asked: bool,
    /// Whether the answer is late. If so, status requests no longer wait for it.
    is_late: bool,
}

/// How long the status waits for the desktop, which usually answers within tens of milliseconds.
const WAY_WITHIN: Duration = Duration::from_millis(500);

pub(super) struct DesktopOutput {
    screen: Screen,
    feedback: Feedback,
    handing: Handing,
    /// The desktop session that started this process has ended, and its clipboard with it.
    has_ended: bool,
    display: DisplayServer,
    way: KnownWay,
    overlay: Overlay,
}

/// Something that happened on the desktop.
pub(super) enum DesktopEvent {
    /// A delivery or an undo has ended.
    Handed(Handed),
    /// The desktop session that started this process has ended.
    Ended,
    /// The sign on the screen started, stopped, or needs the state again.
    Sign(Present),
}

impl DesktopOutput {
    /// Must be called within a tokio runtime. `events` feeds the sign on the screen, and `sign`
    /// reports which program shows it.
    pub(super) async fn new(
        events: broadcast::Sender<Event>,
        sign: watch::Receiver<Option<String>>,
        settings: &Settings,
    ) -> Self {
        let files = (note_file("notification"), note_file("notification-aside"));
        let screen = Screen::new(files, events, settings.notify());
        screen.progress(deliver::Notice::Tidy);
        Self {
            screen,
            feedback: Feedback::new(),
            handing: Handing::new(),
            has_ended: false,
            display: DisplayServer::watch().await,
            way: KnownWay::default(),
            overlay: Overlay::new(sign),
        }
    }

    /// Asks the desktop where texts go in this mode, unless that is known.
    pub(super) fn ask_way(&mut self, mode: DeliverMode, chores: &mut Chores) {
        let is_known = |(asked, _, at): &(DeliverMode, Way, Instant)| {
            *asked == mode && at.elapsed() < WAY_LASTS
        };
        if self.way.is_asked || self.way.told.as_ref().is_some_and(is_known) {
            return;
        }
        self.way.is_asked = true;
        chores.spawn(async move { Chore::WayFound { mode, way: deliver::way(mode).await } });
        chores.spawn(async {
            tokio::time::sleep(WAY_WITHIN).await;
            Chore::WayLate
        });
    }

    /// Whether the status should wait for the answer to [`Self::ask_way`].
    pub(super) fn is_way_awaited(&self) -> bool {
        self.way.is_asked && !self.way.is_late
    }

    /// Notes that the desktop did not answer in time.
    pub(super) fn way_late(&mut self) {
        self.way.is_late = self.way.is_asked;
    }

    /// Stores the answer to [`Self::ask_way`].
    pub(super) fn way_found(&mut self, mode: DeliverMode, way: Way) {
        self.way = KnownWay { told: Some((mode, way, Instant::now())), ..KnownWay::default() };
    }

    /// Returns where texts go in this mode; `None` if the desktop was not asked.
    pub(super) fn way(&self, mode: DeliverMode) -> Option<DeliverStatus> {
        let (_, way, _) = self.way.told.as_ref().filter(|(asked, ..)| *asked == mode)?;
        let Way { mode: way, backend, reason } = way.clone();
        Some(DeliverStatus { mode, way, backend, reason })
    }

    /// Cancel-safe.
    pub(super) async fn next(&mut self) -> DesktopEvent {
        tokio::select! {
            biased;
            handed = self.handing.next() => DesktopEvent::Handed(handed),
            () = self.display.ended() => DesktopEvent::Ended,
            present = self.overlay.next() => DesktopEvent::Sign(present),
        }
    }

    /// Updates the desktop to the session's state.
    pub(super) fn follow(&self, session: &Session) {
        self.screen.update(Going {
            recording: session.recording().is_some(),
            announced: session.is_announced(),
            pending: session.pending(),
        });
    }

    /// Returns the notifications and the sign.
    pub(super) fn screen(&self) -> &Screen {
        &self.screen
    }

    /// Shows a notice. `stops_after`: the silence that ends the current recording.
    pub(super) fn notify(&self, notice: Notice, stops_after: Option<Duration>) {
        self.screen.progress(match notice {
            Notice::Recording => {
                self.screen.clear_aside();
                deliver::Notice::Recording { so_far: None, stops_after }
            }
            Notice::Transcribing => deliver::Notice::Transcribing { so_far: None },
            Notice::Rewriting => deliver::Notice::Rewriting,
            Notice::Problem(failure) => deliver::Notice::Problem(failure),
            Notice::Cancelled => deliver::Notice::Cancelled,
            Notice::Nothing => deliver::Notice::Closed,
        });
    }

    /// Closes the notification of a problem of that kind, if it is shown.
    pub(super) fn mended(&self, code: Code) {
        self.screen.progress(deliver::Notice::Mended(code));
    }

    /// Prepares for a recording: the program that shows it should be ready once there is sound.
    pub(super) fn prepare(&mut self, settings: &Settings) {
        if self.overlay.start(settings) {
            self.screen.sign_is(Present::Expected);
        }
    }

    /// Applies changed settings.
    pub(super) fn set(&mut self, old: &Settings, new: &Settings) {
        self.screen.want(new.notify());
        self.overlay.set(old, new);
    }

    pub(super) fn play(&self, cue: Cue, settings: &Settings) {
        if settings.feedback.sounds {
            self.feedback.play(cue);
        }
    }

    /// Pauses media players during a recording.
    pub(super) fn quiet(&self, state: State, settings: &Settings) {
        self.feedback.quiet(state == State::Recording && settings.feedback.pause_media);
    }

    /// Starts a delivery.
    pub(super) fn hand(&mut self, parcel: Parcel) {
        self.handing.add(parcel);
    }

    /// Removes the last text at the cursor.
    pub(super) fn undo(&mut self, wanted: UndoOptions, reply: Reply) {
        self.handing.undo(wanted, reply);
    }

    /// Handles [`DesktopEvent::Ended`].
    pub(super) fn ended(&mut self) {
        info!("the desktop has ended; v2m ends once it is idle, and starts with the next one");
        self.has_ended = true;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Returns the clients' texts that have not been delivered yet. Called at shutdown.
    pub(super) fn take_back(&mut self) -> Vec<Finished> {
        self.handing.take_back()
    }

    /// Waits for the current delivery, at most this long.
    pub(super) async fn last_handed(&mut self, within: Duration) -> Option<Handed> {
        if !self.handing.is_busy() {
            return None;
        }
        timeout(within, self.handing.next()).await.ok()
    }

    /// Closes notifications that would be wrong after shutdown, and restores clipboards. Takes at
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
