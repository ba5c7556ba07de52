//! Compositors that lend their clipboard by data-control. Those of wlroots (sway, Hyprland, river,
//! Wayfire, …) lend virtual keyboards too. KDE lends no keyboard, so the portal presses the keys
//! there (see `portal`).
//!
//! v2m opens no window, and the focus stays where it is. The connection is closed once there is
//! nothing left to serve.
//!
//! This module cannot detect a locked screen: a locker (ext-session-lock) takes the keyboard, and
//! the compositor does not report it. Only a desktop or logind may report a lock, and v2m asks them
//! for all ways in the same place.

use super::thread::{self, Thread};
use crate::chord::Chord;
use crate::deliver::clipboard::data_control::DataControl;
use crate::deliver::clipboard::{Clipboard, Serve};
use crate::deliver::display::worker::Serves;
use crate::deliver::error::DeliverError;
use crate::deliver::keys::Keys;
use crate::deliver::keys::remote::RemoteKeys;
use crate::deliver::keys::virtual_keyboard::{Keyboard, Keyboards, Typist};
use crate::deliver::order::{Insertion, Means};
use crate::deliver::paste::{self, Pasted};
use crate::deliver::window::wayland::focused;
use std::os::fd::BorrowedFd;
use tokio::sync::oneshot;

pub(crate) const NAME: &str = "wayland";

/// The way to the windows of a compositor with data-control.
pub(crate) type Wayland = Thread<Desk>;

/// The compositor's clipboard and, if it lends them, keyboards on the same connection.
#[derive(Debug)]
pub(crate) struct Desk {
    keyboards: Option<Keyboards>,
    clipboard: DataControl,
}

/// State that is kept from one text to the next.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// A program reads all new content of the clipboard.
    has_reader: bool,
}

/// The features of a compositor with data-control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offers {
    /// The compositor also lends virtual keyboards, so that nothing else is needed.
    pub(crate) keyboards: bool,
}

/// Asks the compositor for its features. Bounded in time, unless the compositor accepts no
/// connection.
///
/// # Errors
/// [`DeliverError::NoWay`]: the compositor has no data-control.
pub(crate) async fn offers() -> Result<Offers, DeliverError> {
    let (tell, told) = oneshot::channel();
    let asking = std::thread::Builder::new().name("v2m-cursor".to_owned()).spawn(move || {
        let asked = Desk::connect().map(|desk| Offers { keyboards: desk.keyboards.is_some() });
        let _ = tell.send(asked); // the caller may have given up
    });
    asking.map_err(DeliverError::NoThread)?;
    told.await.unwrap_or(Err(DeliverError::Hanging))
}

impl Serves for Desk {
    fn serve(&mut self, bell: BorrowedFd<'_>) -> Result<bool, DeliverError> {
        self.clipboard.serve_until(bell)
    }
}

impl thread::Desk for Desk {
    type Memory = Memory;
    type Pasted = Pasted<<DataControl as Clipboard>::Content>;

    fn open() -> Result<Self, DeliverError> {
        Self::connect()
    }

    async fn put(
        &mut self,
        order: &Insertion,
        remote: Option<RemoteKeys>,
        memory: &mut Memory,
        is_wanted: impl Fn() -> bool,
    ) -> Result<Option<Self::Pasted>, DeliverError> {
        match order.means {
            Means::Type => return self.write(order, is_wanted).map(|()| None),
            Means::Undo => return self.undo(order, is_wanted).await.map(|()| None),
            Means::Paste => {}
        }
        let Self { clipboard, keyboards } = self;
        clipboard.catch_up()?;
        clipboard.has_reader = memory.has_reader;
        let pasted = match remote {
            Some(mut keys) => paste::paste(order, clipboard, &mut keys, focused, is_wanted).await,
            None => {
                let keyboards = keyboards.as_ref().ok_or(DeliverError::NoWay)?;
                let mut keys = Keyboard::new(keyboards, !clipboard.has_keyboard());
                paste::paste(order, clipboard, &mut keys, focused, is_wanted).await
            }
        };
        memory.has_reader = clipboard.has_reader;
        pasted.map(Some)
    }

    async fn give_back(&mut self, pasted: Self::Pasted) -> Result<(), DeliverError> {
        paste::give_back(&mut self.clipboard, pasted).await
    }
}

impl Desk {
    fn connect() -> Result<Self, DeliverError> {
        let clipboard = DataControl::open()?;
        let (compositor, seat) = clipboard.compositor();
        Ok(Self { keyboards: Keyboards::of(compositor, seat), clipboard })
    }

    /// Presses the keys that undo.
    async fn undo(
        &mut self,
        order: &Insertion,
        is_wanted: impl Fn() -> bool,
    ) -> Result<(), DeliverError> {
        let Self { clipboard, keyboards } = self;
        clipboard.catch_up()?;
        let keyboards = keyboards.as_ref().ok_or(DeliverError::NoWay)?;
        let mut keys = Keyboard::new(keyboards, !clipboard.has_keyboard());
        keys.find(&Chord::ctrl_z()).await?;
        if keys.are_new() {
            clipboard.serve(Serve::For(paste::FIRST_KEYBOARD)).await?;
        }
        order.check(focused()?.as_ref())?;
        if !is_wanted() {
            return Err(DeliverError::Hanging);
        }
        keys.press().await?;
        clipboard.carried_out()
    }

    /// Types the text. `is_wanted` is called before the keys, because the caller may have given up.
    fn write(
        &mut self,
        order: &Insertion,
        is_wanted: impl Fn() -> bool,
    ) -> Result<(), DeliverError> {
        order.check(focused()?.as_ref())?;
        let keyboards = self.keyboards.as_ref().ok_or(DeliverError::NoWay)?;
        let typist = Typist::new(keyboards, &order.text)?;
        if !is_wanted() {
            return Err(DeliverError::Hanging);
        }
        typist.press();
        self.clipboard.carried_out()
    }
}
