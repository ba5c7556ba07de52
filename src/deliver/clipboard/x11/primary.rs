//! The primary selection for the time of one paste: terminals paste it by Shift+Insert.
//!
//! On a thread and a connection of its own, also on Wayland, where it goes through XWayland: no
//! compositor but wlroots' lets a program without a window have it otherwise. It gets back what it
//! held, and that is given to others until another program takes it.

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

/// How long the old selection may take to be read: its owner may hang.
const REMEMBER: Duration = Duration::from_millis(100);
/// How long a compositor may take to ask what the selection offers, which it then offers to its own
/// windows.
const BRIDGE: Duration = Duration::from_millis(250);
/// How long it takes to do so after the answer: on GNOME 43.9 and 48.7 keys that were pressed 0 to
/// 30 ms after the selection was taken never pasted what was selected before (192 times).
const BRIDGED: Duration = Duration::from_millis(5);
/// How long a program may take to read a long text.
const ENOUGH: Duration = Duration::from_secs(3);
/// All of it may take so long, XWayland's start included.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// The text on the primary selection; what was there before comes back when this is dropped.
#[derive(Debug)]
pub(crate) struct Loan {
    /// Has something to read once the text was asked for.
    taken: OwnedFd,
    _end: OwnedFd,
}

/// Which windows are to paste it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// X11's.
    X11,
    /// The compositor's, which hear of it from XWayland.
    Wayland,
}

/// The thread's end.
struct LoanThread {
    taken: OwnedFd,
    end: OwnedFd,
}

impl Loan {
    /// Puts `text` there. Bounded: 1.5 s, and some 30 ms as a rule.
    pub(crate) async fn begin(
        text: &str,
        to: To,
        is_sensitive: bool,
    ) -> Result<Self, DeliverError> {
        let (tell, told) = oneshot::channel();
        let loan = Self::start(text, to, is_sensitive, move |lent| {
            let _ = tell.send(lent); // who has left lets go of the loan
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

    /// Forgets who has asked so far: what is asked for before the keys are pressed is no answer to
    /// them.
    pub(crate) fn forget_requests(&self) {
        let mut told = [0; 64];
        while let Ok(1..) = rustix::io::read(&self.taken, &mut told) {}
    }

    /// Waits until the text is asked for once more; for ever without a loan. Cancel-safe.
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
    /// Waits until nobody needs the loan any more.
    fn wait_for_end(&self) {
        let mut ends = [PollFd::new(&self.end, PollFlags::IN)];
        while let Err(Errno::INTR) = poll(&mut ends, None) {}
    }

    /// The whole life of a loan; tells when it has begun.
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
                // What was selected since is the user's. The pipe stays open: its end would look
                // like a request.
                Some(OwnerEvent::Lost) => {
                    self.wait_for_end();
                    return Ok(());
                }
                Some(OwnerEvent::Gave { .. }) => {
                    // A full pipe would tell as well.
                    let _ = rustix::io::write(&self.taken, &[0]);
                }
                Some(_) | None => {}
            }
        }
        let time = server.time()?;
        let Before::Content(before) = before else {
            owner.clear(&server, time)?;
            server.conn.sync()?;
            // A long text still goes piece by piece, and would go with the connection.
            let enough = Instant::now() + ENOUGH;
            while owner.is_giving()
                && let Some(seen) = server.next(Some(enough), None)?
            {
                owner.handle(&server, &seen)?;
            }
            // The last piece is on its way too.
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

/// Waits until the compositor offers what is selected to its own windows.
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
