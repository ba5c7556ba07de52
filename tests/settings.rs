//! Tests `v2m settings` in a real terminal: its changes, its exit, and its message without a
//! terminal.
//!
//! The content of each screen is tested beside the code that draws it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

use rustix::process::{Signal, kill_process_group};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use v2m_testkit::terminal::Terminal;

/// Gives the program a private configuration and no user manager.
fn with_configuration(command: &mut Command, home: &Path) -> PathBuf {
    let file = home.join("config.toml");
    command.env("V2M_CONFIG", &file).env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    command.env("XDG_RUNTIME_DIR", home).env("HOME", home).env("LC_ALL", "C.UTF-8");
    command.env("TERM", "xterm").env_remove("NO_COLOR");
    file
}

/// Runs `v2m settings` in a shell, which then prints the terminal's state.
fn in_shell(home: &Path, columns: u16, rows: u16) -> (Terminal, PathBuf) {
    let mut command = Command::new("sh");
    let script = "trap : TERM HUP; \"$0\" settings; echo \"code $?\"; stty -a";
    command.args(["-c", script, env!("CARGO_BIN_EXE_v2m")]);
    let file = with_configuration(&mut command, home);
    (Terminal::run(command, columns, rows), file)
}

/// Waits for the shell's output. Returns the program's exit code, and checks that the terminal is
/// in line mode again.
fn left(mut terminal: Terminal) -> String {
    terminal.expect("\u{1b}[?1049l");
    let code = terminal.expect("code ");
    assert!(!code.contains("panicked"), "{code}");
    let told = terminal.expect("\n").trim().to_owned();
    terminal.expect("isig icanon iexten echo ");
    told
}

#[test]
fn a_setting_is_searched_refused_changed_and_the_terminal_left_as_it_was() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("config.toml"), "# mine\n[engine]\nbeam_size = 5 # so\n")
        .unwrap();
    let (mut terminal, file) = in_shell(home.path(), 80, 24);
    terminal.expect("\u{1b}[?1049h");
    terminal.expect("quit");
    // Only changes are drawn, so the output has no complete words to wait for; the keys wait in the
    // terminal. 59 is refused, and stays in the line to be corrected.
    terminal.keys("/engine.beam_size\r\r9\r\u{7f}\u{7f}3\r");
    // The value is saved, and the list is shown again. Then it is drawn in another size.
    v2m_testkit::wait_for("the file", || {
        let text = std::fs::read_to_string(&file).unwrap();
        text.contains("beam_size = 3").then_some(())
    });
    terminal.resize(30, 8);
    terminal.keys("q");
    assert_eq!(left(terminal), "0");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "# mine\n[engine]\nbeam_size = 3 # so\n");
}

#[test]
fn a_signal_ends_it_and_the_terminal_is_left_as_it_was() {
    for signal in [Signal::TERM, Signal::HUP] {
        let home = tempfile::tempdir().unwrap();
        let (mut terminal, file) = in_shell(home.path(), 80, 24);
        terminal.expect("quit");
        terminal.keys("\r");
        terminal.expect("Esc");
        kill_process_group(terminal.id(), signal).unwrap();
        assert_eq!(left(terminal), "0");
        assert!(!file.exists(), "nothing was changed");
    }
}

#[test]
fn without_a_terminal_or_with_a_simple_one_it_names_the_other_ways() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_v2m"));
    with_configuration(&mut command, home.path());
    let output = command.arg("settings").stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("v2m-send config set"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_v2m-settings"));
    with_configuration(&mut command, home.path());
    command.env("TERM", "dumb");
    let (status, told) = Terminal::run(command, 80, 24).ended();
    assert_eq!(status.code(), Some(2), "{told}");
    assert!(told.contains("v2m-send config set") && !told.contains('\u{1b}'), "{told}");
}

#[test]
fn a_configuration_that_is_not_valid_is_told_before_anything_is_drawn() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_v2m-settings"));
    let file = with_configuration(&mut command, home.path());
    std::fs::write(&file, "[engine]\nthreads = \"many\"\n").unwrap();
    let (status, told) = Terminal::run(command, 80, 24).ended();
    assert_eq!(status.code(), Some(78), "{told}");
    assert!(told.contains("line 2: engine.threads") && !told.contains('\u{1b}'), "{told}");
}
