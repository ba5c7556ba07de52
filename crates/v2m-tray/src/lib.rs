//! `v2m-tray`: an icon with a menu in the desktop's tray that shows what v2m is doing. For desktops
//! that show status notifier items: KDE, XFCE, Cinnamon, sway with Waybar, GNOME with AppIndicator.
//!
//! | module | what it is for |
//! |---|---|
//! | [`args`] | the command line |
//! | [`state`] | v2m's state, and how the icon shows it; pure |
//! | [`menu`] | the menu's entries and what they do; pure |
//! | [`entry`] | the appearance of a menu entry; pure |
//! | [`layout`] | the menu in the format of `com.canonical.dbusmenu`; pure |
//! | [`hand`] | interprets clicks and choices that follow one another; pure |
//! | [`pixels`] | the icons as pixels, for trays that do not find them by name |
//! | [`model`] | state and menu together, shown by the objects on the bus |
//! | [`item`] | the object `org.kde.StatusNotifierItem` |
//! | [`dbusmenu`] | the object `com.canonical.dbusmenu` |
//! | [`v2m`] | calls to v2m over the session bus |
//! | [`lock`] | whether the screen is locked |
//! | [`desk`] | opens other programs from the menu, and shows notifications of failures |
//! | [`life`] | the main loop |
//!
//! It uses only v2m's interface on the session bus: it reads no files of the user and needs no
//! display and no network. It starts v2m only when the user chooses to dictate.
//!
//! The tray's protocol comes from KDE and freedesktop.org:
//! <https://www.freedesktop.org/wiki/Specifications/StatusNotifierItem/>. The menu's protocol is
//! described in libdbusmenu, `libdbusmenu-glib/dbus-menu.xml`.

#![forbid(unsafe_code)]

pub mod args;
pub mod dbusmenu;
pub mod desk;
pub mod entry;
pub mod hand;
pub mod item;
pub mod layout;
pub mod life;
pub mod lock;
pub mod menu;
pub mod model;
pub mod pixels;
pub mod state;
pub mod v2m;

use args::Parsed;
use std::process::ExitCode;
use v2m_ipc::plain;

/// Runs the program: reads the arguments, then shows the icon until the session ends.
pub fn main() -> ExitCode {
    match args::parse() {
        Ok(Parsed::Run(args)) => life::live(&args),
        Ok(Parsed::Print(text)) => {
            // If the reader has gone, there is nothing to do.
            let _ = plain::print(text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            let error = v2m_messages::arguments::refusal(&error);
            plain::complain(format_args!("v2m-tray: {error}\n{}", args::usage()));
            ExitCode::from(2)
        }
    }
}
