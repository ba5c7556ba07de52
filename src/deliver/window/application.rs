//! Finds out which application has the keyboard, from all sources on the desktop.

use super::focus::names_within;
use super::programs::{Observer, shell_tells};
use std::time::Duration;

/// How long the display server, GNOME Shell and the programs may each take, one after the other.
/// Each answers within milliseconds, unless the machine is busy. Usually nobody waits, because the
/// user has just begun to speak.
const PATIENCE: Duration = Duration::from_secs(1);

/// Returns the names of the application that has the keyboard. On X11 these are both parts of its
/// window's WM_CLASS and its program. On sway and other compositors that report it, it is the
/// application id. Otherwise the names come from GNOME Shell (if `asks_shell`) or the program
/// itself (AT-SPI). Empty: nothing reports it. Takes 3.5 s at most.
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
    // Every program counts as a terminal, so that no window is searched for the field: only the
    // program matters.
    Observer::default().look_patiently(|_| true).await.programs
}
