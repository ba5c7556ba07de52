//! One paste from beginning to end, on every desktop alike, and all its times.
//!
//! The clipboard is remembered, the text offered in its place, and the keys that paste are pressed
//! once nobody is in the way. The window's request for the text is the receipt; without it nothing
//! is claimed, and the text waits on the clipboard. On the receipt the clipboard gets back what it
//! held. Which clipboard and which keys those are is the desktop's matter.

use super::clipboard::x11::primary::{Loan, To};
use super::clipboard::{Before, Clipboard, ClipboardManager, Serve};
use super::error::DeliverError;
use super::keys::Keys;
use super::keys::held::Wait;
use super::order::Insertion;
use super::window::Window;
use std::time::{Duration, Instant};
use tracing::debug;

/// How long a text may take to get to the cursor: past this the user has pasted by hand, or given
/// up. The waiting for the user's keys is not counted, nor what is put right afterwards.
pub(crate) const DEADLINE: Duration = Duration::from_secs(3);
/// How long the old clipboard may take to be read: its owner may hang. A screenshot takes some 20
/// ms.
const REMEMBER: Duration = Duration::from_millis(700);
/// How long a clipboard manager that is known to be there is waited for. It reads at once, or not
/// at all.
const MANAGER: Duration = Duration::from_millis(150);
/// Where the desktop does not tell of managers, they are waited for until nobody has asked for so
/// long,
const PERHAPS: Duration = Duration::from_millis(15);
/// or altogether for so long. One that has read before is given all of it: it is only busy, and
/// would be taken for the window.
const MANAGERS: Duration = Duration::from_millis(60);
/// How long windows may take to listen to the first keyboard there is.
const FIRST_KEYBOARD: Duration = Duration::from_millis(150);
/// X11 tells of no key that is pressed elsewhere, except to who takes the keyboard from the others.
/// So it is asked, so often.
const LOOK: Duration = Duration::from_millis(10);
/// How long a window may take to ask for what is pasted: busy ones take some hundred milliseconds.
const RECEIPT: Duration = Duration::from_millis(1_200);
/// A program may ask for the text in more than one format; the old clipboard comes back once it was
/// quiet for so long,
const QUIET: Duration = Duration::from_millis(100);
/// or after so long: some programs read the clipboard again and again, and the user may want to
/// paste what they copied.
const NO_LONGER: Duration = Duration::from_millis(400);
/// A program that has asked in time and is still reading a long text is waited for, but no longer
/// than this: it may ask for another format next, and what is under way would end with v2m.
const TRANSFERS: Duration = Duration::from_secs(2);

/// Until nobody asks any more for what is on the clipboard.
pub(crate) const UNTIL_QUIET: Serve =
    Serve::UntilQuiet { first: QUIET, quiet: QUIET, most: NO_LONGER, transfers: TRANSFERS };

/// A text that a window has taken.
#[derive(Debug)]
pub(crate) struct Pasted<C> {
    /// What is to come back.
    before: Before<C>,
    /// The primary selection holds the text too.
    loan: Option<Loan>,
}

/// Offers the text, presses the keys, waits for the window's request. `window` tells which one has
/// the keyboard, if it is known. `is_wanted` is asked now and then: who ordered it may have given
/// up. Then nothing is pressed.
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
    // Some time has passed.
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

/// Reads the clipboard and puts the text there. What is copied between the two is read too, so that
/// it comes back.
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
        // Somebody copies all the time.
        if Instant::now() >= until {
            return Err(DeliverError::Overtaken);
        }
    }
}

/// Managers read what comes onto the clipboard. What is read before the keys is read by them.
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

/// Waits until none of the user's keys is in the way; serves the clipboard meanwhile.
///
/// # Errors
/// [`DeliverError::KeysHeld`]: they are held for too long.
pub(crate) async fn wait_for_hands<C: Clipboard>(
    clipboard: &mut C,
    mut are_held: impl FnMut() -> Result<bool, DeliverError>,
) -> Result<(), DeliverError> {
    let wait = Wait::from(Instant::now());
    loop {
        let any_held = are_held()?;
        let now = Instant::now();
        let again = wait.next(any_held, now, LOOK)?;
        // Also deals with whatever is on its way by now.
        clipboard.serve(Serve::For(again.map_or(Duration::ZERO, |again| again - now))).await?;
        if again.is_none() {
            return Ok(());
        }
    }
}

/// Puts back what was on the clipboard once nobody asks for the text any more, unless the user has
/// copied something.
pub(crate) async fn give_back<C: Clipboard>(
    clipboard: &mut C,
    pasted: Pasted<C::Content>,
) -> Result<(), DeliverError> {
    match until_quiet(clipboard, pasted).await? {
        Some(before) => put_back(clipboard, before).await,
        None => Ok(()),
    }
}

/// Waits until nobody asks for the text any more. What to put back; `None`: the user has copied
/// something, which stays.
pub(crate) async fn until_quiet<C: Clipboard>(
    clipboard: &mut C,
    pasted: Pasted<C::Content>,
) -> Result<Option<Before<C::Content>>, DeliverError> {
    let Pasted { before, loan } = pasted;
    let served = clipboard.serve(UNTIL_QUIET).await;
    // A terminal may ask for what is selected in more than one format too.
    drop(loan);
    match served {
        Ok(_) => Ok(Some(before)),
        Err(DeliverError::Overtaken) => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// Puts this on the clipboard in place of the text.
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
