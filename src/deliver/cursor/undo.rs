//! Takes back the last text at the cursor, if it is still there as it was delivered.
//!
//! v2m asks the field first (AT-SPI). If the text stands right before the cursor, v2m deletes it
//! through the field or with one Ctrl+Z, and asks the field again. If the program does not report
//! the field's content, v2m presses Ctrl+Z once, but only if the user chose that and is known to
//! have done nothing since. Nothing is ever deleted key by key.

use super::{Cursor, with_xwayland};
use crate::deliver::desktop::Desktop;
use crate::deliver::error::DeliverError;
use crate::deliver::joint::{Between, Destination, SHORTLY, ShortcutPresses};
use crate::deliver::order::{Insertion, Means};
use crate::deliver::window::programs::{Field, TakenBack, Widget};
use crate::deliver::window::{Focus, Focused, PasteKeys, Window};
use std::time::{Duration, Instant};
use tracing::debug;
use v2m_messages::tr;

/// How long an undo may take in all, besides the wait for the user's keys.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long a program may take to undo, and the interval at which it is asked meanwhile.
const UNDOING: Duration = Duration::from_millis(800);
const LOOK: Duration = Duration::from_millis(40);

/// The options for taking back a text.
#[derive(Clone, Debug, Default)]
pub struct UndoOptions {
    /// The keys that paste. Here they serve to recognise terminals.
    pub keys: PasteKeys,
    /// The shortcut's commands so far, including this one.
    pub presses: ShortcutPresses,
    /// When the user pressed the key for this command, which may still be held.
    pub pressed: Option<Instant>,
    /// Whether v2m presses Ctrl+Z once in a window that does not report its content.
    pub by_keys: bool,
}

/// How a text was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undone {
    /// The field reports that the text is gone.
    Gone,
    /// Ctrl+Z was pressed once. The window does not report the result.
    Pressed,
}

impl Undone {
    /// Returns the result in words for the user.
    pub fn told(self) -> &'static str {
        match self {
            Self::Gone => {
                tr!("The last text is taken back. `v2m-send last` still prints it.")
            }
            Self::Pressed => {
                tr!("v2m pressed Ctrl+Z once. The window does not report whether the text is gone.")
            }
        }
    }
}

/// The reason why a text was not taken back.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// There is no text to take back.
    #[error("{}", tr!("there is no text at the cursor that v2m could take back"))]
    Nothing,
    /// The screen is locked, so anybody may have pressed the key.
    #[error("{}", tr!("the screen is locked"))]
    Locked,
    /// Another window or another field has the keyboard.
    #[error(
        "{}",
        tr!(
            "the focus has moved since. Go back there, or undo it in the program (Ctrl+Z)"
        )
    )]
    Moved,
    /// The field has another text before its cursor.
    #[error(
        "{}",
        tr!(
            "the text is not before the cursor any more as v2m delivered it: something was typed, \
             or the cursor was moved"
        )
    )]
    Changed,
    /// Keys or buttons were pressed since the delivery.
    #[error(
        "{}",
        tr!(
            "you have pressed keys or clicked since, so the text may not be what Ctrl+Z undoes"
        )
    )]
    Touched,
    /// The delivery was too long ago, and the desktop does not report exactly what the user did
    /// since.
    #[error(
        "{}",
        tr!(
            "it was delivered more than {seconds} s ago, and the desktop does not report what you did since",
            seconds = SHORTLY.as_secs()
        )
    )]
    TooLate,
    /// Neither the desktop reports the user's activity, nor the program its content.
    #[error(
        "{}",
        tr!(
            "the desktop does not report whether you have typed since, and the program does not show the text \
             at the cursor. Ctrl+Z might undo what you typed. Undo it in the program"
        )
    )]
    Untold,
    /// The program does not report its content.
    #[error(
        "{}",
        tr!(
            "the program does not show v2m the text at the cursor. Undo it there (Ctrl+Z). \
             With deliver.undo = \"ctrl+z\" v2m presses these keys for you"
        )
    )]
    NotTold,
    /// A terminal may have the keyboard, and Ctrl+Z stops the program in it.
    #[error(
        "{}",
        tr!(
            "a terminal has the focus, or may have it, and Ctrl+Z would stop the program in it"
        )
    )]
    Terminal,
    /// The text was typed, and Ctrl+Z may undo only a part of it.
    #[error(
        "{}",
        tr!(
            "the text was typed, and Ctrl+Z may undo only a part of it. Undo it in the program"
        )
    )]
    Typed,
    /// Ctrl+Z was pressed, and the text is still there.
    #[error("{}", tr!("v2m pressed Ctrl+Z once, but the program still shows the text"))]
    Still,
    /// The program has not answered in time.
    #[error("{}", tr!("the program did not answer, so v2m does not know whether the text is gone"))]
    Unclear,
    /// The keys could not be pressed.
    #[error("{}", tr!("v2m could not press Ctrl+Z: {reason}", reason = .0))]
    Keys(String),
}

impl From<DeliverError> for UndoError {
    fn from(error: DeliverError) -> Self {
        match error {
            DeliverError::Moved | DeliverError::NoWindow => Self::Moved,
            DeliverError::KeysHeld | DeliverError::KeysUnclear => {
                Self::Keys(tr!("you still held keys down").to_owned())
            }
            error => Self::Keys(error.to_string()),
        }
    }
}

/// A delivered text that may be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// The text as it was delivered.
    pub(crate) text: String,
    pub(crate) means: Means,
}

impl Cursor {
    /// Takes back the last text. Returns within five seconds once the user's keys are up.
    ///
    /// # Errors
    /// The reason why the text was not taken back. Nothing was changed, except for
    /// [`UndoError::Still`] and [`UndoError::Unclear`].
    pub(crate) async fn undo(&mut self, wanted: &UndoOptions) -> Result<Undone, UndoError> {
        let patience = DEADLINE + crate::deliver::keys::held::PATIENCE;
        let done = tokio::time::timeout(patience, self.try_to_undo(wanted)).await;
        let done = done.unwrap_or_else(|_late| {
            // The desktop hangs, so the next delivery looks for it again.
            self.desktop = None;
            Err(UndoError::Unclear)
        });
        match done {
            // The text at the cursor is now unknown.
            Ok(_) | Err(UndoError::Still | UndoError::Unclear) => self.joint.forget(),
            Err(_) => {}
        }
        done
    }

    async fn try_to_undo(&mut self, wanted: &UndoOptions) -> Result<Undone, UndoError> {
        let Some((delivered, place)) = self.joint.undoable() else {
            return Err(UndoError::Nothing);
        };
        let (delivered, place) = (delivered.clone(), place.clone());
        let focused =
            self.observer.look_patiently(|program| wanted.keys.is_terminal(program)).await;
        let focused = with_xwayland(focused).await;
        self.desktop = match self.desktop.take() {
            Some(desktop) if desktop.is_there().await => Some(desktop),
            // An editable field needs no desktop.
            _ => Desktop::find().await.ok(),
        };
        let window = match &self.desktop {
            Some(desktop) if desktop.tells_windows() => Focus::ask().window().await,
            Some(_) | None => None,
        };
        let here = Destination::new(window.clone(), &focused, &wanted.keys);
        if !place.may_be(&here) {
            return Err(UndoError::Moved);
        }
        if let Some(field) = &focused.field {
            match self.observer.take_back(field, &delivered.text).await {
                TakenBack::Gone => return Ok(Undone::Gone),
                TakenBack::Changed => return Err(UndoError::Changed),
                TakenBack::Unclear => return Err(UndoError::Unclear),
                TakenBack::NotEditable => {
                    let field = field.clone();
                    self.press_undo(wanted, &delivered, focused, window, true).await?;
                    return self.until_gone(&field, &delivered.text).await;
                }
                TakenBack::NotTold => {}
            }
        } else if place.has_field() && focused.widget != Widget::Unfinished {
            // The program reports its fields, and none of them has the keyboard.
            return Err(UndoError::Moved);
        }
        if !wanted.by_keys {
            return Err(UndoError::NotTold);
        }
        self.press_undo(wanted, &delivered, focused, window, false).await?;
        Ok(Undone::Pressed)
    }

    /// Presses Ctrl+Z once, if that takes back the text and does nothing else. `stands`: the field
    /// reports that the text stands right before the cursor.
    async fn press_undo(
        &mut self,
        wanted: &UndoOptions,
        delivered: &Delivered,
        focused: Focused,
        only: Option<Window>,
        stands: bool,
    ) -> Result<(), UndoError> {
        if delivered.means == Means::Type {
            return Err(UndoError::Typed);
        }
        if wanted.keys.may_be_terminal(only.as_ref(), &focused) {
            return Err(UndoError::Terminal);
        }
        let desktop = self.desktop.as_mut().ok_or(UndoError::NotTold)?;
        let joint = &self.joint;
        let judge = || judged(joint.since(&wanted.presses, Instant::now()), stands);
        judged_around(judge, async {
            if !desktop.tells_of_keys() {
                super::wait_for_keys(wanted.pressed).await?;
            }
            // v2m may still be restoring the clipboard after the paste.
            desktop.settle().await;
            Ok(())
        })
        .await?;
        let order = Insertion {
            text: String::new(),
            means: Means::Undo,
            keys: wanted.keys.clone(),
            only,
            focused,
            is_sensitive: false,
        };
        debug!("pressing Ctrl+Z to take the last text back");
        Ok(desktop.carry_out(order).await?)
    }

    /// Waits until the field no longer has the text before its cursor.
    async fn until_gone(&self, field: &Field, text: &str) -> Result<Undone, UndoError> {
        let until = Instant::now() + UNDOING;
        loop {
            match self.observer.stands(field, text).await {
                Some(false) => return Ok(Undone::Gone),
                Some(true) if Instant::now() >= until => return Err(UndoError::Still),
                None if Instant::now() >= until => return Err(UndoError::Unclear),
                Some(true) | None => tokio::time::sleep(LOOK).await,
            }
        }
    }
}

/// Decides whether Ctrl+Z, which undoes the last action, would undo the text. `between`: the user's
/// activity since the delivery. `at`: the time of the delivery. `stands`: the field reports that
/// the text stands right before the cursor.
fn judged((between, at): (Between, Instant), stands: bool) -> Result<(), UndoError> {
    match between {
        Between::Something => Err(UndoError::Touched),
        Between::Unknown if !stands => Err(UndoError::Untold),
        Between::Unknown if at.elapsed() > SHORTLY => Err(UndoError::TooLate),
        Between::Unknown | Between::Nothing => Ok(()),
    }
}

/// Calls `judge` before the wait, because a refusal needs no wait, and after it, because the user
/// may have typed meanwhile.
async fn judged_around(
    judge: impl Fn() -> Result<(), UndoError>,
    wait: impl Future<Output = Result<(), DeliverError>>,
) -> Result<(), UndoError> {
    judge()?;
    wait.await?;
    judge()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Regression: Ctrl+Z undid text that the user typed while v2m waited for the keys.
    #[tokio::test]
    async fn what_is_done_in_the_wait_counts() {
        let now = Instant::now();
        for (before, after, stands) in [
            (Between::Nothing, Between::Something, true),
            (Between::Nothing, Between::Unknown, false),
            (Between::Something, Between::Something, true),
            (Between::Nothing, Between::Nothing, false),
        ] {
            let (done, waited) = (Cell::new(before), Cell::new(false));
            let told = judged_around(|| judged((done.get(), now), stands), async {
                done.set(after);
                waited.set(true);
                Ok(())
            });
            let told = told.await;
            assert_eq!(told.is_ok(), after == Between::Nothing, "{told:?}");
            assert_eq!(waited.get(), before == Between::Nothing, "a refusal waits for nothing");
        }
    }
}
