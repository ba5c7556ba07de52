//! The clipboard. Its owner must live to serve pastes, so arboard lives in a thread of the daemon's.
//!
//! arboard takes data-control where the compositor has it (wlroots, KDE), else X11: on GNOME that is
//! XWayland, which shares its clipboard with Wayland's windows. No window is ever opened, so the focus
//! stays where it is. The event loop never calls into arboard: a display server that hangs holds up
//! the thread, not the answer. Typing and pasting at the cursor are not done here.

use crate::deliver::environment::Displays;
use crate::session::Delivery;
use arboard::SetExtLinux;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::debug;
use v2m_ipc::plain;

/// How long an answer waits for the display server. A healthy one takes a few milliseconds; past two
/// seconds the user has pasted already, or given up.
const DEADLINE: Duration = Duration::from_secs(2);

/// How long a compositor may take to pass on what it was just given.
const SETTLE: Duration = Duration::from_millis(500);

/// Threads that may hang at once in a dead display server before no more are started.
const MAX_STUCK: usize = 3;

/// Why a text is not on the clipboard, or none could be read from there.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("there was no text")]
    NoText,
    #[error("there is no text on it")]
    Empty,
    #[error(
        "neither WAYLAND_DISPLAY nor DISPLAY was set when the service started, so there is no \
         desktop to reach. After logging in to the desktop: systemctl --user restart v2m.service"
    )]
    NoDisplay,
    #[error(
        "the clipboard at {displays} cannot be reached ({reason}). If you logged in to another \
         desktop session since: systemctl --user restart v2m.service"
    )]
    Unreachable { displays: Displays, reason: String },
    #[error("another program replaced it at once; look for a clipboard manager that does so")]
    Replaced,
    #[error(
        "the display server has not answered for {} s. If that lasts: systemctl --user restart v2m.service",
        DEADLINE.as_secs()
    )]
    Hanging,
    #[error("no thread could be started for it ({0}); the machine is short of memory or tasks")]
    NoThread(std::io::Error),
}

/// The user's clipboard. Holds what was put there last until it is dropped.
#[derive(Debug, Default)]
pub struct Clipboard {
    worker: Option<Worker>,
    /// Counts the worker threads alive: each holds a clone.
    alive: Arc<()>,
}

/// Reads the clipboard, in a thread of its own: the one that serves pastes may be waited for by others.
#[derive(Debug, Default)]
pub struct ClipboardReader(Clipboard);

/// Why no text could be read.
#[derive(Debug, thiserror::Error)]
#[error("reading the clipboard: {0}")]
pub struct NoText(#[from] Problem);

impl ClipboardReader {
    /// The text on the clipboard, asked for now; within two seconds.
    pub fn text(&mut self) -> impl Future<Output = Result<String, NoText>> + Send + use<> {
        let (reply, text) = oneshot::channel();
        let asked = self.0.worker_gets(Job::Get(reply));
        async move {
            asked?;
            match timeout(DEADLINE, text).await {
                Ok(Ok(text)) => Ok(plain::owned(text?)),
                Ok(Err(_)) | Err(_) => Err(Problem::Hanging.into()),
            }
        }
    }
}

#[derive(Debug)]
struct Worker {
    jobs: SyncSender<Job>,
}

struct Text {
    text: String,
    is_sensitive: bool,
}

enum Job {
    Put(Text, oneshot::Sender<Result<(), Problem>>),
    Get(oneshot::Sender<Result<String, Problem>>),
}

impl Clipboard {
    /// Reaches for no display yet: that happens at each delivery, so one that appears later is found.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts `text` on the clipboard and reads it back. Answers within two seconds. `is_sensitive`: clipboard managers are asked not to
    /// remember it, by the format `x-kde-passwordManagerHint` with the content `secret`, as password managers ask them.
    pub async fn deliver(&mut self, text: &str, is_sensitive: bool) -> Delivery {
        let (ok, detail) = match self.put(text, is_sensitive).await {
            Ok(()) => (true, "on the clipboard".to_owned()),
            Err(problem) => {
                debug!(reason = %problem, "the text could not be put on the clipboard: {problem}");
                (false, format!("not on the clipboard: {problem}"))
            }
        };
        Delivery { by: "clipboard", backend: None, ok, detail }
    }

    async fn put(&mut self, text: &str, is_sensitive: bool) -> Result<(), Problem> {
        if text.is_empty() {
            return Err(Problem::NoText);
        }
        let (reply, outcome) = oneshot::channel();
        self.worker_gets(Job::Put(Text { text: text.to_owned(), is_sensitive }, reply))?;
        match timeout(DEADLINE, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_ended)) => Err(Problem::Hanging),
            Err(_late) => {
                // Without its sender the thread ends as soon as the display server lets go of it.
                self.worker = None;
                Err(Problem::Hanging)
            }
        }
    }

    fn worker_gets(&mut self, job: Job) -> Result<(), Problem> {
        let Some(worker) = &self.worker else { return self.start(job) };
        match worker.jobs.try_send(job) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(Problem::Hanging),
            Err(TrySendError::Disconnected(job)) => self.start(job),
        }
    }

    fn start(&mut self, first: Job) -> Result<(), Problem> {
        if Arc::strong_count(&self.alive) > MAX_STUCK {
            return Err(Problem::Hanging);
        }
        let (jobs, inbox) = sync_channel(1);
        let alive = Arc::clone(&self.alive);
        std::thread::Builder::new()
            .name("v2m-clipboard".to_owned())
            .spawn(move || {
                serve(&inbox);
                drop(alive);
            })
            .map_err(Problem::NoThread)?;
        let worker = self.worker.insert(Worker { jobs });
        worker.jobs.try_send(first).map_err(|_| Problem::Hanging)
    }
}

/// Runs until [`Clipboard`] lets go of its sender; the clipboard's content goes with it.
fn serve(jobs: &Receiver<Job>) {
    let mut owner = None;
    while let Ok(job) = jobs.recv() {
        let told = match job {
            // Nobody waits any more: the user was told it is not there, so it must not appear later.
            Job::Put(_, reply) if reply.is_closed() => continue,
            Job::Put(text, reply) => reply.send(put(&mut owner, &text)).is_ok(),
            Job::Get(reply) => reply.send(get()).is_ok(),
        };
        if !told {
            debug!("the display server answered too late");
        }
    }
}

fn put(owner: &mut Option<arboard::Clipboard>, text: &Text) -> Result<(), Problem> {
    let displays = Displays::from_env();
    if !displays.any() {
        return Err(Problem::NoDisplay);
    }
    if let Some(clipboard) = owner {
        match set(clipboard, text) {
            Ok(true) => return Ok(()),
            Ok(false) => return Err(Problem::Replaced),
            Err(error) => {
                debug!(%error, "the connection to the clipboard is broken; making a new one")
            }
        }
        let_go(owner);
    }
    let unreachable =
        |error: arboard::Error| Problem::Unreachable { displays, reason: error.to_string() };
    let mut clipboard = match arboard::Clipboard::new() {
        Ok(clipboard) => clipboard,
        Err(error) => return Err(unreachable(error)),
    };
    let outcome = set(&mut clipboard, text);
    *owner = Some(clipboard);
    match outcome {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::Replaced),
        Err(error) => {
            let_go(owner);
            Err(unreachable(error))
        }
    }
}

fn get() -> Result<String, Problem> {
    let displays = Displays::from_env();
    if !displays.any() {
        return Err(Problem::NoDisplay);
    }
    // A handle for one look: one that is kept would not be told of the desktop's end.
    let text = arboard::Clipboard::new().and_then(|mut clipboard| clipboard.get_text());
    match text {
        Ok(text) if text.trim().is_empty() => Err(Problem::Empty),
        Ok(text) => Ok(text),
        Err(arboard::Error::ContentNotAvailable) => Err(Problem::Empty),
        Err(error) => Err(Problem::Unreachable { displays, reason: error.to_string() }),
    }
}

/// Whether `text` is what the clipboard holds now. X11 takes the ownership without an answer;
/// reading back asks who the owner is, a round trip of some 100 µs, and is the proof. Wayland's
/// reader is another client than the writer, and may be served first;
/// arboard tells no event to await, so it is asked again.
fn set(clipboard: &mut arboard::Clipboard, text: &Text) -> Result<bool, arboard::Error> {
    let Text { text, is_sensitive } = text;
    let set = clipboard.set();
    if *is_sensitive { set.exclude_from_history() } else { set }.text(text)?;
    let give_up = Instant::now() + SETTLE;
    loop {
        let last = Instant::now() >= give_up;
        match clipboard.get_text() {
            Ok(back) if back == *text => return Ok(true),
            Ok(_) if last => return Ok(false),
            Ok(_) => {}
            Err(arboard::Error::ContentNotAvailable) if !last => {}
            Err(error) => return Err(error),
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Drops a broken clipboard so that the next one connects anew.
///
/// arboard 3.7 keeps one X11 connection for the process, and frees it when it counts three owners:
/// itself, its serving thread and the last handle. Once the connection is broken that thread has ended,
/// the count never is three, and every later handle would get the dead connection. A second
/// handle stands in for the thread.
fn let_go(owner: &mut Option<arboard::Clipboard>) {
    let stand_in = arboard::Clipboard::new();
    drop(owner.take());
    drop(stand_in);
}
