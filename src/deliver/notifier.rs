//! Sends notices to the notification service. Callers do not wait for progress to be shown, and at
//! most half a second for a result.
//!
//! An actor keeps at most one call open. A new notice replaces one that waits, so a slow service
//! never gets a backlog. The actor always gets the notification's number, even if the caller gives
//! up. Otherwise "Recording" would stay beside the text. If the service hung at "Recording", the
//! actor knows it when the recording stops, and the answer does not wait for the service.

use super::card::{Action, Stay};
use super::leftover::LeftoverFile;
use super::notice::Notice;
use super::notifications::{CloseReason, Due, NotificationError, NotificationService};
use super::set_up;
use super::sinks::Secret;
use super::window::ScreenLock;
use crate::pauses::Pauses;
use crate::session::Delivery;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, info};
use v2m_messages::tr;

/// How long a caller waits until its notice is shown. Notification services answer in a few
/// milliseconds.
const BOUND: Duration = Duration::from_millis(500);

/// How long a call may take. After that the next notice tries a new connection. Long enough for a
/// service that is started on demand.
const GIVE_UP: Duration = Duration::from_secs(20);

/// How long a notification stays closed so that the desktop shows another one. Seen on GNOME 43.
const STEPPED_BACK: Duration = Duration::from_millis(500);

/// The handle of the one notification. Dropping it ends the actor.
#[derive(Clone, Debug)]
pub struct Notifier {
    wishes: mpsc::Sender<Wish>,
    /// Whether the call under way has been open for longer than [`BOUND`].
    stalled: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Wish {
    notice: Notice,
    reply: Option<oneshot::Sender<Result<(), NotificationError>>>,
}

impl Notifier {
    /// Starts the actor on the current tokio runtime. It connects to the session's bus at the first
    /// notice, and again after the bus was lost. `note` is a file in the runtime directory, by
    /// which the next run finds the notification if this run is killed. The notification of
    /// `behind` is hidden for each notice that is shown here, and shown again after it.
    pub fn spawn(note: Option<PathBuf>, behind: Option<Self>) -> Self {
        let (wishes, inbox) = mpsc::channel(8);
        let stalled = Arc::new(AtomicBool::new(false));
        let note = LeftoverFile::new(note);
        let stalls = Arc::clone(&stalled);
        let lock = ScreenLock::default();
        let actor = Actor {
            service: None,
            note,
            due: None,
            going_on: None,
            pauses: Pauses::default(),
            behind,
            lock,
            stalled: stalls,
        };
        tokio::spawn(actor.run(inbox));
        Self { wishes, stalled }
    }

    /// Shows `notice` as soon as the service can, unless a newer one comes first. Returns at once.
    pub fn progress(&self, notice: Notice) {
        if self.wishes.try_send(Wish { notice, reply: None }).is_err() {
            debug!("a notice of progress was left out");
        }
    }

    /// Shows `notice`, and returns whether the user can see it. Returns within half a second, or at
    /// once if the service hangs already. If the service recovers, it still gets the newest notice.
    pub async fn show(&self, notice: Notice) -> Delivery {
        let name = notice.name();
        let (ok, detail) = match self.outcome(notice).await {
            Ok(()) => (true, tr!("shown").to_owned()),
            Err(problem) => {
                info!(notice = name, reason = %problem, "the notification was not shown");
                (false, tr!("not shown: {problem}", problem))
            }
        };
        Delivery { by: "notification", backend: None, ok, detail }
    }

    async fn outcome(&self, notice: Notice) -> Result<(), NotificationError> {
        if self.stalled.load(Ordering::Relaxed) {
            self.progress(notice);
            return Err(NotificationError::Hanging);
        }
        let (reply, outcome) = oneshot::channel();
        let shown = async {
            let sent = self.wishes.send(Wish { notice, reply: Some(reply) }).await;
            sent.map_err(|_| NotificationError::Hanging)?;
            outcome.await.unwrap_or(Err(NotificationError::Hanging))
        };
        timeout(BOUND, shown).await.unwrap_or(Err(NotificationError::Hanging))
    }
}

struct Actor {
    service: Option<NotificationService>,
    note: LeftoverFile,
    /// What to do with the last notice, and when.
    due: Option<(Instant, Due, Notice)>,
    /// The notice of a state that is shown. It is shown again if the bus is lost.
    going_on: Option<Notice>,
    /// The pauses between attempts to show it again.
    pauses: Pauses,
    /// The notification that must not be hidden behind this one.
    behind: Option<Notifier>,
    lock: ScreenLock,
    stalled: Arc<AtomicBool>,
}

impl Actor {
    async fn run(mut self, mut inbox: mpsc::Receiver<Wish>) {
        let mut next = None;
        while let Some(wish) = match next.take() {
            Some(wish) => Some(wish),
            None => self.next_wish(&mut inbox).await,
        } {
            let outcome = self.send(&wish.notice, &mut inbox, &mut next).await;
            self.stalled.store(false, Ordering::Relaxed);
            self.due = match &outcome {
                Ok(()) => self.next_due(&wish.notice),
                Err(problem) => self.once_more(&wish.notice, problem),
            };
            if outcome.is_ok() {
                self.remember(&wish.notice);
            }
            if outcome.is_ok()
                && wish.notice.card().is_some()
                && let Some(behind) = &self.behind
            {
                behind.progress(Notice::StepBack);
            }
            match (wish.reply, outcome) {
                (Some(reply), outcome) => drop(reply.send(outcome)),
                (None, Err(problem)) => {
                    debug!(notice = wish.notice.name(), reason = %problem, "a notice was not shown");
                }
                (None, Ok(())) => {}
            }
        }
    }

    /// Waits for the next notice. Meanwhile repeats a notification that must stay visible, and
    /// hides one at the end of its time.
    async fn next_wish(&mut self, inbox: &mut mpsc::Receiver<Wish>) -> Option<Wish> {
        loop {
            let due = self.due.as_ref().map(|(at, ..)| *at);
            tokio::select! {
                wish = inbox.recv() => return wish,
                () = at(due) => {
                    if let Some((_, Due::Again, notice)) = self.due.take() {
                        // The screen may have been locked since then.
                        let is_secret = notice.shows_text() && self.lock.is_locked().await;
                        let notice = if is_secret { notice.hidden(Secret::Locked) } else { notice };
                        return Some(Wish { notice, reply: None });
                    }
                    self.retire().await;
                }
                end = ended(&mut self.service) => {
                    if let CloseReason::Chosen(Action::SetUp) = end {
                        tokio::spawn(set_up::open());
                        continue;
                    }
                    if end == CloseReason::Lost {
                        self.lost();
                        continue;
                    }
                    // A state is shown again, unless the user has closed it. Other notices stay
                    // closed.
                    if end == CloseReason::ByUser || !matches!(self.due, Some((_, Due::Again, _))) {
                        self.due = None;
                    }
                    if end == CloseReason::ByUser {
                        self.going_on = None;
                    }
                    if let Some(service) = &self.service {
                        service.forget(&mut self.note);
                    }
                }
            }
        }
    }

    /// Handles the end of the connection to the bus. A state's notification is shown again, in
    /// place of its remains. Notifications with an end are still closed in time, over the next
    /// connection.
    fn lost(&mut self) {
        info!("the session bus has closed the connection for notifications; it is made anew");
        self.service = None;
        if let Some(notice) = self.going_on.clone() {
            self.due = Some((Instant::now() + self.pauses.next_pause(), Due::Again, notice));
        }
    }

    /// Decides when to try again after a state could not be shown. The bus or the notification
    /// service may not be running yet.
    fn once_more(
        &mut self,
        notice: &Notice,
        problem: &NotificationError,
    ) -> Option<(Instant, Due, Notice)> {
        let is_absent =
            matches!(problem, NotificationError::NoBus(_) | NotificationError::Absent(_));
        let notice = self.going_on.as_ref().filter(|known| is_absent && *known == notice)?;
        Some((Instant::now() + self.pauses.next_pause(), Due::Again, notice.clone()))
    }

    /// Notes whether `notice`, which was just shown, reports a state.
    fn remember(&mut self, notice: &Notice) {
        match (notice.card(), notice) {
            (Some(card), _) => {
                self.pauses.connected();
                self.going_on = (card.stay == Stay::WhileTrue).then(|| notice.clone());
            }
            (None, Notice::Closed) => self.going_on = None,
            (None, _) => {}
        }
    }

    /// Decides the next action for `notice`, which was just shown, or for the notification that it
    /// left in place.
    fn next_due(&mut self, notice: &Notice) -> Option<(Instant, Due, Notice)> {
        let has_stepped_back = self.service.as_ref().is_some_and(|s| s.due().is_none());
        match (notice, &self.due) {
            (Notice::StepBack, Some((_, Due::Again, _))) => {
                let (_, due, notice) = self.due.take()?;
                return Some((Instant::now() + STEPPED_BACK, due, notice));
            }
            // A notification that is hidden behind another one is still true, even if another
            // problem is fixed.
            (Notice::Mended(_) | Notice::Tidy, Some((_, Due::Again, _))) if has_stepped_back => {
                return self.due.take();
            }
            _ => {}
        }
        if notice.card().is_none() {
            let nothing_left = self.service.as_ref().is_none_or(|service| service.due().is_none());
            return self.due.take().filter(|_| !nothing_left);
        }
        let (after, due) = self.service.as_ref()?.due()?;
        Some((Instant::now() + after, due, notice.clone()))
    }

    async fn retire(&mut self) {
        let retired = match &mut self.service {
            Some(service) => timeout(GIVE_UP, service.retire(&mut self.note)).await,
            // The bus was lost since then. If the notification is still there, the file names it.
            None if self.note.is_untidy() => timeout(GIVE_UP, self.show(&Notice::Closed)).await,
            None => return,
        };
        if let Err(problem) = retired.unwrap_or(Err(NotificationError::Hanging)) {
            debug!(reason = %problem, "a notice was not taken away");
        }
    }

    /// Sends `notice`. Meanwhile keeps the newest notice that comes in `next`.
    async fn send(
        &mut self,
        notice: &Notice,
        inbox: &mut mpsc::Receiver<Wish>,
        next: &mut Option<Wish>,
    ) -> Result<(), NotificationError> {
        let stalled = Arc::clone(&self.stalled);
        let mut sending = std::pin::pin!(self.show_or_give_up(notice));
        let mut patience = std::pin::pin!(sleep(BOUND));
        let mut open = true;
        loop {
            tokio::select! {
                sent = &mut sending => return sent,
                newer = inbox.recv(), if open => match newer {
                    Some(newer) => keep_newest(next, newer),
                    None => open = false,
                },
                () = &mut patience, if !stalled.load(Ordering::Relaxed) => {
                    stalled.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    /// Shows `notice`, for [`GIVE_UP`] at most. Giving up drops the connection, because
    /// [`Self::show`] owns it meanwhile.
    async fn show_or_give_up(&mut self, notice: &Notice) -> Result<(), NotificationError> {
        timeout(GIVE_UP, self.show(notice)).await.unwrap_or(Err(NotificationError::Hanging))
    }

    async fn show(&mut self, notice: &Notice) -> Result<(), NotificationError> {
        // Earlier runs usually ended cleanly. Then there is no need to ask the service.
        let about_before = match notice {
            Notice::Tidy => true,
            Notice::Mended(_) => self.service.is_none(),
            _ => false,
        };
        if about_before && !self.note.is_untidy() {
            return Ok(());
        }
        if let Some(mut service) = self.service.take() {
            match service.show(notice, &mut self.note).await {
                // The bus has ended since the last notice. There may be a new one.
                Err(NotificationError::NoBus(error)) => {
                    debug!(%error, "connecting to the bus anew")
                }
                shown => {
                    self.service = Some(service);
                    return shown;
                }
            }
        }
        let service = self.service.insert(NotificationService::connect().await?);
        service.show(notice, &mut self.note).await
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn ended(service: &mut Option<NotificationService>) -> CloseReason {
    match service {
        Some(service) => service.ended().await,
        None => std::future::pending().await,
    }
}

fn keep_newest(next: &mut Option<Wish>, newer: Wish) {
    // It would replace the notice that waits.
    if let (Some(_), Notice::StepBack) = (&next, &newer.notice) {
        return;
    }
    // The notice that waits replaces the problem anyway, unless it reports that problem.
    if let (Some(waiting), Notice::Mended(code)) = (&next, &newer.notice)
        && !matches!(&waiting.notice, Notice::Problem(failure) if failure.code == *code)
        && waiting.notice != Notice::StepBack
    {
        return;
    }
    if let Some(Wish { reply: Some(reply), .. }) = next.replace(newer) {
        drop(reply.send(Err(NotificationError::Superseded)));
    }
}
