//! The connection to a Wayland compositor: its globals, and bounded waits for its answers.
//!
//! Each call blocks only for the time it is given. The exception is a compositor that accepts no
//! connection, which blocks the thread.

use crate::deliver::error::DeliverError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::ErrorKind;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use v2m_messages::tr;
use wayland_client::backend::WaylandError;
use wayland_client::protocol::wl_callback::{self, WlCallback};
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::{Connection, Dispatch, EventQueue, Proxy, QueueHandle};

/// How long the compositor may take for each answer. A healthy one takes a millisecond.
const ANSWER: Duration = Duration::from_millis(500);

/// A position in the order of our requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark(u64);

/// A global that the compositor offers.
#[derive(Debug)]
struct Global {
    name: u32,
    interface: String,
    version: u32,
}

/// The state that the compositor has sent. `S` receives all events except those about globals and
/// our marks.
#[derive(Debug)]
pub(crate) struct CompositorState<S> {
    globals: Vec<Global>,
    /// The last mark that the compositor has reached.
    pub(crate) reached: Mark,
    pub(crate) state: S,
}

/// A separate connection for one purpose.
#[derive(Debug)]
pub(crate) struct WaylandConnection<S: 'static> {
    pub(crate) heard: CompositorState<S>,
    queue: EventQueue<CompositorState<S>>,
    registry: WlRegistry,
    conn: Connection,
    last: u64,
}

/// The event that ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The compositor or one of the other files may have data.
    News,
    /// The bell has rung. There may be data too.
    Rung,
    /// The time is up.
    TimeIsUp,
}

impl<S> WaylandConnection<S> {
    /// Connects, and learns the compositor's globals. The time is bounded, except for a compositor
    /// that accepts no connection.
    pub(crate) fn begin(state: S) -> Result<Self, DeliverError> {
        let stream = stream().map_err(|error| DeliverError::NoCompositor(error.to_string()))?;
        let conn = Connection::from_socket(stream).map_err(broken)?;
        let queue = conn.new_event_queue();
        let registry = conn.display().get_registry(&queue.handle(), ());
        let heard = CompositorState { globals: Vec::new(), reached: Mark(0), state };
        let mut conversation = Self { heard, queue, registry, conn, last: 0 };
        conversation.catch_up()?;
        Ok(conversation)
    }

    /// Returns the queue for objects that send their events to [`CompositorState`].
    pub(crate) fn handle(&self) -> QueueHandle<CompositorState<S>> {
        self.queue.handle()
    }

    /// Creates another queue on the same connection. The requests of both keep their order.
    pub(crate) fn beside<T>(&self) -> EventQueue<T> {
        self.conn.new_event_queue()
    }

    /// Binds a global, of version `newest` at most. `None`: the compositor does not offer it.
    pub(crate) fn bind<I: Proxy + 'static>(&self, newest: u32) -> Option<I>
    where
        CompositorState<S>: Dispatch<I, ()>,
    {
        self.bind_on(&self.handle(), newest)
    }

    /// Binds a global as [`Self::bind`] does, on another queue.
    pub(crate) fn bind_on<I: Proxy + 'static, T: Dispatch<I, ()> + 'static>(
        &self,
        handle: &QueueHandle<T>,
        newest: u32,
    ) -> Option<I> {
        let wanted = I::interface().name;
        let global = self.heard.globals.iter().find(|global| global.interface == wanted)?;
        let version = global.version.min(newest);
        Some(self.registry.bind(global.name, version, handle, ()))
    }

    /// Asks the compositor to confirm when it has processed every request so far.
    pub(crate) fn mark(&mut self) -> Mark {
        self.last += 1;
        let mark = Mark(self.last);
        self.conn.display().sync(&self.queue.handle(), mark);
        mark
    }

    /// Waits until the compositor has processed every request so far, for half a second at most.
    pub(crate) fn catch_up(&mut self) -> Result<(), DeliverError> {
        let mark = self.mark();
        let until = Self::answer();
        while self.heard.reached < mark {
            if self.wait(Some(until), None, Vec::new())? == Woken::TimeIsUp {
                return Err(DeliverError::Hanging);
            }
        }
        Ok(())
    }

    /// Returns the time until which to wait for an answer to a request made now.
    pub(crate) fn answer() -> Instant {
        Instant::now() + ANSWER
    }

    /// Sends pending requests, and waits for the compositor, the bell, or one of the other files.
    /// `until` is `None`: waits for ever.
    pub(crate) fn wait(
        &mut self,
        until: Option<Instant>,
        bell: Option<BorrowedFd<'_>>,
        others: Vec<PollFd<'_>>,
    ) -> Result<Woken, DeliverError> {
        let Self { queue, heard, .. } = self;
        if queue.dispatch_pending(heard).map_err(broken)? > 0 {
            return Ok(Woken::News);
        }
        let mut events = PollFlags::IN;
        match queue.flush() {
            Ok(()) => {}
            // The compositor is busy, and accepts no more for now.
            Err(WaylandError::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                events |= PollFlags::OUT;
            }
            Err(error) => return Err(broken(error)),
        }
        let Some(guard) = queue.prepare_read() else { return Ok(Woken::News) };
        let mut files = others;
        files.push(PollFd::from_borrowed_fd(guard.connection_fd(), events));
        files.extend(bell.map(|bell| PollFd::from_borrowed_fd(bell, PollFlags::IN)));
        match poll(&mut files, timeout(until).as_ref()) {
            Ok(0) => return Ok(Woken::TimeIsUp),
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Woken::News),
            Err(errno) => return Err(broken(errno)),
        }
        let rung = bell.is_some() && files.pop().is_some_and(|bell| !bell.revents().is_empty());
        drop(files);
        match guard.read() {
            Ok(_) => {}
            Err(WaylandError::Io(error)) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(broken(error)),
        }
        queue.dispatch_pending(heard).map_err(broken)?;
        Ok(if rung { Woken::Rung } else { Woken::News })
    }
}

/// Connects to the compositor's socket as the Wayland library's manual says (wl_display_connect).
fn stream() -> std::io::Result<UnixStream> {
    let missing = |name: &str| std::io::Error::other(tr!("{name} is not set", name));
    let name = std::env::var_os("WAYLAND_DISPLAY").ok_or_else(|| missing("WAYLAND_DISPLAY"))?;
    let mut path = PathBuf::from(name);
    if path.is_relative() {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR");
        path = PathBuf::from(runtime.ok_or_else(|| missing("XDG_RUNTIME_DIR"))?).join(path);
    }
    UnixStream::connect(path)
}

/// Returns the error of a connection that has failed.
pub(crate) fn broken(error: impl std::fmt::Display) -> DeliverError {
    DeliverError::Compositor(error.to_string())
}

fn timeout(until: Option<Instant>) -> Option<Timespec> {
    // No wait here is longer than some seconds.
    Timespec::try_from(until?.saturating_duration_since(Instant::now())).ok()
}

impl<S: 'static> Dispatch<WlRegistry, ()> for CompositorState<S> {
    fn event(
        heard: &mut Self,
        _: &WlRegistry,
        event: wl_registry::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_registry::Event::Global { name, interface, version } = event {
            heard.globals.push(Global { name, interface, version });
        }
    }
}

impl<S: 'static> Dispatch<WlCallback, Mark> for CompositorState<S> {
    fn event(
        heard: &mut Self,
        _: &WlCallback,
        _: wl_callback::Event,
        mark: &Mark,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        heard.reached = *mark;
    }
}
