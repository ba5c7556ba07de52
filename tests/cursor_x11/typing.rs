//! Tests typing with the current keyboard layout, into a window of a real toolkit.

use crate::desktop::Desktop;
use crate::{no_key_is_down, waits};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use v2m::session::{DeliverMode, Delivery};
use v2m_testkit::wait_for;
use v2m_testkit::x11_window::{PastesOn, Window};

/// Characters of a Spanish keyboard, with dead keys, a third level and capitals.
const SPANISH: &str =
    "¿Qué pasó en España, señor Íñigo? «Sí» 100 % [5 €] pingüino ~ ^ ` ' \"fin\"!";

/// A GTK program with a text field.
pub(crate) struct Editor {
    program: Child,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Editor {
    /// Opens the program, and waits until it has the keyboard focus.
    pub(crate) fn open(desktop: &Desktop) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("window");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/system/gnome/window.py");
        let program = Command::new("/usr/bin/python3")
            .arg(source)
            .arg(&file)
            .env("DISPLAY", desktop.display())
            .env("DBUS_SESSION_BUS_ADDRESS", &desktop.bus.address)
            .env("GDK_BACKEND", "x11")
            .env("GSK_RENDERER", "cairo")
            .env("GTK_A11Y", "none")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("there is Python with GTK (packages python3-gi, gir1.2-gtk-4.0)");
        let editor = Self { program, file, _folder: folder };
        wait_for("the editor to have the keyboard", || {
            desktop.keyboard.focus_on("A text");
            (editor.read()?["active"] == true).then_some(())
        });
        editor
    }

    fn read(&self) -> Option<Value> {
        serde_json::from_slice(&std::fs::read(&self.file).ok()?).ok()
    }

    pub(crate) fn wait_for(&self, text: &str) {
        wait_for("the text", || (self.read()?["text"] == text).then_some(()));
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

pub(crate) fn lay_out(desktop: &Desktop, arguments: &[&str]) {
    let laid_out =
        Command::new("setxkbmap").env("DISPLAY", desktop.display()).args(arguments).status();
    assert!(laid_out.expect("setxkbmap is installed (package x11-xkb-utils)").success());
}

pub(crate) fn typed(deliveries: &[Delivery]) {
    let typed = Delivery { by: "type", backend: Some("x11"), ok: true, detail: "typed".to_owned() };
    assert_eq!(deliveries, [typed]);
}

#[test]
fn a_text_is_typed_as_the_keyboard_is_laid_out() {
    let mut desktop = Desktop::start();
    desktop.server.copy("UTF8_STRING", b"before");
    lay_out(&desktop, &["-layout", "es,ru"]);
    let layout = desktop.keyboard.keysyms();
    let editor = Editor::open(&desktop);
    let mut expected = String::new();
    for _ in 0..10 {
        typed(&desktop.put(DeliverMode::Type, SPANISH, None));
        expected += SPANISH;
        no_key_is_down(&desktop);
    }
    editor.wait_for(&expected);
    desktop.keyboard.switch_to(1);
    typed(&desktop.put(DeliverMode::Type, "Привет, мир!", None));
    editor.wait_for(&(expected + "Привет, мир!"));
    assert_eq!(desktop.keyboard.keysyms(), layout, "the layout was changed");
    assert_eq!(desktop.server.paste(), "before");
}

#[test]
fn caps_lock_changes_nothing_of_what_is_typed() {
    const CAPS_LOCK: u32 = 0xffe5;
    let mut desktop = Desktop::start();
    lay_out(&desktop, &["-layout", "us"]);
    let editor = Editor::open(&desktop);
    let caps = desktop.keyboard.code(CAPS_LOCK);
    for down in [true, false] {
        desktop.keyboard.press(caps, down);
    }
    typed(&desktop.put(DeliverMode::Type, "Hello, World: it's 5%", None));
    editor.wait_for("Hello, World: it's 5%");
}

#[test]
fn what_the_layout_lacks_is_pasted_and_what_cannot_be_pasted_waits() {
    let mut desktop = Desktop::start();
    lay_out(&desktop, &["-layout", "us"]);
    {
        let window = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
        // The character must not be in the journal, because it was dictated.
        let lacks = "no key for one of the characters";
        for (text, lacking) in
            [("señor", lacks), ("one\ntwo", lacks), (&"a".repeat(2_001), "too long to type")]
        {
            let deliveries = desktop.put(DeliverMode::Type, text, None);
            let [
                Delivery { by: "type", ok: false, detail, .. },
                Delivery { by: "paste", ok: true, .. },
            ] = &deliveries[..]
            else {
                panic!("{deliveries:?}")
            };
            assert!(detail.contains(lacking), "{detail}");
            assert_eq!(window.text(), text);
        }
        desktop.settle();
    }
    let _window = Window::open(desktop.display(), "Editor", PastesOn::Nothing);
    let deliveries = desktop.put(DeliverMode::Type, "señor", None);
    waits(&desktop, &deliveries[1..], "no window took it", "señor");
}

#[test]
fn nothing_is_typed_where_no_window_is_or_another_one_than_meant() {
    let mut desktop = Desktop::start();
    let nowhere = desktop.put(DeliverMode::Type, "nowhere", None);
    assert!(nowhere[0].detail.contains("no window has the focus"), "{nowhere:?}");
    assert_eq!(desktop.server.paste(), "nowhere");

    let _first = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    let meant = desktop.focus();
    let second = Window::open(desktop.display(), "Editor", PastesOn::Ctrl);
    let moved = desktop.put(DeliverMode::Type, "moved", meant);
    assert!(moved[0].detail.contains("another window has the focus"), "{moved:?}");
    assert_eq!(desktop.server.paste(), "moved");
    second.had_no_key(&desktop.keyboard);
}
