//! GNOME: Mutter's RemoteDesktop interface, which offers a clipboard and presses keys without
//! touching the focus.
//!
//! A session is open for one delivery only, because GNOME's panel shows a sign while it is open.
//! The portals, which ask the user, are used only if this interface is refused. Order and times as
//! measured on GNOME 43: Mutter's own clipboard manager reads offered content within a millisecond,
//! so a later read, after the keys, comes from a window. A GTK window asks some 3 ms after the
//! keys.

use crate::chord::Chord;
use crate::deliver::clipboard::mutter::{self, MutterClipboard};
use crate::deliver::clipboard::x11::holder::Holder;
use crate::deliver::clipboard::{Before, Clipboard, Serve};
use crate::deliver::display::mutter::{self as session, MutterSession, Use};
use crate::deliver::environment::Displays;
use crate::deliver::error::DeliverError;
use crate::deliver::keys::mutter::hands::Habits;
use crate::deliver::keys::mutter::{Keyboard, MutterKeys, typing};
use crate::deliver::order::{Insertion, Means};
use crate::deliver::paste::{self, Pasted};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::debug;
use zbus::Connection;

/// How long XWayland may take to start and to take the clipboard: half a second on a slow machine.
const XWAYLAND: Duration = Duration::from_secs(3);

/// The connection to Mutter, and the clipboard that is still being restored after the last
/// delivery.
#[derive(Debug)]
pub(crate) struct Mutter {
    bus: Connection,
    giving_back: Option<JoinHandle<Holder>>,
    /// Mutter's shortcuts and keymap, kept from one text to the next.
    habits: Habits,
    /// Holds content that would not outlast the session. `None` while the clipboard is being
    /// restored.
    holder: Option<Holder>,
}

impl Mutter {
    pub(crate) const NAME: &str = "mutter";

    /// Connects to Mutter. Returns `None` if the desktop is not GNOME. `address`: the bus's
    /// address. `None`: the session bus.
    pub(crate) async fn connect(address: Option<&str>) -> Result<Option<Self>, DeliverError> {
        let builder = match address {
            Some(address) => zbus::connection::Builder::address(address),
            None => zbus::connection::Builder::session(),
        };
        let bus = builder.build().await.map_err(DeliverError::NoBus)?;
        let mutter = Self { bus, giving_back: None, habits: Habits::default(), holder: None };
        Ok(mutter.is_there().await.then_some(mutter))
    }

    /// Whether Mutter is on the bus.
    pub(crate) async fn is_there(&self) -> bool {
        session::mutter(&self.bus).await.is_ok()
    }

    /// Whether v2m may call Mutter. A sandbox or a policy of the bus may block calls although
    /// Mutter is on the bus.
    pub(crate) async fn lets_us(&self) -> bool {
        !session::is_refused(&self.bus).await
    }

    /// Pastes or types. Returns when a window has read the text; the clipboard is restored
    /// afterwards.
    pub(crate) async fn carry_out(&mut self, order: &Insertion) -> Result<(), DeliverError> {
        // The last delivery's clipboard content ends with its session, so it must be restored
        // first.
        self.settle().await;
        match order.means {
            Means::Paste => self.paste(order).await,
            Means::Type => self.write(&order.text).await,
            Means::Undo => self.undo().await,
        }
    }

    async fn paste(&mut self, order: &Insertion) -> Result<(), DeliverError> {
        let session = self.open(Use::Clipboard).await?;
        let calls = session.calls.clone();
        let mut clipboard = mutter::of(session);
        let mut keys = MutterKeys::of(calls, clipboard.answers(), self.habits.clone());
        // GNOME does not report which window has the keyboard. A caller that gives up drops this
        // future.
        let (window, is_wanted) = (|| Ok(None), || true);
        match paste::paste(order, &mut clipboard, &mut keys, window, is_wanted).await {
            Ok(pasted) => {
                let holder = self.holder.take().unwrap_or_default();
                self.giving_back = Some(tokio::spawn(give_back(clipboard, pasted, holder)));
                Ok(())
            }
            Err(problem) => {
                // An open session, and the sign in GNOME's panel, would stay until v2m ends.
                clipboard.session.close().await;
                Err(problem)
            }
        }
    }

    /// Opens a session. Mutter may refuse it, by a policy for example.
    async fn open(&self, used: Use) -> Result<MutterSession, DeliverError> {
        MutterSession::open(&self.bus, used).await.map_err(|problem| match problem {
            refused @ DeliverError::Refused(_) => DeliverError::Unavailable(Box::new(refused)),
            other => other,
        })
    }

    async fn write(&mut self, text: &str) -> Result<(), DeliverError> {
        let session = self.open(Use::Keys).await?;
        let outcome = typing::write(&session, text, self.habits.clone().hands()).await;
        session.close().await;
        outcome
    }

    async fn undo(&mut self) -> Result<(), DeliverError> {
        let session = MutterSession::open(&self.bus, Use::Keys).await?;
        let hands = self.habits.clone().hands().await;
        let keyboard = Keyboard::new(session.calls.clone());
        let outcome = keyboard.press_once(&hands, &Chord::ctrl_z()).await;
        session.close().await;
        outcome
    }

    /// Waits until the clipboard is restored.
    pub(crate) async fn settle(&mut self) {
        if let Some(giving_back) = self.giving_back.take() {
            // The only error is a panic, which ends the process.
            self.holder = giving_back.await.ok();
        }
    }
}

/// Restores the clipboard, and ends the session.
async fn give_back(
    mut clipboard: MutterClipboard,
    pasted: Pasted<<MutterClipboard as Clipboard>::Content>,
    mut holder: Holder,
) -> Holder {
    if let Err(problem) = put_back(&mut clipboard, pasted, &mut holder).await {
        debug!(reason = %problem, "the clipboard keeps the text");
    }
    clipboard.session.close().await;
    holder
}

/// Restores the clipboard in a way that outlasts the session. Mutter's clipboard manager keeps the
/// one format it likes best, which is enough for a text or a picture. Of a browser's content it
/// would keep only the text. So XWayland gets such content, because a program without a window may
/// hold its clipboard.
async fn put_back(
    clipboard: &mut MutterClipboard,
    pasted: Pasted<<MutterClipboard as Clipboard>::Content>,
    holder: &mut Holder,
) -> Result<(), DeliverError> {
    let Some(before) = paste::until_quiet(clipboard, pasted).await? else { return Ok(()) };
    if let Before::Content(content) = &before
        && !content.is_plain()
        && Displays::from_env().x11.is_some()
    {
        match timeout(XWAYLAND, holder.hold((**content).clone())).await {
            Ok(Ok(())) => return handed_over(clipboard).await,
            Ok(Err(problem)) => debug!(reason = %problem, "XWayland does not hold the clipboard"),
            Err(_late) => holder.abandon(),
        }
    }
    let is_kept = matches!(before, Before::Content(_));
    paste::put_back(clipboard, before).await?;
    if is_kept {
        // Mutter's clipboard manager reads the content.
        clipboard.serve(paste::UNTIL_QUIET).await?;
    }
    Ok(())
}

/// Waits until Mutter knows that X11 has the clipboard. If the session closed before, Mutter's
/// manager would get the clipboard, and it has read the text.
async fn handed_over(clipboard: &mut MutterClipboard) -> Result<(), DeliverError> {
    match clipboard.serve(Serve::For(XWAYLAND)).await {
        Err(DeliverError::Overtaken) => Ok(()),
        other => other.map(drop),
    }
}
