//! The connection to the compositor: what it offers, what it says, and waiting for it with an end.
//!
//! Nothing here blocks but for the time it is given; a compositor that takes no connection at all holds up the thread.

use super::protocol::{Announced, Device, Source, ext, wlr};
use crate::deliver::problem::Problem;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use wayland_client::backend::WaylandError;
use wayland_client::protocol::wl_callback::{self, WlCallback};
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::protocol::wl_seat::{self, Capability, WlSeat};
use wayland_client::{Connection, Dispatch, EventQueue, Proxy, QueueHandle, WEnum, delegate_noop};
use wayland_protocols_misc::zwp_virtual_keyboard_v1::client::{
    zwp_virtual_keyboard_manager_v1::ZwpVirtualKeyboardManagerV1,
    zwp_virtual_keyboard_v1::ZwpVirtualKeyboardV1,
};

/// How long each step of a conversation's beginning may take. A healthy compositor takes a millisecond.
pub(crate) const ANSWER: Duration = Duration::from_millis(500);

/// A number for what we put on the clipboard: the compositor may still speak of an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceId(u64);

/// What the compositor says, in the order it says it.
#[derive(Debug)]
pub(crate) enum Said {
    /// A program wants what we have on the clipboard in this format, written into the pipe.
    Asked { source: SourceId, format: String, pipe: OwnedFd },
    /// That is not on the clipboard any more.
    Cancelled(SourceId),
    /// All requests up to the mark have been dealt with.
    Reached(Mark),
    /// The seat, and with it the clipboard, has gone.
    Finished,
}

/// A place in the order of our requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark(u64);

/// Something that the compositor offers.
#[derive(Debug)]
struct Global {
    name: u32,
    interface: String,
    version: u32,
}

/// What has been seen and not yet been dealt with.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    globals: Vec<Global>,
    has_keyboard: bool,
    pub(crate) clipboard: Announced,
    said: VecDeque<Said>,
}

impl Seen {
    pub(crate) fn say(&mut self, said: Said) {
        self.said.push_back(said);
    }
}

/// The connection, with all that pasting needs.
#[derive(Debug)]
pub(crate) struct Server {
    queue: EventQueue<Seen>,
    handle: QueueHandle<Seen>,
    pub(crate) seen: Seen,
    conn: Connection,
    seat: WlSeat,
    /// `None`: the compositor lets no program have a keyboard.
    keyboards: Option<ZwpVirtualKeyboardManagerV1>,
    device: Box<dyn Device>,
    last_number: u64,
}

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// There may be news of the compositor or of one of the others.
    News,
    /// The bell, perhaps with news too.
    Rung,
    TimeIsUp,
}

impl Server {
    /// Connects.
    pub(crate) fn connect() -> Result<Self, Problem> {
        let conn = connection()?;
        let mut queue = conn.new_event_queue();
        let handle = queue.handle();
        let mut seen = Seen::default();
        let registry = conn.display().get_registry(&handle, ());
        let mut catch_up = |number| -> Result<Seen, Problem> {
            let mark = Mark(number);
            conn.display().sync(&handle, mark);
            wait_for(&mut queue, &mut seen, Instant::now() + ANSWER, mark)?;
            Ok(std::mem::take(&mut seen))
        };
        let globals = Globals { seen: catch_up(0)?.globals, registry, handle: &handle };
        let keyboards = globals.bind(1);
        let seat = globals.bind(1).ok_or(Problem::NoWay)?;
        let device = globals.device(&seat).ok_or(Problem::NoWay)?;
        // By then the compositor has told what is on the clipboard.
        let seen = catch_up(1)?;
        Ok(Self { queue, handle, seen, conn, seat, keyboards, device, last_number: 1 })
    }

    /// Whether a keyboard is plugged in, so that windows already listen to one.
    pub(crate) fn has_keyboard(&self) -> bool {
        self.seen.has_keyboard
    }

    /// Whether a keyboard of our own can be had.
    pub(crate) fn lends_keyboards(&self) -> bool {
        self.keyboards.is_some()
    }

    /// `None`: it cannot.
    pub(crate) fn create_keyboard(&self) -> Option<ZwpVirtualKeyboardV1> {
        let keyboards = self.keyboards.as_ref()?;
        Some(keyboards.create_virtual_keyboard(&self.seat, &self.handle, ()))
    }

    /// Takes the clipboard with these formats.
    pub(crate) fn own(&mut self, formats: &[&str]) -> (SourceId, Box<dyn Source>) {
        self.last_number += 1;
        let number = SourceId(self.last_number);
        (number, self.device.own(&self.handle, formats, number))
    }

    /// Leaves the clipboard to nobody.
    pub(crate) fn clear(&self) {
        self.device.clear();
    }

    /// Has the compositor tell when it has dealt with everything up to now.
    pub(crate) fn mark(&mut self) -> Mark {
        self.last_number += 1;
        let mark = Mark(self.last_number);
        self.conn.display().sync(&self.handle, mark);
        mark
    }

    /// The next thing the compositor has said.
    pub(crate) fn said(&mut self) -> Result<Option<Said>, Problem> {
        match self.seen.said.pop_front() {
            Some(Said::Finished) => Err(Problem::Compositor("its seat has gone".to_owned())),
            said => Ok(said),
        }
    }

    /// See [`wait`].
    pub(crate) fn wait(
        &mut self,
        until: Option<Instant>,
        bell: Option<BorrowedFd<'_>>,
        others: Vec<PollFd<'_>>,
    ) -> Result<Woken, Problem> {
        wait(&mut self.queue, &mut self.seen, until, bell, others)
    }
}

/// What the compositor offers.
struct Globals<'h> {
    seen: Vec<Global>,
    registry: WlRegistry,
    handle: &'h QueueHandle<Seen>,
}

impl Globals<'_> {
    /// Of version `newest` at most. `None`: it is not offered.
    fn bind<I: Proxy + 'static>(&self, newest: u32) -> Option<I>
    where
        Seen: Dispatch<I, ()>,
    {
        let wanted = I::interface().name;
        let global = self.seen.iter().find(|global| global.interface == wanted)?;
        let version = global.version.min(newest);
        Some(self.registry.bind(global.name, version, self.handle, ()))
    }

    fn device(&self, seat: &WlSeat) -> Option<Box<dyn Device>> {
        if let Some(manager) = self.bind(1) {
            return Some(ext::device(manager, seat, self.handle));
        }
        // Version 2 tells of the primary selection, and nothing else is new in it.
        Some(wlr::device(self.bind(1)?, seat, self.handle))
    }
}

/// A connection on which nothing has been said.
pub(crate) fn connection() -> Result<Connection, Problem> {
    let stream = stream().map_err(|error| Problem::NoCompositor(error.to_string()))?;
    Connection::from_socket(stream).map_err(broken)
}

/// The compositor's socket, as the Wayland library's manual says (wl_display_connect).
fn stream() -> std::io::Result<UnixStream> {
    let missing = |name: &str| std::io::Error::other(format!("{name} is not set"));
    let name = std::env::var_os("WAYLAND_DISPLAY").ok_or_else(|| missing("WAYLAND_DISPLAY"))?;
    let mut path = PathBuf::from(name);
    if path.is_relative() {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR");
        path = PathBuf::from(runtime.ok_or_else(|| missing("XDG_RUNTIME_DIR"))?).join(path);
    }
    UnixStream::connect(path)
}

fn wait_for(
    queue: &mut EventQueue<Seen>,
    seen: &mut Seen,
    until: Instant,
    mark: Mark,
) -> Result<(), Problem> {
    loop {
        let before = seen.said.len();
        seen.said.retain(|said| !matches!(said, Said::Reached(reached) if *reached == mark));
        if seen.said.len() < before {
            return Ok(());
        }
        if wait(queue, seen, Some(until), None, Vec::new())? == Woken::TimeIsUp {
            return Err(Problem::Hanging);
        }
    }
}

/// Sends what is to be sent, and waits for the compositor, the bell, or one of the others. `until` `None`: for ever.
pub(crate) fn wait<S>(
    queue: &mut EventQueue<S>,
    seen: &mut S,
    until: Option<Instant>,
    bell: Option<BorrowedFd<'_>>,
    others: Vec<PollFd<'_>>,
) -> Result<Woken, Problem> {
    if queue.dispatch_pending(seen).map_err(broken)? > 0 {
        return Ok(Woken::News);
    }
    let mut events = PollFlags::IN;
    match queue.flush() {
        Ok(()) => {}
        // The compositor is busy, and takes no more for now.
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
    queue.dispatch_pending(seen).map_err(broken)?;
    Ok(if rung { Woken::Rung } else { Woken::News })
}

pub(crate) fn broken(error: impl std::fmt::Display) -> Problem {
    Problem::Compositor(error.to_string())
}

fn timeout(until: Option<Instant>) -> Option<Timespec> {
    // No wait here is longer than seconds.
    Timespec::try_from(until?.saturating_duration_since(Instant::now())).ok()
}

impl Dispatch<WlRegistry, ()> for Seen {
    fn event(
        seen: &mut Self,
        _: &WlRegistry,
        event: wl_registry::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_registry::Event::Global { name, interface, version } = event {
            seen.globals.push(Global { name, interface, version });
        }
    }
}

impl Dispatch<WlCallback, Mark> for Seen {
    fn event(
        seen: &mut Self,
        _: &WlCallback,
        _: wl_callback::Event,
        mark: &Mark,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        seen.say(Said::Reached(*mark));
    }
}

impl Dispatch<WlSeat, ()> for Seen {
    fn event(
        seen: &mut Self,
        _: &WlSeat,
        event: wl_seat::Event,
        (): &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        if let wl_seat::Event::Capabilities { capabilities: WEnum::Value(all) } = event {
            seen.has_keyboard = all.contains(Capability::Keyboard);
        }
    }
}

// They have no events.
delegate_noop!(Seen: ZwpVirtualKeyboardManagerV1);
delegate_noop!(Seen: ZwpVirtualKeyboardV1);
