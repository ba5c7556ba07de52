//! `v2m-osd`: a sign at the bottom of the screen that shows what v2m is doing, on compositors with
//! layer-shell (KDE, sway, Hyprland and others) and on X11.
//!
//! | module | what it is for |
//! |---|---|
//! | [`args`] | the help; [`v2m_ipc::arguments`] reads the command line |
//! | [`bus`] | the session bus: the name `org.v2m.Sign`, and what v2m tells its owner |
//! | [`news`] | what v2m tells, as this program's own types |
//! | [`face`] | what is to be seen, and until when; pure |
//! | [`text`] | lines of text in any script, as pixels |
//! | [`draw`] | what is to be seen, as pixels |
//! | [`appearance`] | light or dark, and whether anything may move, as the desktop is set |
//! | [`display`] | where pixels are shown: Wayland or X11 |
//! | [`life`] | the one loop, from the start to the end |
//!
//! It takes no key and no click, never has the focus, and needs neither files of the user nor a
//! network. The service starts it when a recording begins, and it ends by itself.

#![forbid(unsafe_code)]

pub mod appearance;
pub mod args;
pub mod bus;
pub mod display;
pub mod draw;
pub mod face;
pub mod life;
pub mod news;
pub mod text;

use std::process::ExitCode;
use v2m_ipc::arguments;

/// Exit status where there is no display that can show it. `EX_UNAVAILABLE` of sysexits.h.
pub const NO_DISPLAY: u8 = 69;

/// The whole program: reads the arguments, then shows what v2m does until nothing goes on.
pub fn main() -> ExitCode {
    match arguments::idle("v2m-osd", args::usage()) {
        Ok(idle) => life::live(idle),
        Err(status) => status,
    }
}
