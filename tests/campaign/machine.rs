//! Restores the machine after a fault, and has helpers for faults.

use crate::lab::{Lab, property, try_run};
use crate::witness::Witness;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// The settings of every case. All recordings are kept, because they are the proof.
pub(crate) const SETTINGS: &str =
    "[store]\nkeep_audio = true\nkeep_count = 100000\n[deliver]\nmode = \"clipboard\"\n";

/// Returns [`SETTINGS`] with this `deliver.mode`.
pub(crate) fn delivering(mode: &str) -> String {
    SETTINGS.replace("clipboard", mode)
}

/// Sends a signal. Does nothing if the process has ended.
pub(crate) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Returns the user's processes with that name.
pub(crate) fn named(name: &str) -> Vec<u32> {
    let found = try_run("pgrep", &["--exact", name]).stdout;
    String::from_utf8_lossy(&found).lines().filter_map(|line| line.parse().ok()).collect()
}

/// Returns the main process of a unit, if it has one.
pub(crate) fn main_pid(unit: &str) -> Option<u32> {
    property(unit, "MainPID").parse().ok().filter(|pid| *pid != 0)
}

/// Runs `systemctl --user` and ignores the result. Without a session bus it may hang.
pub(crate) fn systemctl(args: &[&str]) {
    let _ = try_run("timeout", &[&["20", "systemctl", "--user"], args].concat());
}

/// Calls the probe until it returns a value, for at most this time.
pub(crate) fn within<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        let found = probe();
        if found.is_some() || Instant::now() >= deadline {
            return found;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a request on a new connection. Returns `None` if it is not answered.
pub(crate) fn ask(lab: &Lab, cmd: &str, data: Value) -> Option<Value> {
    lab.connect().and_then(|mut client| client.call(cmd, data)).ok()
}

/// Returns whether the virtual microphone exists, is the default, and can be recorded.
fn hears() -> bool {
    let ports = try_run("pw-link", &["--output"]).stdout;
    let is_there = String::from_utf8_lossy(&ports).contains("vmic:capture_");
    is_there && is_default() && is_recorded()
}

fn is_default() -> bool {
    // Without a session manager, wpctl waits forever.
    let source = try_run("timeout", &["5", "wpctl", "inspect", "@DEFAULT_AUDIO_SOURCE@"]).stdout;
    String::from_utf8_lossy(&source).contains("\"vmic\"")
}

/// Checks that a recording gets sound: a restarted session manager may link nothing.
fn is_recorded() -> bool {
    let folder = tempfile::tempdir().expect("there is room");
    let probe = Witness::try_start(folder.path().join("probe.wav"), Duration::from_secs(3));
    probe.is_some()
}

/// Starts the sound server if it has ended, and waits until the microphone can be recorded.
/// Restarts the server if that fails.
pub(crate) fn bring_sound_back() {
    let units = ["pipewire.socket", "pipewire.service", "wireplumber.service"];
    systemctl(&["reset-failed", "pipewire*", "wireplumber*"]);
    systemctl(&[&["start"], &units[..]].concat());
    for units in [&units[2..], &units[1..], &units[1..]] {
        if within(Duration::from_secs(5), || hears().then_some(())).is_some() {
            return;
        }
        systemctl(&[&["restart"], units].concat());
    }
    let heard = within(Duration::from_secs(20), || hears().then_some(()));
    assert!(heard.is_some(), "the virtual microphone does not come back");
}

/// Starts the ended services of the desktop and the sound server, and continues stopped processes.
pub(crate) fn mend() {
    for name in ["v2m", "v2m-engine", "pipewire", "wireplumber", "Xvfb", "dunst", "dbus-daemon"] {
        for pid in named(name) {
            signal(pid, Signal::CONT);
        }
    }
    systemctl(&["reset-failed"]);
    systemctl(&["start", "dbus.socket", "xvfb.service"]);
    systemctl(&["start", "dunst.service"]);
    bring_sound_back();
}

/// Returns the machine in its initial state, with the configuration and store of a new case.
pub(crate) fn fresh() -> Lab {
    mend();
    let lab = Lab::new();
    lab.configure(SETTINGS);
    lab
}

/// Returns the machine as the previous case left it, which must have ended well.
pub(crate) fn as_it_is() -> Lab {
    let dir = |key| PathBuf::from(std::env::var_os(key).expect("container.sh sets it"));
    Lab { runtime: dir("XDG_RUNTIME_DIR"), home: dir("HOME") }
}

/// Waits until the service is idle and its recogniser is loaded.
pub(crate) fn wait_until_idle(lab: &Lab) {
    let idle = within(Duration::from_secs(60), || {
        let status = ask(lab, "GET_STATUS", Value::Null)?;
        let status = &status["data"];
        (status["state"] == "idle" && status["engine"]["state"] == "warm").then_some(())
    });
    assert!(idle.is_some(), "the service is not ready for the next dictation");
}

/// Returns the store's folder.
pub(crate) fn store(lab: &Lab) -> PathBuf {
    lab.home.join(".local/state/v2m/dictations")
}
