//! The tests' access to GNOME: keyboard, mouse, windows with a text field, clipboard, screen lock.

use crate::lab::{PATIENCE, beside, ended, run, wait_for};
use futures_core::Stream;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::io::Write;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use zbus::{Connection, MatchRule, Message, MessageStream, OwnedObjectPath, Variant};

/// Key codes from Linux's input-event-codes.h.
pub(crate) mod key {
    pub(crate) const ESCAPE: u32 = 1;
    pub(crate) const Q: u32 = 16;
    pub(crate) const I: u32 = 23;
    pub(crate) const ENTER: u32 = 28;
    pub(crate) const CTRL: u32 = 29;
    pub(crate) const A: u32 = 30;
    pub(crate) const S: u32 = 31;
    pub(crate) const V: u32 = 47;
    pub(crate) const N: u32 = 49;
    pub(crate) const F9: u32 = 67;
    pub(crate) const ALT: u32 = 56;
    pub(crate) const CAPS_LOCK: u32 = 58;
    pub(crate) const HOME: u32 = 102;
    pub(crate) const UP: u32 = 103;
    pub(crate) const DELETE: u32 = 111;
    pub(crate) const SUPER: u32 = 125;
    pub(crate) const F24: u32 = 194;
}

const MUTTER: &str = "org.gnome.Mutter.RemoteDesktop";
const TEXT: &str = "text/plain;charset=utf-8";
const SESSION: &str = "org.gnome.Mutter.RemoteDesktop.Session";

/// The desktop, with a keyboard for the test. The keyboard exists until this is dropped.
pub(crate) struct Desktop {
    pub(crate) runtime: Runtime,
    bus: Connection,
    keyboard: OwnedObjectPath,
    environment: HashMap<String, String>,
}

/// Waits for an answer from the desktop.
fn wait<T>(runtime: &Runtime, what: &str, answer: impl Future<Output = T>) -> T {
    let answer = runtime.block_on(async { timeout(PATIENCE, answer).await });
    answer.unwrap_or_else(|_late| panic!("waited in vain for {what}"))
}

/// Opens a session of Mutter's RemoteDesktop that may press keys and receives clipboard signals.
async fn session(bus: &Connection) -> zbus::Result<OwnedObjectPath> {
    let manager = "/org/gnome/Mutter/RemoteDesktop";
    let reply = bus.call_method(Some(MUTTER), manager, Some(MUTTER), "CreateSession", &()).await?;
    let path: OwnedObjectPath = reply.body().deserialize()?;
    bus.call_method(Some(MUTTER), path.as_str(), Some(SESSION), "Start", &()).await?;
    let none: HashMap<&str, Variant<'_>> = HashMap::new();
    let (to, method) = (Some(MUTTER), "EnableClipboard");
    bus.call_method(to, path.as_str(), Some(SESSION), method, &none).await?;
    Ok(path)
}

/// Returns Mutter's signals about new owners of the clipboard.
async fn owners(bus: &Connection, session: &str) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .interface(SESSION)
        .member("SelectionOwnerChanged")
        .path(session)
        .build()?;
    MessageStream::for_match_rule(rule, bus, None).await
}

/// Returns the content of the next signal as text, because versions of Mutter nest it differently.
/// It includes the formats.
async fn next(owners: &mut MessageStream) -> String {
    let told = poll_fn(|cx| Pin::new(&mut *owners).poll_next(cx)).await;
    let told = told.expect("the bus lives as long").unwrap();
    format!("{:?}", told.body().deserialize::<HashMap<String, Variant<'_>>>().unwrap())
}

impl Desktop {
    /// Prepares the desktop: unlocked, overview closed, only the text `before` on the clipboard.
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let bus = wait(&runtime, "the session bus", Connection::session()).unwrap();
        let keyboard = wait(&runtime, "a keyboard", session(&bus)).unwrap();
        let environment = run("systemctl", &["--user", "show-environment"]);
        let environment = environment
            .lines()
            .filter_map(|line| line.split_once('='))
            .filter(|(name, _)| ["WAYLAND_DISPLAY", "DISPLAY", "XAUTHORITY"].contains(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        // v2m's sinks find the displays through this process's variables.
        for (name, value) in v2m::deliver::environment::adopt() {
            // SAFETY: tests run one at a time here, and v2m's threads from earlier tests are idle
            // or have ended. All other threads of this process read variables only through std,
            // which locks them.
            unsafe { std::env::set_var(name, value) };
        }
        let desktop = Self { runtime, bus, keyboard, environment };
        desktop.lock(false);
        desktop.press(&[key::ESCAPE]);
        desktop.copy("before");
        desktop
    }

    /// Calls a method on the session bus.
    fn call<B>(&self, to: &str, path: &str, interface: &str, method: &str, body: &B) -> Message
    where
        B: serde::Serialize + zbus::wire::DynamicType,
    {
        let call = self.bus.call_method(Some(to), path, Some(interface), method, body);
        wait(&self.runtime, method, call).unwrap()
    }

    fn key(&self, code: u32, down: bool) {
        self.call(MUTTER, &self.keyboard, SESSION, "NotifyKeyboardKeycode", &(code, down));
    }

    /// Presses the keys in order and releases them in reverse order.
    pub(crate) fn press(&self, keys: &[u32]) {
        self.hold(keys, || ());
    }

    /// Holds the keys down while `meanwhile` runs.
    pub(crate) fn hold(&self, keys: &[u32], meanwhile: impl FnOnce()) {
        keys.iter().for_each(|code| self.key(*code, true));
        meanwhile();
        keys.iter().rev().for_each(|code| self.key(*code, false));
    }

    /// Locks or unlocks the screen, and waits until that is done.
    pub(crate) fn lock(&self, locked: bool) {
        let (shell, path) = ("org.gnome.ScreenSaver", "/org/gnome/ScreenSaver");
        if locked {
            // SetActive(true) only darkens the screen until the next input.
            self.call(shell, path, shell, "Lock", &());
        } else {
            self.call(shell, path, shell, "SetActive", &false);
        }
        wait_for("the lock", || {
            let reply = self.call(shell, path, shell, "GetActive", &());
            let active: bool = reply.body().deserialize().unwrap();
            (active == locked).then_some(())
        });
    }

    /// Returns GNOME Shell's major version, such as 43.
    pub(crate) fn version(&self) -> u32 {
        let told = run("gnome-shell", &["--version"]);
        let digits = told.split(|c: char| !c.is_ascii_digit()).find(|part| !part.is_empty());
        digits.unwrap().parse().unwrap()
    }

    /// Returns how many programs, including this one, have a session of Mutter's RemoteDesktop.
    /// While there is any, GNOME's panel shows a sign.
    pub(crate) fn sessions(&self) -> usize {
        let path = "/org/gnome/Mutter/RemoteDesktop/Session";
        let reply =
            self.call(MUTTER, path, "org.freedesktop.DBus.Introspectable", "Introspect", &());
        let text: String = reply.body().deserialize().unwrap();
        text.matches("<node name=").count()
    }

    /// Returns a command with the variables of the displays.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.envs(&self.environment).stdin(Stdio::null());
        command
    }

    /// Copies a text as a program on XWayland, which keeps serving the clipboard in the background.
    pub(crate) fn copy(&self, text: &str) {
        self.copied_by(&[(TEXT, text.as_bytes())], || {
            let mut child = self
                .command("xclip")
                .args(["-in", "-selection", "clipboard", "-target", TEXT])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
            assert!(ended("xclip", &mut child).success(), "xclip does not copy");
        });
    }

    /// Selects a text as a program on XWayland. Shift+Insert pastes it in a terminal.
    pub(crate) fn mark(&self, text: &str) {
        let mut child = self
            .command("xclip")
            .args(["-in", "-selection", "primary"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(ended("xclip", &mut child).success(), "xclip does not mark");
        wait_for("what was marked", || (self.marked()? == text).then_some(()));
    }

    /// Returns the selected text as another program would paste it.
    pub(crate) fn marked(&self) -> Option<String> {
        let output = self
            .command("timeout")
            .args(["2", "xclip", "-out", "-selection", "primary", "-target", "UTF8_STRING"])
            .output()
            .unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// Copies content in several formats, as a browser does, and of any size. xclip is no good for
    /// pictures: while it sends one program content of more than one piece (1 MB), it drops the
    /// requests of all others, including GNOME Shell. If that program exits halfway, xclip answers
    /// no more requests.
    pub(crate) fn copy_all(&self, formats: &[(&str, &[u8])]) -> Copying {
        let folder = tempfile::tempdir().unwrap();
        let mut command = self.command(beside("copy.py"));
        for (number, (format, bytes)) in formats.iter().enumerate() {
            let file = folder.path().join(number.to_string());
            std::fs::write(&file, bytes).unwrap();
            command.arg(format).arg(file);
        }
        command.env("GDK_BACKEND", "x11");
        self.copied_by(formats, || Copying(command.spawn().unwrap()))
    }

    /// Runs `copy`, and waits until its content can be pasted by programs on X11 and by programs
    /// that ask GNOME Shell.
    fn copied_by<T>(&self, formats: &[(&str, &[u8])], copy: impl FnOnce() -> T) -> T {
        let owners = owners(&self.bus, self.keyboard.as_str());
        let mut owners = wait(&self.runtime, "the bus to pass on signals", owners).unwrap();
        let copying = copy();
        wait(&self.runtime, "GNOME Shell to hear of what was copied", async {
            let offered = |told: &str| formats.iter().all(|(name, _)| told.contains(name));
            while !offered(&next(&mut owners).await) {}
        });
        for (format, bytes) in formats {
            wait_for("what was copied", || (self.clipboard(format)? == *bytes).then_some(()));
        }
        copying
    }

    /// Returns the content that another program would paste in this format.
    pub(crate) fn clipboard(&self, format: &str) -> Option<Vec<u8>> {
        let output = self
            .command("timeout")
            .args(["2", "xclip", "-out", "-selection", "clipboard", "-target", format])
            .output()
            .unwrap();
        output.status.success().then_some(output.stdout)
    }

    /// Waits until there has been no input for longer than v2m's idle limit.
    pub(crate) fn wait_until_idle(&self) {
        self.wait_until_idle_for(Duration::from_millis(1_200));
    }

    /// Waits until there has been no input for longer than this.
    pub(crate) fn wait_until_idle_for(&self, time: Duration) {
        const MONITOR: &str = "org.gnome.Mutter.IdleMonitor";
        const CORE: &str = "/org/gnome/Mutter/IdleMonitor/Core";
        wait_for("the desktop to be idle", || {
            self.breathe();
            let told = run("busctl", &["--user", "call", MONITOR, CORE, MONITOR, "GetIdletime"]);
            let idle: u64 = told.split_whitespace().last()?.parse().ok()?;
            (u128::from(idle) > time.as_millis()).then_some(())
        });
        self.breathe();
    }

    /// Lets other tasks in the test's runtime run, such as v2m's watch.
    fn breathe(&self) {
        self.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(50)).await });
    }

    /// Waits until another program would paste `bytes` in each of these formats. Asks rarely,
    /// because GNOME Shell 43 may leave requests on X11 unanswered while the clipboard changes
    /// owners.
    pub(crate) fn wait_for_clipboard(&self, formats: &[(&str, &[u8])]) {
        wait_for("what was on the clipboard", || {
            std::thread::sleep(Duration::from_millis(700));
            let back =
                |(format, bytes): &(&str, &[u8])| self.clipboard(format).as_deref() == Some(bytes);
            formats.iter().all(back).then_some(())
        });
    }

    /// Returns the text that another program would paste.
    pub(crate) fn copied(&self) -> String {
        // Every owner of a text offers this target, including v2m.
        String::from_utf8(self.clipboard("UTF8_STRING").expect("a text is copied")).unwrap()
    }

    /// Opens a window with the keyboard focus, with or without a text field.
    pub(crate) fn window(&self, with_field: bool) -> Window {
        self.window_that(true, if with_field { "field" } else { "no-field" })
    }

    /// Opens a window with the keyboard focus. `inside`: `field`, `password` or `no-field`. If it
    /// is not `telling`, it reports nothing to assistive technologies, like programs of some other
    /// toolkits.
    pub(crate) fn window_that(&self, telling: bool, inside: &str) -> Window {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("window");
        let mut command = self.command(beside("window.py"));
        // Each window has an application id of its own; otherwise the first process would open
        // both.
        static WINDOWS: AtomicU32 = AtomicU32::new(0);
        let number = WINDOWS.fetch_add(1, Ordering::Relaxed);
        command.arg(&file).arg(inside).env("APPLICATION", format!("org.v2m.Test{number}"));
        if !telling {
            command.env("GTK_A11Y", "none");
        }
        let window = Window { child: command.spawn().unwrap(), file, _folder: folder };
        wait_for("the window to have the keyboard", || {
            (window.read()?["active"] == true).then_some(())
        });
        window
    }
}

/// A hand with its own keyboard and mouse, which acts while the test does something else.
pub(crate) struct Hand {
    runtime: Runtime,
    bus: Connection,
    devices: OwnedObjectPath,
}

impl Hand {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let bus = wait(&runtime, "the session bus", Connection::session()).unwrap();
        let devices = wait(&runtime, "a hand", session(&bus)).unwrap();
        Self { runtime, bus, devices }
    }

    fn call<B>(&self, method: &str, body: &B)
    where
        B: serde::Serialize + zbus::wire::DynamicType,
    {
        let path = self.devices.as_str();
        let call = self.bus.call_method(Some(MUTTER), path, Some(SESSION), method, body);
        wait(&self.runtime, method, call).unwrap();
    }

    /// Presses or releases a key. Returns when.
    pub(crate) fn key(&self, code: u32, down: bool) -> Instant {
        self.call("NotifyKeyboardKeycode", &(code, down));
        Instant::now()
    }

    /// Clicks near the lower right corner of the screen, in a window that fills the screen.
    pub(crate) fn click(&self) {
        // First farther than any screen is wide, then back.
        self.click_after(&[(9_000.0, 9_000.0), (-200.0, -200.0)]);
    }

    /// Clicks at a place, in pixels from the lower right corner of the screen. The upper left
    /// corner would open the overview.
    pub(crate) fn click_at(&self, place: (f64, f64)) {
        self.click_after(&[(9_000.0, 9_000.0), place]);
    }

    /// Clicks after these moves of the mouse.
    fn click_after(&self, moves: &[(f64, f64)]) {
        /// BTN_LEFT in Linux's input-event-codes.h.
        const LEFT: i32 = 0x110;
        // The shell notices a new mouse by its first moves.
        self.move_mouse(20, Duration::from_millis(300));
        for by in moves {
            self.call("NotifyPointerMotionRelative", by);
        }
        for down in [true, false] {
            self.call("NotifyPointerButton", &(LEFT, down));
        }
    }

    /// Moves the mouse to and fro for some time, `per_second` times a second. Returns the longest
    /// time between two moves.
    pub(crate) fn move_mouse(&self, per_second: u32, time: Duration) -> Duration {
        let (mut moved, mut longest) = (Instant::now(), Duration::ZERO);
        let (begun, interval) = (Instant::now(), Duration::from_secs(1) / per_second);
        let mut number = 0;
        loop {
            number += 1;
            let by = if number % 2 == 0 { 1.0 } else { -1.0 };
            self.call("NotifyPointerMotionRelative", &(by, 0.0));
            // The first moves are delayed until the shell knows the mouse.
            if begun.elapsed() > Duration::from_millis(250) {
                longest = longest.max(moved.elapsed());
            }
            moved = Instant::now();
            if begun.elapsed() >= time {
                return longest;
            }
            let next = begun + interval * number;
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }
}

/// A program that has copied something. Dropping this ends it.
pub(crate) struct Copying(Child);

impl Drop for Copying {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A window, closed when dropped.
pub(crate) struct Window {
    child: Child,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Window {
    /// Returns the content of the window's file, if it has been written.
    pub(crate) fn read(&self) -> Option<Value> {
        serde_json::from_slice(&std::fs::read(&self.file).ok()?).ok()
    }

    /// Whether it has the keyboard focus.
    pub(crate) fn is_active(&self) -> bool {
        self.read().unwrap()["active"] == true
    }

    /// Returns the text in it.
    pub(crate) fn text(&self) -> String {
        self.read().unwrap()["text"].as_str().unwrap().to_owned()
    }

    /// Waits until it contains exactly `text`.
    pub(crate) fn wait_for_all_of(&self, text: &str) {
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while self.text() != text && std::time::Instant::now() < until {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert_eq!(self.text(), text);
    }

    /// Stops or continues its process.
    pub(crate) fn stop(&self, stop: bool) {
        let signal = if stop { Signal::STOP } else { Signal::CONT };
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until its text is `wanted`. Returns the text.
    pub(crate) fn wait_for(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        wait_for(what, || Some(self.text()).filter(|text| wanted(text)))
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
