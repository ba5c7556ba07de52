//! GNOME: Mutter's RemoteDesktop interface, which offers a clipboard and presses keys without touching the focus.
//!
//! A session is open for one delivery only: GNOME's panel shows a sign as long as it is. The portals, which ask the
//! user, are used only where this interface is refused. Order and times as measured on GNOME 43: Mutter's own clipboard
//! manager reads what is offered within a millisecond, so what is read after the keys is read by a window; a
//! GTK window asks some 3 ms after the keys.

use super::x11::X11;
use crate::chord::Chord;
use crate::deliver::clipboard::bus::Offer;
use crate::deliver::clipboard::content::Content;
use crate::deliver::clipboard::x11::primary::Loan;
use crate::deliver::cursor::Receipt;
use crate::deliver::display::mutter::{self as session, Session, Use};
use crate::deliver::environment::Displays;
use crate::deliver::keys::held::probe::Seat;
use crate::deliver::keys::mutter::hands::{Habits, Hands};
use crate::deliver::keys::mutter::{Keyboard, typing};
use crate::deliver::problem::Problem;
use crate::deliver::window::Press;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::debug;
use zbus::Connection;

/// How long the old clipboard may take to be read: its owner may hang. A screenshot takes some 20 ms.
const REMEMBER: Duration = Duration::from_millis(700);
/// How long Mutter's clipboard manager is waited for. It reads at once, or is not there.
const MANAGER: Duration = Duration::from_millis(150);
/// How long a window may take to ask for what is pasted: busy ones take some hundred milliseconds.
const RECEIPT: Duration = Duration::from_millis(1_200);
/// A program may ask for the text in more than one format; the old clipboard comes back once it was quiet for so long,
const QUIET: Duration = Duration::from_millis(100);
/// or after so long: some programs read the clipboard again and again.
const NO_LONGER: Duration = Duration::from_millis(400);
/// How long XWayland may take to start and to take the clipboard: half a second on a slow machine.
const XWAYLAND: Duration = Duration::from_secs(3);

/// The connection to GNOME's bus names, and what is still being put right after the last delivery.
#[derive(Debug)]
pub(crate) struct Mutter {
    bus: Connection,
    giving_back: Option<JoinHandle<X11>>,
    /// The user's, as far as known.
    habits: Habits,
    /// Holds what the session cannot leave behind. `None` while the clipboard is given back.
    x11: Option<X11>,
}

impl Mutter {
    pub(crate) const NAME: &str = "mutter";

    /// `None`: the desktop is not GNOME. `address` is a bus's; `None`: the session's.
    pub(crate) async fn connect(address: Option<&str>) -> Result<Option<Self>, Problem> {
        let builder = match address {
            Some(address) => zbus::connection::Builder::address(address),
            None => zbus::connection::Builder::session(),
        };
        let bus = builder.build().await.map_err(Problem::NoBus)?;
        let mutter = Self { bus, giving_back: None, habits: Habits::default(), x11: None };
        Ok(mutter.is_there().await.then_some(mutter))
    }

    /// Whether Mutter is on the bus.
    pub(crate) async fn is_there(&self) -> bool {
        session::mutter(&self.bus).await.is_ok()
    }

    /// Whether we may speak to it: a sandbox or a policy of the bus may have it there and let nobody through.
    pub(crate) async fn lets_us(&self) -> bool {
        !session::is_refused(&self.bus).await
    }

    /// Offers `text`, presses the keys once the user's are up, waits for the window's request.
    pub(crate) async fn paste(
        &mut self,
        text: &str,
        press: &Press,
        is_sensitive: bool,
    ) -> Result<Receipt, Problem> {
        self.settle().await;
        let hands = tokio::spawn(self.habits.clone().hands());
        let loan = Loan::begin_if(press.primary, text, is_sensitive).await?;
        let mut session = Session::open(&self.bus, Use::Clipboard).await?;
        let before = session.remember(REMEMBER).await;
        let content = Content::text(text, is_sensitive);
        let receipt = hand_over(&mut session, &content, &press.chord, loan.as_ref(), hands).await;
        if let Ok(Receipt::Taken) = receipt {
            let x11 = self.x11.take().unwrap_or_default();
            self.giving_back = Some(tokio::spawn(async move {
                let x11 = give_back(session, content, before, x11).await;
                drop(loan);
                x11
            }));
        } else {
            // Also after a failure: left open, it would stay until v2m ends, and its sign in GNOME's panel with it.
            session.close().await;
        }
        receipt
    }

    /// Types `text`.
    pub(crate) async fn write(&mut self, text: &str) -> Result<(), Problem> {
        // What it may still give to others goes with its session.
        self.settle().await;
        let session = Session::open(&self.bus, Use::Keys).await?;
        let outcome = typing::write(&session, text, self.habits.clone().hands()).await;
        session.close().await;
        outcome
    }

    /// Waits until the clipboard has been given back.
    pub(crate) async fn settle(&mut self) {
        if let Some(giving_back) = self.giving_back.take() {
            // An error would be a panic, and ends the process here.
            self.x11 = giving_back.await.ok();
        }
    }
}

/// Offers the text, presses the keys once the user's are up, waits for the window's request.
async fn hand_over(
    session: &mut Session,
    text: &Content,
    chord: &Chord,
    loan: Option<&Loan>,
    hands: JoinHandle<Hands>,
) -> Result<Receipt, Problem> {
    session.offer(text).await?;
    session.serve(text, Offer::Once(MANAGER)).await?;
    let keyboard = Keyboard::new(session.calls.clone());
    let pressing = async {
        let hands = hands.await.map_err(|_panic| Problem::Hanging)?;
        tokio::select! {
            outcome = keyboard.press(&hands, chord) => outcome,
            never = keyboard.heed(loan) => match never {},
        }
    };
    session.serve_while(text, |position| keyboard.gave(position), pressing).await?;
    // Some windows ask while the keys are still being released.
    let taken = keyboard.is_answered()
        || tokio::select! {
            served = session.serve(text, Offer::Once(RECEIPT)) => served? > 0,
            () = Loan::taken_if(loan) => true,
        };
    Ok(if taken { Receipt::Taken } else { Receipt::NotTaken })
}

/// Waits until Mutter has heard that X11 has the clipboard: a session that is closed before would leave it to Mutter's
/// manager, which has read the text.
async fn handed_over(session: &mut Session, text: &Content) -> Result<(), Problem> {
    match session.serve(text, Offer::UntilQuiet(XWAYLAND, XWAYLAND)).await {
        Err(Problem::Overtaken) => Ok(()),
        other => other.map(drop),
    }
}

/// Puts back what was on the clipboard, unless the user has copied something meanwhile.
///
/// What the session offers ends with it. Mutter's clipboard manager then keeps the one format it likes best, which is all
/// there is of a text or a picture. Of what a browser copies it would keep the text alone: that is left with XWayland,
/// where a program may hold the clipboard without a window.
async fn give_back(
    mut session: Session,
    text: Content,
    before: Option<Content>,
    mut x11: X11,
) -> X11 {
    let given = async {
        session.serve(&text, Offer::UntilQuiet(QUIET, NO_LONGER)).await?;
        let Some(before) = before else { return Ok(()) };
        if before.formats.is_empty() {
            return session.clear().await;
        }
        if !before.is_plain() && Displays::from_env().x11.is_some() {
            match timeout(XWAYLAND, x11.hold(before.clone())).await {
                Ok(Ok(())) => return handed_over(&mut session, &text).await,
                Ok(Err(problem)) => {
                    debug!(reason = %problem, "XWayland does not hold the clipboard")
                }
                Err(_late) => x11.abandon(),
            }
        }
        session.offer(&before).await?;
        session.serve(&before, Offer::UntilQuiet(QUIET, NO_LONGER)).await.map(drop)
    };
    let given: Result<(), Problem> = given.await;
    if let Err(problem) = given {
        debug!(reason = %problem, "the clipboard keeps the text");
    }
    session.close().await;
    x11
}
