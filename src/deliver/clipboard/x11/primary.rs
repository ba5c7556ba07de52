//! Puts the text on the primary selection during one paste, because terminals paste it on
//! Shift+Insert.
//!
//! This has its own thread and connection. On Wayland it goes through XWayland, because only
//! wlroots' compositors let a program without a window own the primary selection directly.
//! Afterwards the old content is restored, and served until another program takes the selection.

use super::owner::{Owner, OwnerEvent, Selection, text_formats};
use super::reader::remember;
use crate::deliver::clipboard::Before;
use crate::deliver::display::x11::{Server, ServerEvent};
use crate::deliver::error::DeliverError;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};
use tokio::io::Interest;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::oneshot;
use tracing::debug;
use x11rb::protocol::Event;
use x11rb::wrapper::ConnectionExt as _;

/// How long reading the old selection may take. Its owner may hang.
const REMEMBER: Duration = Duration::from_millis(100);
/// How long a compositor may take to ask for the selection's formats, which it then offers to its
/// own windows.
const BRIDGE: Duration = Duration::from_millis(250);
/// How long the compositor takes to offer the formats after our answer. On GNOME 43.9 and 48.7,
/// keys pressed 0 to 30 ms after the selection was taken never pasted the previous selection (192
/// trials).
const BRIDGED: Duration = Duration::from_millis(5);
/// How long a program may take to read a long text.
const ENOUGH: Duration = Duration::from_secs(3);
/// How long starting a loan may take in all, including the start of XWayland.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Keeps the text on the primary selection. The previous content is restored when this is dropped.
#[derive(Debug)]
pub(crate) struct Loan {
    /// Becomes readable once the text was asked for.
    taken: OwnedFd,
    _end: OwnedFd,
}

/// The kind of windows that paste the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// X11 windows.
    X11,
    /// The compositor's own windows, which learn of the selection through XWayland.
    Wayland,
}

/// The thread's ends of the pipes to the [`Loan`].
struct LoanThread {
    taken: OwnedFd,
    end: OwnedFd,
}

impl Loan {
    /// Puts `text` on the primary selection. Usually takes about 30 ms, and 1.5 s at most.
    pub(crate) async fn begin(
        text: &str,
        to: To,
        is_sensitive: bool,
    ) -> Result<Self, DeliverError> {
        let (tell, told) = oneshot::channel();
        let loan = Self::start(text, to, is_sensitive, move |lent| {
            let _ = tell.send(lent); // a caller that has given up drops the loan
        })?;
        let lent = tokio::time::timeout(PATIENCE, told).await;
        lent.map_err(|_late| DeliverError::Hanging)?.unwrap_or(Err(DeliverError::Hanging))?;
        Ok(loan)
    }

    fn start(
        text: &str,
        to: To,
        is_sensitive: bool,
        tell: impl FnOnce(Result<(), DeliverError>) + Send + 'static,
    ) -> Result<Self, DeliverError> {
        let pipe = || {
            let ends = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK);
            ends.map_err(|errno| DeliverError::NoThread(errno.into()))
        };
        let ((taken, tells), (ends, end)) = (pipe()?, pipe()?);
        let (text, lender) = (text.to_owned(), LoanThread { taken: tells, end: ends });
        let thread = std::thread::Builder::new().name("v2m-primary".to_owned());
        let work = move || {
            if let Err(problem) = lender.lend(&text, to, is_sensitive, tell) {
                debug!(reason = %problem, "the primary selection was not given back");
            }
        };
        thread.spawn(work).map_err(DeliverError::NoThread)?;
        Ok(Self { taken, _end: end })
    }

    /// Becomes readable once the text was asked for.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.taken.as_fd()
    }

    /// Forgets the requests so far. A request before the keys are pressed is not an answer to them.
    pub(crate) fn forget_requests(&self) {
        let mut told = [0; 64];
        while let Ok(1..) = rustix::io::read(&self.taken, &mut told) {}
    }

    /// Waits for the next request for the text. Without a loan, waits for ever. Cancel-safe.
    pub(crate) async fn taken_if(loan: Option<&Self>) {
        let Some(loan) = loan else { return std::future::pending().await };
        if let Ok(receiver) = loan.taken.try_clone().and_then(Receiver::from_owned_fd) {
            while receiver.ready(Interest::READABLE).await.is_ok() {
                match receiver.try_read(&mut [0]) {
                    Ok(0) => break, // the lender has failed
                    Ok(_) => return,
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(_) => break,
                }
            }
        }
        std::future::pending().await
    }
}

impl LoanThread {
    /// Waits until the loan is dropped.
    fn wait_for_end(&self) {
        let mut ends = [PollFd::new(&self.end, PollFlags::IN)];
        while let Err(Errno::INTR) = poll(&mut ends, None) {}
    }

    /// Runs the loan from start to end. Calls `tell` when it has started or failed.
    fn lend(
        self,
        text: &str,
        to: To,
        is_sensitive: bool,
        tell: impl FnOnce(Result<(), DeliverError>),
    ) -> Result<(), DeliverError> {
        let begun = Server::connect().and_then(|server| {
            let time = server.time()?;
            let until = Instant::now() + REMEMBER;
            let before = remember(&server, Selection::Primary, time, until)?;
            let mut owner = Owner::of(Selection::Primary);
            let formats = text_formats(text, is_sensitive, &server.atoms);
            if !owner.own(&server, formats, time)? {
                return Err(DeliverError::Overtaken);
            }
            if to == To::Wayland {
                wait_for_bridge(&server, &mut owner)?;
            }
            Ok((server, owner, before))
        });
        let (server, mut owner, before) = match begun {
            Ok(begun) => {
                tell(Ok(()));
                begun
            }
            Err(problem) => {
                tell(Err(problem));
                return Ok(());
            }
        };
        while let Some(seen) = server.next(None, Some(self.end.as_fd()))? {
            match owner.handle(&server, &seen)? {
                // The newer selection is the user's, so it stays. The pipe stays open, because
                // closing it would look like a request.
                Some(OwnerEvent::Lost) => {
                    self.wait_for_end();
                    return Ok(());
                }
                Some(OwnerEvent::Gave { .. }) => {
                    // A full pipe is readable too.
                    let _ = rustix::io::write(&self.taken, &[0]);
                }
                Some(_) | None => {}
            }
        }
        let time = server.time()?;
        let Before::Content(before) = before else {
            owner.clear(&server, time)?;
            server.conn.sync()?;
            // A long text is still being sent piece by piece. Closing the connection would cut it
            // off.
            let enough = Instant::now() + ENOUGH;
            while owner.is_giving()
                && let Some(seen) = server.next(Some(enough), None)?
            {
                owner.handle(&server, &seen)?;
            }
            // This also sends the last piece.
            return Ok(server.conn.sync()?);
        };
        if owner.own(&server, before, time)? {
            while let Some(seen) = server.next(None, None)? {
                if owner.handle(&server, &seen)? == Some(OwnerEvent::Lost) {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Waits until the compositor offers the selection to its own windows.
fn wait_for_bridge(server: &Server, owner: &mut Owner) -> Result<(), DeliverError> {
    let mut until = Instant::now() + BRIDGE;
    let mut is_asked = false;
    while let Some(seen) = server.next(Some(until), None)? {
        if owner.handle(server, &seen)? == Some(OwnerEvent::Lost) {
            return Err(DeliverError::Overtaken);
        }
        if is_question(server, &seen) && !is_asked {
            is_asked = true;
            until = Instant::now() + BRIDGED;
        }
    }
    if is_asked { Ok(()) } else { Err(DeliverError::NoPrimary) }
}

fn is_question(server: &Server, seen: &ServerEvent) -> bool {
    matches!(&seen.event, Event::SelectionRequest(asked) if asked.target == server.atoms.TARGETS)
}
