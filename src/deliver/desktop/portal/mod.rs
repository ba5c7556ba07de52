//! The desktop's portals: xdg-desktop-portal's RemoteDesktop presses the keys. KDE on Wayland has
//! no other way, and GNOME none where Mutter's own interface is refused, in a sandbox say.
//!
//! The clipboard is the compositor's where that lends it (data-control, KDE), else the portal's own
//! (GNOME).
//!
//! The user is asked, once: the portal gives a token for a permission that lasts, and each session
//! gives the next one. A text that comes while the question is open waits on the clipboard, and the
//! question stays; after a no, nobody is asked again until v2m is started anew.
//!
//! The session stays open from the first text until v2m ends. KDE shows a notification at each
//! beginning of one, and what is on a clipboard of the portal's goes with its session. In return
//! the desktop shows a sign as long as it is open; who ends it there is not asked again: the next
//! text opens another one. ashpd, which has these interfaces ready-made, is not used: it
//! brings a second zbus, of the major version before ours.

mod task;

use crate::deliver::display::portal::{advance, offers, token::TokenFile};
use crate::deliver::error::DeliverError;
use crate::deliver::order::Insertion;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use task::Desk;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use v2m_messages::tr;
use zbus::Connection;

/// How many orders may wait.
const WAITING: usize = 2;
/// How long a portal may take to tell what it offers; it may have to be started.
const PROBE: Duration = Duration::from_millis(1_500);

/// The owner of the clipboard that holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lender {
    /// The compositor, by data-control.
    Compositor,
    /// The portal.
    Portal,
}

/// The way through the portals. Its session ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Portal {
    bus: Connection,
    jobs: mpsc::Sender<Work>,
    lender: Lender,
    /// Whether the task has a session.
    is_open: Arc<AtomicBool>,
    giving_back: Option<oneshot::Receiver<()>>,
}

/// One text for the task that has the session.
#[derive(Debug)]
struct Work {
    order: Insertion,
    reply: oneshot::Sender<Result<(), DeliverError>>,
    /// Dropped when the clipboard is restored.
    given_back: oneshot::Sender<()>,
}

impl Portal {
    /// Finds the portal and what it offers; asks the user nothing. `has_clipboard`: the compositor
    /// lends its own.
    ///
    /// # Errors
    /// [`DeliverError::NoWay`]: there is no portal that can do this.
    pub(crate) async fn find(has_clipboard: bool) -> Result<Self, DeliverError> {
        let bus = Connection::session().await.map_err(DeliverError::NoBus)?;
        let offers = timeout(PROBE, offers(&bus)).await;
        let offers = offers.map_err(|_late| DeliverError::Hanging)??;
        let lender = match (has_clipboard, offers.clipboard) {
            (true, _) => Lender::Compositor,
            (false, true) => Lender::Portal,
            (false, false) => return Err(DeliverError::NoWay),
        };
        let (jobs, inbox) = mpsc::channel(WAITING);
        let is_open = Arc::new(AtomicBool::new(false));
        let desk = Desk::new(bus.clone(), lender, TokenFile::of_the_user(), Arc::clone(&is_open));
        tokio::spawn(desk.work(inbox));
        Ok(Self { bus, jobs, lender, is_open, giving_back: None })
    }

    /// A remark for the user.
    pub(crate) async fn name(&self) -> &'static str {
        match (self.lender, TokenFile::of_the_user().is_there().await) {
            (Lender::Compositor, true) => {
                tr!("portal, with the compositor's clipboard")
            }
            (Lender::Portal, true) => tr!("portal, with the portal's clipboard"),
            (Lender::Compositor, false) => {
                tr!(
                    "portal, with the compositor's clipboard; the desktop asks for permission when \
                     the first text comes"
                )
            }
            (Lender::Portal, false) => {
                tr!(
                    "portal, with the portal's clipboard; the desktop asks for permission when the \
                     first text comes"
                )
            }
        }
    }

    /// Whether the desktop would ask the user before the next text: there is no session and, as
    /// far as v2m knows, no permission that lasts. Bounded: 500 ms.
    pub(crate) async fn would_ask(&self) -> bool {
        let has_permission =
            self.is_open.load(Ordering::Relaxed) || TokenFile::of_the_user().is_there().await;
        !has_permission && !advance::is_given(&self.bus).await
    }

    /// Whether the bus is still there. A portal that comes back is found again.
    pub(crate) fn is_there(&self) -> bool {
        !self.jobs.is_closed()
    }

    /// Pastes, and answers when a window has taken the text. The clipboard is given back
    /// afterwards. Or presses the keys that undo.
    pub(crate) async fn carry_out(&mut self, order: Insertion) -> Result<(), DeliverError> {
        let (reply, outcome) = oneshot::channel();
        let (given_back, giving_back) = oneshot::channel();
        let job = Work { order, reply, given_back };
        self.jobs.try_send(job).map_err(|_busy| DeliverError::Hanging)?;
        self.giving_back = Some(giving_back);
        outcome.await.unwrap_or(Err(DeliverError::PortalGone))
    }

    /// Gives up waiting for the last order. Nothing more is pressed for it.
    pub(crate) fn abandon(&mut self) {
        self.giving_back = None;
    }

    /// Waits until the clipboard is restored. The portal holds it as long as v2m runs.
    pub(crate) async fn settle(&mut self) {
        if let Some(giving_back) = self.giving_back.take() {
            // An error means that the task has dropped it, which is the same.
            let _ = giving_back.await;
        }
    }
}
