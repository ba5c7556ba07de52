//! Who waits for the notification service, and for how long: nobody, for progress; half a second at
//! most, for an outcome.
//!
//! An actor keeps at most one call open. What comes meanwhile replaces what waits, so a slow
//! service is never sent a backlog, and the notification's id is never lost to an impatient caller:
//! that would leave "Recording" standing beside the text. A service that hung at "Recording" is
//! known to hang when the recording stops, so the answer does not wait for it at all.

use super::card::Stay;
use super::leftover::LeftoverFile;
use super::notice::Notice;
use super::notifications::{CloseReason, Due, NotificationError, NotificationService};
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

/// How long an outcome waits to be shown. Notification services answer in a few milliseconds.
const BOUND: Duration = Duration::from_millis(500);

/// After this long a call will not be answered: a new connection is tried at the next notice.
/// Leaves a service that is started on demand time to start.
const GIVE_UP: Duration = Duration::from_secs(20);

/// How long a notice that has stepped back stays away: the desktop then shows the other one. Seen
/// on GNOME 43.
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
    /// notice, and again whenever the bus was lost. `note` is a file in the runtime directory, by
    /// which the next run finds what this one leaves on the desktop if it is killed. `behind` steps
    /// back for each notice that is shown here, and comes into sight again after it.
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

    /// Shows `notice` when the service gets to it, unless a newer one comes first. Returns at once.
    pub fn progress(&self, notice: Notice) {
        if self.wishes.try_send(Wish { notice, reply: None }).is_err() {
            debug!("a notice of progress was left out");
        }
    }

    /// Shows `notice` and tells whether the user can see it. Answers within half a second, and at
    /// once if the service hangs already; should it wake up, it still gets the newest notice.
    pub async fn show(&self, notice: Notice) -> Delivery {
        let name = notice.name();
        let (ok, detail) = match self.outcome(notice).await {
            Ok(()) => (true, "shown".to_owned()),
            Err(problem) => {
                info!(notice = name, reason = %problem, "the notification was not shown");
                (false, format!("not shown: {problem}"))
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
    /// What is to be done with the last notice, and when.
    due: Option<(Instant, Due, Notice)>,
    /// What is shown and true only now: it is shown anew if the bus is lost.
    going_on: Option<Notice>,
    /// Between attempts to show it anew.
    pauses: Pauses,
    /// What it must not be hidden by.
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

    /// The next to come. Meanwhile what must stay in sight is shown again and again, and what was
    /// there long enough is taken away.
    async fn next_wish(&mut self, inbox: &mut mpsc::Receiver<Wish>) -> Option<Wish> {
        loop {
            let due = self.due.as_ref().map(|(at, ..)| *at);
            tokio::select! {
                wish = inbox.recv() => return wish,
                () = at(due) => {
                    if let Some((_, Due::Again, notice)) = self.due.take() {
                        // The screen may have been locked since.
                        let is_secret = notice.shows_text() && self.lock.is_locked().await;
                        let notice = if is_secret { notice.hidden(Secret::Locked) } else { notice };
                        return Some(Wish { notice, reply: None });
                    }
                    self.retire().await;
                }
                end = ended(&mut self.service) => {
                    if end == CloseReason::Lost {
                        self.lost();
                        continue;
                    }
                    // What goes on is shown again, unless the user has read it. The rest is away as it should be.
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

    /// The bus has closed the connection. What goes on is shown anew, in place of what is left of
    /// it; what was to be taken away in time still is, over the next connection.
    fn lost(&mut self) {
        info!("the session bus has closed the connection for notifications; it is made anew");
        self.service = None;
        if let Some(notice) = self.going_on.clone() {
            self.due = Some((Instant::now() + self.pauses.next_pause(), Due::Again, notice));
        }
    }

    /// What goes on could not be shown anew: the bus, or the notification service, may not be up
    /// again yet.
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

    /// Notes whether `notice`, which was just shown, says what goes on.
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

    /// What is to be done with `notice`, which was just shown or has left in sight what was there.
    fn next_due(&mut self, notice: &Notice) -> Option<(Instant, Due, Notice)> {
        let has_stepped_back = self.service.as_ref().is_some_and(|s| s.due().is_none());
        match (notice, &self.due) {
            (Notice::StepBack, Some((_, Due::Again, _))) => {
                let (_, due, notice) = self.due.take()?;
                return Some((Instant::now() + STEPPED_BACK, due, notice));
            }
            // What has stepped back is still true, whatever else is mended.
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
            // The bus was lost since. Where the notification is still there, the note tells which
            // it is.
            None if self.note.is_untidy() => timeout(GIVE_UP, self.show(&Notice::Closed)).await,
            None => return,
        };
        if let Err(problem) = retired.unwrap_or(Err(NotificationError::Hanging)) {
            debug!(reason = %problem, "a notice was not taken away");
        }
    }

    /// Sends `notice`, and meanwhile keeps the newest of what comes in `next`.
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

    /// Giving up lets go of the connection: [`Self::show`] holds it meanwhile.
    async fn show_or_give_up(&mut self, notice: &Notice) -> Result<(), NotificationError> {
        timeout(GIVE_UP, self.show(notice)).await.unwrap_or(Err(NotificationError::Hanging))
    }

    async fn show(&mut self, notice: &Notice) -> Result<(), NotificationError> {
        // An earlier run has ended in order, mostly: then nobody needs to be asked.
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
                // The bus has gone since the last notice; there may be a new one.
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
    // It would take the place of what is to be shown.
    if let (Some(_), Notice::StepBack) = (&next, &newer.notice) {
        return;
    }
    // Whatever waits takes the place of the problem anyway, unless it is that problem.
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
