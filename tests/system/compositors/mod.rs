//! Tests the whole way on desktops where users bind keys by hand: sway, and i3 on X11. A key that
//! the compositor grabs runs v2m-send, and the text arrives in the window.

mod overlay;
mod session;

use crate::lab::{self, Lab, assert_phrase, run};
use session::{I3, Keys, Session, Sway};
use std::thread;

/// The default of `deliver.mode`.
const BY_DEFAULT: &str = "auto";

/// Resets the machine, and starts a desktop with a focused window. Texts are delivered as `mode`
/// says.
fn begin<D: Keys>(mode: &str) -> (Lab, Session<D>) {
    let lab = Lab::new();
    let session = Session::start();
    // This starts the service, with the desktop's display.
    match mode {
        BY_DEFAULT => run("v2m-send", &["ping"]),
        mode => run("v2m-send", &["config", "set", &format!("deliver.mode={mode}")]),
    };
    (lab, session)
}

fn is_recording(lab: &Lab) -> bool {
    lab.client().ask("GET_STATUS")["is_recording"] == true
}

/// Returns the last dictation's delivery at the cursor, from the store: method, backend, detail.
fn outcome(lab: &Lab) -> [String; 3] {
    let record = lab::wait_for("the dictation's outcome", || {
        lab.records().pop().filter(|record| record["deliveries"] != serde_json::json!([]))
    });
    ["by", "backend", "detail"]
        .map(|name| record["deliveries"][0][name].as_str().unwrap_or_default().to_owned())
}

fn two_taps<D: Keys>(mode: &str) {
    let (lab, mut session) = begin::<D>(mode);
    session.copy("before");
    session.keys.tap();
    lab::wait_for("the recording", || is_recording(&lab).then_some(()));
    lab::speak();
    session.keys.tap();
    let text = session.wait_for("the text in the window", |text| text.contains("country"));
    assert_phrase(&text);
    let (by, done) = if mode == "type" { ("type", "typed") } else { ("paste", "pasted") };
    assert_eq!(outcome(&lab), [by, D::BACKEND, done]);
    lab::wait_for("what was on the clipboard", || {
        (session.clipboard().as_deref() == Some("before")).then_some(())
    });
    assert!(session.is_active(), "the focus was moved");
}

/// Tests a key bound to `start` when it is pressed, and to `stop` when it is released.
fn held<D: Keys>() {
    let (lab, mut session) = begin::<D>("paste");
    session.keys.hold(|| {
        lab::wait_for("the recording", || is_recording(&lab).then_some(()));
        thread::spawn(lab::speak).join().unwrap();
    });
    assert_phrase(&session.wait_for("the text", |text| text.contains("country")));
}

#[test]
fn two_taps_on_sway_paste_the_text_by_default() {
    two_taps::<Sway>(BY_DEFAULT);
}

#[test]
fn two_taps_on_i3_paste_the_text_by_default() {
    two_taps::<I3>(BY_DEFAULT);
}

#[test]
fn two_taps_on_sway_paste_the_text() {
    two_taps::<Sway>("paste");
}

#[test]
fn two_taps_on_sway_type_the_text() {
    two_taps::<Sway>("type");
}

#[test]
fn a_key_held_on_sway_is_one_dictation() {
    held::<Sway>();
}

#[test]
fn two_taps_on_i3_paste_the_text() {
    two_taps::<I3>("paste");
}

#[test]
fn two_taps_on_i3_type_the_text() {
    two_taps::<I3>("type");
}

#[test]
fn a_key_held_on_i3_is_one_dictation() {
    held::<I3>();
}
