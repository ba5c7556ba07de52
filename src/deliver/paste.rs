//! One paste from beginning to end, the same on every desktop, with all its times.
//!
//! v2m reads the clipboard, offers the text in its place, and presses the paste keys once the user
//! holds none in the way. If the window requests the text, that is the receipt, and the clipboard
//! is restored. Without a receipt the text stays on the clipboard, and v2m does not claim that it
//! was pasted. The desktop provides the clipboard and the keys.

use super::clipboard::x11::primary::{Loan, To};
use super::clipboard::{Before, Clipboard, ClipboardManager, Serve};
use super::error::DeliverError;
use super::keys::Keys;
use super::keys::held::Wait;
use super::order::Insertion;
use super::window::Window;
use std::time::{Duration, Instant};
use tracing::debug;

/// How long a text may take to reach the cursor. After this the user has pasted by hand, or given
/// up. Waiting for the user's keys and restoring the clipboard do not count.
pub(crate) const DEADLINE: Duration = Duration::from_secs(3);
/// How long reading the old clipboard may take, because its owner may hang. A screenshot takes
/// about 20 ms.
const REMEMBER: Duration = Duration::from_millis(700);
/// How long to wait for a clipboard manager that is known to run. It reads at once, or not at all.
const MANAGER: Duration = Duration::from_millis(150);
/// If the desktop does not report managers, v2m waits for them until there was no request for this
/// long,
const PERHAPS: Duration = Duration::from_millis(15);
/// or for this long altogether. A manager that has read an earlier text gets all of this time: it
/// may be busy, and v2m would mistake it for the window.
const MANAGERS: Duration = Duration::from_millis(60);
/// How long windows may take to listen to the first keyboard of a seat.
pub(crate) const FIRST_KEYBOARD: Duration = Duration::from_millis(150);
/// The interval at which X11 is asked which keys are down. X11 reports keys pressed in other
/// windows only to a program that grabs the keyboard.
const LOOK: Duration = Duration::from_millis(10);
/// How long a window may take to request the text. Busy ones take some hundred milliseconds.
const RECEIPT: Duration = Duration::from_millis(1_200);
/// A program may request the text in more than one format. The old clipboard is restored after this
/// long without requests,
const QUIET: Duration = Duration::from_millis(100);
/// or after this long altogether: some programs read the clipboard again and again, and the user
/// may want to paste what they had copied.
const NO_LONGER: Duration = Duration::from_millis(400);
/// How long v2m waits for a program that has asked in time and is still reading a long text. It may
/// request another format next.
const TRANSFERS: Duration = Duration::from_secs(2);

/// Serves requests until there are no more.
pub(crate) const UNTIL_QUIET: Serve =
    Serve::UntilQuiet { first: QUIET, quiet: QUIET, most: NO_LONGER, transfers: TRANSFERS };

/// A text that a window has read.
#[derive(Debug)]
pub(crate) struct Pasted<C> {
    /// The content to restore.
    before: Before<C>,
    /// The loan of the primary selection, if it holds the text too.
    loan: Option<Loan>,
}

/// Offers the text, presses the keys, and waits for the window's request. `window` names the window
/// with the keyboard, if that is known. `is_wanted` is called now and then: whether the caller
/// still waits. If not, nothing is pressed.
pub(crate) async fn paste<C: Clipboard, K: Keys>(
    order: &Insertion,
    clipboard: &mut C,
    keys: &mut K,
    window: impl Fn() -> Result<Option<Window>, DeliverError>,
    is_wanted: impl Fn() -> bool,
) -> Result<Pasted<C::Content>, DeliverError> {
    let target = window()?;
    order.check(target.as_ref())?;
    let press = order.press(target.as_ref());
    keys.find(&press.chord).await?;
    let loan = match press.primary {
        true => Some(lend(order, C::WINDOWS).await?),
        false => None,
    };
    let before = take(clipboard, order, &is_wanted).await?;
    wait_for_reader(clipboard).await?;
    wait_for_hands(clipboard, || keys.are_held()).await?;
    if keys.are_new() {
        clipboard.serve(Serve::For(FIRST_KEYBOARD)).await?;
    }
    if !is_wanted() {
        give_back(clipboard, Pasted { before, loan }).await?;
        return Err(DeliverError::Hanging);
    }
    // The focus may have moved meanwhile.
    order.check(window()?.as_ref())?;
    clipboard.mark(keys.are_apart()).await?;
    if let Some(loan) = &loan {
        loan.forget_requests();
    }
    clipboard.serve_while(keys.press(), loan.as_ref()).await?;
    if clipboard.receipt(target.as_ref(), loan.as_ref(), RECEIPT).await? {
        Ok(Pasted { before, loan })
    } else {
        Err(DeliverError::NotTaken(press.by_hand()))
    }
}

/// Puts the text on the primary selection too.
async fn lend(order: &Insertion, to: To) -> Result<Loan, DeliverError> {
    Loan::begin(&order.text, to, order.is_sensitive).await.map_err(|problem| {
        debug!(reason = %problem, "the primary selection cannot be had");
        DeliverError::NoPrimary
    })
}

/// Reads the clipboard and puts the text there. If the user copies something between the two, that
/// is read too and restored later.
async fn take<C: Clipboard>(
    clipboard: &mut C,
    order: &Insertion,
    is_wanted: impl Fn() -> bool,
) -> Result<Before<C::Content>, DeliverError> {
    let until = Instant::now() + REMEMBER;
    loop {
        let before = clipboard.remember(until.saturating_duration_since(Instant::now())).await?;
        if !is_wanted() {
            return Err(DeliverError::Hanging);
        }
        if clipboard.offer(&order.text, order.is_sensitive).await? {
            return Ok(before);
        }
        // A program copies all the time.
        if Instant::now() >= until {
            return Err(DeliverError::Overtaken);
        }
    }
}

/// Waits for clipboard managers to read the text, so that a request after the keys comes from the
/// window.
async fn wait_for_reader<C: Clipboard>(clipboard: &mut C) -> Result<(), DeliverError> {
    let requests = match clipboard.reader()? {
        ClipboardManager::None => Serve::For(Duration::ZERO),
        ClipboardManager::Known => Serve::One(MANAGER),
        ClipboardManager::Unknown { has_read } => Serve::UntilQuiet {
            first: if has_read { MANAGERS } else { PERHAPS },
            quiet: PERHAPS,
            most: MANAGERS,
            transfers: Duration::ZERO,
        },
    };
    let has_read = clipboard.serve(requests).await?;
    clipboard.note_reader(has_read);
    Ok(())
}

/// Waits until the user holds no key in the way. Serves the clipboard meanwhile.
///
/// # Errors
/// [`DeliverError::KeysHeld`]: the user holds them for too long.
pub(crate) async fn wait_for_hands<C: Clipboard>(
    clipboard: &mut C,
    mut are_held: impl FnMut() -> Result<bool, DeliverError>,
) -> Result<(), DeliverError> {
    let wait = Wait::from(Instant::now());
    loop {
        let any_held = are_held()?;
        let now = Instant::now();
        let again = wait.next(any_held, now, LOOK)?;
        // This also handles requests that have come meanwhile.
        clipboard.serve(Serve::For(again.map_or(Duration::ZERO, |again| again - now))).await?;
        if again.is_none() {
            return Ok(());
        }
    }
}

/// Restores the clipboard once there are no more requests for the text, unless the user has copied
/// something.
pub(crate) async fn give_back<C: Clipboard>(
    clipboard: &mut C,
    pasted: Pasted<C::Content>,
) -> Result<(), DeliverError> {
    match until_quiet(clipboard, pasted).await? {
        Some(before) => put_back(clipboard, before).await,
        None => Ok(()),
    }
}

/// Waits until there are no more requests for the text. Returns the content to restore. `None`: the
/// user has copied something, which stays.
pub(crate) async fn until_quiet<C: Clipboard>(
    clipboard: &mut C,
    pasted: Pasted<C::Content>,
) -> Result<Option<Before<C::Content>>, DeliverError> {
    let Pasted { before, loan } = pasted;
    let served = clipboard.serve(UNTIL_QUIET).await;
    // A terminal may request the primary selection in more than one format too.
    drop(loan);
    match served {
        Ok(_) => Ok(Some(before)),
        Err(DeliverError::Overtaken) => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// Restores the clipboard with this content.
pub(crate) async fn put_back<C: Clipboard>(
    clipboard: &mut C,
    before: Before<C::Content>,
) -> Result<(), DeliverError> {
    match before {
        Before::Nothing => clipboard.clear().await,
        Before::Content(content) => clipboard.give_back(content).await,
        Before::Unknown => {
            debug!("the clipboard keeps the text");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
