//! The clipboard of compositors that offer data-control: wlroots' and KDE's.

mod owner;
mod protocol;
mod reader;
mod server;

use super::{Before, Clipboard, ClipboardManager, DisplayClipboard, Serve, is_loan_taken};
use crate::deliver::clipboard::content::Content;
use crate::deliver::clipboard::x11::primary::{Loan, To};
use crate::deliver::display::wayland::{Mark, WaylandConnection, Woken};
use crate::deliver::error::DeliverError;
use crate::deliver::window::Window;
use owner::{Event, Owner};
use reader::remember;
use server::{SeatState, Server};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wayland_client::protocol::wl_seat::WlSeat;

/// Further names under which X11 programs ask for text. All of them take UTF-8 here.
const MORE_TEXT: [&str; 2] = ["TEXT", "STRING"];

/// The connection, and our content on the clipboard.
#[derive(Debug)]
pub(crate) struct DataControl {
    // Dropped before the connection.
    owner: Owner,
    server: Server,
    /// How often the clipboard had changed when it was read.
    changes: u64,
    /// The mark before the keys. `None`: the keys have not been pressed.
    keys: Option<Mark>,
    /// A clipboard manager reads everything that is copied.
    pub(crate) has_reader: bool,
}

impl DataControl {
    /// Connects to the compositor. Blocks.
    ///
    /// # Errors
    /// [`DeliverError::NoWay`]: the compositor does not offer data-control.
    pub(crate) fn open() -> Result<Self, DeliverError> {
        let (owner, server) = (Owner::default(), Server::connect()?);
        Ok(Self { owner, server, changes: 0, keys: None, has_reader: false })
    }

    /// Returns the connection and the seat, for keyboards on the same connection.
    pub(crate) fn compositor(&self) -> (&WaylandConnection<SeatState>, &WlSeat) {
        (&self.server.compositor, &self.server.seat)
    }

    /// Whether a keyboard is plugged in, so that windows already listen to one.
    pub(crate) fn has_keyboard(&self) -> bool {
        self.server.has_keyboard()
    }

    /// Takes the clipboard for a text. Returns whether it is ours now.
    ///
    /// # Errors
    /// [`DeliverError::Hanging`]: the compositor has not answered by `until`.
    pub(crate) fn put(
        &mut self,
        text: &str,
        is_sensitive: bool,
        until: Instant,
    ) -> Result<bool, DeliverError> {
        self.catch_up()?;
        self.owner.own(&mut self.server, Arc::new(content(text, is_sensitive)));
        self.carried_out_by(until)?;
        Ok(self.owner.content().is_some())
    }

    /// Reads the text on the clipboard. `None`: there is none.
    ///
    /// # Errors
    /// [`DeliverError::Hanging`]: the text could not be read by `until`.
    pub(crate) fn text(&mut self, until: Instant) -> Result<Option<String>, DeliverError> {
        reader::text(&mut self.server, until)
    }

    /// Serves the clipboard to others until `bell` becomes readable or there is nothing left to
    /// serve. Returns whether anything is left. Sleeps while there are no requests.
    pub(crate) fn serve_until(&mut self, bell: BorrowedFd<'_>) -> Result<bool, DeliverError> {
        while !self.owner.is_done() {
            if self.next(None, Some(bell))?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Handles the events that have already arrived.
    pub(crate) fn catch_up(&mut self) -> Result<(), DeliverError> {
        while self.next(Some(Instant::now()), None)?.is_some() {}
        Ok(())
    }

    /// Waits until the compositor has processed every request so far.
    ///
    /// # Errors
    /// [`DeliverError::Hanging`]: it did not answer within half a second.
    pub(crate) fn carried_out(&mut self) -> Result<(), DeliverError> {
        self.carried_out_by(WaylandConnection::<SeatState>::answer())
    }

    fn carried_out_by(&mut self, until: Instant) -> Result<(), DeliverError> {
        let mark = self.server.compositor.mark();
        loop {
            while self.heard()?.is_some() {}
            if self.server.compositor.heard.reached >= mark {
                return Ok(());
            }
            if self.wait(Some(until), None)? == Woken::TimeIsUp {
                return Err(DeliverError::Hanging);
            }
        }
    }

    /// Sends the last requests. A compositor that is slow to answer counts as success, because it
    /// has received them.
    fn sent(&mut self) -> Result<(), DeliverError> {
        match self.carried_out() {
            Err(DeliverError::Hanging) => Ok(()),
            other => other,
        }
    }

    /// Waits for the next event that matters. `None`: `until` has passed, or `bell` is readable.
    fn next(
        &mut self,
        until: Option<Instant>,
        bell: Option<BorrowedFd<'_>>,
    ) -> Result<Option<Event>, DeliverError> {
        loop {
            if let Some(event) = self.heard()? {
                return Ok(Some(event));
            }
            match self.wait(until, bell)? {
                Woken::News => {}
                Woken::Rung | Woken::TimeIsUp => return Ok(None),
            }
        }
    }

    /// Returns the next event that has already arrived.
    fn heard(&mut self) -> Result<Option<Event>, DeliverError> {
        while let Some(said) = self.server.said()? {
            if let Some(event) = self.owner.handle(said) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    fn wait(
        &mut self,
        until: Option<Instant>,
        bell: Option<BorrowedFd<'_>>,
    ) -> Result<Woken, DeliverError> {
        self.owner.go_on();
        self.server.wait(until, bell, self.owner.waiting())
    }
}

/// Builds the content for a text, under all names by which programs ask for text.
fn content(text: &str, is_sensitive: bool) -> Content {
    let mut content = Content::text(text, is_sensitive);
    let bytes = text.as_bytes();
    content.formats.extend(MORE_TEXT.map(|name| (name.to_owned(), bytes.to_vec())));
    content
}

impl DisplayClipboard for DataControl {
    fn is_giving(&self) -> bool {
        self.owner.is_giving()
    }

    fn serve_next(&mut self, until: Instant) -> Result<Option<bool>, DeliverError> {
        match self.next(Some(until), None)? {
            Some(Event::Lost) => Err(DeliverError::Overtaken),
            Some(Event::Asked { .. }) => Ok(Some(true)),
            None => Ok(None),
        }
    }
}

impl Clipboard for DataControl {
    type Content = Arc<Content>;

    const WINDOWS: To = To::Wayland;

    async fn remember(
        &mut self,
        patience: Duration,
    ) -> Result<Before<Self::Content>, DeliverError> {
        self.catch_up()?;
        self.changes = self.server.announced().changes;
        match self.owner.content() {
            Some(own) => Ok(Before::Content(Arc::clone(own))),
            None => remember(&mut self.server, Instant::now() + patience),
        }
    }

    async fn offer(&mut self, text: &str, is_sensitive: bool) -> Result<bool, DeliverError> {
        if self.server.announced().changes != self.changes {
            return Ok(false);
        }
        self.keys = None;
        self.owner.own(&mut self.server, Arc::new(content(text, is_sensitive)));
        // Managers learn of the text when the compositor has processed the request. The wait for
        // them starts then.
        match self.server.compositor.catch_up() {
            Ok(()) | Err(DeliverError::Hanging) => Ok(true),
            Err(problem) => Err(problem),
        }
    }

    fn reader(&mut self) -> Result<ClipboardManager, DeliverError> {
        Ok(ClipboardManager::Unknown { has_read: self.has_reader })
    }

    fn note_reader(&mut self, has_read: bool) {
        self.has_reader = has_read;
    }

    async fn serve(&mut self, requests: Serve) -> Result<bool, DeliverError> {
        self.serve_all(requests)
    }

    async fn mark(&mut self, are_apart: bool) -> Result<(), DeliverError> {
        self.keys = Some(self.server.compositor.mark());
        if are_apart {
            self.carried_out()?;
            if self.owner.content().is_none() {
                return Err(DeliverError::Overtaken);
            }
        }
        Ok(())
    }

    async fn receipt(
        &mut self,
        _: Option<&Window>,
        loan: Option<&Loan>,
        patience: Duration,
    ) -> Result<bool, DeliverError> {
        let until = Instant::now() + patience;
        while let Some(event) = self.next(Some(until), loan.map(Loan::bell))? {
            match event {
                Event::Lost => return Err(DeliverError::Overtaken),
                Event::Asked { after } if self.keys.is_some_and(|keys| after >= keys) => {
                    return Ok(true);
                }
                // This was a late clipboard manager.
                Event::Asked { .. } => {}
            }
        }
        Ok(is_loan_taken(loan, until))
    }

    async fn give_back(&mut self, content: Self::Content) -> Result<(), DeliverError> {
        self.owner.own(&mut self.server, content);
        self.sent()
    }

    async fn clear(&mut self) -> Result<(), DeliverError> {
        self.owner.clear(&self.server);
        self.sent()
    }
}
