//! What the tests take in hand of GNOME: the keyboard, a window with a text field, the clipboard,
//! the lock.

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

/// Keys by the codes of Linux's input-event-codes.h.
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

/// The desktop, with a keyboard of the test's own as long as this lives.
pub(crate) struct Desktop {
    pub(crate) runtime: Runtime,
    bus: Connection,
    keyboard: OwnedObjectPath,
    environment: HashMap<String, String>,
}

/// Waits for an answer of the desktop.
fn wait<T>(runtime: &Runtime, what: &str, answer: impl Future<Output = T>) -> T {
    let answer = runtime.block_on(async { timeout(PATIENCE, answer).await });
    answer.unwrap_or_else(|_late| panic!("waited in vain for {what}"))
}

/// A session of Mutter's that may press keys, and is told of the clipboard.
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

/// What Mutter tells of each new owner of the clipboard.
async fn owners(bus: &Connection, session: &str) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .interface(SESSION)
        .member("SelectionOwnerChanged")
        .path(session)
        .build()?;
    MessageStream::for_match_rule(rule, bus, None).await
}

/// The next of them: its formats and more, as text, since versions of Mutter nest them differently.
async fn next(owners: &mut MessageStream) -> String {
    let told = poll_fn(|cx| Pin::new(&mut *owners).poll_next(cx)).await;
    let told = told.expect("the bus lives as long").unwrap();
    format!("{:?}", told.body().deserialize::<HashMap<String, Variant<'_>>>().unwrap())
}

impl Desktop {
    /// Unlocked, out of the overview, nothing on the clipboard but `before`.
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
        // v2m's sinks find the displays by this process's own.
        for (name, value) in v2m::deliver::environment::adopt() {
            // SAFETY: tests run one at a time here, and v2m's threads of an earlier one are idle or
            // have ended; what is left of this process reads variables only through std, which
            // locks them.
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

    /// Presses the keys in their order and lets go of them in the other.
    pub(crate) fn press(&self, keys: &[u32]) {
        self.hold(keys, || ());
    }

    /// Holds the keys down while `meanwhile` goes on.
    pub(crate) fn hold(&self, keys: &[u32], meanwhile: impl FnOnce()) {
        keys.iter().for_each(|code| self.key(*code, true));
        meanwhile();
        keys.iter().rev().for_each(|code| self.key(*code, false));
    }

    /// Locks the screen, or unlocks it, and waits until that is so.
    pub(crate) fn lock(&self, locked: bool) {
        let (shell, path) = ("org.gnome.ScreenSaver", "/org/gnome/ScreenSaver");
        if locked {
            // SetActive(true) alone only darkens the screen until somebody moves.
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

    /// GNOME Shell's, say 43.
    pub(crate) fn version(&self) -> u32 {
        let told = run("gnome-shell", &["--version"]);
        let digits = told.split(|c: char| !c.is_ascii_digit()).find(|part| !part.is_empty());
        digits.unwrap().parse().unwrap()
    }

    /// How many programs hold the keyboard by Mutter's RemoteDesktop, this one too: GNOME's panel
    /// shows a sign as long as any does.
    pub(crate) fn sessions(&self) -> usize {
        let path = "/org/gnome/Mutter/RemoteDesktop/Session";
        let reply =
            self.call(MUTTER, path, "org.freedesktop.DBus.Introspectable", "Introspect", &());
        let text: String = reply.body().deserialize().unwrap();
        text.matches("<node name=").count()
    }

    /// A command that knows the displays.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.envs(&self.environment).stdin(Stdio::null());
        command
    }

    /// Copies a text, as a program on XWayland does: it keeps serving the clipboard in the
    /// background.
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

    /// Marks a text, as a program on XWayland does: a terminal pastes it by Shift+Insert.
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

    /// What is marked, as another program would paste it.
    pub(crate) fn marked(&self) -> Option<String> {
        let output = self
            .command("timeout")
            .args(["2", "xclip", "-out", "-selection", "primary", "-target", "UTF8_STRING"])
            .output()
            .unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// Copies in several formats, as a browser does, and what is large. xclip would not do for a
    /// picture: while it gives one program what does not go in one piece (1 MB), it drops the
    /// questions of all others, GNOME Shell's too, and if that program ends halfway it answers
    /// nobody any more.
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

    /// Waits until what `copy` copies can be pasted, by programs on X11 and by those that ask GNOME
    /// Shell.
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

    /// What another program would paste in this format.
    pub(crate) fn clipboard(&self, format: &str) -> Option<Vec<u8>> {
        let output = self
            .command("timeout")
            .args(["2", "xclip", "-out", "-selection", "clipboard", "-target", format])
            .output()
            .unwrap();
        output.status.success().then_some(output.stdout)
    }

    /// Waits until nobody has done anything for longer than v2m takes to call that idle.
    pub(crate) fn wait_until_idle(&self) {
        self.wait_until_idle_for(Duration::from_millis(1_200));
    }

    /// Waits until nobody has done anything for longer than this.
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

    /// Lets what runs beside the test in its runtime take its turn: v2m's watch does.
    fn breathe(&self) {
        self.runtime.block_on(async { tokio::time::sleep(Duration::from_millis(50)).await });
    }

    /// Waits until another program would paste `bytes` in each of these formats. Asks seldom:
    /// whoever asks X11 while the clipboard changes hands may be left without an answer by GNOME
    /// Shell 43.
    pub(crate) fn wait_for_clipboard(&self, formats: &[(&str, &[u8])]) {
        wait_for("what was on the clipboard", || {
            std::thread::sleep(Duration::from_millis(700));
            let back =
                |(format, bytes): &(&str, &[u8])| self.clipboard(format).as_deref() == Some(bytes);
            formats.iter().all(back).then_some(())
        });
    }

    /// The text that another program would paste.
    pub(crate) fn copied(&self) -> String {
        // The one target that every owner of a text has, v2m's too.
        String::from_utf8(self.clipboard("UTF8_STRING").expect("a text is copied")).unwrap()
    }

    /// Opens a window that has the keyboard; with a text field, or without.
    pub(crate) fn window(&self, with_field: bool) -> Window {
        self.window_that(true, if with_field { "field" } else { "no-field" })
    }

    /// Opens a window that has the keyboard, with a `field`, a `password` field or `no-field`. One
    /// that is not `telling` keeps it from assistive technologies what it is, as programs of other
    /// toolkits do.
    pub(crate) fn window_that(&self, telling: bool, inside: &str) -> Window {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("window");
        let mut command = self.command(beside("window.py"));
        // Of two windows of one application the second would be the first one's.
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

/// A hand on a keyboard and a mouse of its own, which goes on while the test does something else.
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

    /// Presses a key, or lets go of it; when.
    pub(crate) fn key(&self, code: u32, down: bool) -> Instant {
        self.call("NotifyKeyboardKeycode", &(code, down));
        Instant::now()
    }

    /// Clicks near the lower right corner of the screen, where a window is that fills it.
    pub(crate) fn click(&self) {
        // Farther than any screen is wide, and back.
        self.click_after(&[(9_000.0, 9_000.0), (-200.0, -200.0)]);
    }

    /// Clicks at a place, in pixels from the lower right corner of the screen: the upper left one
    /// opens the overview.
    pub(crate) fn click_at(&self, place: (f64, f64)) {
        self.click_after(&[(9_000.0, 9_000.0), place]);
    }

    /// Clicks after these moves of the mouse.
    fn click_after(&self, moves: &[(f64, f64)]) {
        /// BTN_LEFT in Linux's input-event-codes.h.
        const LEFT: i32 = 0x110;
        // The shell learns of a new mouse by its first moves.
        self.move_mouse(20, Duration::from_millis(300));
        for by in moves {
            self.call("NotifyPointerMotionRelative", by);
        }
        for down in [true, false] {
            self.call("NotifyPointerButton", &(LEFT, down));
        }
    }

    /// Moves the mouse to and fro, so many times a second, for some time. Returns the longest time
    /// between two moves.
    pub(crate) fn move_mouse(&self, per_second: u32, time: Duration) -> Duration {
        let (mut moved, mut longest) = (Instant::now(), Duration::ZERO);
        let (begun, interval) = (Instant::now(), Duration::from_secs(1) / per_second);
        let mut number = 0;
        loop {
            number += 1;
            let by = if number % 2 == 0 { 1.0 } else { -1.0 };
            self.call("NotifyPointerMotionRelative", &(by, 0.0));
            // The first moves wait for the shell to know of the mouse.
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

/// A program that has copied something; ends when dropped.
pub(crate) struct Copying(Child);

impl Drop for Copying {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A window; closed when dropped.
pub(crate) struct Window {
    child: Child,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Window {
    /// What its file holds, if that has been written.
    pub(crate) fn read(&self) -> Option<Value> {
        serde_json::from_slice(&std::fs::read(&self.file).ok()?).ok()
    }

    /// Whether it has the keyboard.
    pub(crate) fn is_active(&self) -> bool {
        self.read().unwrap()["active"] == true
    }

    /// What is written in it.
    pub(crate) fn text(&self) -> String {
        self.read().unwrap()["text"].as_str().unwrap().to_owned()
    }

    /// Waits until exactly `text` is written in it.
    pub(crate) fn wait_for_all_of(&self, text: &str) {
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while self.text() != text && std::time::Instant::now() < until {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert_eq!(self.text(), text);
    }

    /// Stops its program where it is, or has it go on.
    pub(crate) fn stop(&self, stop: bool) {
        let signal = if stop { Signal::STOP } else { Signal::CONT };
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until `wanted` of what is written in it; that text.
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
