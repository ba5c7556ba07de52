//! The cursor: the text goes into the window that has the keyboard, by the way that the desktop offers.
//!
//! Every way does the same: it remembers what is on the clipboard, offers the text in its place, presses the keys
//! that paste, and waits for the window to ask for the text. That request is the receipt; without it nothing is claimed,
//! and the text waits on the clipboard. On the receipt the clipboard gets back what it held. Whether to paste at all, and
//! with which keys, is the daemon's decision.

mod content;
mod focus;
mod lock;
mod mutter;
mod portal;
mod wayland;
mod window;
mod worker;
mod x11;

pub use focus::Focus;
pub use window::{PasteKeys, Window};

use super::environment::Displays;
use crate::session::Delivery;
use lock::Lock;
use mutter::Mutter;
use portal::Portal;
use std::time::Duration;
use tracing::{info, warn};
use wayland::Wayland;
use window::Order;
use x11::X11;

/// Past this the user has pasted by hand, or given up.
const DEADLINE: Duration = Duration::from_secs(3);

/// Why a text is not at the cursor.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("there was no text")]
    NoText,
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
    Lacks(&'static str),
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
    #[error(
        "the desktop asks whether v2m may press keys: allow it there, and the next text is pasted"
    )]
    Asking,
    #[error(
        "the desktop was told that v2m may not press keys. To be asked again: systemctl --user restart v2m.service"
    )]
    Denied,
    #[error(
        "the desktop was told to let v2m have less than the keyboard and the clipboard, and it needs both. To be asked again: \
         systemctl --user restart v2m.service"
    )]
    HalfAllowed,
    #[error("the desktop's portal has ended its session; the next text opens another one")]
    PortalGone,
    #[error("the desktop has not answered for {} s", DEADLINE.as_secs())]
    Hanging,
}

impl Problem {
    /// Whether the text may go to the clipboard instead.
    fn leaves_the_clipboard(&self) -> bool {
        match self {
            // Who sits there may be somebody else, and unlocking fields can be pasted into.
            Self::Locked => false,
            Self::Overtaken | Self::NoText => false,
            Self::NoWay
            | Self::NotTaken(_)
            | Self::Moved
            | Self::NoKey(_)
            | Self::NoServer(_)
            | Self::Server(_)
            | Self::Lacks(_)
            | Self::NoCompositor(_)
            | Self::Compositor(_)
            | Self::NoThread(_)
            | Self::NoBus(_)
            | Self::Refused(_)
            | Self::Asking
            | Self::Denied
            | Self::HalfAllowed
            | Self::PortalGone
            | Self::Hanging => true,
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
    Portal(Portal),
    Wayland(Wayland),
    X11(X11),
}

impl Way {
    /// Finds the one for this desktop: the one that needs least of others.
    async fn find() -> Result<Self, Problem> {
        if is_x11() {
            return Ok(Self::X11(X11::new()));
        }
        let bus = match Mutter::connect(None).await {
            Ok(Some(mutter)) if mutter.lets_us().await => return Ok(Self::Mutter(mutter)),
            Ok(_) => Ok(()),
            // Small compositors are also run without a bus.
            Err(problem) => Err(problem),
        };
        let compositor = match Displays::from_env().wayland {
            Some(_) => wayland::offers().await,
            None => Err(Problem::NoWay),
        };
        if matches!(compositor, Ok(wayland::Offers { keyboards: true })) {
            return Ok(Self::Wayland(Wayland::new()));
        }
        let portal = match bus {
            Ok(()) => Portal::find(compositor.is_ok()).await,
            Err(problem) => Err(problem),
        };
        match (portal, compositor) {
            (Ok(portal), _) => Ok(Self::Portal(portal)),
            // What the nearer of the two says.
            (Err(_), Err(problem)) if !matches!(problem, Problem::NoWay) => Err(problem),
            (Err(problem), _) => Err(problem),
        }
    }

    /// Whether it still leads anywhere.
    async fn is_there(&self) -> bool {
        match self {
            Self::Mutter(mutter) => mutter.is_there().await,
            Self::Portal(portal) => portal.is_there(),
            // Finds a server that comes back by itself.
            Self::Wayland(_) | Self::X11(_) => true,
        }
    }

    /// Whether a window took the text, `Ok` or with the reason why not.
    async fn paste(&mut self, order: Order) -> Result<(), Problem> {
        match self {
            Self::X11(x11) => x11.paste(order).await,
            Self::Wayland(wayland) => wayland.paste(order).await,
            Self::Portal(portal) => portal.paste(order).await,
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
            Self::Portal(portal) => portal.settle().await,
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
    /// Pastes `text` into the window that has the keyboard, with the keys for it, and only if it is the window `only` where that
    /// is known; also whether the text should go to the clipboard instead.
    /// Answers within three seconds. The clipboard is given back in the background; see [`Self::settle`].
    pub(super) async fn paste(
        &mut self,
        text: &str,
        keys: &PasteKeys,
        only: Option<&Window>,
    ) -> (Delivery, bool) {
        let order = Order { text: text.to_owned(), keys: keys.clone(), only: only.cloned() };
        let outcome = match tokio::time::timeout(DEADLINE, self.put(order)).await {
            Ok(outcome) => outcome,
            Err(_late) => {
                match &mut self.way {
                    // Its thread may hang for good; it is counted, and left behind.
                    Some(Way::X11(x11)) => x11.abandon(),
                    Some(Way::Wayland(wayland)) => wayland.abandon(),
                    // Its session stays, or the user would be asked or told again.
                    Some(Way::Portal(portal)) => portal.abandon(),
                    // A bus that hung may have lost its order.
                    _ => self.way = None,
                }
                Err(Problem::Hanging)
            }
        };
        let by = "paste";
        match outcome {
            Ok(()) => (Delivery { by, ok: true, detail: "pasted".to_owned() }, false),
            Err(problem) => {
                warn!(reason = %problem, "the text could not be pasted");
                let detail = format!("not pasted: {problem}");
                (Delivery { by, ok: false, detail }, problem.leaves_the_clipboard())
            }
        }
    }

    /// Waits until the clipboard has been given back. Bounded.
    pub(super) async fn settle(&mut self) {
        if let Some(way) = &mut self.way {
            way.settle().await;
        }
    }

    async fn put(&mut self, order: Order) -> Result<(), Problem> {
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
        self.way.insert(way).paste(order).await
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
        Way::Portal(portal) => Ok(portal.name()),
        Way::Wayland(_) => Ok(Wayland::NAME),
        Way::X11(_) => {
            let asked = tokio::task::spawn_blocking(x11::is_there).await;
            asked.map_err(|_| Problem::Hanging)?.map(|()| X11::NAME)
        }
    }
}
