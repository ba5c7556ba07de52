//! The clipboard as a sink: puts texts there to stay, and reads the text on it.
//!
//! A clipboard's owner must answer each paste, so it runs in a thread of the daemon. It uses
//! data-control if the compositor has it (wlroots, KDE), and X11 otherwise. On GNOME that is
//! XWayland, which shares its clipboard with Wayland's windows. v2m opens no window, so the focus
//! stays where it is. A display server that hangs blocks only this thread, not the answer. Not
//! here: typing and pasting at the cursor, which use the same clipboards.

use super::clipboard::data_control::DataControl;
use super::clipboard::x11::X11Clipboard;
use super::display::worker::{Inbox, Serves, Worker};
use super::display::x11::Server;
use super::environment::Displays;
use super::error::DeliverError;
use crate::session::Delivery;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::debug;
use v2m_ipc::plain;
use v2m_messages::tr;

/// How long an answer waits for the display server. A healthy one takes a few milliseconds. After
/// two seconds the user has pasted by hand, or given up.
const DEADLINE: Duration = Duration::from_secs(2);

/// How long the clipboard's owner may take to send its text. Less than [`DEADLINE`], so that the
/// answer can say what went wrong.
const READ: Duration = Duration::from_millis(1_800);

/// Why a text could not be put on the clipboard or read from it.
#[derive(Debug, thiserror::Error)]
pub enum ClipboardError {
    #[error("{}", tr!("there was no text"))]
    NoText,
    #[error("{}", tr!("there is no text on it"))]
    Empty,
    #[error(
        "{}",
        tr!(
            "neither WAYLAND_DISPLAY nor DISPLAY was set when the service started, so there is no \
             desktop to reach. After logging in to the desktop: systemctl --user restart \
             v2m.service"
        )
    )]
    NoDisplay,
    #[error(
        "{}",
        tr!(
            "the clipboard at {displays} cannot be reached ({reason}). If you logged in to \
             another desktop session since: systemctl --user restart v2m.service",
            displays,
            reason
        )
    )]
    Unreachable { displays: Displays, reason: String },
    #[error("{}", tr!("another program replaced it at once; a clipboard manager may do that"))]
    Replaced,
    #[error(
        "{}",
        tr!(
            "the display server has not answered for {seconds} s. If that lasts: systemctl --user \
             restart v2m.service",
            seconds = DEADLINE.as_secs()
        )
    )]
    Hanging,
    #[error(
        "{}",
        tr!(
            "v2m could not start a thread for it ({reason}); free some memory, or close some \
             programs",
            reason = .0
        )
    )]
    NoThread(std::io::Error),
}

/// The user's clipboard. Keeps the last text there until it is dropped.
#[derive(Debug)]
pub struct Clipboard(Worker<Work>);

/// Reads the clipboard in a thread of its own, because the thread that serves pastes may be busy.
#[derive(Debug, Default)]
pub struct ClipboardReader(Clipboard);

/// The reason why no text could be read from the clipboard.
#[derive(Debug, thiserror::Error)]
#[error("{}", tr!("reading the clipboard: {reason}", reason = .0))]
pub struct NoText(#[from] ClipboardError);

impl ClipboardReader {
    /// Reads the text on the clipboard. Returns within two seconds.
    pub fn text(&mut self) -> impl Future<Output = Result<String, NoText>> + Send + use<> {
        let (reply, text) = oneshot::channel();
        let asked = self.0.ask(Work::Get(reply));
        async move {
            asked?;
            match timeout(DEADLINE, text).await {
                Ok(Ok(text)) => Ok(plain::owned(text?)),
                Ok(Err(_)) | Err(_) => Err(ClipboardError::Hanging.into()),
            }
        }
    }
}

#[derive(Debug)]
struct Text {
    text: String,
    is_sensitive: bool,
}

#[derive(Debug)]
enum Work {
    Put(Text, oneshot::Sender<Result<(), ClipboardError>>),
    Leave(oneshot::Sender<()>),
    Get(oneshot::Sender<Result<String, ClipboardError>>),
}

impl Default for Clipboard {
    fn default() -> Self {
        Self(Worker::new("v2m-clipboard"))
    }
}

impl Clipboard {
    /// Connects to no display yet. Each delivery looks for one, so a later desktop is found.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts `text` on the clipboard. Returns within two seconds. If `is_sensitive`, asks clipboard
    /// managers not to remember it, as password managers do: with the format
    /// `x-kde-passwordManagerHint` and the content `secret`.
    pub async fn deliver(&mut self, text: &str, is_sensitive: bool) -> Delivery {
        let (ok, detail) = match self.put(text, is_sensitive).await {
            Ok(()) => (true, tr!("on the clipboard").to_owned()),
            Err(problem) => {
                debug!(reason = %problem, "the text could not be put on the clipboard: {problem}");
                (false, tr!("not on the clipboard: {problem}", problem))
            }
        };
        Delivery { by: "clipboard", backend: None, ok, detail }
    }

    async fn put(&mut self, text: &str, is_sensitive: bool) -> Result<(), ClipboardError> {
        if text.is_empty() {
            return Err(ClipboardError::NoText);
        }
        let (reply, outcome) = oneshot::channel();
        self.ask(Work::Put(Text { text: text.to_owned(), is_sensitive }, reply))?;
        match timeout(DEADLINE, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_ended)) => Err(ClipboardError::Hanging),
            Err(_late) => {
                self.0.abandon();
                Err(ClipboardError::Hanging)
            }
        }
    }

    /// Asks a clipboard manager to keep the text when this process ends. Bounded in time.
    pub(super) async fn leave(&mut self) {
        if !self.0.is_started() {
            return;
        }
        let (done, left) = oneshot::channel();
        if self.ask(Work::Leave(done)).is_ok() && timeout(DEADLINE, left).await.is_err() {
            debug!("the clipboard's text was not left to a manager in time");
        }
    }

    fn ask(&mut self, job: Work) -> Result<(), ClipboardError> {
        self.0.hand_over(job, work).map_err(|reason| match reason {
            DeliverError::NoThread(error) => ClipboardError::NoThread(error),
            _ => ClipboardError::Hanging,
        })
    }
}

/// The owner that serves the clipboard while v2m has it.
#[derive(Debug)]
enum Owner {
    Compositor(Box<DataControl>),
    X11(Box<X11Clipboard>),
}

impl Serves for Owner {
    fn serve(&mut self, bell: BorrowedFd<'_>) -> Result<bool, DeliverError> {
        match self {
            Self::Compositor(clipboard) => clipboard.serve_until(bell),
            Self::X11(clipboard) => clipboard.serve_until(bell).map(|()| true),
        }
    }
}

/// Runs until [`Clipboard`] drops its sender. The clipboard's content is lost then.
fn work(inbox: &Inbox<Work>) {
    inbox.work(|owner, job| {
        let told = match job {
            // The caller has timed out and reported failure, so the text must not appear later.
            Work::Put(_, reply) if reply.is_closed() => true,
            Work::Put(text, reply) => {
                let done = put(owner, &text, || !reply.is_closed());
                reply.send(done).is_ok()
            }
            Work::Leave(done) => {
                leave(owner);
                done.send(()).is_ok()
            }
            Work::Get(reply) => reply.send(get()).is_ok(),
        };
        if !told {
            debug!("the display server answered too late");
        }
    });
}

/// Lets X11's clipboard manager, if there is one, keep the text.
fn leave(owner: &mut Option<Owner>) {
    let Some(Owner::X11(clipboard)) = owner else { return };
    if let Err(reason) = clipboard.leave() {
        debug!(%reason, "the clipboard's text could not be left to a manager");
    }
}

fn put(
    owner: &mut Option<Owner>,
    text: &Text,
    is_wanted: impl Fn() -> bool,
) -> Result<(), ClipboardError> {
    if let Some(mut kept) = owner.take() {
        match kept.put(text) {
            Ok(is_ours) => {
                *owner = Some(kept);
                return if is_ours { Ok(()) } else { Err(ClipboardError::Replaced) };
            }
            Err(DeliverError::Hanging) => return Err(ClipboardError::Hanging),
            Err(reason) => {
                debug!(%reason, "the connection to the clipboard is broken; making a new one");
            }
        }
    }
    let (mut new, displays) = Owner::open()?;
    // This may have taken long, and a later text may be on the clipboard by now.
    if !is_wanted() {
        return Err(ClipboardError::Hanging);
    }
    let is_ours = new.put(text).map_err(|reason| unreachable(displays, &reason))?;
    *owner = Some(new);
    if is_ours { Ok(()) } else { Err(ClipboardError::Replaced) }
}

/// Connects for each read, because a kept connection would not notice that the desktop has ended.
fn get() -> Result<String, ClipboardError> {
    let (mut owner, displays) = Owner::open()?;
    let until = Instant::now() + READ;
    let text = match &mut owner {
        Owner::Compositor(clipboard) => clipboard.text(until),
        Owner::X11(clipboard) => clipboard.text(until),
    };
    match text {
        Ok(Some(text)) if !text.trim().is_empty() => Ok(text),
        Ok(_) => Err(ClipboardError::Empty),
        Err(reason) => Err(unreachable(displays, &reason)),
    }
}

fn unreachable(displays: Displays, reason: &DeliverError) -> ClipboardError {
    match reason {
        DeliverError::Hanging => ClipboardError::Hanging,
        reason => ClipboardError::Unreachable { displays, reason: reason.to_string() },
    }
}

impl Owner {
    fn open() -> Result<(Self, Displays), ClipboardError> {
        let displays = Displays::from_env();
        if !displays.any() {
            return Err(ClipboardError::NoDisplay);
        }
        let by_compositor = displays.wayland.is_some().then(DataControl::open);
        let by_server = || {
            Server::connect().map(|server| Self::X11(Box::new(X11Clipboard::of(Rc::new(server)))))
        };
        let opened = match by_compositor {
            Some(Ok(clipboard)) => Ok(Self::Compositor(Box::new(clipboard))),
            // If a compositor has data-control but is slow or refuses, X11 does not help: KWin
            // ignores XWayland's clipboard while no X11 window has the focus.
            Some(Err(DeliverError::NoWay | DeliverError::NoCompositor(_)))
                if displays.x11.is_some() =>
            {
                by_server()
            }
            Some(Err(reason)) => Err(reason),
            None => by_server(),
        };
        match opened {
            Ok(owner) => Ok((owner, displays)),
            Err(reason) => Err(unreachable(displays, &reason)),
        }
    }

    /// Puts the text on the clipboard. Returns whether the display server confirms it.
    fn put(&mut self, Text { text, is_sensitive }: &Text) -> Result<bool, DeliverError> {
        match self {
            Self::Compositor(clipboard) => {
                clipboard.put(text, *is_sensitive, Instant::now() + READ)
            }
            Self::X11(clipboard) => clipboard.put(text, *is_sensitive),
        }
    }
}
