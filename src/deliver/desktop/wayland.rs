//! wlroots' compositors (sway, Hyprland, river, Wayfire, …): the clipboard is owned by data-control for the time of a paste, and keys
//! are pressed on a virtual keyboard. No window is opened, and the focus stays where it is.
//!
//! Both are protocols that a compositor may offer or not; KDE has data-control and lets no program have a keyboard:
//! there the portal presses the keys (see `portal`). All of it happens on a thread of its own, which goes on giving others what was on the
//! clipboard until another program takes it, then lets go of the compositor, and sleeps in between.
//!
//! A locked screen is not seen here: a locker (ext-session-lock) takes the keyboard, and the compositor tells nobody. Only
//! what a desktop or logind says of it is known, and that is asked for all ways alike.

use crate::deliver::clipboard::data_control::{Desk, Habits};
use crate::deliver::display::worker::{Ended, Inbox, Worker};
use crate::deliver::keys::remote::RemoteKeys;
use crate::deliver::order::{Means, Order};
use crate::deliver::problem::Problem;
use tokio::sync::oneshot;
use tracing::debug;

/// The way to the windows of such a compositor.
#[derive(Debug, Default)]
pub(crate) struct Wayland {
    worker: Worker<Job>,
    giving_back: Option<oneshot::Receiver<()>>,
}

#[derive(Debug)]
struct Job {
    order: Box<Order>,
    /// Who presses the keys in place of a keyboard of our own.
    remote: Option<RemoteKeys>,
    reply: oneshot::Sender<Result<(), Problem>>,
    /// Dropped when the clipboard has been given back.
    given_back: oneshot::Sender<()>,
}

impl Wayland {
    pub(crate) const NAME: &str = "wayland";

    /// Reaches for no display yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Pastes, and answers when a window has taken the text; the clipboard is given back afterwards. Or types, and
    /// answers when all keys have been pressed.
    pub(crate) async fn carry_out(&mut self, order: Order) -> Result<(), Problem> {
        self.carry_out_by(order, None).await
    }

    /// As [`Self::carry_out`]; `remote` presses the keys that paste, or else a keyboard of our own.
    pub(crate) async fn carry_out_by(
        &mut self,
        order: Order,
        remote: Option<RemoteKeys>,
    ) -> Result<(), Problem> {
        let (reply, outcome) = oneshot::channel();
        let (given_back, giving_back) = oneshot::channel();
        self.worker.hand_over(Job { order: Box::new(order), remote, reply, given_back }, work)?;
        self.giving_back = Some(giving_back);
        outcome.await.unwrap_or(Err(Problem::Hanging))
    }

    /// Waits until the clipboard has been given back. It holds that as long as v2m runs: what nobody keeps goes with its owner
    /// on Wayland, and whoever wants to keep it, a clipboard manager, has been told.
    pub(crate) async fn settle(&mut self) {
        if let Some(giving_back) = self.giving_back.take() {
            // An error means the same: the thread has let go of it.
            let _ = giving_back.await;
        }
    }

    /// Leaves the thread to itself: without its sender it ends as soon as the compositor lets go of it.
    pub(crate) fn abandon(&mut self) {
        self.worker.abandon();
        self.giving_back = None;
    }
}

/// What a compositor offers that lends its clipboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offers {
    /// Keyboards too, so that nothing else is needed.
    pub(crate) keyboards: bool,
}

/// What the compositor offers. Bounded, but for one that takes no connection at all.
///
/// # Errors
/// [`Problem::NoWay`]: it does not lend its clipboard.
pub(crate) async fn offers() -> Result<Offers, Problem> {
    let (tell, told) = oneshot::channel();
    let asking = std::thread::Builder::new().name("v2m-cursor".to_owned()).spawn(move || {
        let asked = Desk::open().map(|desk| Offers { keyboards: desk.lends_keyboards() });
        let _ = tell.send(asked); // nobody waits any more
    });
    asking.map_err(Problem::NoThread)?;
    told.await.unwrap_or(Err(Problem::Hanging))
}

/// Runs until [`Wayland`] lets go of its sender.
fn work(inbox: &Inbox<Job>) {
    let mut desk: Option<Desk> = None;
    let mut habits = Habits::default();
    loop {
        let job = match &mut desk {
            None => inbox.wait().map(Some).ok_or(Ended),
            Some(open) => {
                let more = open.serve(inbox.bell());
                if let Err(problem) = &more {
                    debug!(reason = %problem, "the connection to the compositor has ended");
                }
                // A connection without a purpose would be told of each copy that anybody makes.
                if !matches!(more, Ok(true)) {
                    desk = None;
                }
                inbox.look()
            }
        };
        match job {
            Ok(Some(job)) => carry_out(&mut desk, &mut habits, job),
            Ok(None) => {}
            Err(Ended) => return,
        }
    }
}

/// Pastes or types and tells the outcome, then gives back the clipboard.
fn carry_out(desk: &mut Option<Desk>, habits: &mut Habits, job: Job) {
    let Job { order, remote, reply, given_back } = job;
    // Nobody waits any more: the user was told that it is not there, so it must not appear later.
    if reply.is_closed() {
        return;
    }
    let mut open = match desk.take().map_or_else(Desk::open, Ok) {
        Ok(open) => open,
        Err(problem) => {
            let _ = reply.send(Err(problem));
            return;
        }
    };
    let is_wanted = || !reply.is_closed();
    let outcome = match order.means {
        Means::Paste => open.paste(&order, remote, habits, is_wanted).map(Some),
        Means::Type => open.write(&order, is_wanted).map(|()| None),
    };
    let ended = match outcome {
        Ok(before) => {
            let _ = reply.send(Ok(())); // who has left meanwhile has told the user otherwise, and put it on the clipboard
            before.map_or(Ok(()), |before| open.give_back(before))
        }
        Err(problem) => {
            let is_broken = matches!(problem, Problem::Compositor(_));
            let _ = reply.send(Err(problem));
            if is_broken {
                return;
            }
            Ok(())
        }
    };
    drop(given_back);
    match ended {
        Ok(()) => *desk = Some(open),
        // What is left of a broken connection would fail again.
        Err(problem) => debug!(reason = %problem, "the clipboard was not given back"),
    }
}
