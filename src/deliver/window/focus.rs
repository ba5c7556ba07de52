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

/// How long to wait for the answer. As a rule the question was asked long before.
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
        Self::ask_by(focus, &ASKING)
    }

    /// Asks as [`Self::ask`] does, when a recording begins. The question at its end does not depend
    /// on this one.
    pub(super) fn ask_at_start() -> Self {
        Self::ask_by(focus, &ASKING_AT_START)
    }

    /// Asks as [`Self::ask`] does, on Wayland for an X11 window. Starts XWayland if it is not
    /// running.
    pub(crate) fn ask_xwayland() -> Self {
        Self::ask_by(x11::ask, &ASKING)
    }

    /// Runs `focus`, which blocks, on a thread.
    fn ask_by(
        focus: fn() -> Result<Option<Window>, DeliverError>,
        is_asking: &'static AtomicBool,
    ) -> Self {
        if !Displays::from_env().any() || is_asking.swap(true, Ordering::AcqRel) {
            return Self(None);
        }
        let (tell, told) = oneshot::channel();
        let thread = std::thread::Builder::new().name("v2m-focus".to_owned());
        let asking = thread.spawn(move || {
            let window = focus().unwrap_or_else(|problem| {
                debug!(reason = %problem, "nobody tells which window has the keyboard");
                None
            });
            is_asking.store(false, Ordering::Release);
            let _ = tell.send(window); // the caller may have given up
        });
        if asking.is_err() {
            is_asking.store(false, Ordering::Release);
            return Self(None);
        }
        Self(Some(told))
    }

    /// Waits for the answer, for 200 ms at most. `None`: no window had the keyboard, or the desktop
    /// does not report it (GNOME does not).
    pub async fn window(self) -> Option<Window> {
        self.window_within(PATIENCE).await
    }

    /// As [`Self::window`], for callers with more time.
    pub(super) async fn window_within(self, patience: Duration) -> Option<Window> {
        timeout(patience, self.0?).await.ok()?.ok()?
    }
}

/// Asks the desktop's display server. Blocks.
fn focus() -> Result<Option<Window>, DeliverError> {
    if is_x11() { x11::ask() } else { wayland::focused() }
}
