//! The task that owns the portal's session. It does one paste at a time, and handles the portal's
//! signals in between.
//!
//! It never stops in the middle of a key combination, even if the caller has given up.

use super::{Lender, Work};
use crate::chord::Chord;
use crate::deliver::clipboard;
use crate::deliver::clipboard::bus::{ClipboardSession as _, Signal};
use crate::deliver::clipboard::portal::PortalClipboard;
use crate::deliver::desktop::wayland::Wayland;
use crate::deliver::display::portal::PortalSession;
use crate::deliver::display::portal::token::TokenFile;
use crate::deliver::error::DeliverError;
use crate::deliver::keys::Keys;
use crate::deliver::keys::portal::PortalKeys;
use crate::deliver::keys::remote::RemoteKeys;
use crate::deliver::order::{Insertion, Means};
use crate::deliver::paste::{self, Pasted};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;
use tracing::{debug, info};
use zbus::Connection;

/// How long a text waits for the session to open. With a lasting permission this takes tens of
/// milliseconds. If it takes longer, the desktop is asking the user.
const OPENING: Duration = Duration::from_millis(800);
/// How long the portal may take to announce the clipboard's content once a session is open. It
/// announces nothing if the clipboard is empty.
const FIRST_OWNER: Duration = Duration::from_millis(500);
/// The result of opening a session.
type Opened = Result<Result<Box<PortalSession>, DeliverError>, JoinError>;
/// The clipboard to restore after a text was read. `None`: another part restores it.
type After = Option<Pasted<<PortalClipboard as clipboard::Clipboard>::Content>>;
type Reply = oneshot::Sender<Result<(), DeliverError>>;

/// The state of the user's permission.
#[derive(Debug)]
enum Permission {
    /// The permission was not requested yet, or must be requested again.
    None,
    /// The portal is opening a session, and may be asking the user.
    Asked(JoinHandle<Result<Box<PortalSession>, DeliverError>>),
    Open(Box<PortalClipboard>),
    /// The user has refused, or granted only a part (`half`).
    Refused {
        half: bool,
    },
}

/// An event while there is no order.
enum News {
    Opened(Opened),
    Told(Signal),
}

/// The task's state.
#[derive(Debug)]
pub(crate) struct Desk {
    bus: Connection,
    lender: Lender,
    kept: TokenFile,
    permission: Permission,
    /// Whether there is a session. Read outside this task.
    is_open: Arc<AtomicBool>,
    /// The clipboard, if the compositor lends it.
    compositor: Wayland,
}

impl Desk {
    pub(crate) fn new(
        bus: Connection,
        lender: Lender,
        kept: TokenFile,
        is_open: Arc<AtomicBool>,
    ) -> Self {
        let (permission, compositor) = (Permission::None, Wayland::new());
        Self { bus, lender, kept, permission, is_open, compositor }
    }

    /// Works until the orders' sender is dropped or the bus closes.
    pub(crate) async fn work(mut self, mut jobs: mpsc::Receiver<Work>) {
        let bus = self.bus.clone();
        loop {
            let is_open = matches!(self.permission, Permission::Open(_));
            self.is_open.store(is_open, Ordering::Relaxed);
            let news = tokio::select! {
                job = jobs.recv() => match job {
                    Some(job) => {
                        self.carry_out(job).await;
                        continue;
                    }
                    None => return self.end().await,
                },
                () = bus.closed() => return,
                news = self.news() => news,
            };
            // Not in the `select!` branch above, because the next order would cancel it halfway.
            match news {
                News::Opened(opened) => {
                    if let Err(problem) = self.opened(opened).await {
                        debug!(reason = %problem, "the portal has opened no session");
                    }
                }
                News::Told(signal) => self.told(signal).await,
            }
        }
    }

    /// Waits for the next event while there is no order. Cancel-safe.
    async fn news(&mut self) -> News {
        match &mut self.permission {
            Permission::None | Permission::Refused { .. } => std::future::pending().await,
            Permission::Asked(opening) => News::Opened(opening.await),
            Permission::Open(open) => News::Told(open.session.next().await),
        }
    }

    async fn told(&mut self, signal: Signal) {
        let Permission::Open(open) = &mut self.permission else { return };
        if open.handle(signal).await.is_err() {
            info!("the desktop has ended v2m's session; the next text opens another one");
            self.permission = Permission::None;
        }
    }

    async fn end(self) {
        match self.permission {
            Permission::Open(open) => open.session.close().await,
            Permission::Asked(opening) => opening.abort(),
            Permission::None | Permission::Refused { .. } => {}
        }
    }

    /// Pastes, reports the result, and then restores the clipboard.
    async fn carry_out(&mut self, job: Work) {
        let Work { order, mut reply, given_back } = job;
        // The caller has timed out and reported failure, so the text must not appear later.
        if reply.is_closed() {
            return;
        }
        let pasted = match self.open().await {
            Ok(()) if order.means == Means::Undo => self.undo(&reply).await,
            Ok(()) => match self.lender {
                Lender::Compositor => self.paste_by_compositor(order, &mut reply).await,
                Lender::Portal => self.paste_by_portal(&order, &reply).await,
            },
            Err(problem) => Err(problem),
        };
        match pasted {
            Ok(after) => {
                let _ = reply.send(Ok(())); // a caller that timed out has already reported failure
                if let Err(problem) = self.give_back(after).await {
                    debug!(reason = %problem, "the clipboard keeps the text");
                }
            }
            Err(problem) => {
                let is_over =
                    matches!(problem, DeliverError::PortalGone | DeliverError::Refused(_));
                let _ = reply.send(Err(problem));
                if is_over {
                    self.start_over().await;
                }
            }
        }
        drop(given_back);
    }

    /// Drops a session that has failed, because it would fail again.
    async fn start_over(&mut self) {
        if let Permission::Open(_) = self.permission
            && let Permission::Open(open) =
                std::mem::replace(&mut self.permission, Permission::None)
        {
            open.session.close().await;
        }
    }

    /// Opens a session if there is none. Stops waiting when it takes so long that the user is being
    /// asked.
    async fn open(&mut self) -> Result<(), DeliverError> {
        if let Permission::None = self.permission {
            let (bus, kept) = (self.bus.clone(), self.kept.clone());
            let with_clipboard = self.lender == Lender::Portal;
            let opening =
                async move { PortalSession::open(&bus, &kept, with_clipboard).await.map(Box::new) };
            self.permission = Permission::Asked(tokio::spawn(opening));
        }
        if let Permission::Asked(opening) = &mut self.permission {
            let opened = timeout(OPENING, opening).await.map_err(|_late| DeliverError::Asking)?;
            self.opened(opened).await?;
        }
        match self.permission {
            Permission::Open(_) => Ok(()),
            Permission::Refused { half: false } => Err(DeliverError::Denied),
            Permission::Refused { half: true } => Err(DeliverError::HalfAllowed),
            Permission::None | Permission::Asked(_) => Err(DeliverError::PortalGone),
        }
    }

    /// Handles the result of opening a session.
    async fn opened(&mut self, opened: Opened) -> Result<(), DeliverError> {
        self.permission = Permission::None;
        match opened.unwrap_or(Err(DeliverError::PortalGone)) {
            Ok(session) => {
                let mut open = Box::new(clipboard::portal::of(*session));
                match self.lender {
                    Lender::Portal => open.listen(FIRST_OWNER).await,
                    Lender::Compositor => keys_of(&open).learn_layout().await?,
                }
                info!("the desktop lets v2m press keys");
                self.permission = Permission::Open(open);
            }
            Err(DeliverError::Denied) => {
                self.permission = Permission::Refused { half: false };
                // The token's permission is withdrawn.
                self.kept.keep(None).await;
            }
            Err(DeliverError::HalfAllowed) => self.permission = Permission::Refused { half: true },
            Err(problem) => return Err(problem),
        }
        Ok(())
    }

    /// Pastes from the compositor's clipboard. Its thread requests the keys from this task, and
    /// restores the clipboard by itself.
    async fn paste_by_compositor(
        &mut self,
        order: Insertion,
        reply: &mut Reply,
    ) -> Result<After, DeliverError> {
        let Permission::Open(open) = &self.permission else { return Err(DeliverError::PortalGone) };
        let mut pressing = keys_of(open);
        let (keys, mut requests) = RemoteKeys::channel();
        let outcome = {
            let paste = self.compositor.carry_out(order, Some(keys));
            tokio::pin!(paste);
            loop {
                tokio::select! {
                    outcome = &mut paste => break Some(outcome),
                    Some(request) = requests.recv() => {
                        let found = pressing.find(&request.chord).await;
                        let pressed = match found {
                            Ok(()) => pressing.press().await,
                            Err(problem) => Err(problem),
                        };
                        let _ = request.done.send(pressed);
                    }
                    () = reply.closed() => break None,
                }
            }
        };
        match outcome {
            Some(outcome) => outcome.map(|()| None),
            None => {
                self.compositor.abandon();
                Err(DeliverError::Hanging)
            }
        }
    }

    /// Presses the keys that undo.
    async fn undo(&mut self, reply: &Reply) -> Result<After, DeliverError> {
        let Permission::Open(open) = &self.permission else { return Err(DeliverError::PortalGone) };
        let mut keys = keys_of(open);
        keys.find(&Chord::ctrl_z()).await?;
        if reply.is_closed() {
            return Err(DeliverError::Hanging);
        }
        keys.press().await.map(|()| None)
    }

    /// Pastes from the portal's clipboard.
    async fn paste_by_portal(
        &mut self,
        order: &Insertion,
        reply: &Reply,
    ) -> Result<After, DeliverError> {
        let Permission::Open(open) = &mut self.permission else {
            return Err(DeliverError::PortalGone);
        };
        let mut keys = keys_of(open);
        // The portal does not report which window has the keyboard.
        let (window, is_wanted) = (|| Ok(None), || !reply.is_closed());
        paste::paste(order, &mut **open, &mut keys, window, is_wanted).await.map(Some)
    }

    /// Restores the clipboard once there are no more requests for the text, unless the user has
    /// copied something.
    async fn give_back(&mut self, after: After) -> Result<(), DeliverError> {
        let Some(pasted) = after else {
            self.compositor.settle().await;
            return Ok(());
        };
        let Permission::Open(open) = &mut self.permission else { return Ok(()) };
        paste::give_back(&mut **open, pasted).await
    }
}

fn keys_of(open: &PortalClipboard) -> PortalKeys {
    PortalKeys::of(open.session.calls.clone())
}
