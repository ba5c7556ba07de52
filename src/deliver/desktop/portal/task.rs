//! The task that has the portal's session: one paste at a time, and between them whatever the portal tells.
//!
//! It is never given up in the middle of a combination of keys, whoever has given up waiting for it.

use super::{Job, Lender};
use crate::deliver::clipboard::bus::Offer;
use crate::deliver::clipboard::content::Content;
use crate::deliver::clipboard::portal::Clipboard;
use crate::deliver::clipboard::x11::primary::Loan;
use crate::deliver::desktop::wayland::Wayland;
use crate::deliver::display::portal::Session;
use crate::deliver::display::portal::bus::Signal;
use crate::deliver::display::portal::token::TokenFile;
use crate::deliver::keys::remote::RemoteKeys;
use crate::deliver::order::Order;
use crate::deliver::problem::Problem;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;
use tracing::{debug, info};
use zbus::Connection;

/// How long a text waits for the session to open. Where the permission is kept that takes some tens of milliseconds;
/// anything longer is the user being asked.
const OPENING: Duration = Duration::from_millis(800);
/// How long the portal may take to tell what is on the clipboard once a session is open. It tells nothing if that is nothing.
const FIRST_OWNER: Duration = Duration::from_millis(500);
/// How long the old clipboard may take to be read: its owner may hang. A screenshot takes some 20 ms.
const REMEMBER: Duration = Duration::from_millis(700);
/// How long the desktop's clipboard manager is waited for. It reads at once, or is not there.
const MANAGER: Duration = Duration::from_millis(150);
/// How long a window may take to ask for what is pasted: busy ones take some hundred milliseconds.
const RECEIPT: Duration = Duration::from_millis(1_200);
/// A program may ask for the text in more than one format; the old clipboard comes back once it was quiet for so long,
const QUIET: Duration = Duration::from_millis(100);
/// or after so long: some programs read the clipboard again and again.
const NO_LONGER: Duration = Duration::from_millis(400);

/// What came of opening a session.
type Opened = Result<Result<Box<Session>, Problem>, JoinError>;
/// What was on the clipboard before a text. `None`: it could not be had, or others give it back.
type Before = Option<Arc<Content>>;
type Reply = oneshot::Sender<Result<(), Problem>>;

/// The permission, as far as it has come.
#[derive(Debug)]
enum Permission {
    /// Not asked for yet, or to be asked for again.
    None,
    /// The portal opens a session; the user may have been asked.
    Asked(JoinHandle<Result<Box<Session>, Problem>>),
    Open(Box<Session>),
    /// The user has said no, or half a yes.
    Refused {
        half: bool,
    },
}

/// What happens while there is no order.
enum News {
    Opened(Opened),
    Told(Signal),
}

/// All that the task has.
#[derive(Debug)]
pub(crate) struct Desk {
    bus: Connection,
    lender: Lender,
    kept: TokenFile,
    permission: Permission,
    /// As the portal tells of it.
    clipboard: Clipboard,
    /// Where the compositor lends the clipboard.
    compositor: Wayland,
}

impl Desk {
    pub(crate) fn new(bus: Connection, lender: Lender, kept: TokenFile) -> Self {
        let (clipboard, compositor) = (Clipboard::default(), Wayland::new());
        Self { bus, lender, kept, permission: Permission::None, clipboard, compositor }
    }

    /// Works until nobody gives orders any more, or the bus has gone.
    pub(crate) async fn work(mut self, mut jobs: mpsc::Receiver<Job>) {
        let bus = self.bus.clone();
        loop {
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
            // Not in the branch above, where the next order would end it halfway.
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

    /// The next thing that happens while there is no order. Nothing is lost by giving up the wait.
    async fn news(&mut self) -> News {
        match &mut self.permission {
            Permission::None | Permission::Refused { .. } => std::future::pending().await,
            Permission::Asked(opening) => News::Opened(opening.await),
            Permission::Open(session) => News::Told(session.signals.next().await),
        }
    }

    async fn told(&mut self, signal: Signal) {
        let Permission::Open(session) = &mut self.permission else { return };
        match signal {
            Signal::Gone => self.permission = Permission::None,
            Signal::Closed(path) if path == session.path() => {
                info!("the desktop has ended v2m's session; the next text opens another one");
                self.permission = Permission::None;
            }
            signal => self.clipboard.handle(session, signal).await,
        }
    }

    async fn end(self) {
        match self.permission {
            Permission::Open(session) => session.close().await,
            Permission::Asked(opening) => opening.abort(),
            Permission::None | Permission::Refused { .. } => {}
        }
    }

    /// Pastes and tells the outcome, then gives back the clipboard.
    async fn carry_out(&mut self, job: Job) {
        let Job { order, mut reply, given_back } = job;
        // Nobody waits any more: the user was told that it is not there, so it must not appear later.
        if reply.is_closed() {
            return;
        }
        let pasted = match self.open().await {
            Ok(()) => match self.lender {
                Lender::Compositor => self.paste_by_compositor(order, &mut reply).await,
                Lender::Portal => self.paste_by_portal(&order, &reply).await,
            },
            Err(problem) => Err(problem),
        };
        match pasted {
            Ok(before) => {
                let _ = reply.send(Ok(())); // who has left meanwhile has told the user otherwise, and put it on the clipboard
                if let Err(problem) = self.give_back(before).await {
                    debug!(reason = %problem, "the clipboard keeps the text");
                }
            }
            Err(problem) => {
                let is_over = matches!(problem, Problem::PortalGone | Problem::Refused(_));
                let _ = reply.send(Err(problem));
                if is_over {
                    self.start_over().await;
                }
            }
        }
        drop(given_back);
    }

    /// Lets go of a session that has failed: it would fail again.
    async fn start_over(&mut self) {
        if let Permission::Open(_) = self.permission
            && let Permission::Open(session) =
                std::mem::replace(&mut self.permission, Permission::None)
        {
            session.close().await;
        }
    }

    /// Has a session opened if there is none, and waits for it as long as nobody is asked.
    async fn open(&mut self) -> Result<(), Problem> {
        if let Permission::None = self.permission {
            let (bus, kept) = (self.bus.clone(), self.kept.clone());
            let with_clipboard = self.lender == Lender::Portal;
            let opening =
                async move { Session::open(&bus, &kept, with_clipboard).await.map(Box::new) };
            self.permission = Permission::Asked(tokio::spawn(opening));
        }
        if let Permission::Asked(opening) = &mut self.permission {
            let opened = timeout(OPENING, opening).await.map_err(|_late| Problem::Asking)?;
            self.opened(opened).await?;
        }
        match self.permission {
            Permission::Open(_) => Ok(()),
            Permission::Refused { half: false } => Err(Problem::Denied),
            Permission::Refused { half: true } => Err(Problem::HalfAllowed),
            Permission::None | Permission::Asked(_) => Err(Problem::PortalGone),
        }
    }

    /// Takes over what came of opening a session.
    async fn opened(&mut self, opened: Opened) -> Result<(), Problem> {
        self.permission = Permission::None;
        self.clipboard = Clipboard::default();
        match opened.unwrap_or(Err(Problem::PortalGone)) {
            Ok(mut session) => {
                match self.lender {
                    Lender::Portal => self.clipboard.listen(&mut session, FIRST_OWNER).await,
                    Lender::Compositor => session.learn_layout().await?,
                }
                info!("the desktop lets v2m press keys");
                self.permission = Permission::Open(session);
            }
            Err(Problem::Denied) => self.permission = Permission::Refused { half: false },
            Err(Problem::HalfAllowed) => self.permission = Permission::Refused { half: true },
            Err(problem) => return Err(problem),
        }
        Ok(())
    }

    /// With the clipboard that the compositor lends, whose thread asks for the keys. It gives back what was there by itself.
    async fn paste_by_compositor(
        &mut self,
        order: Order,
        reply: &mut Reply,
    ) -> Result<Before, Problem> {
        let Permission::Open(session) = &self.permission else { return Err(Problem::PortalGone) };
        let (keys, mut requests) = RemoteKeys::channel();
        let outcome = {
            let paste = self.compositor.carry_out_by(order, Some(keys));
            tokio::pin!(paste);
            loop {
                tokio::select! {
                    outcome = &mut paste => break Some(outcome),
                    Some(request) = requests.recv() => {
                        let _ = request.done.send(session.press(&request.chord).await);
                    }
                    () = reply.closed() => break None,
                }
            }
        };
        match outcome {
            Some(outcome) => outcome.map(|()| None),
            None => {
                self.compositor.abandon();
                Err(Problem::Hanging)
            }
        }
    }

    /// With the portal's clipboard. Answers what was on it, for [`Self::give_back`].
    async fn paste_by_portal(&mut self, order: &Order, reply: &Reply) -> Result<Before, Problem> {
        let Permission::Open(session) = &mut self.permission else {
            return Err(Problem::PortalGone);
        };
        let clipboard = &mut self.clipboard;
        let before = clipboard.remember(session, REMEMBER).await;
        if reply.is_closed() {
            return Err(Problem::Hanging);
        }
        // The portal does not tell which window has the keyboard.
        let press = order.press(None);
        let loan = Loan::begin_if(press.primary, &order.text, order.is_sensitive).await?;
        let content = Content::text(&order.text, order.is_sensitive);
        clipboard.offer(session, Arc::new(content)).await?;
        clipboard.serve(session, Offer::Once(MANAGER)).await?;
        if reply.is_closed() {
            self.give_back(before).await?;
            return Err(Problem::Hanging);
        }
        if let Some(loan) = &loan {
            loan.forget_requests();
        }
        session.press(&press.chord).await?;
        let taken = tokio::select! {
            served = clipboard.serve(session, Offer::Once(RECEIPT)) => served? > 0,
            () = Loan::taken_if(loan.as_ref()) => true,
        };
        if taken { Ok(before) } else { Err(Problem::NotTaken(press.by_hand())) }
    }

    /// Puts back what was on the clipboard once nobody asks for the text any more, unless the user has copied something.
    async fn give_back(&mut self, before: Before) -> Result<(), Problem> {
        if self.lender == Lender::Compositor {
            self.compositor.settle().await;
            return Ok(());
        }
        let Permission::Open(session) = &mut self.permission else { return Ok(()) };
        self.clipboard.serve(session, Offer::UntilQuiet(QUIET, NO_LONGER)).await?;
        match before {
            None => Ok(()),
            Some(before) if before.formats.is_empty() => self.clipboard.clear(session).await,
            Some(before) => self.clipboard.offer(session, before).await,
        }
    }
}
