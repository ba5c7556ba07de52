//! The sign at the bottom of KWin's screen, by layer-shell: visible in each state, never in the
//! way, and gone afterwards.

use super::desktop::{Desktop, key};
use super::screen::{Area, Colour, Screen};
use crate::gnome::extension::double::Double;
use crate::lab::{self, Lab, assert_phrase, property, run, systemctl, try_run, wait_for};
use std::collections::HashMap;
use std::thread;
use zbus::Variant;

const UNIT: &str = "v2m-osd.service";
/// Restores the default setting of the overlay in the service.
const IN_FORCE: &str = "UnsetEnvironment=V2M_FEEDBACK__OVERLAY";
const WORDS: &str = "and so my fellow Americans, ask not what your country can do for you";

/// The area of the sign.
const BOTTOM: Area = (200, 600, 880, 110);

fn has_sign() -> bool {
    try_run("busctl", &["--user", "status", "org.v2m.Sign"]).status.success()
}

fn ends_after_a_second(lab: &Lab) {
    lab.override_unit(UNIT, "ExecStart=\nExecStart=/usr/local/bin/v2m-osd --idle-seconds 1");
}

#[test]
fn a_dictation_is_seen_and_goes_into_the_window_that_keeps_the_keyboard() {
    let lab = Lab::new();
    lab.override_service(IN_FORCE);
    ends_after_a_second(&lab);
    let (desktop, screen) = (Desktop::start(), Screen::open());
    run("v2m-send", &["config", "set", "deliver.mode=paste"]);
    let window = desktop.window(true);
    assert_eq!(property(UNIT, "ActiveState"), "inactive", "nobody has dictated");
    let before = screen.shot(BOTTOM).count(Colour::Red);
    let mut client = lab.client();
    client.ask("START_RECORDING");
    let quiet = screen.waits_for(BOTTOM, "the sign", |shot| shot.count(Colour::Red) > before + 60);
    assert!(has_sign() && window.is_active(), "the focus was moved");
    let speaking = thread::spawn(lab::speak);
    let level = quiet.count(Colour::Red) + 100;
    screen.waits_for(BOTTOM, "the level", |shot| shot.count(Colour::Red) > level);
    screen.keep("recording");
    speaking.join().unwrap();
    client.ask("STOP_RECORDING");
    assert_phrase(&window.wait_for("the text in the window", |text| text.contains("country")));
    screen.waits_for(BOTTOM, "the sign's end", |shot| shot.count(Colour::Red) <= before);
    wait_for("the program's end", || (property(UNIT, "ActiveState") == "inactive").then_some(()));
    assert_eq!(property(UNIT, "Result"), "success");
    assert!(!has_sign() && window.is_active());
}

#[test]
fn each_state_is_seen_and_keys_go_to_the_window_meanwhile() {
    let lab = Lab::new();
    ends_after_a_second(&lab);
    let (desktop, screen) = (Desktop::start(), Screen::open());
    let window = desktop.window(true);
    let double = Double::start();
    systemctl(&["start", UNIT]);
    wait_for("the sign's name", || has_sign().then_some(()));
    let blank = screen.shot(BOTTOM);
    let tell = |kind: &str, words: &[(&str, &str)]| {
        let details: HashMap<_, _> =
            words.iter().map(|(key, word)| (*key, Variant::from(*word))).collect();
        double.sign(kind, details);
    };
    // The picture differs from the last one, and has more of this colour than the blank screen.
    let mut last = blank.clone();
    let mut sees = |name: &str, colour: Colour, least: usize| {
        let least = blank.count(colour) + least;
        last = screen.waits_for(BOTTOM, name, |shot| {
            shot.count(colour) >= least && shot.differs(&last) > 2_000
        });
        screen.keep(name);
        assert!(window.is_active(), "{name}: the focus was moved");
    };
    tell("recording", &[("title", "Recording"), ("text", WORDS)]);
    sees("words", Colour::Red, 60);
    desktop.type_key(key::V);
    window.wait_for("the key in the window", |text| text == "v");
    tell("transcribing", &[("title", "Transcribing"), ("text", WORDS)]);
    sees("transcribing", Colour::Blue, 10);
    tell("rewriting", &[("title", "Rewriting")]);
    sees("rewriting", Colour::Blue, 10);
    // With a hint, which stays long enough to be read; a tick alone is short.
    let pasted = [("title", "Pasted"), ("place", "cursor"), ("hint", WORDS), ("then", "idle")];
    tell("delivered", &pasted);
    sees("delivered", Colour::Green, 10);
    tell("waiting", &[("title", "On the clipboard"), ("place", "clipboard"), ("text", WORDS)]);
    sees("waiting", Colour::Blue, 20);
    let body = "Plug a microphone in, or choose another one in your desktop's sound settings. Then \
                press the key again.";
    tell("problem", &[("title", "No microphone"), ("body", body)]);
    sees("problem", Colour::Yellow, 20);
    desktop.type_key(key::V);
    window.wait_for("the second key in the window", |text| text == "vv");
    tell("recording", &[("title", "Recording")]);
    sees("again", Colour::Red, 60);
    tell("idle", &[]);
    wait_for("the program's end", || (property(UNIT, "ActiveState") == "inactive").then_some(()));
    let red = blank.count(Colour::Red);
    screen.waits_for(BOTTOM, "nothing", |shot| shot.count(Colour::Red) <= red);
    assert!(window.is_active());
}
