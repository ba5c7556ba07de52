//! `v2m-osd`: a sign at the bottom of the screen that shows what v2m is doing, on compositors with
//! layer-shell (KDE, sway, Hyprland and others) and on X11.
//!
//! | module | what it is for |
//! |---|---|
//! | [`args`] | the help text; [`v2m_ipc::arguments`] reads the command line |
//! | [`bus`] | the session bus: the name `org.v2m.Sign`, and v2m's signals to its owner |
//! | [`news`] | v2m's signals as this program's own types |
//! | [`face`] | decides what is shown, and until when; pure |
//! | [`text`] | draws lines of text in any script |
//! | [`draw`] | draws the picture |
//! | [`appearance`] | the desktop's settings: light or dark, animations |
//! | [`display`] | shows pixels on Wayland or X11 |
//! | [`life`] | the one loop, from the start to the end |
//!
//! It takes no keys and no clicks, never has the focus, and needs neither the user's files nor a
//! network. The service starts it when a recording begins, and it ends by itself.

#![forbid(unsafe_code)]

pub mod appearance;
pub mod args;
pub mod bus;
pub mod cut;
pub mod display;
pub mod draw;
pub mod face;
pub mod life;
pub mod news;
pub mod text;

use std::process::ExitCode;
use v2m_ipc::arguments;

/// Exit status if there is no display that can show the sign: `EX_UNAVAILABLE` of sysexits.h.
pub const NO_DISPLAY: u8 = 69;

/// Runs the program: reads the arguments, then shows v2m's states until v2m has been idle for long
/// enough.
pub fn main() -> ExitCode {
    match arguments::idle("v2m-osd", args::usage()) {
        Ok(idle) => life::live(idle),
        Err(status) => status,
    }
}
