//! The cursor: the text goes into the window that has the keyboard, by the way that the desktop offers.
//!
//! Every way pastes alike: it remembers what is on the clipboard, offers the text in its place, presses the keys
//! that paste, and waits for the window to ask for the text. That request is the receipt; without it nothing is claimed,
//! and the text waits on the clipboard. On the receipt the clipboard gets back what it held. Typing goes past the clipboard:
//! the keys that write the text on the layout in force are pressed one after the other, and no window confirms it. Whether
//! to paste or to type, and with which keys, is the daemon's decision.

mod content;
mod focus;
mod layout;
mod lock;
mod mutter;
mod wayland;
mod window;
mod worker;
mod x11;

pub use focus::Focus;
pub(in crate::deliver) use window::Means;
pub use window::{PasteKeys, Window};

use super::environment::Displays;
use super::sinks::Sink;
use crate::session::Delivery;
use lock::Lock;
use mutter::Mutter;
use std::time::Duration;
use tracing::{info, warn};
use wayland::Wayland;
use window::Order;
use x11::X11;

/// Past this the user has pasted by hand, or given up.
const DEADLINE: Duration = Duration::from_secs(3);
/// Added to it for each character that is typed: programs take some ten times less.
const DEADLINE_PER_KEY: Duration = Duration::from_millis(2);
/// Characters that are typed; more are pasted. Meanwhile the user's own keys would get in between.
const MAX_TYPED: usize = 2_000;

/// Why a text is not at the cursor.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("there was no text")]
    NoText,
    #[error("no window has the keyboard; paste it where it belongs")]
    NoWindow,
    #[error(transparent)]
    Lacks(#[from] layout::Lacks),
    #[error(transparent)]
    NotALayout(#[from] layout::NotALayout),
    #[error("the desktop does not tell the keyboard's layout ({0})")]
    NoLayout(&'static str),
    #[error("it takes too many keys")]
    TooLong,
    #[error(
        "only its beginning was typed, as the keyboard went to another window; the rest is missing there"
    )]
    InPart,
    #[error(
        "this desktop has no way that v2m knows to paste for another program. See `v2m doctor`"
    )]
    NoWay,
    #[error(
        "the screen is locked; the text is kept with the recording, and the last answer holds it"
    )]
    Locked,
    #[error(
        "no window took it; press {0} where it belongs. If that always happens in one program, it \
         pastes by other keys: see deliver.paste_key and deliver.terminals"
    )]
    NotTaken(String),
    #[error("something else was copied meanwhile, and stays on the clipboard")]
    Overtaken,
    #[error(
        "another window has the keyboard than when the recording was stopped; paste it where it belongs. \
         deliver.same_window = false pastes into any window"
    )]
    Moved,
    #[error(
        "the keyboard has no key for {0}; see deliver.paste_key and deliver.terminal_paste_key"
    )]
    NoKey(String),
    #[error(
        "the X server at DISPLAY cannot be reached ({0}). If you logged in to another desktop session since: \
         systemctl --user restart v2m.service"
    )]
    NoServer(String),
    #[error("the X server did not do it ({0})")]
    Server(String),
    #[error("the X server lacks the extension {0}, without which no program can press keys")]
    NoExtension(&'static str),
    #[error(
        "the compositor at WAYLAND_DISPLAY cannot be reached ({0}). If you logged in to another desktop session since: \
         systemctl --user restart v2m.service"
    )]
    NoCompositor(String),
    #[error("the compositor did not do it ({0})")]
    Compositor(String),
    #[error("no thread could be started for it ({0}); the machine is short of memory or tasks")]
    NoThread(std::io::Error),
    #[error(
        "the session bus cannot be reached ({0}). After logging in to the desktop: systemctl --user restart v2m.service"
    )]
    NoBus(zbus::Error),
    #[error("the desktop refused it ({0})")]
    Refused(zbus::Error),
    #[error("the desktop has not answered for {} s", DEADLINE.as_secs())]
    Hanging,
}

impl Problem {
    /// Where the text goes instead.
    fn instead(&self) -> Option<Sink> {
        match self {
            // Who sits there may be somebody else, and unlocking fields can be pasted into.
            Self::Locked => None,
            Self::Overtaken | Self::NoText => None,
            // Why it cannot be typed.
            Self::Lacks(_) | Self::NotALayout(_) | Self::NoLayout(_) | Self::TooLong => {
                Some(Sink::Cursor(Means::Paste))
            }
            Self::NoWay
            | Self::NoWindow
            | Self::InPart
            | Self::NotTaken(_)
            | Self::Moved
            | Self::NoKey(_)
            | Self::NoServer(_)
            | Self::Server(_)
            | Self::NoExtension(_)
            | Self::NoCompositor(_)
            | Self::Compositor(_)
            | Self::NoThread(_)
            | Self::NoBus(_)
            | Self::Refused(_)
            | Self::Hanging => Some(Sink::Clipboard),
        }
    }
}

/// Whether the window asked for the text after the keys were pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Receipt {
    Taken,
    NotTaken,
}

/// The way to the window that has the keyboard. Reaches for nothing before the first delivery, so a desktop that comes later is found.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    way: Option<Way>,
    lock: Lock,
}

/// One that this desktop offers.
#[derive(Debug)]
enum Way {
    Mutter(Mutter),
    Wayland(Wayland),
    X11(X11),
}

impl Way {
    /// Finds the one for this desktop.
    async fn find() -> Result<Self, Problem> {
        if is_x11() {
            return Ok(Self::X11(X11::new()));
        }
        match Mutter::connect(None).await {
            Ok(Some(mutter)) => Ok(Self::Mutter(mutter)),
            // Small compositors are also run without a bus.
            Ok(None) | Err(Problem::NoBus(_)) if Displays::from_env().wayland.is_some() => {
                Ok(Self::Wayland(Wayland::new()))
            }
            Ok(None) => Err(Problem::NoWay),
            Err(problem) => Err(problem),
        }
    }

    /// Whether it still leads anywhere.
    async fn is_there(&self) -> bool {
        match self {
            Self::Mutter(mutter) => mutter.is_there().await,
            // Finds a server that comes back by itself.
            Self::Wayland(_) | Self::X11(_) => true,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Mutter(_) => Mutter::NAME,
            Self::Wayland(_) => Wayland::NAME,
            Self::X11(_) => X11::NAME,
        }
    }

    /// Whether a window took the text, or all of it was typed; `Ok` or with the reason why not.
    async fn carry_out(&mut self, order: Order) -> Result<(), Problem> {
        match self {
            Self::X11(x11) => x11.carry_out(order).await,
            Self::Wayland(wayland) => wayland.carry_out(order).await,
            Self::Mutter(mutter) if order.means == Means::Type => mutter.write(&order.text).await,
            Self::Mutter(mutter) => {
                // GNOME tells nobody which window has the keyboard.
                let chord = order.keys.for_window(None);
                match mutter.paste(&order.text, chord).await? {
                    Receipt::Taken => Ok(()),
                    Receipt::NotTaken => Err(Problem::NotTaken(chord.to_string())),
                }
            }
        }
    }

    async fn settle(&mut self) {
        match self {
            Self::Mutter(mutter) => mutter.settle().await,
            Self::Wayland(wayland) => wayland.settle().await,
            Self::X11(x11) => x11.settle().await,
        }
    }
}

/// Whether the desktop is one of X11: also GNOME's on X11, where Mutter offers its own way too.
fn is_x11() -> bool {
    let displays = Displays::from_env();
    displays.x11.is_some() && displays.wayland.is_none()
}

impl Cursor {
    /// Puts `text` into the window that has the keyboard, and only if it is the window `only` where that
    /// is known; also where the text should go instead.
    /// Answers within three seconds, and two milliseconds more for each character that is typed. The clipboard is given
    /// back in the background; see [`Self::settle`].
    pub(super) async fn put(
        &mut self,
        text: &str,
        means: Means,
        keys: &PasteKeys,
        only: Option<&Window>,
    ) -> (Delivery, Option<Sink>) {
        let characters = text.chars().take(MAX_TYPED + 1).count();
        let (by, done, deadline) = match means {
            Means::Paste => ("paste", "pasted", DEADLINE),
            Means::Type => {
                let typing = DEADLINE_PER_KEY.saturating_mul(characters as u32);
                ("type", "typed", DEADLINE + typing)
            }
        };
        if means == Means::Type && characters > MAX_TYPED {
            return self.told(by, done, Err(Problem::TooLong));
        }
        let order = Order { text: text.to_owned(), means, keys: keys.clone(), only: only.cloned() };
        let outcome = match tokio::time::timeout(deadline, self.try_to(order)).await {
            Ok(outcome) => outcome,
            Err(_late) => {
                match &mut self.way {
                    // Its thread may hang for good; it is counted, and left behind.
                    Some(Way::X11(x11)) => x11.abandon(),
                    Some(Way::Wayland(wayland)) => wayland.abandon(),
                    // A bus that hung may have lost its order.
                    _ => self.way = None,
                }
                Err(Problem::Hanging)
            }
        };
        self.told(by, done, outcome)
    }

    fn told(
        &self,
        by: &'static str,
        done: &str,
        outcome: Result<(), Problem>,
    ) -> (Delivery, Option<Sink>) {
        let backend = self.way.as_ref().map(Way::name);
        match outcome {
            Ok(()) => (Delivery { by, backend, ok: true, detail: done.to_owned() }, None),
            Err(problem) => {
                warn!(reason = %problem, "the text could not be {done}");
                let detail = format!("not {done}: {problem}");
                (Delivery { by, backend, ok: false, detail }, problem.instead())
            }
        }
    }

    /// Waits until the clipboard has been given back. Bounded.
    pub(super) async fn settle(&mut self) {
        if let Some(way) = &mut self.way {
            way.settle().await;
        }
    }

    async fn try_to(&mut self, order: Order) -> Result<(), Problem> {
        if order.text.is_empty() {
            return Err(Problem::NoText);
        }
        if self.lock.is_locked().await {
            return Err(Problem::Locked);
        }
        let way = match self.way.take() {
            Some(way) if way.is_there().await => way,
            _ => Way::find().await?,
        };
        self.way.insert(way).carry_out(order).await
    }
}

/// The way that this desktop offers, for `v2m doctor`. Bounded.
///
/// # Errors
/// Why there is none, in words.
pub async fn way_to_the_cursor() -> Result<&'static str, String> {
    let found = tokio::time::timeout(DEADLINE, probe()).await;
    match found.unwrap_or(Err(Problem::Hanging)) {
        Ok(name) => {
            info!(backend = name, "the way to the cursor");
            Ok(name)
        }
        Err(problem) => Err(problem.to_string()),
    }
}

async fn probe() -> Result<&'static str, Problem> {
    match Way::find().await? {
        Way::Mutter(_) => Ok(Mutter::NAME),
        Way::Wayland(_) => {
            let asked = tokio::task::spawn_blocking(wayland::is_there).await;
            asked.map_err(|_| Problem::Hanging)?.map(|()| Wayland::NAME)
        }
        Way::X11(_) => {
            let asked = tokio::task::spawn_blocking(x11::is_there).await;
            asked.map_err(|_| Problem::Hanging)?.map(|()| X11::NAME)
        }
    }
}
