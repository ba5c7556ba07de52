//! Delivery on KDE: KWin's clipboard by data-control, keys by the RemoteDesktop portal, into GTK
//! windows.
//!
//! The permission store answers KDE's question in advance, except in tests of the question itself.

mod by_default;
mod desktop;
mod joining;
mod overlay;
mod screen;
mod tray;

use crate::lab::{self, Lab, assert_phrase, run, wait_for};
use desktop::{Desktop, Hand, Step, key};
use serde_json::Value;
use std::time::{Duration, Instant};
use v2m::deliver::way_to_the_cursor;

const WORDS: &str = "Grüße — “€5” ñ 日 ¿qué? 😀\n";
const TEXT: &str = "text/plain;charset=utf-8";

#[test]
fn a_dictation_goes_into_the_window_and_the_clipboard_is_as_before() {
    let (lab, desktop) = (Lab::new(), Desktop::start());
    run("v2m-send", &["config", "set", "deliver.mode=paste"]);
    desktop.copy(TEXT, b"before");
    let window = desktop.window(true);
    let answer = lab.dictate();
    assert_eq!(answer["deliveries"][0]["ok"], true, "{answer}");
    assert_phrase(&window.wait_for("the text in the window", |text| text.contains("country")));
    desktop.wait_for_clipboard(TEXT, b"before");
    assert!(window.is_active(), "the focus was moved");
}

#[test]
fn every_character_of_many_texts_arrives_once_and_no_key_is_left_down() {
    let (_lab, mut desktop) = (Lab::new(), Desktop::start());
    desktop.copy(TEXT, b"before");
    let window = desktop.window(true);
    let mut expected = String::new();
    for number in 0..20 {
        let text = format!("{number}: {WORDS}");
        desktop.pastes(&text);
        expected += &text;
    }
    desktop.settle();
    assert_eq!(window.wait_for("all texts", |text| text.len() >= expected.len()), expected);
    desktop.wait_for_clipboard(TEXT, b"before");
    // If Ctrl were still down, this would paste.
    desktop.type_key(key::V);
    window.wait_for("what was typed", |text| *text == format!("{expected}v"));
}

#[test]
fn a_picture_on_the_clipboard_comes_back() {
    let (_lab, mut desktop) = (Lab::new(), Desktop::start());
    // Larger than a pipe's buffer.
    let noise = (0..3_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8);
    let picture: Vec<u8> = b"\x89PNG\r\n\x1a\n".iter().copied().chain(noise).collect();
    desktop.copy("image/png", &picture);
    let window = desktop.window(true);
    for _ in 0..2 {
        desktop.pastes(WORDS);
    }
    desktop.settle();
    window.wait_for("both texts", |text| *text == WORDS.repeat(2));
    desktop.wait_for_clipboard("image/png", &picture);
}

#[test]
fn what_no_window_takes_waits_on_the_clipboard() {
    let (_lab, mut desktop) = (Lab::new(), Desktop::start());
    desktop.copy(TEXT, b"before");
    let _window = desktop.window(false);
    let deliveries = desktop.paste(WORDS);
    assert!(!deliveries[0].ok && deliveries[0].detail.contains("ctrl+v"), "{deliveries:?}");
    assert!(deliveries[1].ok, "{deliveries:?}");
    desktop.wait_for_clipboard(TEXT, WORDS.as_bytes());
}

/// KDE's portal reads the layout only at the first key requested by keysym, and presses that key as
/// on a US keyboard. In V's place on Dvorak, a US keyboard has K.
#[test]
fn v_is_where_the_users_layout_has_it_from_the_first_text_on() {
    let (_lab, mut desktop) = (Lab::new(), Desktop::start());
    desktop.layout("dvorak");
    let window = desktop.window(true);
    wait_for("the layout", || {
        desktop.type_key(key::V);
        window.text().ends_with('k').then_some(())
    });
    let typed = window.text();
    desktop.restart_portals();
    desktop.pastes(WORDS);
    window.wait_for("the text", |text| *text == format!("{typed}{WORDS}"));
}

#[test]
fn the_desktop_asks_once_and_texts_arrive_from_the_yes_on() {
    let (_lab, mut desktop) = (Lab::new(), Desktop::start());
    desktop.answer_in_advance(false);
    let window = desktop.window(true);
    for _ in 0..2 {
        let deliveries = desktop.paste(WORDS);
        let told = &deliveries[0].detail;
        assert!(!deliveries[0].ok && told.contains("the desktop asks whether"), "{told}");
        assert!(deliveries[1].ok, "{deliveries:?}");
    }
    wait_for("KDE's question", || (!window.is_active()).then_some(()));
    // Enter presses "Share".
    desktop.type_key(key::ENTER);
    wait_for("the end of the question", || window.is_active().then_some(()));
    for _ in 0..2 {
        desktop.pastes(WORDS);
    }
    desktop.restart_v2m();
    desktop.pastes(WORDS);
    window.wait_for("the texts", |text| *text == WORDS.repeat(3));
}

#[test]
fn a_permission_is_kept_and_opens_the_next_session() {
    let (lab, mut desktop) = (Lab::new(), Desktop::start());
    let token = lab.home.join(".local/state/v2m/remote-desktop-token");
    let named = desktop.runtime.block_on(way_to_the_cursor()).unwrap();
    assert!(named.contains("asks for permission"), "{named}");
    let window = desktop.window(true);
    desktop.pastes(WORDS);
    assert!(token.exists());
    let named = desktop.runtime.block_on(way_to_the_cursor());
    assert_eq!(named, Ok("portal, with the compositor's clipboard"));
    // From here on, only the token opens a session.
    desktop.answer_in_advance(false);
    desktop.restart_v2m();
    desktop.pastes(WORDS);
    window.wait_for("both texts", |text| *text == WORDS.repeat(2));
    desktop.answer_in_advance(true);
}

#[test]
fn a_portal_that_was_restarted_is_found_again() {
    let (_lab, mut desktop) = (Lab::new(), Desktop::start());
    let window = desktop.window(true);
    desktop.pastes(WORDS);
    desktop.restart_portals();
    desktop.pastes(WORDS);
    wait_for("both texts", || (window.text() == WORDS.repeat(2)).then_some(()));
}

#[test]
fn a_text_waits_for_the_shortcuts_keys_however_long_they_are_held() {
    let (_lab, mut desktop) = (Lab::new(), Desktop::start());
    let window = desktop.window(true);
    let (mut expected, mut late) = (String::new(), Vec::new());
    for hold in [30, 80, 150, 300, 600, 1_200] {
        for (keys, apart) in [
            ([key::V, key::ALT, key::CTRL], 10),
            ([key::CTRL, key::V, key::ALT], 40),
            ([key::CTRL, key::ALT, key::V], 10),
            ([key::META, key::ALT, key::V], 40),
        ] {
            let mut press = keys;
            // Press modifiers first.
            press.sort_by_key(|code| *code == key::V);
            let mut steps = press.map(Step::Down).to_vec();
            steps.push(Step::Rest(hold));
            steps.extend(keys.iter().flat_map(|code| [Step::Up(*code), Step::Rest(apart)]));
            let hand = Hand::new(&steps);
            hand.rests();
            let text = format!("held {hold} ");
            let deliveries = desktop.paste_after_a_press(&text);
            let ended = Instant::now();
            // The hand's last step is a rest.
            let released = hand.ends() - Duration::from_millis(apart);
            assert!(deliveries[0].ok, "{hold} {keys:?}: {deliveries:?}");
            assert!(ended >= released, "{hold} {keys:?}: a key was pressed too early");
            late.push(ended.saturating_duration_since(released).as_millis());
            expected += &text;
            desktop.settle();
            window.wait_for("the text", |text| *text == expected);
        }
    }
    println!("milliseconds from the last key to the delivery: {late:?}");
}

#[test]
fn keys_that_are_held_on_are_told_of_and_the_text_waits_on_the_clipboard() {
    let (_lab, mut desktop) = (Lab::new(), Desktop::start());
    let window = desktop.window(true);
    let keys = [key::CTRL, key::ALT, key::V];
    let mut steps = keys.map(Step::Down).to_vec();
    steps.push(Step::Rest(5_000));
    steps.extend(keys.map(Step::Up));
    let hand = Hand::new(&steps);
    hand.rests();
    let deliveries = desktop.paste_after_a_press(WORDS);
    assert!(!deliveries[0].ok && deliveries[0].detail.contains("still held"), "{deliveries:?}");
    assert!(deliveries[1].ok, "{deliveries:?}");
    hand.ends();
    desktop.wait_for_clipboard(TEXT, WORDS.as_bytes());
    assert_eq!(window.text(), "");
}

#[test]
fn the_service_is_told_of_the_keys_as_well() {
    let (lab, desktop) = (Lab::new(), Desktop::start());
    run("v2m-send", &["config", "set", "deliver.mode=paste"]);
    let window = desktop.window(true);
    let mut dictation = lab.record();
    lab::speak();
    // Longer than v2m waits for keys that it cannot observe.
    let (ctrl, alt) = (key::CTRL, key::ALT);
    let steps =
        [Step::Down(ctrl), Step::Down(alt), Step::Rest(1_900), Step::Up(alt), Step::Up(ctrl)];
    let hand = Hand::new(&steps);
    hand.rests();
    dictation.send("STOP_RECORDING", Value::Null).unwrap();
    let answer = dictation.receive().unwrap();
    assert_eq!(answer["data"]["deliveries"][0]["ok"], true, "{answer}");
    hand.ends();
    window.wait_for("the text in the window", |text| text.contains("country"));
}
