//! The connection to the X server: our window, which is never shown, and the server's events in
//! order.
//!
//! This module does not interpret events.

use crate::deliver::clipboard::content::SECRET;
use crate::deliver::error::DeliverError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};
use v2m_messages::tr;
use x11rb::connection::{Connection, RequestConnection};
use x11rb::errors::{ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::Event;
use x11rb::protocol::xkb::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    AtomEnum, ConnectionExt as _, CreateWindowAux, EventMask, PropMode, Timestamp, Window,
    WindowClass,
};
use x11rb::protocol::xtest;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// How long the server may take for an answer that needs no other program.
const ANSWER: Duration = Duration::from_secs(1);

x11rb::atom_manager! {
    /// The atoms that v2m uses.
    pub(crate) Atoms: AtomsCookie {
        ATOM_PAIR,
        CLIPBOARD,
        CLIPBOARD_MANAGER,
        DELETE,
        INCR,
        INSERT_PROPERTY,
        INSERT_SELECTION,
        MULTIPLE,
        PASSWORD: SECRET.as_bytes(),
        SAVE_TARGETS,
        TARGETS,
        TEXT_PLAIN: b"text/plain",
        TEXT_PLAIN_UTF_8: b"text/plain;charset=utf-8",
        TEXT_PLAIN_UTF_8_CAPITALS: b"text/plain;charset=UTF-8",
        TIMESTAMP,
        UTF8_STRING,
        V2M_CONTENT,
        V2M_TIME,
        _NET_ACTIVE_WINDOW,
        _NET_WM_PID,
    }
}

/// An event of the server.
#[derive(Debug)]
pub(crate) struct ServerEvent {
    pub(crate) event: Event,
    /// The last of our requests that the server had processed when it sent this. It is exact, and
    /// needs no clock.
    pub(crate) after: u64,
}

/// A connection to the X server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) conn: RustConnection,
    pub(crate) atoms: Atoms,
    pub(crate) root: Window,
    /// Our window.
    pub(crate) window: Window,
    /// Events that arrived while [`Self::find`] waited for another one.
    passed_over: RefCell<VecDeque<ServerEvent>>,
}

impl Server {
    /// Connects to `DISPLAY`. Blocks.
    pub(crate) fn connect() -> Result<Self, DeliverError> {
        let (conn, screen) = RustConnection::connect(None)
            .map_err(|error| DeliverError::NoServer(error.to_string()))?;
        let atoms = Atoms::new(&conn)?.reply()?;
        let root = conn.setup().roots.get(screen).ok_or(DeliverError::NoWay)?.root;
        let window = create_window(&conn, root)?;
        Ok(Self { conn, atoms, root, window, passed_over: RefCell::default() })
    }

    /// Enables the extensions for pressing keys. The clipboard needs none of them.
    ///
    /// # Errors
    /// [`DeliverError::NoExtension`]: the server lacks this extension.
    pub(crate) fn require_keys(&self) -> Result<(), DeliverError> {
        let Self { conn, .. } = self;
        let has = |name| conn.extension_information(name).map(|found| found.is_some());
        if !has(xtest::X11_EXTENSION_NAME)? {
            return Err(DeliverError::NoExtension(xtest::X11_EXTENSION_NAME));
        }
        if !has(xkb::X11_EXTENSION_NAME)? || !conn.xkb_use_extension(1, 0)?.reply()?.supported {
            return Err(DeliverError::NoExtension(xkb::X11_EXTENSION_NAME));
        }
        Ok(())
    }

    /// Creates another window of ours, for one conversation.
    pub(crate) fn create_window(&self) -> Result<Window, DeliverError> {
        create_window(&self.conn, self.root)
    }

    /// Identifies the program that a window belongs to. All windows of one connection have the same
    /// upper bits.
    pub(crate) fn client_of(&self, window: Window) -> u32 {
        window & !self.conn.setup().resource_id_mask
    }

    /// Waits for the next event. `None`: `until` has passed, or `bell` rings. Without either it
    /// waits for ever, asleep.
    pub(crate) fn next(
        &self,
        until: Option<Instant>,
        bell: Option<BorrowedFd<'_>>,
    ) -> Result<Option<ServerEvent>, DeliverError> {
        let passed_over = self.passed_over.borrow_mut().pop_front();
        match passed_over {
            Some(seen) => Ok(Some(seen)),
            None => self.read(until, bell),
        }
    }

    /// Waits for an event that `pick` accepts. The others wait for [`Self::next`].
    pub(crate) fn find<T>(
        &self,
        until: Instant,
        mut pick: impl FnMut(&Event) -> Option<T>,
    ) -> Result<Option<T>, DeliverError> {
        while let Some(seen) = self.read(Some(until), None)? {
            if let Some(found) = pick(&seen.event) {
                return Ok(Some(found));
            }
            self.passed_over.borrow_mut().push_back(seen);
        }
        Ok(None)
    }

    /// Reads the server's clock, in its milliseconds. The server sends its time only with events,
    /// so this causes one.
    pub(crate) fn time(&self) -> Result<Timestamp, DeliverError> {
        let (window, mark) = (self.window, self.atoms.V2M_TIME);
        self.conn.change_property8(PropMode::REPLACE, window, mark, AtomEnum::STRING, &[])?;
        let time = self.find(Instant::now() + ANSWER, |event| match event {
            Event::PropertyNotify(change) if (change.window, change.atom) == (window, mark) => {
                Some(change.time)
            }
            _ => None,
        })?;
        time.ok_or_else(|| DeliverError::Server(tr!("it does not report its time").to_owned()))
    }

    fn read(
        &self,
        until: Option<Instant>,
        bell: Option<BorrowedFd<'_>>,
    ) -> Result<Option<ServerEvent>, DeliverError> {
        self.conn.flush()?;
        loop {
            if let Some((event, after)) = self.conn.poll_for_event_with_sequence()? {
                return Ok(Some(ServerEvent { event, after }));
            }
            if !self.wait(until, bell)? {
                return Ok(None);
            }
        }
    }

    /// Waits for data. Returns whether to look for events again.
    fn wait(
        &self,
        until: Option<Instant>,
        bell: Option<BorrowedFd<'_>>,
    ) -> Result<bool, DeliverError> {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Ok(false);
        }
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        let mut fds = vec![PollFd::new(self.conn.stream(), PollFlags::IN)];
        fds.extend(bell.map(|bell| PollFd::from_borrowed_fd(bell, PollFlags::IN)));
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) => Ok(fds.get(1).is_none_or(|bell| bell.revents().is_empty())),
            Err(Errno::INTR) => Ok(true),
            Err(error) => Err(DeliverError::Server(error.to_string())),
        }
    }
}

fn create_window(conn: &RustConnection, root: Window) -> Result<Window, DeliverError> {
    let window = conn.generate_id()?;
    let events = CreateWindowAux::new().event_mask(EventMask::PROPERTY_CHANGE);
    conn.create_window(0, window, root, -1, -1, 1, 1, 0, WindowClass::INPUT_ONLY, 0, &events)?;
    Ok(window)
}

impl From<ConnectionError> for DeliverError {
    fn from(error: ConnectionError) -> Self {
        Self::Server(error.to_string())
    }
}

impl From<ReplyError> for DeliverError {
    fn from(error: ReplyError) -> Self {
        Self::Server(error.to_string())
    }
}

impl From<ReplyOrIdError> for DeliverError {
    fn from(error: ReplyOrIdError) -> Self {
        Self::Server(error.to_string())
    }
}
