//! Doubles of other programs of a desktop: one that copies content in several formats, and a
//! clipboard manager.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xfixes::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ConnectionExt as _, CreateWindowAux, EventMask, ModMask, PropMode,
    SELECTION_NOTIFY_EVENT, SelectionNotifyEvent, SelectionRequestEvent, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// A connection with a hidden window.
struct Program {
    conn: RustConnection,
    root: u32,
    window: u32,
}

impl Program {
    fn start(display: &str) -> Self {
        let (conn, screen) = RustConnection::connect(Some(display)).unwrap();
        let root = conn.setup().roots[screen].root;
        let window = conn.generate_id().unwrap();
        let (kind, options) = (WindowClass::INPUT_ONLY, CreateWindowAux::new());
        conn.create_window(0, window, root, 0, 0, 1, 1, 0, kind, 0, &options).unwrap();
        Self { conn, root, window }
    }

    fn atom(&self, name: &str) -> Atom {
        self.conn.intern_atom(false, name.as_bytes()).unwrap().reply().unwrap().atom
    }

    fn own(&self, selection: &str) -> Atom {
        let selection = self.atom(selection);
        let taken = self.conn.set_selection_owner(self.window, selection, x11rb::CURRENT_TIME);
        taken.unwrap().check().unwrap();
        selection
    }

    fn answer(&self, asked: &SelectionRequestEvent, done: bool) -> Option<()> {
        let answer = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: asked.time,
            requestor: asked.requestor,
            selection: asked.selection,
            target: asked.target,
            property: if done { asked.property } else { x11rb::NONE },
        };
        self.conn.send_event(false, asked.requestor, EventMask::NO_EVENT, answer).ok()?;
        self.conn.flush().ok()
    }
}

/// Copies content in several formats. It is on the clipboard when this returns, until something
/// else is copied.
pub fn copy(display: &str, formats: &[(&str, Vec<u8>)]) {
    own(display, "CLIPBOARD", formats);
}

/// Selects a text (the primary selection). It is there when this returns, until another text is
/// selected.
pub fn mark(display: &str, text: &str) {
    own(display, "PRIMARY", &[("UTF8_STRING", text.as_bytes().to_vec())]);
}

/// Returns what another program pastes from the primary selection; `None` if there is none.
pub fn marked(display: &str) -> Option<String> {
    let mut xclip = std::process::Command::new("timeout");
    xclip.args(["10", "xclip", "-o", "-selection", "primary"]).env("DISPLAY", display);
    let output = xclip.output().expect("xclip is installed (package xclip)");
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// A format that is offered but whose content is never sent.
pub const HANGS: &str = "application/x-hangs";

fn own(display: &str, selection: &str, formats: &[(&str, Vec<u8>)]) {
    let program = Program::start(display);
    let formats: BTreeMap<Atom, Vec<u8>> =
        formats.iter().map(|(name, bytes)| (program.atom(name), bytes.clone())).collect();
    let (targets, hangs) = (program.atom("TARGETS"), program.atom(HANGS));
    program.own(selection);
    std::thread::spawn(move || {
        while let Ok(event) = program.conn.wait_for_event() {
            match event {
                Event::SelectionRequest(asked) if asked.target == hangs => {}
                Event::SelectionRequest(asked) => {
                    let (window, property) = (asked.requestor, asked.property);
                    let (conn, mode) = (&program.conn, PropMode::REPLACE);
                    let done = if asked.target == targets {
                        let mut list = vec![targets];
                        list.extend(formats.keys());
                        conn.change_property32(mode, window, property, AtomEnum::ATOM, &list)
                            .is_ok()
                    } else if let Some(bytes) = formats.get(&asked.target) {
                        conn.change_property8(mode, window, property, asked.target, bytes).is_ok()
                    } else {
                        false
                    };
                    if program.answer(&asked, done).is_none() {
                        return;
                    }
                }
                Event::SelectionClear(_) => return,
                _ => {}
            }
        }
    });
}

/// The behaviour of a clipboard manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// Reads the text whenever the clipboard gets another owner. This may happen before or after
    /// the keystrokes of a paste.
    Reads,
    /// Reads the text again and again.
    ReadsOn,
    /// Reads the hint that marks secret content.
    ReadsMark,
    /// Only saves the content of programs that ask for it before they exit.
    Saves,
}

/// Starts a clipboard manager. It reports each request to save, and each text that it has read.
pub fn manager(display: &str, does: Manager) -> Receiver<Vec<u8>> {
    let program = Program::start(display);
    let (say, said) = channel();
    let own = program.own("CLIPBOARD_MANAGER");
    let clipboard = program.atom("CLIPBOARD");
    program.conn.xfixes_query_version(5, 0).unwrap().reply().unwrap();
    let changes = xfixes::SelectionEventMask::SET_SELECTION_OWNER;
    let (conn, window) = (&program.conn, program.window);
    conn.xfixes_select_selection_input(window, clipboard, changes).unwrap().check().unwrap();
    std::thread::spawn(
        move || {
            while let Some(()) = manage(&program, does, own, clipboard, &say) {}
        },
    );
    said
}

fn manage(
    program: &Program,
    does: Manager,
    own: Atom,
    clipboard: Atom,
    say: &Sender<Vec<u8>>,
) -> Option<()> {
    let (conn, window) = (&program.conn, program.window);
    let (utf8, property) = (program.atom("UTF8_STRING"), program.atom("READ"));
    let save = program.atom("SAVE_TARGETS");
    let read = || {
        let target = match does {
            Manager::ReadsMark => program.atom("x-kde-passwordManagerHint"),
            Manager::Reads | Manager::ReadsOn | Manager::Saves => utf8,
        };
        conn.convert_selection(window, clipboard, target, property, x11rb::CURRENT_TIME).ok()?;
        conn.flush().ok()
    };
    match conn.wait_for_event().ok()? {
        Event::XfixesSelectionNotify(_) if does != Manager::Saves => read(),
        Event::SelectionNotify(told) if told.property != x11rb::NONE => {
            let told = conn.get_property(true, window, property, AtomEnum::ANY, 0, 1 << 20).ok()?;
            say.send(told.reply().ok()?.value).ok()?;
            if does == Manager::ReadsOn { read() } else { Some(()) }
        }
        Event::SelectionRequest(asked) if asked.selection == own && asked.target == save => {
            let (from, list) = (asked.requestor, asked.property);
            let list = conn.get_property(false, from, list, AtomEnum::ATOM, 0, 64).ok()?;
            assert!(list.reply().ok()?.value32()?.any(|target| target == utf8), "what to save");
            say.send(b"asked to save".to_vec()).ok()?;
            program.answer(&asked, true)
        }
        _ => Some(()),
    }
}

/// The keyboard, as the server sees it, and a user who types on it.
pub struct Keyboard(Program);

impl Keyboard {
    pub fn new(display: &str) -> Self {
        Self(Program::start(display))
    }

    /// Returns the codes of the keys that are down.
    pub fn down(&self) -> Vec<u8> {
        let keys = self.0.conn.query_keymap().unwrap().reply().unwrap().keys;
        (0..=255u8).filter(|code| keys[usize::from(code / 8)] & (1 << (code % 8)) != 0).collect()
    }

    /// Presses or releases a key.
    pub fn press(&self, code: u8, down: bool) {
        use x11rb::protocol::xtest::ConnectionExt as _;
        let kind = if down { 2 } else { 3 };
        let (conn, none) = (&self.0.conn, x11rb::NONE);
        conn.xtest_fake_input(kind, code, 0, none, 0, 0, 0).unwrap().check().unwrap();
    }

    /// Returns the code of the key with this keysym in its first position.
    pub fn code(&self, keysym: u32) -> u8 {
        let (first, per_key, keysyms) = self.mapping();
        let at = keysyms.chunks(per_key).position(|key| key[0] == keysym);
        first + u8::try_from(at.expect("the keyboard has that key")).unwrap()
    }

    /// Sets a key's keysyms: first group plain and shifted, second group plain and shifted.
    pub fn set(&self, code: u8, keysyms: [u32; 4]) {
        let conn = &self.0.conn;
        conn.change_keyboard_mapping(1, code, 4, &keysyms).unwrap().check().unwrap();
    }

    /// Switches to a layout, counted from 0.
    pub fn switch_to(&self, layout: u8) {
        use x11rb::protocol::xkb::{self, ConnectionExt as _};
        let (conn, keyboard, none) = (&self.0.conn, xkb::ID::USE_CORE_KBD, ModMask::from(0u16));
        conn.xkb_use_extension(1, 0).unwrap().reply().unwrap();
        let group = xkb::Group::from(layout);
        conn.xkb_latch_lock_state(keyboard.into(), none, none, true, group, none, false, 0)
            .unwrap()
            .check()
            .unwrap();
        let state = conn.xkb_get_state(keyboard.into()).unwrap().reply().unwrap();
        assert_eq!(u8::from(state.group), layout, "the keyboard has that layout");
    }

    /// Returns all keysyms of all keys.
    pub fn keysyms(&self) -> Vec<u32> {
        self.mapping().2
    }

    fn mapping(&self) -> (u8, usize, Vec<u32>) {
        let setup = self.0.conn.setup();
        let (first, count) = (setup.min_keycode, setup.max_keycode - setup.min_keycode + 1);
        let mapping = self.0.conn.get_keyboard_mapping(first, count).unwrap().reply().unwrap();
        (first, usize::from(mapping.keysyms_per_keycode), mapping.keysyms)
    }

    /// Returns whether the clipboard has an owner.
    pub fn clipboard_is_owned(&self) -> bool {
        let clipboard = self.0.atom("CLIPBOARD");
        self.0.conn.get_selection_owner(clipboard).unwrap().reply().unwrap().owner != x11rb::NONE
    }

    /// Gives the keyboard focus to the window with that title, if there is one.
    pub fn focus_on(&self, title: &str) {
        use x11rb::protocol::xproto::{InputFocus, MapState};
        let conn = &self.0.conn;
        let all = conn.query_tree(self.0.root).unwrap().reply().unwrap().children;
        let is_it = |window: &u32| {
            let (property, any) = (AtomEnum::WM_NAME, AtomEnum::ANY);
            let name =
                conn.get_property(false, *window, property, any, 0, 64).ok()?.reply().ok()?;
            let shown = conn.get_window_attributes(*window).ok()?.reply().ok()?.map_state;
            Some(name.value == title.as_bytes() && shown == MapState::VIEWABLE)
        };
        if let Some(window) = all.into_iter().find(|window| is_it(window) == Some(true)) {
            let (parent, now) = (InputFocus::PARENT, x11rb::CURRENT_TIME);
            // The window may be closed by now.
            let _ = conn.set_input_focus(parent, window, now).unwrap().check();
        }
    }

    /// Sets the active window, as a window manager does.
    pub fn set_active(&self, window: u32) {
        let active = self.0.atom("_NET_ACTIVE_WINDOW");
        let (conn, root) = (&self.0.conn, self.0.root);
        let mode = PropMode::REPLACE;
        conn.change_property32(mode, root, active, AtomEnum::WINDOW, &[window])
            .unwrap()
            .check()
            .unwrap();
    }
}
