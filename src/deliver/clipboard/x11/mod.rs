//! X11's clipboard: a selection that v2m owns, and serves to others while it does.

pub(crate) mod holder;
mod owner;
pub(crate) mod primary;
mod reader;

use super::{Before, Clipboard, ClipboardManager, DisplayClipboard, Serve, is_loan_taken};
use crate::deliver::clipboard::content::Content;
use crate::deliver::display::x11::Server;
use crate::deliver::error::DeliverError;
use crate::deliver::window::Window;
use owner::{Owner, OwnerEvent, Selection, SelectionFormat, formats_of, text_formats};
use primary::{Loan, To};
use reader::remember;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tracing::debug;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, PropMode, Timestamp};
use x11rb::wrapper::ConnectionExt as _;

/// How long a clipboard manager may take to save the clipboard when v2m ends.
const SAVE: Duration = Duration::from_secs(1);
/// The most programs that are remembered as clipboard managers.
const READERS: usize = 16;

/// The clipboard, and what is known about other programs.
#[derive(Debug)]
pub(crate) struct X11Clipboard {
    server: Rc<Server>,
    owner: Owner,
    /// Programs that have read a text before its keys were pressed. Usually these are clipboard
    /// managers.
    readers: Vec<u32>,
    /// The window of the clipboard manager that was found last.
    manager: u32,
    /// A clipboard manager that did not read the text in time. Such a manager reads when programs
    /// end, so v2m does not wait for it again.
    lazy_manager: u32,
    /// The server's time before the content was read. A program that copies something after that
    /// keeps the clipboard.
    time: Timestamp,
    /// The number of the request before the keys. `None`: the keys have not been pressed.
    keys: Option<u64>,
}

impl X11Clipboard {
    /// Creates the clipboard of this server.
    pub(crate) fn of(server: Rc<Server>) -> Self {
        Self {
            server,
            owner: Owner::default(),
            readers: Vec::new(),
            manager: x11rb::NONE,
            lazy_manager: x11rb::NONE,
            time: x11rb::CURRENT_TIME,
            keys: None,
        }
    }

    /// Serves the clipboard to others until `bell` becomes readable. Sleeps while there are no
    /// requests.
    pub(crate) fn serve_until(&mut self, bell: BorrowedFd<'_>) -> Result<(), DeliverError> {
        while let Some(seen) = self.server.next(None, Some(bell))? {
            self.owner.handle(&self.server, &seen)?;
        }
        Ok(())
    }

    /// Takes the clipboard for `content`.
    pub(crate) fn hold(&mut self, content: &Content) -> Result<(), DeliverError> {
        let time = self.server.time()?;
        let formats = formats_of(content, &self.server)?;
        if self.owner.own(&self.server, formats, time)? {
            Ok(())
        } else {
            Err(DeliverError::Overtaken)
        }
    }

    /// Takes the clipboard for a text. Returns whether it is ours now.
    pub(crate) fn put(&mut self, text: &str, is_sensitive: bool) -> Result<bool, DeliverError> {
        let time = self.server.time()?;
        let formats = text_formats(text, is_sensitive, &self.server.atoms);
        self.owner.own(&self.server, formats, time)
    }

    /// Reads the text on the clipboard. `None`: there is none.
    ///
    /// # Errors
    /// [`DeliverError::Hanging`]: the text could not be read by `until`.
    pub(crate) fn text(&mut self, until: Instant) -> Result<Option<String>, DeliverError> {
        let time = self.server.time()?;
        reader::text(&self.server, time, until)
    }

    /// Asks the clipboard manager, if there is one, to save the clipboard, which would otherwise be
    /// lost when v2m ends (freedesktop.org's clipboard manager specification).
    pub(crate) fn leave(&mut self) -> Result<(), DeliverError> {
        let Some(content) = self.owner.content() else { return Ok(()) };
        let targets: Vec<_> = content.iter().map(|format| format.target).collect();
        if targets.contains(&self.server.atoms.PASSWORD) || self.running_manager()? == x11rb::NONE {
            return Ok(());
        }
        let time = self.server.time()?;
        let Server { conn, window, atoms, .. } = &*self.server;
        let (manager, save, list) =
            (atoms.CLIPBOARD_MANAGER, atoms.SAVE_TARGETS, atoms.V2M_CONTENT);
        conn.change_property32(PropMode::REPLACE, *window, list, AtomEnum::ATOM, &targets)?;
        conn.convert_selection(*window, manager, save, list, time)?;
        let until = Instant::now() + SAVE;
        while let Some(said) = self.step(until, None)? {
            if matches!(said, OwnerEvent::Saved | OwnerEvent::Lost) {
                break;
            }
        }
        Ok(())
    }

    fn running_manager(&self) -> Result<u32, DeliverError> {
        let manager = self.server.atoms.CLIPBOARD_MANAGER;
        Ok(self.server.conn.get_selection_owner(manager)?.reply()?.owner)
    }

    /// Handles an event while requests are served. Returns whether it was a request. A program that
    /// asks before the keys are pressed counts as a clipboard manager.
    fn take_note(&mut self, said: OwnerEvent) -> Result<bool, DeliverError> {
        match said {
            OwnerEvent::Lost => Err(DeliverError::Overtaken),
            OwnerEvent::Gave { client, after } => {
                let is_early = self.keys.is_none_or(|keys| after < keys);
                if is_early && !self.readers.contains(&client) {
                    self.readers.truncate(READERS - 1);
                    self.readers.insert(0, client);
                }
                Ok(true)
            }
            OwnerEvent::Saved => Ok(false),
        }
    }

    /// Handles events until one matters. `None`: `until` has passed, or `bell` is readable.
    fn step(
        &mut self,
        until: Instant,
        bell: Option<BorrowedFd<'_>>,
    ) -> Result<Option<OwnerEvent>, DeliverError> {
        while let Some(seen) = self.server.next(Some(until), bell)? {
            if let Some(said) = self.owner.handle(&self.server, &seen)? {
                return Ok(Some(said));
            }
        }
        Ok(None)
    }

    /// Whether the clipboard is still ours, according to the events that have arrived.
    fn is_ours(&mut self) -> Result<bool, DeliverError> {
        while let Some(said) = self.step(Instant::now(), None)? {
            if said == OwnerEvent::Lost {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl DisplayClipboard for X11Clipboard {
    fn is_giving(&self) -> bool {
        self.owner.is_giving()
    }

    fn serve_next(&mut self, until: Instant) -> Result<Option<bool>, DeliverError> {
        self.step(until, None)?.map(|event| self.take_note(event)).transpose()
    }
}

impl Clipboard for X11Clipboard {
    type Content = Vec<SelectionFormat>;

    const WINDOWS: To = To::X11;

    async fn remember(
        &mut self,
        patience: Duration,
    ) -> Result<Before<Self::Content>, DeliverError> {
        self.time = self.server.time()?;
        if let Some(own) = self.owner.content() {
            return Ok(Before::Content(own.to_vec()));
        }
        remember(&self.server, Selection::Clipboard, self.time, Instant::now() + patience)
    }

    async fn offer(&mut self, text: &str, is_sensitive: bool) -> Result<bool, DeliverError> {
        self.keys = None;
        let text = text_formats(text, is_sensitive, &self.server.atoms);
        self.owner.own(&self.server, text, self.time)
    }

    fn reader(&mut self) -> Result<ClipboardManager, DeliverError> {
        self.manager = self.running_manager()?;
        let is_there = self.manager != x11rb::NONE && self.manager != self.lazy_manager;
        Ok(if is_there { ClipboardManager::Known } else { ClipboardManager::None })
    }

    fn note_reader(&mut self, has_read: bool) {
        if !has_read {
            self.lazy_manager = self.manager;
        }
    }

    async fn serve(&mut self, requests: Serve) -> Result<bool, DeliverError> {
        self.serve_all(requests)
    }

    async fn mark(&mut self, _: bool) -> Result<(), DeliverError> {
        self.keys = Some(self.server.conn.no_operation()?.sequence_number());
        Ok(())
    }

    async fn receipt(
        &mut self,
        window: Option<&Window>,
        loan: Option<&Loan>,
        patience: Duration,
    ) -> Result<bool, DeliverError> {
        let client = window.map(|window| self.server.client_of(window.id));
        let until = Instant::now() + patience;
        while let Some(said) = self.step(until, loan.map(Loan::bell))? {
            if let OwnerEvent::Gave { client: who, after } = said
                && self.keys.is_some_and(|keys| after >= keys)
                // A manager may be late. But the window's own program counts, even if it reads the
                // clipboard all the time.
                && (Some(who) == client || !self.readers.contains(&who))
            {
                return Ok(true);
            }
            self.take_note(said)?;
        }
        // Managers do not read the primary selection, so a window has asked for it.
        Ok(is_loan_taken(loan, until))
    }

    async fn give_back(&mut self, content: Self::Content) -> Result<(), DeliverError> {
        let time = self.server.time()?;
        if self.is_ours()? {
            // The clipboard is ours, but we take it again, because programs that show its content
            // are notified only then.
            let owned = self.owner.own(&self.server, content, time)?;
            debug!(owned, "the clipboard was given back");
        }
        Ok(())
    }

    async fn clear(&mut self) -> Result<(), DeliverError> {
        let time = self.server.time()?;
        if self.is_ours()? {
            self.owner.clear(&self.server, time)?;
        }
        Ok(())
    }
}
