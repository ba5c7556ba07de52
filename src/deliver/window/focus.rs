//! Which window has the keyboard, asked beside whoever wants to know it later.

use super::Window;
use super::{wayland, x11};
use crate::deliver::environment::{Displays, is_x11};
use crate::deliver::error::DeliverError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::debug;

/// How long the answer is waited for; the question was put long before, as a rule.
const PATIENCE: Duration = Duration::from_millis(200);

/// One question is out at a time: a display server that hangs must not gather threads.
static ASKING: AtomicBool = AtomicBool::new(false);

/// The window that has the keyboard at the moment of the question.
#[derive(Debug)]
pub struct Focus(Option<oneshot::Receiver<Option<Window>>>);

impl Focus {
    /// Asks, and does not wait.
    pub fn ask() -> Self {
        Self::ask_by(focus)
    }

    /// As [`Self::ask`], on Wayland, for a window of X11's. Starts XWayland if it does not run.
    pub(crate) fn ask_xwayland() -> Self {
        Self::ask_by(x11::ask)
    }

    /// `focus` is blocking.
    fn ask_by(focus: fn() -> Result<Option<Window>, DeliverError>) -> Self {
        if !Displays::from_env().any() || ASKING.swap(true, Ordering::AcqRel) {
            return Self(None);
        }
        let (tell, told) = oneshot::channel();
        let thread = std::thread::Builder::new().name("v2m-focus".to_owned());
        let asking = thread.spawn(move || {
            let window = focus().unwrap_or_else(|problem| {
                debug!(reason = %problem, "nobody tells which window has the keyboard");
                None
            });
            ASKING.store(false, Ordering::Release);
            let _ = tell.send(window); // nobody waits any more
        });
        if asking.is_err() {
            ASKING.store(false, Ordering::Release);
            return Self(None);
        }
        Self(Some(told))
    }

    /// The answer. `None`: no window had it, or nobody tells; on GNOME nobody does. Bounded: 200
    /// ms.
    pub async fn window(self) -> Option<Window> {
        timeout(PATIENCE, self.0?).await.ok()?.ok()?
    }
}

/// What the desktop's display server tells. Blocking.
fn focus() -> Result<Option<Window>, DeliverError> {
    if is_x11() { x11::ask() } else { wayland::focused() }
}
