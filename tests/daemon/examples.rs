//! Tests the programs in `examples/` with the real service: they do what their README says.

use crate::house::{House, Service, wait_for};
use crate::recording::Studio;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use v2m_testkit::private_bus::PrivateBus;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// Returns the command of an example that connects to this service, and finds `v2m-send` on its
/// PATH.
fn program(service: &Service, name: &str) -> Command {
    let own = Path::new(env!("CARGO_BIN_EXE_v2m-send")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new(example(name));
    command
        .env("PATH", format!("{}:{path}", own.display()))
        .env("V2M_SOCKET_PATH", service.path("run/v2m.sock"))
        // Otherwise Python would write compiled files beside the sources.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null());
    command
}

fn run(service: &Service, name: &str, args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = program(service, name).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().trim_end().to_owned();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// Records a short time.
fn speak(service: &Service) {
    let mut levels = service.connect().subscribe(&["level"]);
    for _ in 0..3 {
        levels.receive().unwrap();
    }
}

#[test]
fn the_python_client_dictates_and_tells_errors_apart() {
    let studio = Studio::with(House::new(""));
    let service = &studio.service;
    let client = |command: &str| run(service, "v2m.py", &[command]);

    let (code, said, _) = client("status");
    assert_eq!((code, said.as_str()), (0, "idle, double is warm, 0 pending"));
    let (code, said, error) = client("stop");
    assert_eq!((code, said.as_str()), (1, ""));
    assert!(error.ends_with("(not_recording)"), "{error}");

    let (code, said, _) = client("toggle");
    assert_eq!((code, said.as_str()), (0, "Speak now."));
    speak(service);
    let (code, text, error) = client("stop");
    assert_eq!((code, error.as_str()), (0, ""));
    assert_eq!(text, studio.text_of_recording());
    assert_eq!(client("last"), (0, text, String::new()));
    studio.service.end();
}

#[test]
fn the_python_client_says_when_there_is_no_service() {
    let nowhere = tempfile::tempdir().unwrap();
    let mut client = Command::new(example("v2m.py"));
    client.arg("status").env("V2M_SOCKET_PATH", nowhere.path().join("none"));
    let output = client.env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("v2m at "), "{output:?}");
}

#[test]
fn the_shell_script_adds_what_was_dictated_to_the_notes() {
    let studio = Studio::with(House::new(""));
    let service = &studio.service;
    let notes = service.path("notes.md");
    let script = || run(service, "notes.sh", &[notes.to_str().unwrap()]);

    fs::write(&notes, "- milk\n").unwrap();
    assert_eq!(script(), (0, "Speak now.".into(), String::new()));
    assert_eq!(fs::read_to_string(&notes).unwrap(), "- milk\n");
    speak(service);
    assert_eq!(script(), (0, String::new(), String::new()));
    let text = studio.text_of_recording();
    assert_eq!(fs::read_to_string(&notes).unwrap(), format!("- milk\n- {text}\n"));
    studio.service.end();
}

/// A status bar's module, which ends when this is dropped.
struct Module(Child);

impl Drop for Module {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the command of a module in a status bar's configuration.
fn module(service: &Service, command: &str) -> Module {
    let mut shell = program(service, "v2m.py");
    let path = shell.get_envs().find(|(name, _)| *name == "PATH").unwrap().1.unwrap().to_owned();
    shell = Command::new("sh");
    shell.args(["-c", &format!("exec {command}")]).env("PATH", path);
    shell.env("V2M_SOCKET_PATH", service.path("run/v2m.sock"));
    Module(shell.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap())
}

/// Returns the value of a key in the configuration.
fn setting(file: &str, key: &str) -> String {
    let text = fs::read_to_string(example(file)).unwrap();
    let line = text.lines().map(str::trim).find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim_matches([' ', '=', ':', '"', ',']).to_owned()
}

#[test]
fn waybar_and_polybar_show_each_state_with_the_time_and_the_service_that_has_stopped() {
    let studio = Studio::with(House::new(""));
    let service = &studio.service;
    let mut bars = [("waybar.jsonc", "\"exec\""), ("polybar.ini", "exec")].map(|(file, key)| {
        let mut module = module(service, &setting(file, key));
        let lines = BufReader::new(module.0.stdout.take().unwrap()).lines();
        (module, lines)
    });
    let mut until = |bar: usize, is_it: &dyn Fn(&str) -> bool| {
        let lines = &mut bars[bar].1;
        wait_for("the line", || lines.next().map(Result::unwrap).filter(|line| is_it(line)))
    };
    let line: Value = serde_json::from_str(&until(0, &|line| line.contains("idle"))).unwrap();
    let idle =
        serde_json::json!({"text": "", "alt": "idle", "class": ["idle"], "tooltip": "v2m: idle"});
    assert_eq!(line, idle);
    assert_eq!(until(1, &|_| true), "");
    studio.record(2);
    // A line is never printed twice in a row, so the second one is from a second later.
    until(1, &|line| line.starts_with("● 0:0"));
    until(1, &|line| line.starts_with("● 0:0"));
    let line: Value = serde_json::from_str(&until(0, &|line| line.contains("● 0:0"))).unwrap();
    assert_eq!((&line["alt"], &line["class"][0]), (&"recording".into(), &"recording".into()));
    service.connect().ask("STOP_RECORDING");
    until(0, &|line| line.contains("\"idle\""));
    until(1, &|line| line.is_empty());
    studio.service.end();
    until(0, &|line| line.contains("\"stopped\""));
}

/// Runs the GNOME extension's code that talks to v2m, in GJS on a private bus.
#[test]
fn the_gnome_extension_hears_of_recordings_and_levels() {
    if Command::new("gjs").arg("--version").stdout(Stdio::null()).status().is_err() {
        return;
    }
    let bus = PrivateBus::start();
    let mut house = House::new("");
    house.bus = Some(bus.address.clone());
    let studio = Studio::with(house);
    let service = &studio.service;
    let script = service.path("watch.js");
    let folder = example("gnome-extension");
    let text = format!(
        "import GLib from 'gi://GLib';
         import {{Dictation}} from 'file://{0}/dictation.js';
         import {{words}} from 'file://{0}/words.js';
         const loop = new GLib.MainLoop(null, false);
         const dictation = new Dictation(() => print(`${{dictation?.state}} ${{dictation?.level > -120}} ${{words(dictation)}}`));
         loop.run();",
        folder.display()
    );
    fs::write(&script, text).unwrap();
    let mut gjs = Command::new("gjs");
    gjs.arg("-m").arg(&script).env("DBUS_SESSION_BUS_ADDRESS", &bus.address);
    let mut module = Module(gjs.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(module.0.stdout.take().unwrap()).lines();
    let mut until = |start: &str| {
        wait_for(start, || lines.next().map(Result::unwrap).filter(|line| line.starts_with(start)))
    };
    until("idle false");
    studio.record(2);
    let line = until("recording true");
    assert!(line.contains("● 0:0"), "{line}");
    service.connect().ask("STOP_RECORDING");
    until("idle false");
    studio.service.end();
    until("stopped false");
}

#[test]
fn the_status_bar_shows_each_state_and_the_service_that_has_stopped() {
    let studio = Studio::with(House::new(""));
    let mut command = program(&studio.service, "waybar.py");
    let mut module = Module(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(module.0.stdout.take().unwrap()).lines();
    let mut until = |class: &str| {
        let shown = || -> Option<Value> {
            let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
            (line["class"] == class).then_some(line)
        };
        wait_for(class, shown)
    };
    assert_eq!(until("idle")["text"], "");
    studio.record(2);
    assert_eq!(until("recording")["text"], "●");
    studio.service.connect().ask("STOP_RECORDING");
    assert_eq!(until("idle")["tooltip"], "v2m: idle");
    studio.service.end();
    until("stopped");
}
