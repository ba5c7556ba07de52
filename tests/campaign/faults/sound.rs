//! Faults of the sound server and the microphone.

use super::{Kind, PLAIN, Relief, Strike, strike_until};
use crate::lab::try_run;
use crate::machine::{bring_sound_back, main_pid, signal, systemctl, within};
use crate::speaker::speak_into;
use rustix::process::Signal;
use std::time::Duration;

const SERVER: [&str; 3] = ["pipewire.socket", "pipewire.service", "wireplumber.service"];

pub(super) const KINDS: [Kind; 9] = [
    Kind { name: "pipewire-killed", prepare: |_, _| kill("pipewire.service"), ..PLAIN },
    Kind { name: "pipewire-stopped", lasts: (0.2, 3.0), prepare: |_, _| shut_down(), ..PLAIN },
    Kind {
        name: "pipewire-frozen",
        lasts: (0.2, 2.0),
        prepare: |_, _| freeze("pipewire.service"),
        ..PLAIN
    },
    Kind { name: "wireplumber-killed", prepare: |_, _| kill("wireplumber.service"), ..PLAIN },
    Kind { name: "source-unplugged", lasts: (0.2, 3.0), prepare: |_, _| unplug(ONE), ..PLAIN },
    Kind { name: "source-in-stereo", lasts: (1.0, 3.0), prepare: |_, _| replace(), ..PLAIN },
    Kind { name: "source-muted", lasts: (0.2, 2.0), prepare: |_, _| mute(), ..PLAIN },
    Kind {
        name: "rate-changed",
        lasts: (0.2, 3.0),
        prepare: |_, _| set("clock.force-rate", "44100"),
        ..PLAIN
    },
    Kind {
        name: "quantum-changed",
        lasts: (0.2, 3.0),
        prepare: |_, _| set("clock.force-quantum", "2048"),
        ..PLAIN
    },
];

fn kill(unit: &'static str) -> Strike {
    strike_until(
        move |_| {
            if let Some(pid) = main_pid(unit) {
                signal(pid, Signal::KILL);
            }
        },
        |_| bring_sound_back(),
    )
}

fn shut_down() -> Strike {
    strike_until(|_| systemctl(&[&["stop"], &SERVER[..]].concat()), |_| bring_sound_back())
}

fn freeze(unit: &'static str) -> Strike {
    Box::new(move |_| {
        let stopped = main_pid(unit).inspect(|pid| signal(*pid, Signal::STOP));
        let relief: Relief =
            Box::new(move |_| stopped.iter().for_each(|pid| signal(*pid, Signal::CONT)));
        relief
    })
}

const ONE: (&str, &str) = ("MONO", "MONO");
const TWO: (&str, &str) = ("FL FR", "FL");

/// Creates a microphone like that of the container's configuration.
fn plug_in((channels, speaks_into): (&str, &str)) {
    let properties = format!(
        "{{ factory.name = support.null-audio-sink node.name = vmic node.description = \"v2m virtual microphone\" \
         media.class = Audio/Source/Virtual audio.position = [ {channels} ] object.linger = true audio.rate = 48000 \
         priority.session = 2000 }}"
    );
    let _ = try_run("pw-cli", &["create-node", "adapter", &properties]);
    // If the speaker still plays, it continues into the new microphone.
    let _ = within(Duration::from_secs(2), || speak_into(speaks_into).then_some(()));
}

fn pull_out() {
    let _ = try_run("pw-cli", &["destroy", "vmic"]);
}

fn unplug(channels: (&'static str, &'static str)) -> Strike {
    strike_until(
        |_| pull_out(),
        move |_| {
            plug_in(channels);
            bring_sound_back();
        },
    )
}

/// Replaces the microphone by another device with the same name, and later by one like the first.
fn replace() -> Strike {
    strike_until(
        |_| {
            pull_out();
            plug_in(TWO);
        },
        |_| {
            pull_out();
            plug_in(ONE);
            bring_sound_back();
        },
    )
}

fn mute() -> Strike {
    let set = |muted: &str| drop(try_run("wpctl", &["set-mute", "@DEFAULT_AUDIO_SOURCE@", muted]));
    strike_until(move |_| set("1"), move |_| set("0"))
}

fn set(key: &'static str, value: &'static str) -> Strike {
    let set = move |value: &str| drop(try_run("pw-metadata", &["-n", "settings", "0", key, value]));
    strike_until(move |_| set(value), move |_| set("0"))
}
