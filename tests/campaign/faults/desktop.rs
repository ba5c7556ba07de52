//! Faults of the desktop: session bus, notification daemon, display, clipboard.

use super::{Kind, PLAIN, Strike, strike_until};
use crate::lab::Lab;
use crate::machine::{bring_sound_back, delivering, main_pid, named, signal, systemctl, within};
use crate::plan::Random;
use rustix::process::Signal;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

pub(super) const KINDS: [Kind; 7] = [
    Kind { name: "bus-gone", lasts: (0.2, 3.0), prepare: |_, _| kill("dbus.service"), ..PLAIN },
    Kind { name: "bus-frozen", lasts: (0.2, 3.0), prepare: |_, _| freeze("dbus.service"), ..PLAIN },
    Kind {
        name: "notifier-gone",
        lasts: (0.2, 3.0),
        prepare: |_, _| kill("dunst.service"),
        ..PLAIN
    },
    Kind {
        name: "notifier-hanging",
        lasts: (0.5, 4.0),
        prepare: |_, _| freeze("dunst.service"),
        ..PLAIN
    },
    Kind { name: "display-gone", lasts: (0.2, 3.0), prepare: |_, _| kill("xvfb.service"), ..PLAIN },
    Kind {
        name: "display-hanging",
        lasts: (0.5, 4.0),
        prepare: |_, _| freeze("xvfb.service"),
        ..PLAIN
    },
    Kind {
        name: "clipboard-owner-hanging",
        is_fresh: true,
        lasts: (1.0, 4.0),
        prepare: copy,
        ..PLAIN
    },
];

/// Starts the whole desktop again, as a login does.
fn bring_back() {
    systemctl(&["reset-failed", "dunst*", "dbus*", "xvfb*"]);
    systemctl(&["start", "dbus.socket", "xvfb.service"]);
    systemctl(&["start", "dunst.service"]);
    // The session manager of PipeWire ends with the bus.
    bring_sound_back();
}

/// Kills the desktop's services and starts them again.
pub(super) fn restart(is_whole: bool) {
    let units = ["dunst.service", "dbus.service", "xvfb.service"];
    for unit in &units[..if is_whole { 3 } else { 2 }] {
        if let Some(pid) = main_pid(unit) {
            signal(pid, Signal::KILL);
        }
    }
    bring_back();
}

fn kill(unit: &'static str) -> Strike {
    strike_until(
        move |_| {
            if let Some(pid) = main_pid(unit) {
                signal(pid, Signal::KILL);
            }
        },
        |_| bring_back(),
    )
}

fn freeze(unit: &'static str) -> Strike {
    Box::new(move |_| {
        let stopped = main_pid(unit).inspect(|pid| signal(*pid, Signal::STOP));
        Box::new(move |_| {
            stopped.iter().for_each(|pid| signal(*pid, Signal::CONT));
            bring_back();
        })
    })
}

/// A program owns the clipboard and does not answer requests. v2m reads the clipboard before it
/// pastes.
fn copy(lab: &Lab, _: &mut Random) -> Strike {
    lab.configure(&delivering("paste"));
    strike_until(
        |_| {
            let copy = Command::new("xclip")
                .args(["-in", "-selection", "clipboard"])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            let Ok(mut xclip) = copy else { return };
            if let Some(mut text) = xclip.stdin.take() {
                let _ = text.write_all(b"what the user copied");
            }
            // xclip leaves a child that serves the text.
            let _ = xclip.wait();
            let owner = within(Duration::from_secs(2), || named("xclip").first().copied());
            owner.iter().for_each(|pid| signal(*pid, Signal::STOP));
        },
        |_| named("xclip").into_iter().for_each(|pid| signal(pid, Signal::KILL)),
    )
}
