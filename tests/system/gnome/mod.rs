//! The last metre on GNOME Shell: the real shortcut, the real window, and what is on the clipboard
//! before and after.

mod applications;
mod banners;
mod by_default;
mod continuous;
mod counting;
pub(crate) mod desktop;
pub(crate) mod extension;
mod held;
mod joining;
mod keymap;
mod languages;
mod set_up;
mod terminals;
mod typing;
mod undo;

use crate::lab::{self, Lab, assert_phrase, run, words};
use desktop::{Desktop, key};
use std::thread;
use std::time::{Duration, Instant};
use v2m::deliver::{DeliveryOptions, Sinks};
use v2m::session::DeliverMode;

/// The key that `v2m shortcut install` finds free on a GNOME as it comes.
const SHORTCUT: [u32; 3] = [key::CTRL, key::ALT, key::V];

const TEXT: &str = "text/plain;charset=utf-8";

/// The machine in order, with the shortcut, and texts that are pasted.
fn lab() -> (Lab, Desktop) {
    let lab = Lab::new();
    let desktop = Desktop::new();
    let said = run("v2m", &["shortcut", "install"]);
    assert!(said.contains("<Control><Alt>v"), "{said}");
    // The desktop takes it over in its own time, and tells nobody when: the key is pressed until it
    // counts.
    lab::wait_for("the shortcut to work", || {
        desktop.press(&SHORTCUT);
        let until = Instant::now() + Duration::from_secs(2);
        while Instant::now() < until {
            if is_recording(&lab) {
                return Some(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        None
    });
    lab.client().ask("CANCEL_RECORDING");
    // The next run knows nothing of that press: two within 300 ms are one.
    lab::systemctl(&["stop", "v2m.service"]);
    run("v2m-send", &["config", "set", "deliver.mode=paste"]);
    (lab, desktop)
}

fn is_recording(lab: &Lab) -> bool {
    lab.client().ask("GET_STATUS")["is_recording"] == true
}

/// Waits until a dictation is over; what became of its text, as the store has it: by, ok, detail.
fn outcome(lab: &Lab, by: &str) -> (bool, String) {
    let record = lab::wait_for("the dictation's outcome", || {
        lab.records().pop().filter(|record| record["deliveries"] != serde_json::json!([]))
    });
    let deliveries = record["deliveries"].as_array().unwrap();
    let delivery = deliveries.iter().find(|delivery| delivery["by"] == by);
    let delivery = delivery.unwrap_or_else(|| panic!("no {by} in {record}"));
    (delivery["ok"] == true, delivery["detail"].as_str().unwrap().to_owned())
}

#[test]
fn two_taps_of_the_shortcut_put_the_text_into_the_window_and_the_clipboard_is_as_before() {
    let (lab, desktop) = lab();
    let window = desktop.window(true);
    desktop.press(&SHORTCUT);
    lab::wait_for("the recording", || is_recording(&lab).then_some(()));
    lab::speak();
    desktop.press(&SHORTCUT);
    let text = window.wait_for("the text in the window", |text| text.contains("country"));
    assert_phrase(&text);
    assert_eq!(outcome(&lab, "paste"), (true, "pasted".to_owned()));
    desktop.wait_for_clipboard(&[(TEXT, b"before")]);
    assert!(window.is_active(), "the focus was moved");
}

#[test]
fn a_shortcut_held_while_one_speaks_puts_the_text_into_the_window() {
    let (_lab, desktop) = lab();
    let window = desktop.window(true);
    desktop.hold(&SHORTCUT, || {
        // The key is pressed to the last word, as a hand does.
        thread::spawn(lab::speak).join().unwrap();
    });
    assert_phrase(&window.wait_for("the text in the window", |text| text.contains("country")));
}

#[test]
fn a_picture_on_the_clipboard_comes_back() {
    let (lab, desktop) = lab();
    // Larger than a pipe holds at once.
    let picture: Vec<u8> =
        b"\x89PNG\r\n\x1a\n".iter().copied().chain((0..3_000_000u32).map(|i| i as u8)).collect();
    let _editor = desktop.copy_all(&[("image/png", &picture)]);
    let window = desktop.window(true);
    let mut client = lab.record();
    client.ask("STOP_RECORDING");
    window.wait_for("the text in the window", |text| text.contains("country"));
    desktop.wait_for_clipboard(&[("image/png", &picture)]);
}

#[test]
fn what_a_browser_copied_comes_back_in_all_its_formats() {
    let (lab, desktop) = lab();
    let html = "<p>Grüße <b>日</b></p>";
    let text = "Grüße 日".as_bytes();
    let _browser = desktop.copy_all(&[("text/html", html.as_bytes()), (TEXT, text)]);
    let window = desktop.window(true);
    lab.dictate();
    window.wait_for("the text in the window", |text| text.contains("country"));
    desktop.wait_for_clipboard(&[("text/html", html.as_bytes()), (TEXT, text)]);
    assert_eq!(desktop.copied(), "Grüße 日");
}

#[test]
fn a_window_that_takes_no_text_is_told_of_and_the_text_waits_on_the_clipboard() {
    let (lab, desktop) = lab();
    let _window = desktop.window(false);
    assert_eq!(desktop.sessions(), 1, "the test's own keyboard");
    let answer = lab.dictate();
    assert_eq!(desktop.sessions(), 1, "v2m holds on to the keyboard");
    let told = &answer["deliveries"][0];
    assert_eq!((&told["by"], &told["ok"]), (&"paste".into(), &false.into()), "{answer}");
    assert!(told["detail"].as_str().unwrap().contains("ctrl+v"), "{answer}");
    assert_phrase(&desktop.copied());
}

#[test]
fn nothing_is_pasted_into_a_locked_screen() {
    let (lab, desktop) = lab();
    let window = desktop.window(true);
    let mut client = lab.record();
    desktop.lock(true);
    let answer = client.ask("STOP_RECORDING");
    assert_phrase(answer["text"].as_str().unwrap());
    let told = &answer["deliveries"][0];
    assert_eq!(told["ok"], false, "{answer}");
    assert!(told["detail"].as_str().unwrap().contains("locked"), "{answer}");
    desktop.lock(false);
    // GNOME Shell itself empties the clipboard when it locks.
    assert!(!desktop.copied().contains("country"));
    assert_eq!(window.text(), "");
    assert_phrase(lab.records().pop().unwrap()["text"].as_str().unwrap());
}

#[test]
fn a_locked_screen_shows_and_copies_no_text_in_any_mode() {
    let (lab, desktop) = lab();
    run("v2m-send", &["config", "set", "deliver.mode=clipboard"]);
    let mut client = lab.record();
    desktop.lock(true);
    let shown = terminals::Notifications::listen();
    let answer = client.ask("STOP_RECORDING");
    assert_phrase(answer["text"].as_str().unwrap());
    let told = &answer["deliveries"][0];
    assert_eq!(told["ok"], false, "{answer}");
    assert!(told["detail"].as_str().unwrap().contains("locked"), "{answer}");
    let told = lab::wait_for("the notification", || {
        Some(shown.told()).filter(|told| told.contains("screen is locked"))
    });
    assert!(!told.contains("country") && !told.contains("fellow"), "{told}");
    desktop.lock(false);
    assert!(!desktop.copied().contains("country"));
    assert!(run("v2m-send", &["last"]).contains("country"));
}

#[test]
fn one_dictation_may_go_elsewhere() {
    let (lab, desktop) = lab();
    let window = desktop.window(true);
    lab.record();
    assert_phrase(&run("v2m-send", &["stop", "--deliver", "clipboard"]));
    assert_phrase(&desktop.copied());
    assert_eq!(window.text(), "");
    // The next one goes where the configuration says.
    lab.dictate();
    window.wait_for("the text in the window", |text| words(text) == words(lab::PHRASE));
}

#[test]
fn every_character_of_many_texts_arrives_once_and_the_clipboard_is_as_before() {
    let (_lab, desktop) = lab();
    let window = desktop.window(true);
    let wanted = DeliveryOptions { mode: DeliverMode::Paste, ..DeliveryOptions::default() };
    let mut sinks = Sinks::new();
    let mut expected = String::new();
    for number in 0..20 {
        let text = format!("{number}: Grüße — “€5” ñ 日 ¿qué? 😀\n");
        let deliveries = desktop.runtime.block_on(sinks.hand_over(&text, &wanted));
        assert!(deliveries[0].ok, "{deliveries:?}");
        expected += &text;
    }
    desktop.runtime.block_on(sinks.settle());
    assert_eq!(window.wait_for("all texts", |text| text.len() >= expected.len()), expected);
    assert_eq!(desktop.clipboard(TEXT).as_deref(), Some(&b"before"[..]));
    // What was typed by hand at the end shows that no key is still held.
    desktop.press(&[key::CTRL, key::A]);
    desktop.press(&[key::DELETE]);
    window.wait_for("an empty window", str::is_empty);
}
