//! Tests the sign at the bottom of the screen: it starts when a recording begins, is visible, does
//! not disturb, and is replaced by notifications when it ends.

use super::session::{I3, Keys, Session, Sway};
use super::{is_recording, outcome};
use crate::lab::{self, Lab, assert_phrase, property, run, systemctl, try_run};
use std::thread;

const UNIT: &str = "v2m-osd.service";
const SIGN: &str = "org.v2m.Sign";
/// The sign is on by default, but not in these tests; this restores the default.
const IN_FORCE: &str = "UnsetEnvironment=V2M_FEEDBACK__OVERLAY";

/// A desktop with a program that writes a screenshot as a PPM file.
trait Seen: Keys {
    const CAMERA: &[&str];
}

impl Seen for Sway {
    const CAMERA: &[&str] = &["grim", "-t", "ppm", "-"];
}

impl Seen for I3 {
    const CAMERA: &[&str] = &["import", "-window", "root", "-depth", "8", "ppm:-"];
}

/// Returns how many pixels of the screen are as red as the dot of a recording.
fn red<D: Seen>(session: &Session<D>) -> usize {
    let output = session.command(D::CAMERA[0]).args(&D::CAMERA[1..]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Three lines of text precede the pixels; none of their bytes make a red pixel.
    let pixels = output.stdout.rchunks_exact(3);
    pixels.filter(|pixel| pixel[0] > 200 && pixel[1] < 120 && pixel[2] < 120).count()
}

fn has_sign() -> bool {
    try_run("busctl", &["--user", "status", SIGN]).status.success()
}

/// Resets the machine, with the sign turned on.
fn begin<D: Keys>(idle: &str) -> (Lab, Session<D>) {
    let lab = Lab::new();
    lab.override_service(IN_FORCE);
    lab.override_unit(UNIT, &format!("ExecStart=\nExecStart=/usr/local/bin/v2m-osd {idle}"));
    let session = Session::start();
    run("v2m-send", &["config", "set", "deliver.mode=paste"]);
    (lab, session)
}

fn a_dictation_is_seen<D: Seen>() {
    let (lab, mut session) = begin::<D>("--idle-seconds 1");
    assert_eq!(property(UNIT, "ActiveState"), "inactive", "nobody has dictated");
    let before = red(&session);
    session.keys.tap();
    lab::wait_for("the recording", || is_recording(&lab).then_some(()));
    lab::wait_for("the sign", || (red(&session) > before + 60).then_some(()));
    assert!(has_sign() && session.is_active(), "the focus was moved");
    let quiet = red(&session);
    let speaking = thread::spawn(lab::speak);
    lab::wait_for("the level", || (red(&session) > quiet + 100).then_some(()));
    speaking.join().unwrap();
    session.keys.tap();
    assert_phrase(&session.wait_for("the text in the window", |text| text.contains("country")));
    assert_eq!(outcome(&lab), ["paste", D::BACKEND, "pasted"]);
    lab::wait_for("the sign's end", || (red(&session) <= before).then_some(()));
    lab::wait_for("the program's end", || {
        (property(UNIT, "ActiveState") == "inactive").then_some(())
    });
    assert_eq!(property(UNIT, "Result"), "success");
    assert!(!has_sign());
    // On a busy machine there may be a notification of a problem.
    let told: Vec<String> = lab.notifications().into_iter().map(|told| told.summary).collect();
    let by_sign = ["Recording", "Transcribing", "Pasted"];
    assert!(!told.iter().any(|told| by_sign.contains(&told.as_str())), "{told:?}");
}

#[test]
fn a_dictation_is_seen_on_sway() {
    a_dictation_is_seen::<Sway>();
}

#[test]
fn a_dictation_is_seen_on_i3() {
    a_dictation_is_seen::<I3>();
}

#[test]
fn a_sign_that_crashes_is_replaced_at_once_and_comes_back_with_the_next_recording() {
    let (lab, session) = begin::<I3>("");
    let mut client = lab.client();
    client.ask("START_RECORDING");
    lab::wait_for("the sign", || has_sign().then_some(()));
    assert_eq!(lab.notifications(), []);
    systemctl(&["kill", "--signal=KILL", UNIT]);
    lab.wait_for_notice("Speak now");
    client.ask("CANCEL_RECORDING");
    client.ask("START_RECORDING");
    lab::wait_for("the sign", || has_sign().then_some(()));
    client.ask("CANCEL_RECORDING");
    // When the sign is turned off, its program ends.
    run("v2m-send", &["config", "set", "feedback.overlay=false"]);
    lab::wait_for("the program's end", || (!has_sign()).then_some(()));
    client.ask("START_RECORDING");
    lab::wait_for("the banner", || (lab.notifications().len() > 1).then_some(()));
    assert!(!has_sign());
    client.ask("CANCEL_RECORDING");
    drop(session);
}

/// As on a desktop without layer-shell: the sign is tried once, and then notifications replace it.
#[test]
fn where_it_cannot_show_anything_notifications_do() {
    let lab = Lab::new();
    lab.override_service(IN_FORCE);
    lab.override_unit(UNIT, "Environment=DISPLAY=:4711\nUnsetEnvironment=WAYLAND_DISPLAY");
    let mut client = lab.client();
    client.ask("START_RECORDING");
    lab.wait_for_notice("Speak now");
    client.ask("CANCEL_RECORDING");
    let said = |unit: &str, what: &str| {
        let journal = run("journalctl", &["--user", "-o", "cat", "--boot", "-u", unit]);
        journal.matches(what).count()
    };
    lab::wait_for("the reason", || (said(UNIT, "there is no display") > 0).then_some(()));
    let given_up = "v2m-osd cannot show the state";
    lab::wait_for("what follows", || (said("v2m.service", given_up) > 0).then_some(()));
    let tries = said(UNIT, "there is no display");
    client.ask("START_RECORDING");
    lab::wait_for("the banner", || (lab.notifications().len() > 1).then_some(()));
    client.ask("CANCEL_RECORDING");
    assert_eq!(said(UNIT, "there is no display"), tries, "it was not tried again");
}
