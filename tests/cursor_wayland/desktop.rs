//! A private desktop: a compositor, one bus as both session and system bus, and v2m's sinks on it.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use v2m::deliver::{
    DeliveryOptions, Focus, PasteKeys, Sinks, UndoOptions, Undone, Window as Focused,
};
use v2m::session::{DeliverMode, Delivery};
use v2m_testkit::private_bus::PrivateBus;
use v2m_testkit::sway::Compositor;
pub(crate) use v2m_testkit::wait_for;
use wayland_client::globals::{Global, GlobalListContents, registry_queue_init};
use wayland_client::protocol::wl_registry::{self, WlRegistry};
use wayland_client::{Connection, Dispatch, QueueHandle};

/// The application id of windows with a field, and of windows without.
const FIELD: &str = "org.v2m.Field";
const BUTTON: &str = "org.v2m.Button";

/// Displays and buses are found by environment variables of the process, so only one test runs at a
/// time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

struct Locked;

#[zbus::interface(name = "org.freedesktop.ScreenSaver")]
impl Locked {
    fn get_active(&self) -> bool {
        true
    }
}

pub(crate) struct Desktop {
    // Fields are dropped in this order.
    pub(crate) runtime: Runtime,
    sinks: Sinks,
    programs: Vec<Child>,
    pub(crate) compositor: Compositor,
    bus: PrivateBus,
    _alone: MutexGuard<'static, ()>,
}

impl Desktop {
    pub(crate) fn start() -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let (compositor, bus) = (Compositor::start(), PrivateBus::start());
        let variables: [(&str, &Path); 4] = [
            ("XDG_RUNTIME_DIR", compositor.runtime.path()),
            ("WAYLAND_DISPLAY", compositor.display.as_ref()),
            ("DBUS_SESSION_BUS_ADDRESS", bus.address.as_ref()),
            ("DBUS_SYSTEM_BUS_ADDRESS", bus.address.as_ref()),
        ];
        // SAFETY: the other tests wait for the guard above, and v2m's threads of an earlier one are
        // idle or have ended. The rest of this process reads variables only through std, which
        // locks them.
        unsafe {
            std::env::remove_var("DISPLAY");
            for (name, value) in variables {
                std::env::set_var(name, value);
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (sinks, programs) = (Sinks::new(), Vec::new());
        Self { runtime, sinks, programs, compositor, bus, _alone: alone }
    }

    /// Pastes a text, and returns the deliveries.
    pub(crate) fn paste(&mut self, text: &str) -> Vec<Delivery> {
        self.paste_into(text, None, &["ctrl+v"; 2])
    }

    /// Delivers a text in this mode, and returns the deliveries.
    pub(crate) fn put(&mut self, mode: DeliverMode, text: &str) -> Vec<Delivery> {
        let wanted = DeliveryOptions { mode, ..DeliveryOptions::default() };
        self.runtime.block_on(self.sinks.hand_over(text, &wanted))
    }

    /// Like `paste`, into one window only. `keys` are the usual keys, and those for terminals;
    /// windows with a field count as terminals.
    pub(crate) fn paste_into(
        &mut self,
        text: &str,
        window: Option<Focused>,
        keys: &[&str; 2],
    ) -> Vec<Delivery> {
        let [usual, terminal] = keys.map(|keys| Some(keys.parse().unwrap()));
        let keys = PasteKeys { usual, terminal, terminals: vec![FIELD.to_lowercase()] };
        let wanted = DeliveryOptions {
            mode: DeliverMode::Paste,
            keys,
            window,
            ..DeliveryOptions::default()
        };
        self.runtime.block_on(self.sinks.hand_over(text, &wanted))
    }

    /// Delivers a text with these options, and returns the deliveries.
    pub(crate) fn hand_over(&mut self, text: &str, wanted: &DeliveryOptions) -> Vec<Delivery> {
        self.runtime.block_on(self.sinks.hand_over(text, wanted))
    }

    /// Undoes the last text, or returns why it cannot.
    pub(crate) fn undo(&mut self, wanted: &UndoOptions) -> Result<Undone, String> {
        let done = self.runtime.block_on(self.sinks.undo(wanted));
        done.map_err(|why| why.to_string())
    }

    /// Returns whether the compositor reports user activity (`ext-idle-notify`).
    pub(crate) fn tells_idle(&self) -> bool {
        let path = self.compositor.runtime.path().join(&self.compositor.display);
        let stream = UnixStream::connect(path).unwrap();
        let conn = Connection::from_socket(stream).unwrap();
        let (globals, _queue) = registry_queue_init::<Registry>(&conn).unwrap();
        let is_it = |global: &Global| global.interface == "ext_idle_notifier_v1";
        globals.contents().with_list(|globals| globals.iter().any(is_it))
    }

    /// Waits until the clipboard has been restored.
    pub(crate) fn settle(&mut self) {
        self.runtime.block_on(self.sinks.settle());
    }

    /// Stops or continues all programs.
    pub(crate) fn stop_programs(&self, stop: bool) {
        let signal = if stop { Signal::STOP } else { Signal::CONT };
        for program in &self.programs {
            kill_process(Pid::from_child(program), signal).unwrap();
        }
    }

    /// Reports the screen as locked, as the desktop does, until the connection is dropped.
    pub(crate) fn lock(&self) -> zbus::Connection {
        let (name, path) = ("org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver");
        let saver = self.bus.builder().name(name).serve_at(path, Locked);
        self.runtime.block_on(saver.build()).unwrap()
    }

    pub(crate) fn focus(&self) -> Option<Focused> {
        self.runtime.block_on(Focus::ask().window())
    }

    /// Plugs in a keyboard besides v2m's, on which no key is pressed.
    pub(crate) fn plug_in_keyboard(&mut self) {
        let mut keyboard = Command::new("wtype");
        // The program creates its keyboard, and then waits an hour before it types.
        keyboard.args(["-s", "3600000", "x"]);
        self.spawn(keyboard);
        wait_for("the keyboard", || {
            self.compositor.ask("get_inputs").contains("keyboard").then_some(())
        });
    }

    /// Types a text on a temporary keyboard.
    pub(crate) fn type_text(&self, text: &str) {
        let typed = self.compositor.command("wtype").arg(text).status();
        assert!(typed.expect("wtype is installed (package wtype)").success());
    }

    /// Copies content as a program of the desktop does. Returns the program's process id.
    pub(crate) fn copy(&mut self, format: &str, bytes: &[u8]) -> u32 {
        let mut copy = Command::new("wl-copy");
        copy.args(["--foreground", "--type", format]).stdin(Stdio::piped());
        let child = self.spawn(copy);
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        let process = child.id();
        wait_for("the copy", || (self.clipboard(format)? == bytes).then_some(()));
        process
    }

    /// Reads the clipboard in this format, as any program does.
    pub(crate) fn clipboard(&self, format: &str) -> Option<Vec<u8>> {
        let mut paste = self.compositor.command("wl-paste");
        let output = paste.args(["--no-newline", "--type", format]).output();
        let output = output.expect("wl-paste is installed (package wl-clipboard)");
        output.status.success().then_some(output.stdout)
    }

    /// Returns the formats of the clipboard's content.
    pub(crate) fn formats(&self) -> Vec<String> {
        let output = self.compositor.command("wl-paste").arg("--list-types").output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// Starts a clipboard manager that appends everything that is copied to a file.
    pub(crate) fn manager(&mut self, file: &Path) {
        let mut manager = Command::new("wl-paste");
        let keep = format!("cat >> {0}; printf '|' >> {0}", file.display());
        manager.args(["--type", "text", "--watch", "sh", "-c", &keep]);
        self.spawn(manager);
    }

    /// Opens a window, with or without a text field, and waits until it has the keyboard focus.
    pub(crate) fn window(&mut self, with_field: bool) -> Window {
        let window = self.open(with_field);
        wait_for("the window to have the keyboard", || {
            (window.read()?["active"] == true).then_some(())
        });
        window
    }

    /// Starts the program of a window.
    pub(crate) fn open(&mut self, with_field: bool) -> Window {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("window");
        // The distribution's own Python, because it has GTK.
        let mut program = Command::new("/usr/bin/python3");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/system/gnome/window.py");
        program.arg(source).arg(&file).args((!with_field).then_some("no-field"));
        program
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus.address)
            .env("APPLICATION", if with_field { FIELD } else { BUTTON })
            .env("GDK_BACKEND", "wayland")
            .env("GSK_RENDERER", "cairo")
            .env("GTK_A11Y", "none");
        self.spawn(program);
        Window { file, _folder: folder }
    }

    fn spawn(&mut self, mut command: Command) -> &mut Child {
        self.compositor.enter(&mut command);
        let program = command.get_program().to_owned();
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.programs.push(child.unwrap_or_else(|error| panic!("{program:?}: {error}")));
        self.programs.last_mut().unwrap()
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for program in &mut self.programs {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

/// Reads the compositor's globals.
struct Registry;

impl Dispatch<WlRegistry, GlobalListContents> for Registry {
    fn event(
        _: &mut Self,
        _: &WlRegistry,
        _: wl_registry::Event,
        _: &GlobalListContents,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
    }
}

/// A window of a separate program.
pub(crate) struct Window {
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Window {
    pub(crate) fn read(&self) -> Option<Value> {
        serde_json::from_slice(&std::fs::read(&self.file).ok()?).ok()
    }

    /// Returns whether the window has the keyboard focus.
    pub(crate) fn is_active(&self) -> bool {
        self.read().unwrap()["active"] == true
    }

    /// Waits until the window's text is exactly `text`.
    pub(crate) fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let read = self.read().unwrap();
            if read["text"] == text {
                return;
            }
            assert!(Instant::now() < deadline, "in the window: {read}, not {text:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
