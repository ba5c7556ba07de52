//! The tests' access to KDE: clipboard, windows, keyboard layout, permission, and v2m's sinks.

use crate::lab::{beside, ended, run, try_run, wait_for};
use serde_json::Value;
use std::io::{BufRead, BufReader, Seek, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;
use v2m::deliver::{DeliveryOptions, Sinks};
use v2m::session::{DeliverMode, Delivery};

/// Key codes from Linux's input-event-codes.h.
pub(crate) mod key {
    pub(crate) const ENTER: u32 = 28;
    pub(crate) const CTRL: u32 = 29;
    pub(crate) const V: u32 = 47;
    pub(crate) const ALT: u32 = 56;
    pub(crate) const META: u32 = 125;
}

/// The id of the application that types.
const TYPIST: &str = "org.v2m.Typist";

const STORE: &str = "org.freedesktop.impl.portal.PermissionStore";

/// The desktop, and the sinks as in a newly started v2m.
pub(crate) struct Desktop {
    sinks: Option<Sinks>,
    pub(crate) runtime: tokio::runtime::Runtime,
}

impl Desktop {
    pub(crate) fn start() -> Self {
        let environment = run("systemctl", &["--user", "show-environment"]);
        let lines = environment.lines().filter_map(|line| line.split_once('='));
        for (name, value) in lines.filter(|(name, _)| name.starts_with("WAYLAND_DISPLAY")) {
            // SAFETY: one test runs at a time, and threads from earlier tests read variables only
            // through std.
            unsafe { std::env::set_var(name, value) };
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let desktop = Self { sinks: Some(Sinks::new()), runtime };
        desktop.answer_in_advance(true);
        desktop.layout("");
        desktop
    }

    /// Replaces the sinks, as a restart of v2m does.
    pub(crate) fn restart_v2m(&mut self) {
        self.sinks = Some(Sinks::new());
        // Let the task of the old sinks close its connections.
        self.runtime.block_on(async { tokio::task::yield_now().await });
    }

    /// Pastes a text. Returns the results.
    pub(crate) fn paste(&mut self, text: &str) -> Vec<Delivery> {
        let wanted = DeliveryOptions { mode: DeliverMode::Paste, ..DeliveryOptions::default() };
        let sinks = self.sinks.as_mut().unwrap();
        self.runtime.block_on(sinks.hand_over(text, &wanted))
    }

    pub(crate) fn pastes(&mut self, text: &str) {
        let pasted = Delivery {
            by: "paste",
            backend: Some("portal"),
            ok: true,
            detail: "pasted".to_owned(),
        };
        assert_eq!(self.paste(text), [pasted]);
    }

    /// Waits until the clipboard has been restored.
    pub(crate) fn settle(&mut self) {
        let sinks = self.sinks.as_mut().unwrap();
        self.runtime.block_on(sinks.settle());
    }

    /// Sets Plasma's answer for v2m in advance, so that it does not ask the user.
    pub(crate) fn answer_in_advance(&self, yes: bool) {
        // "" stands for programs with a unit that is not named after an application.
        permit("''", yes);
    }

    /// Restarts KDE's portal and xdg-desktop-portal, its frontend.
    pub(crate) fn restart_portals(&self) {
        for unit in ["plasma-xdg-desktop-portal-kde.service", "xdg-desktop-portal.service"] {
            run("systemctl", &["--user", "restart", unit]);
        }
    }

    /// Sets the variant of the user's US keyboard layout.
    pub(crate) fn layout(&self, variant: &str) {
        let file = PathBuf::from(std::env::var_os("HOME").unwrap()).join(".config/kxkbrc");
        let text = format!("[Layout]\nLayoutList=us\nVariantList={variant}\nUse=true\n");
        std::fs::write(file, text).unwrap();
        let told = ["/Layouts", "org.kde.keyboard.reloadConfig"];
        run("dbus-send", &[&["--session", "--type=signal"], &told[..]].concat());
    }

    /// Presses a key on the keyboard of another application than v2m.
    pub(crate) fn type_key(&self, code: u32) {
        Hand::new(&[Step::Down(code), Step::Up(code)]).ends();
    }

    /// Pastes a text while a hand holds the shortcut, pressed just now. Returns the results.
    pub(crate) fn paste_after_a_press(&mut self, text: &str) -> Vec<Delivery> {
        let pressed = Some(Instant::now());
        let wanted =
            DeliveryOptions { mode: DeliverMode::Paste, pressed, ..DeliveryOptions::default() };
        let sinks = self.sinks.as_mut().unwrap();
        self.runtime.block_on(sinks.hand_over(text, &wanted))
    }

    /// Copies content from a program that runs until something else is copied.
    pub(crate) fn copy(&self, format: &str, bytes: &[u8]) {
        let mut content = tempfile::tempfile().unwrap();
        content.write_all(bytes).unwrap();
        content.rewind().unwrap();
        let mut child = Command::new("wl-copy")
            .args(["--type", format])
            .stdin(content)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        assert!(ended("wl-copy", &mut child).success(), "wl-copy does not copy");
        self.wait_for_clipboard(format, bytes);
    }

    /// Waits until another program would paste this content.
    pub(crate) fn wait_for_clipboard(&self, format: &str, bytes: &[u8]) {
        wait_for("what is on the clipboard", || {
            let read = ["5", "wl-paste", "--no-newline", "--type", format];
            let output = try_run("timeout", &read);
            (output.status.success() && output.stdout == bytes).then_some(())
        });
    }

    /// Opens a window with the keyboard focus, with or without a text field.
    pub(crate) fn window(&self, with_field: bool) -> Window {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("window");
        let mut command = Command::new(beside("window.py"));
        command.arg(&file).args((!with_field).then_some("no-field"));
        command.env("GSK_RENDERER", "cairo").env("GTK_A11Y", "none");
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let window = Window { child, file, _folder: folder };
        wait_for("the window to have the keyboard", || {
            (window.read()?["active"] == true).then_some(())
        });
        window
    }
}

/// One action of a hand: presses or releases the key with this code, or rests for milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Down(u32),
    Up(u32),
    Rest(u64),
}

/// A hand on the keyboard of an application, in a unit named after the application.
pub(crate) struct Hand {
    child: Child,
    /// The lines that it prints, with their times.
    said: Receiver<(String, Instant)>,
}

impl Hand {
    pub(crate) fn new(steps: &[Step]) -> Self {
        permit(TYPIST, true);
        let steps = steps.iter().map(|step| match step {
            Step::Down(code) => format!("+{code}"),
            Step::Up(code) => format!("-{code}"),
            Step::Rest(time) => format!(".{time}"),
        });
        let mut command = Command::new("systemd-run");
        command.args(["--user", "--quiet", "--pipe", "--wait", "--collect"]);
        command.arg(format!("--unit=app-{TYPIST}.service"));
        command.arg(beside("type.py")).args(steps).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (tell, said) = channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines {
                let _ = tell.send((line.unwrap(), Instant::now())); // the test has failed
            }
        });
        Self { child, said }
    }

    /// Waits until the hand rests.
    pub(crate) fn rests(&self) {
        assert_eq!(self.said.recv().unwrap().0, "waits");
    }

    /// Waits until all steps are done. Returns when.
    pub(crate) fn ends(mut self) -> Instant {
        let (_, ended_at) = self.said.iter().find(|(line, _)| line == "ends").unwrap();
        assert!(ended("the hand", &mut self.child).success());
        ended_at
    }
}

/// Sets whether an application may press keys; Plasma then does not ask.
fn permit(application: &str, yes: bool) {
    let path = format!("/{}", STORE.replace('.', "/"));
    let method = format!("{STORE}.SetPermission");
    let answer = if yes { "['yes']" } else { "['no']" };
    let call = ["call", "--session", "--dest", STORE, "--object-path", &path, "--method"];
    let what = [&method, "kde-authorized", "true", "remote-desktop", application, answer];
    run("gdbus", &[&call[..], &what[..]].concat());
}

/// A window, closed when dropped.
pub(crate) struct Window {
    child: Child,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Window {
    fn read(&self) -> Option<Value> {
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

    /// Waits until its text is `wanted`. Returns the text.
    pub(crate) fn wait_for(&self, what: &str, wanted: impl Fn(&String) -> bool) -> String {
        wait_for(what, || Some(self.text()).filter(&wanted))
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
