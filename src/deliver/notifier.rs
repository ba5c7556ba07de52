//! Who waits for the notification service, and for how long: nobody, for progress; half a second at
//! most, for an outcome.
//!
//! An actor keeps at most one call open. What comes meanwhile replaces what waits, so a slow
//! service is never sent a backlog, and the notification's id is never lost to an impatient caller:
//! that would leave "Recording" standing beside the text. A service that hung at "Recording" is known to hang when the
//! recording stops, so the answer does not wait for it at all.

use super::notice::Notice;
use super::notifications::{Problem, Service};
use crate::session::Delivery;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, info};

/// How long an outcome waits to be shown. Notification services answer in a few milliseconds.
const BOUND: Duration = Duration::from_millis(500);

/// After this long a call will not be answered: a new connection is tried at the next notice. Leaves a
/// service that is started on demand time to start.
const GIVE_UP: Duration = Duration::from_secs(20);

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
    reply: Option<oneshot::Sender<Result<(), Problem>>>,
    /// Whether it only shows again what was shown last.
    again: bool,
}

impl Notifier {
    /// Starts the actor on the current tokio runtime. `bus` is a D-Bus address; `None`: the
    /// session's. Connects at the first notice, and again whenever the bus was lost.
    pub fn spawn(bus: Option<String>) -> Self {
        let (wishes, inbox) = mpsc::channel(8);
        let stalled = Arc::new(AtomicBool::new(false));
        let actor = Actor { bus, service: None, repeat: None, stalled: Arc::clone(&stalled) };
        tokio::spawn(actor.run(inbox));
        Self { wishes, stalled }
    }

    /// Shows `notice` when the service gets to it, unless a newer one comes first. Returns at once.
    pub fn progress(&self, notice: Notice) {
        if self.wishes.try_send(Wish { notice, reply: None, again: false }).is_err() {
            debug!("a notice of progress was left out");
        }
    }

    /// Shows `notice` and tells whether the user can see it. Answers within half a second, and at once if
    /// the service hangs already; should it wake up, it still gets the newest notice.
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

    async fn outcome(&self, notice: Notice) -> Result<(), Problem> {
        if self.stalled.load(Ordering::Relaxed) {
            self.progress(notice);
            return Err(Problem::Hanging);
        }
        let (reply, outcome) = oneshot::channel();
        let shown = async {
            let sent = self.wishes.send(Wish { notice, reply: Some(reply), again: false }).await;
            sent.map_err(|_| Problem::Hanging)?;
            outcome.await.unwrap_or(Err(Problem::Hanging))
        };
        timeout(BOUND, shown).await.unwrap_or(Err(Problem::Hanging))
    }
}

struct Actor {
    bus: Option<String>,
    service: Option<Service>,
    /// What is to be shown again, and when, lest the service hide it.
    repeat: Option<(Instant, Notice)>,
    stalled: Arc<AtomicBool>,
}

impl Actor {
    async fn run(mut self, mut inbox: mpsc::Receiver<Wish>) {
        let mut next = None;
        while let Some(wish) = match next.take() {
            Some(wish) => Some(wish),
            None => self.next_wish(&mut inbox).await,
        } {
            let before = self.service.as_ref().map(Service::id);
            let outcome = self.send(&wish.notice, &mut inbox, &mut next).await;
            self.stalled.store(false, Ordering::Relaxed);
            self.repeat = self.repetition(&wish, before).filter(|_| outcome.is_ok());
            match (wish.reply, outcome) {
                (Some(reply), outcome) => drop(reply.send(outcome)),
                (None, Err(problem)) => {
                    debug!(notice = wish.notice.name(), reason = %problem, "a notice was not shown");
                }
                (None, Ok(())) => {}
            }
        }
    }

    /// The next to come. Meanwhile what must stay in sight is shown again and again.
    async fn next_wish(&mut self, inbox: &mut mpsc::Receiver<Wish>) -> Option<Wish> {
        let Some((due, notice)) = self.repeat.take() else { return inbox.recv().await };
        tokio::select! {
            wish = inbox.recv() => wish,
            () = sleep_until(due) => Some(Wish { notice, reply: None, again: true }),
        }
    }

    /// When to show what was just shown again, if it must be.
    fn repetition(&self, wish: &Wish, before: Option<u32>) -> Option<(Instant, Notice)> {
        let service = self.service.as_ref()?;
        // The user had taken it away, does not want it, and has been bothered with it once more already.
        let dismissed = wish.again && before != Some(service.id());
        let wait = service.repeat(&wish.notice).filter(|_| !dismissed)?;
        Some((Instant::now() + wait, wish.notice.clone()))
    }

    /// Sends `notice`, and meanwhile keeps the newest of what comes in `next`.
    async fn send(
        &mut self,
        notice: &Notice,
        inbox: &mut mpsc::Receiver<Wish>,
        next: &mut Option<Wish>,
    ) -> Result<(), Problem> {
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
    async fn show_or_give_up(&mut self, notice: &Notice) -> Result<(), Problem> {
        timeout(GIVE_UP, self.show(notice)).await.unwrap_or(Err(Problem::Hanging))
    }

    async fn show(&mut self, notice: &Notice) -> Result<(), Problem> {
        if let Some(mut service) = self.service.take() {
            match service.show(notice).await {
                // The bus has gone since the last notice; there may be a new one.
                Err(Problem::NoBus(error)) => debug!(%error, "connecting to the bus anew"),
                shown => {
                    self.service = Some(service);
                    return shown;
                }
            }
        }
        let service = self.service.insert(Service::connect(self.bus.as_deref()).await?);
        service.show(notice).await
    }
}

fn keep_newest(next: &mut Option<Wish>, newer: Wish) {
    if let Some(Wish { reply: Some(reply), .. }) = next.replace(newer) {
        drop(reply.send(Err(Problem::Superseded)));
    }
}
