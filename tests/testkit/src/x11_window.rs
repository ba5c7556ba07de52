//! A window that behaves like one of a toolkit: it pastes on its key as GTK and Qt do, and reports
//! what it received.

use crate::x11_programs::Keyboard;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xfixes::{self, ConnectionExt as _};
use x11rb::protocol::xkb::ConnectionExt as _;
use x11rb::protocol::xproto::{
    AtomEnum, ConnectionExt as _, CreateWindowAux, EventMask, GetKeyboardMappingReply, InputFocus,
    KeyButMask, KeyPressEvent, PropMode, Property, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// An event in a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A key with a letter was pressed, with these modifiers down. The letter of Insert is `I`.
    Key(char, u16),
    /// This text was pasted.
    Text(String),
}

/// The modifiers that, with V, make a window paste.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PastesOn {
    Ctrl,
    CtrlShift,
    /// With Insert in place of V. The window pastes the primary selection, as xterm does.
    ShiftInsert,
    Nothing,
}

impl PastesOn {
    pub fn modifiers(self) -> Option<u16> {
        let (control, shift) = (u16::from(KeyButMask::CONTROL), u16::from(KeyButMask::SHIFT));
        match self {
            Self::Ctrl => Some(control),
            Self::CtrlShift => Some(control | shift),
            Self::ShiftInsert => Some(shift),
            Self::Nothing => None,
        }
    }

    fn key(self) -> char {
        if self == Self::ShiftInsert { INSERT } else { 'v' }
    }

    fn selection(self) -> &'static str {
        if self == Self::ShiftInsert { "PRIMARY" } else { "CLIPBOARD" }
    }
}

/// The letter for Insert in [`Seen::Key`].
pub const INSERT: char = 'I';

/// A window that has the keyboard focus from the start.
pub struct Window {
    admin: RustConnection,
    id: u32,
    seen: Receiver<Seen>,
    thread: Option<JoinHandle<()>>,
}

impl Window {
    pub fn open(display: &str, class: &str, pastes_on: PastesOn) -> Self {
        Self::make(display, class, pastes_on, false)
    }

    /// Opens a window that pastes, and also reads the clipboard whenever it changes, as viewers of
    /// remote machines do.
    pub fn that_watches(display: &str) -> Self {
        Self::make(display, "Viewer", PastesOn::Ctrl, true)
    }

    fn make(display: &str, class: &str, pastes_on: PastesOn, watches: bool) -> Self {
        let (conn, screen) = RustConnection::connect(Some(display)).unwrap();
        let (admin, _) = RustConnection::connect(Some(display)).unwrap();
        let root = conn.setup().roots[screen].root;
        let id = conn.generate_id().unwrap();
        let events = EventMask::KEY_PRESS | EventMask::PROPERTY_CHANGE | EventMask::EXPOSURE;
        let options = CreateWindowAux::new().event_mask(events).override_redirect(1);
        let kind = WindowClass::INPUT_OUTPUT;
        conn.create_window(0, id, root, 0, 0, 32, 32, 0, kind, 0, &options).unwrap();
        let name = format!("instance\0{class}\0");
        let (property, string) = (AtomEnum::WM_CLASS, AtomEnum::STRING);
        conn.change_property8(PropMode::REPLACE, id, property, string, name.as_bytes()).unwrap();
        // These properties say that the window belongs to this test's process, on this machine.
        let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        let (property, machine) = (AtomEnum::WM_CLIENT_MACHINE, machine.trim_end().as_bytes());
        conn.change_property8(PropMode::REPLACE, id, property, string, machine).unwrap();
        let property = conn.intern_atom(false, b"_NET_WM_PID").unwrap().reply().unwrap().atom;
        let (cardinal, pid) = (AtomEnum::CARDINAL, [std::process::id()]);
        conn.change_property32(PropMode::REPLACE, id, property, cardinal, &pid).unwrap();
        conn.map_window(id).unwrap();
        conn.flush().unwrap();
        while !matches!(conn.wait_for_event().unwrap(), Event::Expose(_)) {}
        if watches {
            let clipboard = conn.intern_atom(false, b"CLIPBOARD").unwrap().reply().unwrap().atom;
            conn.xfixes_query_version(5, 0).unwrap().reply().unwrap();
            let changes = xfixes::SelectionEventMask::SET_SELECTION_OWNER;
            conn.xfixes_select_selection_input(id, clipboard, changes).unwrap().check().unwrap();
        }
        // As toolkits do. Only then does the server report the layout in force with each key.
        conn.xkb_use_extension(1, 0).unwrap().reply().unwrap();
        let (say, seen) = channel();
        let mut window = Self { admin, id, seen, thread: None };
        window.focus();
        let mut toolkit = Toolkit { conn, id, pastes_on, say };
        window.thread = Some(std::thread::spawn(move || while toolkit.turn().is_some() {}));
        window
    }

    /// Returns the window's id on the server.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Gives the window the keyboard focus.
    pub fn focus(&self) {
        let (parent, now) = (InputFocus::PARENT, x11rb::CURRENT_TIME);
        self.admin.set_input_focus(parent, self.id, now).unwrap().check().unwrap();
    }

    /// Waits for the next event in the window.
    pub fn next(&self) -> Seen {
        self.seen.recv_timeout(Duration::from_secs(20)).expect("something happens in the window")
    }

    /// Waits for the next pasted text.
    pub fn text(&self) -> String {
        loop {
            if let Seen::Text(text) = self.next() {
                return text;
            }
        }
    }

    /// Asserts that the window received no key except the B that this presses.
    pub fn had_no_key(&self, keyboard: &Keyboard) {
        let b = keyboard.code(u32::from(b'b'));
        keyboard.press(b, true);
        keyboard.press(b, false);
        assert_eq!(self.next(), Seen::Key('b', 0));
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // The window's thread ends with its connection. The server may have ended before.
        let killed = self.admin.kill_client(self.id).map(x11rb::cookie::VoidCookie::check);
        if killed.is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

struct Toolkit {
    conn: RustConnection,
    id: u32,
    pastes_on: PastesOn,
    say: Sender<Seen>,
}

impl Toolkit {
    /// Handles an event. Returns `None` if the connection or the test has ended.
    fn turn(&mut self) -> Option<()> {
        let press = match self.conn.wait_for_event().ok()? {
            Event::KeyPress(press) => press,
            Event::XfixesSelectionNotify(changed) => {
                return paste(&self.conn, self.id, "CLIPBOARD", changed.timestamp).map(drop);
            }
            _ => return Some(()),
        };
        let Some(letter) = letter(&self.conn, &press) else { return Some(()) };
        let modifiers = u16::from(press.state) & 0xff;
        self.say.send(Seen::Key(letter, modifiers)).ok()?;
        if letter == self.pastes_on.key() && self.pastes_on.modifiers() == Some(modifiers) {
            let text = paste(&self.conn, self.id, self.pastes_on.selection(), press.time)?;
            self.say.send(Seen::Text(text)).ok()?;
        }
        Some(())
    }
}

/// Returns the Latin letter of a key in the current group, or else in another group, as toolkits do
/// for shortcuts.
fn letter(conn: &RustConnection, press: &KeyPressEvent) -> Option<char> {
    let GetKeyboardMappingReply { keysyms, .. } =
        conn.get_keyboard_mapping(press.detail, 1).ok()?.reply().ok()?;
    // Keysyms (X11's keysymdef.h).
    if keysyms.first() == Some(&0xff63) {
        return Some(INSERT);
    }
    let group = usize::from(u16::from(press.state) >> 13 & 0b11);
    let groups = [keysyms.get(2 * group), keysyms.first(), keysyms.get(2)];
    let letters = groups.into_iter().flatten().filter_map(|keysym| char::from_u32(*keysym));
    letters.into_iter().find(char::is_ascii_lowercase)
}

fn paste(conn: &RustConnection, id: u32, selection: &str, time: u32) -> Option<String> {
    let atom = |name: &str| Some(conn.intern_atom(false, name.as_bytes()).ok()?.reply().ok()?.atom);
    let (selection, utf8) = (atom(selection)?, atom("UTF8_STRING")?);
    let (property, incr) = (atom("PASTED")?, atom("INCR")?);
    let take =
        || conn.get_property(true, id, property, AtomEnum::ANY, 0, u32::MAX / 4).ok()?.reply().ok();
    conn.convert_selection(id, selection, utf8, property, time).ok()?;
    conn.flush().ok()?;
    loop {
        if let Event::SelectionNotify(told) = conn.wait_for_event().ok()? {
            if told.property == x11rb::NONE {
                return Some(String::new());
            }
            break;
        }
    }
    let first = take()?;
    if first.type_ != incr {
        return String::from_utf8(first.value).ok();
    }
    let mut bytes = Vec::new();
    loop {
        match conn.wait_for_event().ok()? {
            Event::PropertyNotify(change)
                if change.atom == property && change.state == Property::NEW_VALUE => {}
            _ => continue,
        }
        let piece = take()?;
        if piece.type_ != x11rb::NONE && piece.value.is_empty() {
            return String::from_utf8(bytes).ok();
        }
        bytes.extend(piece.value);
    }
}
