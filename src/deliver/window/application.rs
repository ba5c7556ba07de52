//! Which application has the keyboard, by all that the desktop tells.

use super::focus::names_within;
use super::programs::{Observer, shell_tells};
use std::time::Duration;

/// How long the display server may take, and then GNOME Shell, and then the programs. Each answers in
/// some milliseconds, unless the machine is busy. Nobody waits meanwhile, as a rule: somebody has
/// just begun to speak.
const PATIENCE: Duration = Duration::from_secs(1);

/// The names of the application that has the keyboard: on X11 both parts of its window's WM_CLASS and
/// its program, on sway and other compositors that report it the application id, otherwise what GNOME Shell tells (if
/// `asks_shell`) or the program itself (AT-SPI). Empty: nobody tells. Takes 3.5 s at most.
pub(crate) async fn application(asks_shell: bool) -> Vec<String> {
    let names = names_within(PATIENCE).await;
    if !names.is_empty() {
        return names;
    }
    if asks_shell {
        let names = shell_tells(PATIENCE, None).await;
        if !names.is_empty() {
            return names;
        }
    }
    // No window is searched for the field: only its program matters.
    Observer::default().look_patiently(|_| true).await.programs
}
