//! `v2m-tray`: an icon in the desktop's tray that shows what v2m is doing, with a menu. For desktops
//! that show status notifier items: KDE, XFCE, Cinnamon, sway with Waybar, GNOME with AppIndicator.
//!
//! | module | what it is for |
//! |---|---|
//! | [`args`] | the command line |
//! | [`state`] | what v2m tells, and how the icon shows it; pure |
//! | [`menu`] | the menu's entries and what they do; pure |
//! | [`entry`] | an entry of the menu, as it looks; pure |
//! | [`layout`] | the menu as `com.canonical.dbusmenu` sends it; pure |
//! | [`hand`] | clicks and choices that follow one another; pure |
//! | [`pixels`] | the icons as pixels, for trays that do not find them by name |
//! | [`model`] | state and menu together, which the objects on the bus show |
//! | [`item`] | the object `org.kde.StatusNotifierItem` |
//! | [`dbusmenu`] | the object `com.canonical.dbusmenu` |
//! | [`v2m`] | what v2m is asked over the session bus |
//! | [`lock`] | whether the screen is locked |
//! | [`desk`] | what the menu opens in other programs, and notifications of what failed |
//! | [`life`] | the one loop, from the start to the end |
//!
//! It talks to v2m's interface on the session bus and to nothing else of v2m: it reads no file of the
//! user and needs no display and no network. It starts v2m only when the user chooses to dictate.
//!
//! The protocol is that of KDE and freedesktop.org: <https://www.freedesktop.org/wiki/Specifications/StatusNotifierItem/>.
//! The menu's is described in libdbusmenu, `libdbusmenu-glib/dbus-menu.xml`.

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

/// The whole program: reads the arguments, then shows the icon until the session ends.
pub fn main() -> ExitCode {
    match args::parse() {
        Ok(Parsed::Run(args)) => life::live(&args),
        Ok(Parsed::Print(text)) => {
            // Who asked and reads no more is no concern of ours.
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
