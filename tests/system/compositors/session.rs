//! A desktop for one test: sway without a screen, or i3 on the machine's X server, and a window
//! with a text field.

use crate::lab::{self, beside, run, systemctl, try_run};
use serde_json::Value;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use v2m_testkit::wayland_keyboard::Keyboard;
use wayland_client::Connection;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::ConnectionExt as _;
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

const UNIT: &str = "v2m-test-desktop";

/// The bindings of both configurations: a key that toggles, and one that records while it is held.
const BINDINGS: &str = "bindsym Mod4+d exec v2m-send toggle\n\
    bindsym --no-repeat Mod4+h exec v2m-send start\n\
    bindsym --release Mod4+h exec v2m-send stop\n";

/// A desktop and its user's keyboard.
pub(crate) trait Keys {
    /// The backend that v2m must use for the cursor.
    const BACKEND: &str;
    /// Runs the desktop. Returns the environment variables for its programs.
    fn start() -> (Self, Vec<(&'static str, String)>)
    where
        Self: Sized;
    /// Presses the key that toggles.
    fn tap(&mut self);
    /// Holds the other key down while `meanwhile` runs.
    fn hold(&mut self, meanwhile: impl FnOnce());
}

/// A running desktop with a window. It ends when this is dropped.
pub(crate) struct Session<D> {
    pub(crate) keys: D,
    environment: Vec<(&'static str, String)>,
    file: PathBuf,
    window: Child,
    _folder: tempfile::TempDir,
}

impl<D: Keys> Session<D> {
    pub(crate) fn start() -> Self {
        let (keys, environment) = D::start();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("window");
        let mut window = Command::new(beside("window.py"));
        window.arg(&file).envs(environment.iter().cloned()).env("GSK_RENDERER", "cairo");
        let window = window.stderr(Stdio::null()).spawn().unwrap();
        let session = Self { keys, environment, file, window, _folder: folder };
        lab::wait_for("the window to have the keyboard", || session.is_active().then_some(()));
        session
    }

    fn read(&self) -> Option<Value> {
        serde_json::from_slice(&std::fs::read(&self.file).ok()?).ok()
    }

    /// Returns whether the window has the keyboard focus.
    pub(crate) fn is_active(&self) -> bool {
        self.read().is_some_and(|told| told["active"] == true)
    }

    /// Waits until the window's text is `wanted`, and returns it.
    pub(crate) fn wait_for(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        lab::wait_for(what, || {
            let text = self.read()?["text"].as_str()?.to_owned();
            wanted(&text).then_some(text)
        })
    }

    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("timeout");
        command.args(["10", program]).envs(self.environment.iter().cloned());
        command
    }

    fn is_wayland(&self) -> bool {
        self.environment.iter().any(|(name, _)| *name == "WAYLAND_DISPLAY")
    }

    /// Copies a text, as a program of the desktop does.
    pub(crate) fn copy(&self, text: &str) {
        let mut copy = if self.is_wayland() {
            let mut copy = self.command("wl-copy");
            copy.arg(text);
            copy
        } else {
            let mut copy = self.command("sh");
            copy.args(["-c", "printf %s \"$0\" | xclip -in -selection clipboard", text]);
            copy
        };
        assert!(copy.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
        lab::wait_for("the copy", || (self.clipboard().as_deref() == Some(text)).then_some(()));
    }

    /// Returns the text that another program would paste.
    pub(crate) fn clipboard(&self) -> Option<String> {
        let mut paste = if self.is_wayland() {
            let mut paste = self.command("wl-paste");
            paste.arg("--no-newline");
            paste
        } else {
            let mut paste = self.command("xclip");
            paste.args(["-out", "-selection", "clipboard", "-target", "UTF8_STRING"]);
            paste
        };
        let output = paste.output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }
}

impl<D> Drop for Session<D> {
    fn drop(&mut self) {
        let _ = self.window.kill();
        let _ = self.window.wait();
        let _ = try_run("systemctl", &["--user", "stop", UNIT]);
    }
}

/// Runs a compositor with a configuration as a user unit.
fn run_unit(program: &str, config: &str, environment: &[&str]) {
    let _ = try_run("systemctl", &["--user", "reset-failed", UNIT]);
    let file = std::env::temp_dir().join(format!("{UNIT}.config"));
    std::fs::write(&file, config).unwrap();
    let mut arguments = vec!["--user", "--quiet", "--collect", "--unit", UNIT];
    arguments.extend(environment);
    arguments.extend([program, "-c", file.to_str().unwrap()]);
    run("systemd-run", &arguments);
}

/// sway, with a virtual keyboard.
pub(crate) struct Sway {
    keyboard: Keyboard,
}

impl Sway {
    /// The Super modifier, as X11 numbers it.
    const SUPER: u32 = 1 << 6;
    // Key codes of Linux's input-event-codes.h.
    const D: u32 = 32;
    const H: u32 = 35;
}

impl Keys for Sway {
    const BACKEND: &str = "wayland";

    fn start() -> (Self, Vec<(&'static str, String)>) {
        let told = std::env::temp_dir().join(format!("{UNIT}.display"));
        let _ = std::fs::remove_file(&told);
        let config = format!(
            "xwayland disable\n{BINDINGS}exec sh -c 'echo $WAYLAND_DISPLAY > {0}.new; mv {0}.new {0}'\n",
            told.display()
        );
        let headless =
            ["WLR_BACKENDS=headless", "WLR_LIBINPUT_NO_DEVICES=1", "WLR_RENDERER=pixman"];
        let headless: Vec<String> = headless.iter().map(|set| format!("--setenv={set}")).collect();
        let headless: Vec<&str> = headless.iter().map(String::as_str).collect();
        run_unit("sway", &config, &headless);
        let display = lab::wait_for("sway", || std::fs::read_to_string(&told).ok());
        let display = display.trim().to_owned();
        // As a sway session does.
        systemctl(&["unset-environment", "DISPLAY"]);
        systemctl(&["set-environment", &format!("WAYLAND_DISPLAY={display}")]);
        let path = PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR").unwrap()).join(&display);
        let conn = Connection::from_socket(UnixStream::connect(path).unwrap()).unwrap();
        let keys = Self { keyboard: Keyboard::plug_into(conn, &["us"]) };
        (keys, vec![("WAYLAND_DISPLAY", display), ("GDK_BACKEND", "wayland".to_owned())])
    }

    fn tap(&mut self) {
        self.keyboard.hold(Self::SUPER, Self::D, || ());
    }

    fn hold(&mut self, meanwhile: impl FnOnce()) {
        self.keyboard.hold(Self::SUPER, Self::H, meanwhile);
    }
}

impl Drop for Sway {
    fn drop(&mut self) {
        systemctl(&["unset-environment", "WAYLAND_DISPLAY"]);
        systemctl(&["set-environment", &format!("DISPLAY={}", std::env::var("DISPLAY").unwrap())]);
    }
}

/// i3, with XTEST as the keyboard.
pub(crate) struct I3 {
    conn: RustConnection,
}

impl I3 {
    const SUPER: u32 = 0xffeb;

    /// Returns the code of the key with this keysym in its first position.
    fn code(&self, keysym: u32) -> u8 {
        let setup = self.conn.setup();
        let (first, count) = (setup.min_keycode, setup.max_keycode - setup.min_keycode + 1);
        let map = self.conn.get_keyboard_mapping(first, count).unwrap().reply().unwrap();
        let mut keys = map.keysyms.chunks(map.keysyms_per_keycode.into());
        first + u8::try_from(keys.position(|key| key[0] == keysym).unwrap()).unwrap()
    }

    fn key(&self, keysym: u32, down: bool) {
        let kind = if down { 2 } else { 3 };
        let (code, none) = (self.code(keysym), x11rb::NONE);
        self.conn.xtest_fake_input(kind, code, 0, none, 0, 0, 0).unwrap().check().unwrap();
    }

    fn with(&self, letter: char, meanwhile: impl FnOnce()) {
        self.key(Self::SUPER, true);
        self.key(letter.into(), true);
        meanwhile();
        self.key(letter.into(), false);
        self.key(Self::SUPER, false);
    }
}

impl Keys for I3 {
    const BACKEND: &str = "x11";

    fn start() -> (Self, Vec<(&'static str, String)>) {
        // i3 has no --no-repeat: each repetition by the server counts as a press, and `start` has
        // no effect during a recording.
        let bindings = BINDINGS.replace("--no-repeat ", "");
        run_unit("i3", &format!("# i3 config file (v4)\nfont pango:monospace 8\n{bindings}"), &[]);
        let (conn, screen) = RustConnection::connect(None).unwrap();
        let root = conn.setup().roots[screen].root;
        let atom =
            conn.intern_atom(false, b"_NET_SUPPORTING_WM_CHECK").unwrap().reply().unwrap().atom;
        lab::wait_for("i3", || {
            let any = x11rb::protocol::xproto::AtomEnum::ANY;
            let told = conn.get_property(false, root, atom, any, 0, 1).unwrap().reply().unwrap();
            (!told.value.is_empty()).then_some(())
        });
        let display = std::env::var("DISPLAY").unwrap();
        (Self { conn }, vec![("DISPLAY", display), ("GDK_BACKEND", "x11".to_owned())])
    }

    fn tap(&mut self) {
        self.with('d', || ());
    }

    fn hold(&mut self, meanwhile: impl FnOnce()) {
        self.with('h', meanwhile);
    }
}
