//! A user's machine: the environment of the daemon's tests, a desktop's programs, and a terminal.

use crate::house::House;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use v2m_testkit::terminal::Terminal;

/// A double of systemctl, as far as the set-up uses it. A file holds the socket's state.
const SYSTEMCTL: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "systemctl $*" >>"$here/calls"
[ ! -e "$here/no-manager" ] || { echo 'Failed to connect to bus: No medium found' >&2; exit 1; }
case "$*" in
*is-active*) cat "$here/socket-state" ;;
*is-enabled*) if [ -e "$here/disabled" ]; then echo disabled; exit 1; else echo enabled; fi ;;
*enable*) [ ! -e "$here/refused" ] || { echo 'Failed to enable unit: File is masked.' >&2; exit 1; }
	echo active >"$here/socket-state"
	rm -f "$here/disabled" ;;
esac
"#;

const GNOME_EXTENSIONS: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "gnome-extensions $*" >>"$here/calls"
case "$1" in
list) cat "$here/enabled" 2>/dev/null; exit 0 ;;
enable) [ ! -e "$here/unknown" ] || { echo 'Extension does not exist' >&2; exit 2; }
	echo "$2" >>"$here/enabled" ;;
esac
"#;

/// Creates the programs of the desktop, with the socket in that state.
pub(crate) fn furnish(house: &House, socket: &str) {
    let programs = house.path("programs");
    fs::create_dir_all(&programs).unwrap();
    for (name, script) in [("systemctl", SYSTEMCTL), ("gnome-extensions", GNOME_EXTENSIONS)] {
        let program = programs.join(name);
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(programs.join("socket-state"), format!("{socket}\n")).unwrap();
}

/// Returns the calls of the desktop's programs, one per line.
pub(crate) fn calls(house: &House) -> String {
    fs::read_to_string(house.path("programs/calls")).unwrap_or_default()
}

/// Returns a command of v2m's for the user of this environment. `desktop` is XDG_CURRENT_DESKTOP.
pub(crate) fn command(house: &House, program: &str, desktop: &str) -> Command {
    let mut command = Command::new(program);
    // v2m's own programs are on the PATH, so that messages name them without a folder.
    let v2m = Path::new(env!("CARGO_BIN_EXE_v2m")).parent().unwrap();
    let path = format!("{}:{}", house.path("programs").display(), v2m.display());
    command
        .env_clear()
        .env("PATH", format!("{path}:{}", std::env::var("PATH").unwrap()))
        .env("HOME", house.path("home"))
        .env("XDG_RUNTIME_DIR", house.path("run"))
        .env("XDG_DATA_HOME", house.path("data"))
        .env("XDG_CONFIG_HOME", house.path("config"))
        .env("XDG_STATE_HOME", house.path("state"))
        .env("XDG_CURRENT_DESKTOP", desktop)
        .env("GSETTINGS_BACKEND", "keyfile")
        .env("V2M_SOCKET_PATH", house.path("run/v2m.sock"))
        .env("V2M_ASSET_DIR", Path::new(env!("CARGO_MANIFEST_DIR")).join("assets"))
        // Nothing can be downloaded: nothing listens on this port, and pip has no index.
        .env("V2M_HUB_URL", "http://127.0.0.1:9")
        .env("PIP_NO_INDEX", "1")
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
        .env("TERM", "dumb")
        .env("LC_ALL", "C.UTF-8");
    match &house.pipewire {
        Some(folder) => command.env("PIPEWIRE_RUNTIME_DIR", folder),
        None => command.env("PIPEWIRE_RUNTIME_DIR", house.path("none")),
    };
    command
}

fn setup(house: &House, desktop: &str, arguments: &[&str]) -> Command {
    let mut command = command(house, env!("CARGO_BIN_EXE_v2m"), desktop);
    command.arg("setup").args(arguments);
    command
}

/// Runs the set-up in a terminal.
pub(crate) fn in_terminal(house: &House, desktop: &str, arguments: &[&str]) -> Terminal {
    Terminal::run(setup(house, desktop, arguments), 80, 24)
}

/// Runs the set-up without a terminal. Returns its exit code and its output.
pub(crate) fn without_terminal(house: &House, desktop: &str, arguments: &[&str]) -> (i32, String) {
    said(setup(house, desktop, arguments).stdin(Stdio::null()).output().unwrap())
}

/// Returns the exit code and the whole output.
pub(crate) fn said(output: Output) -> (i32, String) {
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// Runs the commands after "To undo" in the summary, as a user would copy them.
pub(crate) fn undo(house: &House, summary: &str) -> Vec<String> {
    let (_, commands) = summary.rsplit_once("To undo what this set-up has changed:").unwrap();
    let lines = commands.lines().map(str::trim).skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<String> = lines.map(str::to_owned).collect();
    assert!(!commands.is_empty(), "{summary}");
    for line in &commands {
        let mut shell = command(house, "sh", "GNOME");
        let (code, said) = said(shell.args(["-c", line]).output().unwrap());
        assert_eq!(code, 0, "{line}: {said}");
    }
    commands
}
