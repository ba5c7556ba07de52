//! Terminals, on a desktop that does not report which window has the keyboard focus.
//!
//! In a terminal, Ctrl+V is readline's quoted-insert: it pastes nothing, and the next real paste
//! leaves `^[[200~` in the line. Each terminal here reads lines with readline and gets two texts,
//! and both lines must be exactly these texts.

use super::desktop::{Desktop, Window, key};
use super::{TEXT, lab as machine};
use crate::lab::{self, beside, run, wait_for};
use std::fs;
use std::process::{Child, Command, Stdio};
use v2m::deliver::{DeliveryOptions, PasteKeys, Sinks};
use v2m::session::{DeliverMode, Delivery};

const TEXTS: [&str; 2] = ["one and the other", "Grüße — “€5” ñ 日"];

/// A terminal with the keyboard focus that reads lines with readline. Closed when dropped.
pub(super) struct Terminal {
    child: Child,
    folder: tempfile::TempDir,
}

impl Terminal {
    /// Opens a terminal. `command` starts it, and takes the command to run in it as further
    /// arguments.
    pub(super) fn open(desktop: &Desktop, command: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = desktop.command(command[0]);
        process.args(&command[1..]).arg(beside("lines.sh")).arg(folder.path().join("lines"));
        let child = process.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let terminal = Self { child, folder };
        // Once it takes a line, it has the keyboard focus.
        wait_for("the terminal to take a line", || {
            desktop.press(&[key::A]);
            desktop.press(&[key::ENTER]);
            (!terminal.lines().is_empty()).then_some(())
        });
        terminal
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("lines")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Ends the line and returns its text. A terminal may have requested a text that is not in its
    /// line yet. Then the line is empty, and the next one counts.
    pub(super) fn take_line(&self, desktop: &Desktop) -> String {
        let written = self.written().len();
        wait_for("the line", || {
            let before = self.lines().len();
            desktop.press(&[key::ENTER]);
            wait_for("a line", || (self.lines().len() > before).then_some(()));
            self.written().get(written).cloned()
        })
    }

    /// Returns the lines except empty ones and those typed to find out whether it has the focus.
    fn written(&self) -> Vec<String> {
        let lines = self.lines().into_iter();
        lines.filter(|line| !line.chars().all(|c| c == 'a')).collect()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // gnome-terminal's window belongs to its server process.
        let _ = lab::try_run("systemctl", &["--user", "stop", "gnome-terminal-server.service"]);
    }
}

/// Returns options as from a default configuration.
fn wanted() -> DeliveryOptions {
    let defaults = run("v2m-send", &["config", "get", "deliver.terminals"]);
    let names = defaults.split('"').skip(1).step_by(2);
    let terminals: Vec<String> = names.map(str::to_owned).collect();
    assert!(terminals.iter().any(|name| name == "foot"), "{defaults}");
    let keys = PasteKeys { terminals, ..PasteKeys::default() };
    DeliveryOptions { mode: DeliverMode::Paste, keys, ..DeliveryOptions::default() }
}

fn paste(desktop: &Desktop, sinks: &mut Sinks, text: &str) {
    let deliveries = desktop.runtime.block_on(sinks.hand_over(text, &wanted()));
    let pasted =
        Delivery { by: "paste", backend: Some("mutter"), ok: true, detail: "pasted".to_owned() };
    assert_eq!(deliveries, [pasted]);
}

/// Pastes into a terminal. Expects the right lines, and all selections unchanged.
fn takes_texts(command: &[&str]) {
    let (_lab, desktop) = machine();
    desktop.mark("marked before");
    let terminal = Terminal::open(&desktop, command);
    let mut sinks = Sinks::new();
    for text in TEXTS {
        paste(&desktop, &mut sinks, text);
        assert_eq!(terminal.take_line(&desktop), text);
    }
    desktop.runtime.block_on(sinks.settle());
    desktop.wait_for_clipboard(&[(TEXT, b"before")]);
    wait_for("what was marked", || (desktop.marked()? == "marked before").then_some(()));
}

#[test]
fn a_terminal_that_tells_of_itself_gets_its_own_keys() {
    takes_texts(&["gnome-terminal", "--wait", "--"]);
}

#[test]
fn a_terminal_that_tells_only_its_name_gets_its_own_keys() {
    takes_texts(&["kgx", "-e"]);
}

#[test]
fn a_terminal_that_tells_nothing_gets_keys_that_paste_everywhere() {
    takes_texts(&["foot"]);
}

#[test]
fn a_terminal_on_xwayland_is_known_by_its_window() {
    takes_texts(&["xterm", "-e"]);
}

#[test]
fn a_field_gets_its_text_also_while_a_terminal_runs() {
    let (_lab, desktop) = machine();
    let _terminal = Terminal::open(&desktop, &["foot"]);
    let mut sinks = Sinks::new();
    // One window reports that it has the focus, one does not.
    for telling in [true, false] {
        let window = desktop.window_that(telling, "field");
        paste(&desktop, &mut sinks, TEXTS[1]);
        window.wait_for_all_of(TEXTS[1]);
    }
}

#[test]
fn what_goes_into_a_password_field_is_not_shown() {
    let (lab, desktop) = machine();
    let window = desktop.window_that(true, "password");
    let shown = Notifications::listen();
    lab.record().ask("STOP_RECORDING");
    let word = "country";
    window.wait_for("the text in the field", |text| text.contains(word));
    let told = wait_for("the notification", || {
        Some(shown.told()).filter(|told| told.contains("password field"))
    });
    // Nor did a notification contain the growing text.
    assert!(!told.contains(word) && !told.contains("fellow"), "{told}");
}

/// Records messages to the notification service.
pub(super) struct Notifications {
    child: Child,
    file: tempfile::NamedTempFile,
}

impl Notifications {
    pub(super) fn listen() -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        let listening = "interface='org.freedesktop.Notifications',member='Notify'";
        let mut command = Command::new("dbus-monitor");
        command.args(["--session", listening]).stdin(Stdio::null());
        let child = command.stdout(file.reopen().unwrap()).spawn().unwrap();
        let listening = Self { child, file };
        // Its first output reports that it has a bus name.
        wait_for("dbus-monitor to listen", || (!listening.told().is_empty()).then_some(()));
        listening
    }

    pub(super) fn told(&self) -> String {
        fs::read_to_string(self.file.path()).unwrap()
    }
}

impl Drop for Notifications {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_program_that_hangs_does_not_keep_the_text() {
    let (_lab, desktop) = machine();
    let other = desktop.window(true);
    let window: Window = desktop.window(true);
    other.stop(true);
    paste(&desktop, &mut Sinks::new(), TEXTS[0]);
    window.wait_for_all_of(TEXTS[0]);
    other.stop(false);
}
