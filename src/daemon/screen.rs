//! What the user sees of v2m: two notifications, and the sign.
//!
//! One notification, the banner, shows v2m's state and then the result. During a recording the
//! banner shows the recording: if the text of an earlier dictation arrives, the banner adds that;
//! if something fails, a second notification beside it shows the problem.
//!
//! A program that shows v2m's states on the screen (the owner of `org.v2m.Sign`) replaces the
//! banner for states and successes. `feedback.notify` selects what else is left out (`shown`).

use super::growth::{self, DesktopWatch, DraftSender, Growth, show_when_known};
use super::shown::{Present, is_notified};
use crate::call::Event;
use crate::config::Notify;
use crate::deliver::{Notice, Notifier, ScreenLock, Secret};
use crate::session::{self, Delivery, Failure};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

#[derive(Clone, Debug)]
pub(super) struct Screen {
    /// Shared with the current deliveries, because a recording may start during one.
    shared: Arc<Shared>,
    growing: DraftSender,
}

#[derive(Debug)]
struct Shared {
    banner: Notifier,
    aside: Notifier,
    /// Events for the sign.
    events: broadcast::Sender<Event>,
    state: Mutex<State>,
}

/// What the session is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Going {
    /// Whether something is recorded, possibly because of a key bounce.
    pub(super) recording: bool,
    /// Whether the user has been told of the recording.
    pub(super) announced: bool,
    /// Number of dictations that wait for their texts.
    pub(super) pending: usize,
}

#[derive(Debug)]
struct State {
    going: Going,
    /// Number of notices given to the banner.
    order: u64,
    /// Whether the notification beside the banner appeared after the press, before its recording
    /// was announced.
    is_fresh: bool,
    /// The user's choice of notifications.
    wanted: Notify,
    sign: Present,
    /// Whether the bus has reported which program shows the states. The first press may have started
    /// the service, and a problem may come before that report.
    knows_sign: bool,
    /// The last problem before the report, if it still matters.
    untold: Option<Notice>,
    /// The current state: for a sign that starts, and for the banner if the sign ends.
    on: Option<Notice>,
    /// The last notice on the banner, if it may still be there.
    on_banner: Option<Notice>,
    /// The last notice in the notification beside the banner.
    on_aside: Option<Notice>,
}

impl Screen {
    /// Must be called within a tokio runtime. Connects to nothing before the first notice. The
    /// files `banner` and `aside` tell the next run which notifications are left on the desktop if
    /// this one is killed. `events` feeds the sign.
    pub(super) fn new(
        (banner, aside): (Option<PathBuf>, Option<PathBuf>),
        events: broadcast::Sender<Event>,
        wanted: Notify,
    ) -> Self {
        let banner = Notifier::spawn(banner, None);
        let aside = Notifier::spawn(aside, Some(banner.clone()));
        let (growing, drafts) = growth::drafts();
        let state = State {
            going: Going::default(),
            order: 0,
            is_fresh: false,
            wanted,
            sign: Present::No,
            knows_sign: false,
            untold: None,
            on: None,
            on_banner: None,
            on_aside: None,
        };
        let shared = Arc::new(Shared { banner, aside, events, state: Mutex::new(state) });
        let showing = Arc::clone(&shared);
        let show = move |growth| showing.grow(growth);
        tokio::spawn(show_when_known(drafts, DesktopWatch::default(), show));
        Self { shared, growing }
    }

    /// Updates the session's activity.
    pub(super) fn update(&self, going: Going) {
        let mut state = self.shared.state();
        let before = std::mem::replace(&mut state.going, going);
        if going.recording && !before.recording {
            state.is_fresh = false;
        }
    }

    /// Updates the user's choice of notifications.
    pub(super) fn want(&self, wanted: Notify) {
        let (banner, aside) = {
            let mut state = self.shared.state();
            if std::mem::replace(&mut state.wanted, wanted) == wanted {
                return;
            }
            let sign = state.sign;
            // The user may not have read a problem that the new choice still includes.
            let refuses = |shown: &mut Notice| !is_notified(shown, wanted, sign);
            (state.on_banner.take_if(refuses), state.on_aside.take_if(refuses))
        };
        if banner.is_some() {
            self.shared.banner(&Notice::Closed).progress(Notice::Closed);
        }
        if aside.is_some() {
            self.shared.aside.progress(Notice::Closed);
        }
    }

    /// Updates whether a program shows the states, and sends it the current state and a problem
    /// that came too early for it. If it has ended, the banner shows the state at once.
    pub(super) fn sign_is(&self, present: Present) {
        let (before, on, untold) = {
            let mut state = self.shared.state();
            let untold = if present == Present::Expected {
                None
            } else {
                state.knows_sign = true;
                state.untold.take()
            };
            (std::mem::replace(&mut state.sign, present), state.on.clone(), untold)
        };
        match present {
            Present::Yes => {
                let is_on = on.is_some();
                self.shared.tell(&on.unwrap_or(Notice::Closed), 0);
                if is_on {
                    self.shared.close_banner();
                }
                if let Some(problem) = untold {
                    self.shared.tell(&problem, 0);
                }
            }
            Present::Expected => {}
            Present::No => {
                if let Some(on) = on.filter(|_| before != Present::No) {
                    // The sign may have ended because the screen was locked. The next draft checks
                    // that.
                    self.shared.show_on_banner(on.without_draft());
                }
            }
        }
    }

    /// Shows a draft of the text, unless something else is shown first. `at_cursor`: the text goes
    /// to the cursor, possibly into a password field. Returns at once.
    pub(super) fn grow(&self, notice: Notice, at_cursor: bool) {
        let order = {
            let state = self.shared.state();
            // Query programs about the focus only if somebody would see the draft.
            if !is_notified(&notice, state.wanted, state.sign) && state.sign == Present::No {
                return;
            }
            state.order
        };
        self.growing.send(Growth { notice, order, at_cursor });
    }

    /// Shows a notice. Returns at once.
    pub(super) fn progress(&self, notice: Notice) {
        let has_text = matches!(notice, Notice::Problem(_) | Notice::Recovered { .. });
        if !has_text || !notice.shows_text() {
            return self.shared.put(notice);
        }
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            let is_locked = ScreenLock::default().is_locked().await;
            shared.put(if is_locked { notice.hidden(Secret::Locked) } else { notice });
        });
    }

    /// Shows a text, where it was delivered, any problems, and a hint. Returns within half a second
    /// the outcome of the notification; `None` if there is none, because of the settings or because
    /// the sign shows the text.
    pub(super) async fn show_text(
        &self,
        text: String,
        deliveries: Vec<Delivery>,
        problems: Vec<Failure>,
        hint: Option<String>,
    ) -> Option<Delivery> {
        let shared = &*self.shared;
        let arrived = problems.is_empty() && deliveries.iter().all(|delivery| delivery.ok);
        let place = deliveries.iter().rfind(|delivery| delivery.ok).map(|d| d.detail.clone());
        let announced = shared.state().going.announced;
        let has_hint = hint.is_some();
        let whole = Notice::Text { text: text.clone(), deliveries, problems, hint };
        let others = shared.others_go_on(1);
        if !others {
            shared.end_state();
        }
        shared.tell(&whole, 1);
        if !shared.is_notified(&whole) {
            if !others {
                shared.close_banner();
            }
            return None;
        }
        Some(match (announced, place.filter(|_| arrived)) {
            // The recording's banner has no room for a hint.
            (true, Some(_)) if has_hint => shared.aside(&whole).show(whole).await,
            (true, Some(place)) => {
                let next = Notice::RecordingNext { text, place };
                shared.banner(&next).show(next).await
            }
            (false, Some(_)) => shared.banner(&whole).show(whole).await,
            (_, None) => {
                let notifier = if others { shared.aside(&whole) } else { shared.banner(&whole) };
                notifier.show(whole).await
            }
        })
    }

    /// Whether a sign shows the notices on the screen.
    pub(super) fn has_sign(&self) -> bool {
        self.shared.state().sign == Present::Yes
    }

    /// Closes the notification of an earlier dictation, because a new one begins.
    pub(super) fn clear_aside(&self) {
        if !self.shared.state().is_fresh {
            self.shared.aside(&Notice::Closed).progress(Notice::Closed);
        }
    }

    /// Closes notifications that would be wrong after the service exits. Takes a second at most.
    pub(super) async fn end(&self) {
        // Errors no longer matter.
        let _ = self.shared.banner(&Notice::Closed).show(Notice::Closed).await;
        let _ = self.shared.aside.show(Notice::Closed).await;
    }
}

impl Shared {
    fn put(&self, notice: Notice) {
        match notice {
            Notice::Text { .. } | Notice::Problem(_) | Notice::Recovered { .. } => {
                let others = self.others_go_on(0);
                if !others {
                    self.end_state();
                }
                self.tell(&notice, 0);
                match (self.is_notified(&notice), others) {
                    (false, true) => {}
                    (false, false) => self.close_banner(),
                    (true, true) => self.aside(&notice).progress(notice),
                    (true, false) => self.banner(&notice).progress(notice),
                }
            }
            Notice::Mended(_) | Notice::Tidy => {
                self.aside.progress(notice.clone());
                self.banner_stays().progress(notice);
            }
            // The notice of the state follows, and closes the notification.
            Notice::Cancelled => self.tell(&notice, 0),
            notice if notice.is_state() => {
                self.state().order += 1;
                self.show_state(notice);
            }
            notice => {
                self.end_state();
                self.tell(&notice, 0);
                self.banner(&notice).progress(notice);
            }
        }
    }

    /// Shows a draft, unless something else was shown meanwhile.
    fn grow(&self, Growth { notice, order, .. }: Growth) {
        if self.state().order == order {
            self.show_state(notice);
        }
    }

    /// Marks the current state as ended. Its drafts come too late from now on.
    fn end_state(&self) {
        let mut state = self.state();
        state.on = None;
        state.order += 1;
    }

    /// Shows the current state: on the sign, or else on the banner.
    fn show_state(&self, notice: Notice) {
        self.state().on = Some(notice.clone());
        self.tell(&notice, 0);
        self.show_on_banner(notice);
    }

    fn show_on_banner(&self, notice: Notice) {
        if self.is_notified(&notice) {
            self.state().on_banner = Some(notice.clone());
            self.banner.progress(notice);
        } else {
            self.close_banner();
        }
    }

    /// Closes the banner if it shows an outdated state or an earlier dictation.
    fn close_banner(&self) {
        if self.state().on_banner.take().is_some() {
            self.banner.progress(Notice::Closed);
        }
    }

    /// Sends the notice to the sign, if there is one. `own`: 1 if the dictation of the notice still
    /// counts as pending, else 0.
    fn tell(&self, notice: &Notice, own: usize) {
        let going = {
            let mut state = self.state();
            if !state.knows_sign {
                match notice {
                    // Not a dictated text, which must not stay in memory for a sign.
                    Notice::Problem(failure) if failure.text.is_none() => {
                        state.untold = Some(notice.clone());
                    }
                    notice if notice.is_state() => state.untold = None,
                    _ => {}
                }
            }
            if state.sign == Present::No {
                return;
            }
            state.going
        };
        let then = match going {
            // A recording that was not announced is not reported, not even its end.
            Going { recording: true, announced: true, .. } => session::State::Recording,
            Going { pending, .. } if pending > own => session::State::Transcribing,
            Going { .. } => session::State::Idle,
        };
        if let Some(sign) = notice.sign(then) {
            // An error means that there are no subscribers.
            let _ = self.events.send(Event::Sign(Box::new(sign)));
        }
    }

    fn is_notified(&self, notice: &Notice) -> bool {
        let state = self.state();
        is_notified(notice, state.wanted, state.sign)
    }

    /// Whether another dictation needs the banner. If so, the notice goes into the notification
    /// beside it. `own`: 1 if the dictation of the notice still waits for its text, else 0.
    fn others_go_on(&self, own: usize) -> bool {
        let mut state = self.state();
        let Going { recording, announced, pending } = state.going;
        state.is_fresh |= recording && !announced;
        recording || pending > own
    }

    /// Returns the banner, for a notice that is newer than all drafts.
    fn banner(&self, notice: &Notice) -> &Notifier {
        self.state().on_banner = Some(notice.clone());
        self.banner_stays()
    }

    /// Returns the banner, for a notice that may leave the current content there.
    fn banner_stays(&self) -> &Notifier {
        self.state().order += 1;
        &self.banner
    }

    /// Returns the notification beside the banner, for this notice.
    fn aside(&self, notice: &Notice) -> &Notifier {
        self.state().on_aside = Some(notice.clone());
        &self.aside
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Code, State as Goes};

    /// Returns a screen with a sign and no notifications, and the events for the sign.
    fn with_sign() -> (Screen, broadcast::Receiver<Event>) {
        let (events, told) = broadcast::channel(16);
        let screen = Screen::new((None, None), events, Notify::None);
        screen.shared.state().sign = Present::Yes;
        (screen, told)
    }

    fn unheard() -> Notice {
        Notice::Problem(Failure::new(Code::NoSpeech, "x"))
    }

    #[tokio::test]
    async fn a_draft_that_comes_after_the_outcome_is_not_shown() {
        let (screen, mut told) = with_sign();
        screen.shared.put(Notice::Transcribing { so_far: None });
        let order = screen.shared.state().order;
        screen.shared.put(unheard());
        while told.try_recv().is_ok() {}
        let notice = Notice::Transcribing { so_far: Some("late".into()) };
        screen.shared.grow(Growth { notice, order, at_cursor: false });
        assert!(told.try_recv().is_err());
        assert_eq!(screen.shared.state().on, None);
    }

    #[tokio::test]
    async fn an_outcome_tells_only_of_a_recording_that_was_announced() {
        let (screen, mut told) = with_sign();
        for (announced, then) in [(false, Goes::Idle), (true, Goes::Recording)] {
            screen.update(Going { recording: true, announced, pending: 0 });
            screen.shared.put(unheard());
            let Ok(Event::Sign(sign)) = told.try_recv() else { panic!("nothing told") };
            assert_eq!(sign.then, Some(then));
        }
    }

    /// Returns the kinds of the events for the sign.
    fn kinds(told: &mut broadcast::Receiver<Event>) -> Vec<&'static str> {
        let mut kinds = Vec::new();
        while let Ok(Event::Sign(sign)) = told.try_recv() {
            kinds.push(sign.kind.name());
        }
        kinds
    }

    /// Regression: after a first press without a model, the sign got only "idle".
    #[tokio::test]
    async fn a_problem_before_the_sign_is_known_is_told_to_it_once() {
        let (screen, mut told) = with_sign();
        screen.shared.state().sign = Present::No;
        screen.shared.put(unheard());
        assert_eq!(kinds(&mut told), [""; 0]);
        screen.sign_is(Present::Yes);
        assert_eq!(kinds(&mut told), ["idle", "problem"]);
        // The bus reports again, or another sign starts later.
        screen.sign_is(Present::Yes);
        screen.sign_is(Present::No);
        screen.shared.put(unheard());
        screen.sign_is(Present::Yes);
        assert_eq!(kinds(&mut told), ["idle", "idle"]);
    }

    #[tokio::test]
    async fn a_recording_outdates_a_problem_that_the_sign_was_not_told() {
        let (screen, mut told) = with_sign();
        screen.shared.state().sign = Present::No;
        screen.shared.put(unheard());
        screen.shared.put(Notice::Recording { so_far: None, stops_after: None });
        screen.sign_is(Present::Yes);
        assert_eq!(kinds(&mut told), ["recording"]);
    }

    #[tokio::test]
    async fn a_cancelled_dictation_is_told_to_the_sign_before_what_goes_on() {
        let (screen, mut told) = with_sign();
        screen.shared.put(Notice::Recording { so_far: None, stops_after: None });
        screen.shared.put(Notice::Cancelled);
        screen.shared.put(Notice::Closed);
        assert_eq!(kinds(&mut told), ["recording", "cancelled", "idle"]);
    }

    #[tokio::test]
    async fn another_setting_leaves_the_problems_that_it_wants() {
        let (screen, _told) = with_sign();
        let lost = Notice::Problem(Failure::new(Code::NoMicrophone, "x"));
        screen.shared.state().wanted = Notify::All;
        screen.shared.state().on_banner = Some(lost.clone());
        screen.shared.state().on_aside = Some(unheard());
        screen.want(Notify::None);
        let state = screen.shared.state();
        assert_eq!((&state.on_banner, &state.on_aside), (&Some(lost), &None));
    }
}
