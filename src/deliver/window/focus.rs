//! Asks in the background which window has the keyboard.

use super::Window;
use super::{wayland, x11};
use crate::deliver::environment::{Displays, is_x11};
use crate::deliver::error::DeliverError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::debug;

/// How long to wait for the answer. Usually the question was asked long before.
const PATIENCE: Duration = Duration::from_millis(200);

/// Only one question of each kind runs at a time, because a display server that hangs must not
/// accumulate threads.
static ASKING: AtomicBool = AtomicBool::new(false);
static ASKING_AT_START: AtomicBool = AtomicBool::new(false);

/// The window that had the keyboard at the time of the question.
#[derive(Debug)]
pub struct Focus(Option<oneshot::Receiver<Option<Window>>>);

impl Focus {
    /// Asks without waiting for the answer.
    pub fn ask() -> Self {
        Self(ask_by(focus, &ASKING))
    }

    /// Asks as [`Self::ask`] does, on Wayland for an X11 window. Starts XWayland if it is not
    /// running.
    pub(crate) fn ask_xwayland() -> Self {
        Self(ask_by(x11::ask, &ASKING))
    }

    /// Waits for the answer, for 200 ms at most. `None`: no window had the keyboard, or the desktop
    /// does not report it (GNOME does not).
    pub async fn window(self) -> Option<Window> {
        timeout(PATIENCE, self.0?).await.ok()?.ok()?
    }
}

/// Returns the names of the application that has the keyboard, as far as the display server reports
/// them within this time. The class or the application id comes first. Used at the start of a
/// recording; the question at its end does not depend on this one.
pub(super) async fn names_within(patience: Duration) -> Vec<String> {
    let Some(told) = ask_by(names, &ASKING_AT_START) else { return Vec::new() };
    timeout(patience, told).await.ok().and_then(Result::ok).unwrap_or_default()
}

/// Runs `ask`, which blocks, on a thread. Returns `None` if it was not started.
fn ask_by<T: Default + Send + 'static>(
    ask: fn() -> Result<T, DeliverError>,
    is_asking: &'static AtomicBool,
) -> Option<oneshot::Receiver<T>> {
    if !Displays::from_env().any() || is_asking.swap(true, Ordering::AcqRel) {
        return None;
    }
    let (tell, told) = oneshot::channel();
    let thread = std::thread::Builder::new().name("v2m-focus".to_owned());
    let asking = thread.spawn(move || {
        let answer = ask().unwrap_or_else(|problem| {
            debug!(reason = %problem, "nobody tells which window has the keyboard");
            T::default()
        });
        is_asking.store(false, Ordering::Release);
        let _ = tell.send(answer); // the caller may have given up
    });
    if asking.is_err() {
        is_asking.store(false, Ordering::Release);
        return None;
    }
    Some(told)
}

/// Asks the desktop's display server. Blocks.
fn focus() -> Result<Option<Window>, DeliverError> {
    if is_x11() { x11::ask() } else { wayland::focused() }
}

/// Asks the desktop's display server for the names of the application. Blocks.
fn names() -> Result<Vec<String>, DeliverError> {
    if is_x11() {
        return x11::names();
    }
    Ok(wayland::focused()?.map(|window| window.class).into_iter().collect())
}
