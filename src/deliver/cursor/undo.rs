//! Takes the last text at the cursor back, if it is still there as it was delivered.
//!
//! The field is asked first (AT-SPI): if the text stands right before the cursor, it is deleted
//! there, or by one Ctrl+Z, and the field is asked again. If the program does not tell what it
//! holds, the window gets Ctrl+Z once, but only if the user chose that, and is known to have done
//! nothing since.
//! Nothing is ever deleted key by key.

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

/// How long it may take altogether, besides the wait for the user's keys.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long a program may take to undo, and how often it is asked meanwhile.
const UNDOING: Duration = Duration::from_millis(800);
const LOOK: Duration = Duration::from_millis(40);

/// What a user wants taken back, and how.
#[derive(Clone, Debug, Default)]
pub struct UndoOptions {
    /// The keys that paste; here they tell terminals.
    pub keys: PasteKeys,
    /// The shortcuts' commands so far, this one included.
    pub presses: ShortcutPresses,
    /// When the user pressed the key for it, and may still hold it.
    pub pressed: Option<Instant>,
    /// Whether a window that does not tell what it holds gets Ctrl+Z once.
    pub by_keys: bool,
}

/// How a text was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undone {
    /// The field tells that the text is gone.
    Gone,
    /// Ctrl+Z was pressed once. The window tells nothing.
    Pressed,
}

impl Undone {
    /// In words for the user.
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

/// Why a text was not taken back.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// There is none.
    #[error("{}", tr!("there is no text at the cursor that v2m could take back"))]
    Nothing,
    /// Anybody may sit there.
    #[error("{}", tr!("the screen is locked"))]
    Locked,
    /// Other window, other field.
    #[error(
        "{}",
        tr!(
            "the focus has moved since. Go back there, or undo it in the program (Ctrl+Z)"
        )
    )]
    Moved,
    /// The field has something else before its cursor.
    #[error(
        "{}",
        tr!(
            "the text is not before the cursor any more as v2m delivered it: something was typed, \
             or the cursor was moved"
        )
    )]
    Changed,
    /// Keys or buttons were pressed.
    #[error(
        "{}",
        tr!(
            "you have pressed keys or clicked since, so the text may not be what Ctrl+Z undoes"
        )
    )]
    Touched,
    /// The desktop does not tell whether anything was done.
    #[error(
        "{}",
        tr!(
            "it was delivered more than {seconds} s ago, and the desktop does not report what you did since",
            seconds = SHORTLY.as_secs()
        )
    )]
    TooLate,
    /// Neither the desktop nor the program tells.
    #[error(
        "{}",
        tr!(
            "the desktop does not report whether you have typed since, and the program does not show the text \
             at the cursor. Ctrl+Z might undo what you typed. Undo it in the program"
        )
    )]
    Untold,
    /// The program tells nothing.
    #[error(
        "{}",
        tr!(
            "the program does not show v2m the text at the cursor. Undo it there (Ctrl+Z). \
             With deliver.undo = \"ctrl+z\" v2m presses these keys for you"
        )
    )]
    NotTold,
    /// Ctrl+Z stops a program there.
    #[error(
        "{}",
        tr!(
            "a terminal has the focus, or may have it, and Ctrl+Z would stop the program in it"
        )
    )]
    Terminal,
    /// Who knows how much one step is.
    #[error(
        "{}",
        tr!(
            "the text was typed, and Ctrl+Z may undo only a part of it. Undo it in the program"
        )
    )]
    Typed,
    /// It did not help.
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

/// The text that could be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// As it was delivered.
    pub(crate) text: String,
    pub(crate) means: Means,
}

impl Cursor {
    /// Takes the last text back. Answers within five seconds once the user's keys are up.
    ///
    /// # Errors
    /// Why not. Nothing was changed, but for [`UndoError::Still`] and [`UndoError::Unclear`].
    pub(crate) async fn undo(&mut self, wanted: &UndoOptions) -> Result<Undone, UndoError> {
        let patience = DEADLINE + crate::deliver::keys::held::PATIENCE;
        let done = tokio::time::timeout(patience, self.try_to_undo(wanted)).await;
        let done = done.unwrap_or_else(|_late| {
            // What hangs is found anew the next time.
            self.desktop = None;
            Err(UndoError::Unclear)
        });
        match done {
            // Whatever stands there now, v2m does not know it.
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
            // A field that lets itself be changed needs none.
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
            // The program tells of its fields, and none has the keyboard.
            return Err(UndoError::Moved);
        }
        if !wanted.by_keys {
            return Err(UndoError::NotTold);
        }
        self.press_undo(wanted, &delivered, focused, window, false).await?;
        Ok(Undone::Pressed)
    }

    /// Presses Ctrl+Z once, where that takes back a text and does nothing else. `stands`: the field
    /// tells that the text stands right before the cursor.
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
            // The clipboard of the paste may still be on its way back.
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

    /// Waits until the field does not have the text before its cursor any more.
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

/// Whether Ctrl+Z, which takes back what was done last, takes back the text. `between` and `at`: what
/// was done since the text came, and when that was. `stands`: the field tells that the text stands
/// right before the cursor.
fn judged((between, at): (Between, Instant), stands: bool) -> Result<(), UndoError> {
    match between {
        Between::Something => Err(UndoError::Touched),
        Between::Unknown if !stands => Err(UndoError::Untold),
        Between::Unknown if at.elapsed() > SHORTLY => Err(UndoError::TooLate),
        Between::Unknown | Between::Nothing => Ok(()),
    }
}

/// Judges before the wait, because a refusal needs none, and after it, because the user may have
/// typed meanwhile.
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

    /// Regression: Ctrl+Z took back what was typed while v2m waited for the keys.
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
