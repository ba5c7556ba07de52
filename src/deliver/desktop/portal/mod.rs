//! The desktop's portals: xdg-desktop-portal's RemoteDesktop presses the keys. KDE on Wayland has
//! no other way, and neither has GNOME if Mutter's own interface is refused, for example in a
//! sandbox.
//!
//! v2m uses the compositor's clipboard if the compositor lends it (data-control, KDE), and the
//! portal's own otherwise (GNOME).
//!
//! The desktop asks the user once. The portal issues a token for a lasting permission, and each
//! session issues the next one. A text that arrives while the question is open goes to the
//! clipboard, and the question stays. If the user refuses, v2m does not ask again until it is
//! restarted.
//!
//! The session stays open from the first text until v2m ends, because KDE shows a notification at
//! each start of a session, and the portal clears its clipboard when the session closes. The
//! desktop shows a sign while the session is open. If the user ends it there, the next text opens
//! another one without a question.
//!
//! The crate ashpd has these interfaces, but is not used, because it needs a second zbus of the
//! previous major version.

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

/// The most orders that may wait.
const WAITING: usize = 2;
/// How long a portal may take to report what it offers. It may have to be started.
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
    /// Whether the task has an open session.
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
    /// Finds the portal and its features, without asking the user. `has_clipboard`: the compositor
    /// lends its own clipboard.
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

    /// Returns the means' name with a remark for the user.
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

    /// Whether the desktop would ask the user before the next text: there is no session and, as far
    /// as v2m knows, no lasting permission. Takes 500 ms at most.
    pub(crate) async fn would_ask(&self) -> bool {
        let has_permission =
            self.is_open.load(Ordering::Relaxed) || TokenFile::of_the_user().is_there().await;
        !has_permission && !advance::is_given(&self.bus).await
    }

    /// Whether the bus is still there. A restarted portal is found again.
    pub(crate) fn is_there(&self) -> bool {
        !self.jobs.is_closed()
    }

    /// Pastes, and returns when a window has taken the text; the clipboard is restored afterwards.
    /// Or presses the keys that undo.
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
            // An error means that the task has dropped the sender, which means the same.
            let _ = giving_back.await;
        }
    }
}
