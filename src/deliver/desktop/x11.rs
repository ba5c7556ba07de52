//! X11: the clipboard is a selection that v2m owns during a paste, and keys are pressed through
//! XTEST.
//!
//! XWayland is not X11 in this sense: its keys reach only its own windows.

use super::thread::{self, Thread};
use crate::chord::Chord;
use crate::deliver::clipboard::Clipboard;
use crate::deliver::clipboard::x11::X11Clipboard;
use crate::deliver::display::worker::Serves;
use crate::deliver::display::x11::Server;
use crate::deliver::error::DeliverError;
use crate::deliver::keys::Keys;
use crate::deliver::keys::remote::RemoteKeys;
use crate::deliver::keys::xtest::typing::Typing;
use crate::deliver::keys::xtest::{Xtest, are_down};
use crate::deliver::order::{Insertion, Means};
use crate::deliver::paste::{self, Pasted};
use crate::deliver::window::x11::focused;
use std::os::fd::BorrowedFd;
use std::rc::Rc;

pub(crate) const NAME: &str = "x11";

/// The way to X11 windows.
pub(crate) type X11 = Thread<Desk>;

/// Keys and clipboard over one connection. Its order shows which requests came after the keys.
#[derive(Debug)]
pub(crate) struct Desk {
    server: Rc<Server>,
    clipboard: X11Clipboard,
}

/// Checks whether there is a display on which v2m can press keys. Blocks.
pub(crate) fn is_there() -> Result<(), DeliverError> {
    Server::connect()?.require_keys()
}

impl Serves for Desk {
    fn serve(&mut self, bell: BorrowedFd<'_>) -> Result<bool, DeliverError> {
        self.clipboard.serve_until(bell).map(|()| true)
    }
}

impl thread::Desk for Desk {
    type Memory = ();
    type Pasted = Pasted<<X11Clipboard as Clipboard>::Content>;

    fn open() -> Result<Self, DeliverError> {
        let server = Rc::new(Server::connect()?);
        server.require_keys()?;
        Ok(Self { clipboard: X11Clipboard::of(Rc::clone(&server)), server })
    }

    async fn put(
        &mut self,
        order: &Insertion,
        _: Option<RemoteKeys>,
        (): &mut (),
        is_wanted: impl Fn() -> bool,
    ) -> Result<Option<Self::Pasted>, DeliverError> {
        match order.means {
            Means::Paste => {
                let (server, clipboard) = (Rc::clone(&self.server), &mut self.clipboard);
                let mut keys = Xtest::of(Rc::clone(&server));
                let window = || focused(&server);
                paste::paste(order, clipboard, &mut keys, window, is_wanted).await.map(Some)
            }
            Means::Type => self.write(order, is_wanted).await.map(|()| None),
            Means::Undo => self.undo(order, is_wanted).await.map(|()| None),
        }
    }

    async fn give_back(&mut self, pasted: Self::Pasted) -> Result<(), DeliverError> {
        paste::give_back(&mut self.clipboard, pasted).await
    }

    fn leave(&mut self) -> Result<(), DeliverError> {
        self.clipboard.leave()
    }
}

impl Desk {
    /// Presses the keys that undo, once the user's own are up.
    async fn undo(
        &mut self,
        order: &Insertion,
        is_wanted: impl Fn() -> bool,
    ) -> Result<(), DeliverError> {
        let mut keys = Xtest::of(Rc::clone(&self.server));
        keys.find(&Chord::ctrl_z()).await?;
        while let Err(problem) =
            paste::wait_for_hands(&mut self.clipboard, || keys.are_held()).await
        {
            if !matches!(problem, DeliverError::Overtaken) {
                return Err(problem);
            }
        }
        let window = focused(&self.server)?.ok_or(DeliverError::NoWindow)?;
        order.check(Some(&window))?;
        if !is_wanted() {
            return Err(DeliverError::Hanging);
        }
        keys.press().await
    }

    /// Types the text. `is_wanted` is called between the keys, because the caller may have given
    /// up.
    async fn write(
        &mut self,
        order: &Insertion,
        is_wanted: impl Fn() -> bool,
    ) -> Result<(), DeliverError> {
        let server = Rc::clone(&self.server);
        let window = focused(&server)?.ok_or(DeliverError::NoWindow)?;
        order.check(Some(&window))?;
        let typing = Typing::find(&server, &order.text)?;
        let are_held = || are_down(&server, typing.in_the_way());
        // Typing does not use the clipboard. Its loss is reported once.
        while let Err(problem) = paste::wait_for_hands(&mut self.clipboard, are_held).await {
            if !matches!(problem, DeliverError::Overtaken) {
                return Err(problem);
            }
        }
        typing.write(&server, || {
            Ok(is_wanted() && focused(&server)?.is_some_and(|now| now.id == window.id))
        })
    }
}
