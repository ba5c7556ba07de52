//! The programs in `examples/` do with the real service what their README says.

use crate::house::{House, Service, wait_for};
use crate::recording::Studio;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// An example that talks to this service, and finds `v2m-send` as a user's shell does.
fn program(service: &Service, name: &str) -> Command {
    let own = Path::new(env!("CARGO_BIN_EXE_v2m-send")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new(example(name));
    command
        .env("PATH", format!("{}:{path}", own.display()))
        .env("V2M_SOCKET_PATH", service.path("run/v2m.sock"))
        // Python would leave its compiled files beside the sources.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null());
    command
}

fn run(service: &Service, name: &str, args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = program(service, name).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().trim_end().to_owned();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// Lets some of what is said be recorded.
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

/// A status bar's module, which ends with this value.
struct Module(Child);

impl Drop for Module {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
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
