//! Puts texts into the window that has the keyboard, by the means that the desktop offers.
//!
//! A text is pasted (`paste`) or typed. Typing does not use the clipboard: v2m presses the keys
//! that write the text on the active layout, and no window confirms them. The daemon decides
//! whether to paste or to type, and with which keys.

mod undo;

pub(crate) use undo::Delivered;
pub use undo::{UndoError, UndoOptions, Undone};

use crate::deliver::desktop::Desktop;
use crate::deliver::environment::{Displays, is_x11};
use crate::deliver::error::DeliverError;
use crate::deliver::joint::{Destination, Joint};
use crate::deliver::keys::held::{self, modifiers};
use crate::deliver::order::{DeliveryOptions, Insertion, Means};
use crate::deliver::paste::DEADLINE;
use crate::deliver::window::programs::Widget;
use crate::deliver::window::{Around, Focus, Focused, Observer};
use crate::session::{DeliverMode, Delivery};
use std::time::{Duration, Instant};
use tokio::time::timeout;
use tracing::debug;
use v2m_messages::tr;

/// Time added for each character that is typed. Programs need about a tenth of it.
const DEADLINE_PER_KEY: Duration = Duration::from_millis(2);
/// The longest text that is typed, in characters. Longer ones are pasted, because the user's own
/// keystrokes would get in between.
const MAX_TYPED: usize = 2_000;
/// How long `"auto"` looks for a way to the cursor. It takes tens of milliseconds, and longer only
/// if a portal must be started.
const FIND: Duration = Duration::from_secs(2);
/// How long `"auto"` waits before it looks again after a desktop did not answer. Otherwise each
/// text would wait for it.
const SLOW_AGAIN: Duration = Duration::from_secs(60);

/// The connection to the desktop. It is made at the first delivery, so a later desktop is found.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    desktop: Option<Desktop>,
    observer: Observer,
    /// The last text, which the next one may be joined to.
    joint: Joint,
    /// The last continuous dictation, and the place of its first sentence.
    talk: Option<(u32, Destination)>,
    /// Whether the last text went into a password field. `None`: no program said so in time.
    hidden: Option<bool>,
    /// When the desktop last failed to report what it offers.
    slow: Option<Instant>,
}

/// How often programs are asked which field has the keyboard, for a sentence of a continuous
/// dictation, if they do not answer in time.
const LOOKS: u32 = 4;

/// A text that was delivered.
#[derive(Debug)]
struct Arrived {
    /// The text as it was delivered.
    text: String,
    place: Destination,
    /// The text around the cursor before the delivery.
    around: Option<Around>,
}

/// The program that draws the frames of X11 windows for Mutter. It reports to assistive
/// technologies that such a frame has the keyboard (seen in 48).
const FRAMES: &str = "mutter-x11-frames";

/// Adds XWayland's report: which X11 window has the keyboard, if any.
async fn with_xwayland(focused: Focused) -> Focused {
    let is_framed = focused.programs.iter().any(|program| program == FRAMES);
    let mut silent = focused.silent.iter().flatten();
    if is_x11() || !(is_framed || silent.any(|program| program == "Xwayland")) {
        return focused;
    }
    match Focus::ask_xwayland().window().await {
        Some(window) if !window.class.is_empty() => {
            Focused { programs: vec![window.class], ..Focused::default() }
        }
        // The frame's program reports nothing about the window inside it.
        _ if is_framed => Focused::default(),
        _ => focused,
    }
}

impl Cursor {
    /// Puts `text` into the window that has the keyboard. If `wanted` asks for it, joins the text
    /// to the text at the cursor, and refuses any other window than the one named there. Returns
    /// the result, and the reason if the text was not delivered.
    ///
    /// Takes at most three seconds, plus two milliseconds for each typed character, plus the wait
    /// for the user's keys: two seconds for a paste, four for typing. Restores the clipboard in the
    /// background; see [`Self::settle`].
    pub(crate) async fn put(
        &mut self,
        text: &str,
        means: Means,
        wanted: &DeliveryOptions,
    ) -> (Delivery, Option<DeliverError>) {
        let characters = text.chars().take(MAX_TYPED + 1).count();
        let deadline = match means {
            Means::Paste => DEADLINE + held::PATIENCE,
            // [`Self::undo`] presses those keys.
            Means::Undo => return self.told(means, Err(DeliverError::NoText)),
            Means::Type => {
                let typing = DEADLINE_PER_KEY.saturating_mul(characters as u32);
                // v2m waits for modifiers first, and then for the other keys.
                DEADLINE + 2 * held::PATIENCE + typing
            }
        };
        if means == Means::Type && characters > MAX_TYPED {
            return self.told(means, Err(DeliverError::TooLong));
        }
        let (keys, only, focused) =
            (wanted.keys.clone(), wanted.window.clone(), Focused::default());
        let is_sensitive = wanted.is_sensitive;
        let order = Insertion { text: text.to_owned(), means, keys, only, focused, is_sensitive };
        self.hidden = Some(false);
        let attempt = self.try_to(order, wanted);
        let outcome = match tokio::time::timeout(deadline, attempt).await {
            Ok(outcome) => outcome,
            Err(_late) => {
                match &mut self.desktop {
                    // The thread may hang for good. It is counted and abandoned.
                    Some(Desktop::X11(x11)) => x11.abandon(),
                    Some(Desktop::Wayland(wayland)) => wayland.abandon(),
                    // The session stays open. Otherwise the desktop would ask or notify the user
                    // again.
                    Some(Desktop::Portal(portal)) => portal.abandon(),
                    // After the bus has hung, the order of its messages is uncertain.
                    _ => self.desktop = None,
                }
                Err(DeliverError::Hanging)
            }
        };
        let is_watched = wanted.join.is_some() || wanted.is_watched;
        let outcome = self.remember(outcome, means, is_watched).await;
        self.told(means, outcome)
    }

    fn told(
        &self,
        means: Means,
        outcome: Result<(), DeliverError>,
    ) -> (Delivery, Option<DeliverError>) {
        let backend = self.desktop.as_ref().map(Desktop::name);
        let by = match means {
            Means::Paste | Means::Undo => "paste",
            Means::Type => "type",
        };
        match outcome {
            Ok(()) => {
                let done = if means == Means::Type { tr!("typed") } else { tr!("pasted") };
                (Delivery { by, backend, ok: true, detail: done.to_owned() }, None)
            }
            Err(problem) => {
                debug!(by, reason = %problem, "the text was not delivered: {problem}");
                let detail = match means {
                    Means::Paste | Means::Undo => tr!("not pasted: {problem}", problem),
                    Means::Type => tr!("not typed: {problem}", problem),
                };
                (Delivery { by, backend, ok: false, detail }, Some(problem))
            }
        }
    }

    /// Waits until the clipboard is restored. Bounded in time.
    pub(crate) async fn settle(&mut self) {
        if let Some(desktop) = &mut self.desktop {
            desktop.settle().await;
        }
    }

    /// Whether the last text given to [`Self::put`] was meant for a password field. Takes 300 ms at
    /// most. Returns at once if a program reported it before the delivery.
    pub(crate) async fn hides(&mut self) -> bool {
        match self.hidden {
            Some(hidden) => hidden,
            None => self.observer.is_password().await,
        }
    }

    /// Whether a program reported, before the last delivery, that a password field has the
    /// keyboard.
    pub(crate) fn is_password(&self) -> bool {
        self.hidden == Some(true)
    }

    /// Prepares for the next text. `is_watched`: the next text may be joined to this one, or keys
    /// may undo this one.
    async fn remember(
        &mut self,
        outcome: Result<Arrived, DeliverError>,
        means: Means,
        is_watched: bool,
    ) -> Result<(), DeliverError> {
        match outcome {
            // The text may be a password.
            Ok(_) if self.hidden != Some(false) => {
                self.joint = Joint::default();
                Ok(())
            }
            Ok(Arrived { text, place, around }) => {
                let at = Instant::now();
                let watch = match &self.desktop {
                    Some(desktop) if is_watched => desktop.watch().await,
                    _ => None,
                };
                self.joint.landed(&text, place, around.as_ref(), watch, at);
                self.joint.keep(Delivered { text, means });
                Ok(())
            }
            Err(problem) => {
                if problem.may_have_arrived() {
                    self.joint.doubt();
                }
                Err(problem)
            }
        }
    }

    async fn try_to(
        &mut self,
        mut order: Insertion,
        wanted: &DeliveryOptions,
    ) -> Result<Arrived, DeliverError> {
        if order.text.is_empty() {
            return Err(DeliverError::NoText);
        }
        let desktop = match self.desktop.take() {
            Some(desktop) if desktop.is_there().await => desktop,
            _ if wanted.mode == DeliverMode::Auto => find(&mut self.slow).await?,
            _ => Desktop::find().await?,
        };
        let desktop = self.desktop.insert(desktop);
        if wanted.mode == DeliverMode::Auto && desktop.would_ask().await {
            return Err(DeliverError::WouldAsk);
        }
        let (keys, observer) = (&order.keys, &mut self.observer);
        let mut focused = observer.look(|program| keys.is_terminal(program)).await;
        // A sentence must not go to another place than the one before because programs answer
        // slowly.
        for _ in 1..LOOKS {
            if wanted.talk.is_none() || focused.widget != Widget::Unfinished {
                break;
            }
            focused = observer.look(|program| keys.is_terminal(program)).await;
        }
        order.focused = with_xwayland(focused).await;
        if wanted.asks_shell {
            order.focused = observer.with_shell(order.focused).await;
        }
        self.hidden = order.focused.is_password();
        order.is_sensitive |= self.hidden == Some(true);
        if !desktop.tells_of_keys() {
            wait_for_keys(wanted.pressed).await?;
        }
        let (window, around) = tokio::join!(
            async {
                match (&order.only, &wanted.join) {
                    (None, Some(_)) if desktop.tells_windows() => Focus::ask().window().await,
                    (only, _) => only.clone(),
                }
            },
            async {
                wanted.join.as_ref().filter(|join| join.asks_field)?;
                self.observer.read(order.focused.field.as_ref()?).await
            },
        );
        let place = Destination::new(window, &order.focused, &order.keys);
        if let Some(talk) = wanted.talk {
            match &mut self.talk {
                Some((known, first)) if *known == talk => {
                    if !first.may_be(&place) {
                        return Err(DeliverError::Moved);
                    }
                    order.only = order.only.or_else(|| first.window.clone());
                    if first.is_unknown() {
                        *first = place.clone();
                    }
                }
                _ => self.talk = Some((talk, place.clone())),
            }
        }
        if let Some(join) = &wanted.join {
            let now = Instant::now();
            order.text =
                self.joint.join_apart(&order.text, join, &place, around.as_ref(), now).await;
        }
        let text = order.text.clone();
        desktop.carry_out(order).await?;
        Ok(Arrived { text, place, around })
    }
}

/// Looks for a way to the cursor. Bounded in time. `slow`: when the last search took too long.
///
/// # Errors
/// [`DeliverError::Unavailable`]: there is no way.
async fn find(slow: &mut Option<Instant>) -> Result<Desktop, DeliverError> {
    let found = match *slow {
        Some(at) if at.elapsed() < SLOW_AGAIN => Err(DeliverError::Hanging),
        _ => {
            let found = timeout(FIND, Desktop::find()).await.unwrap_or(Err(DeliverError::Hanging));
            *slow = matches!(found, Err(DeliverError::Hanging)).then(Instant::now);
            found
        }
    };
    found.map_err(|problem| DeliverError::Unavailable(Box::new(problem)))
}

/// Waits until the keys of a shortcut that was `pressed` at that time are up, for desktops that
/// cannot detect held keys. If the compositor reports modifiers, waits until they are up and the
/// other keys have had time to follow. Otherwise waits for as long as a shortcut is usually held.
///
/// # Errors
/// [`DeliverError::KeysHeld`]: modifiers are held for too long.
async fn wait_for_keys(pressed: Option<Instant>) -> Result<(), DeliverError> {
    let asked = match Displays::from_env().wayland {
        Some(_) => modifiers::wait_for_modifiers().await,
        None => Ok(None),
    };
    let up = match asked {
        Ok(up) => up,
        Err(DeliverError::KeysHeld) => return Err(DeliverError::KeysHeld),
        Err(problem) => {
            debug!(reason = %problem, "the compositor does not tell of modifiers: {problem}");
            None
        }
    };
    let usual = pressed.map(|pressed| pressed + held::USUAL);
    let until = match up {
        // The other keys may still be down, whenever the shortcut was pressed.
        Some(modifiers::Up { since, were_down: true }) => Some(since + held::REST),
        Some(modifiers::Up { since, were_down: false }) => {
            usual.map(|usual| usual.min(since + held::REST))
        }
        None => usual,
    };
    if let Some(until) = until {
        tokio::time::sleep_until(until.into()).await;
    }
    Ok(())
}
