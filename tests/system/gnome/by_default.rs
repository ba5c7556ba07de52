//! The defaults after an installation: `deliver.mode = "auto"`, which pastes on GNOME because
//! Mutter does not ask for permission.

use super::desktop::{Desktop, Hand, key};
use crate::lab::{self, Lab, assert_phrase, run};
use serde_json::json;
use std::time::Duration;

/// Prepares the machine without any configuration.
fn machine() -> (Lab, Desktop) {
    let (lab, desktop) = (Lab::new(), Desktop::new());
    assert!(!lab.home.join(".config/v2m/config.toml").exists());
    (lab, desktop)
}

fn dictate(lab: &Lab) -> String {
    let answer = lab.dictate();
    let told = &answer["deliveries"][0];
    assert_eq!((&told["by"], &told["ok"]), (&json!("paste"), &json!(true)), "{answer}");
    answer["text"].as_str().unwrap().to_owned()
}

#[test]
fn the_first_dictation_lands_at_the_cursor_and_everything_says_so() {
    let (lab, desktop) = machine();
    let window = desktop.window(true);
    let text = dictate(&lab);
    // At the beginning of a field, the text starts with a capital.
    window.wait_for("the text", |shown| shown.to_lowercase() == text.to_lowercase());
    desktop.wait_for_clipboard(&[("text/plain;charset=utf-8", b"before")]);
    let deliver = &lab.client().ask("GET_STATUS")["deliver"];
    let expected = [json!("auto"), json!("paste"), json!("mutter")];
    assert_eq!(["mode", "way", "backend"].map(|key| deliver[key].clone()), expected);
    let told = run("v2m-send", &["status"]);
    assert!(told.contains("pasted at the cursor, by mutter"), "{told}");
}

#[test]
fn two_dictations_read_as_one_text_in_the_field() {
    let (lab, desktop) = machine();
    let window = desktop.window(true);
    let (first, second) = (dictate(&lab), dictate(&lab));
    let shown = window.wait_for("both texts", |text| text.matches("country").count() == 2);
    // The case of the second text's first letter fits the text before it.
    assert_eq!(shown.to_lowercase(), format!("{first} {second}").to_lowercase());
}

#[test]
fn after_a_click_elsewhere_a_text_is_joined_to_none() {
    let (lab, desktop) = machine();
    // This window does not report the text at its cursor.
    let window = desktop.window_that(false, "field");
    let first = dictate(&lab);
    window.wait_for_all_of(&first);
    // The window fills the screen, so the click is in it.
    desktop.press(&[key::SUPER, key::UP]);
    desktop.wait_until_idle();
    Hand::new().click();
    // After this time v2m adds no space by guess, even if the desktop reported the click too late.
    desktop.wait_until_idle_for(Duration::from_secs(31));
    let second = dictate(&lab);
    let all = window.wait_for("both texts", |text| text.matches("country").count() == 2);
    // No space is added, because the click may have put the cursor anywhere.
    assert!(all.contains(&second) && all.len() == first.len() + second.len(), "{all}");
}

#[test]
fn what_no_window_takes_and_a_locked_screen_are_told_of_as_with_paste() {
    let (lab, desktop) = machine();
    let _window = desktop.window(false);
    let answer = lab.dictate();
    let told = &answer["deliveries"][0];
    assert_eq!((&told["by"], &told["ok"]), (&json!("paste"), &json!(false)), "{answer}");
    assert_phrase(&desktop.copied());
    desktop.copy("before");
    let mut client = lab.record();
    desktop.lock(true);
    let answer = client.ask("STOP_RECORDING");
    desktop.lock(false);
    let told = &answer["deliveries"][0];
    assert!(told["detail"].as_str().unwrap().contains("locked"), "{answer}");
    assert!(!desktop.copied().contains("country"));
}

#[test]
fn an_explicit_setting_is_kept() {
    let (lab, desktop) = machine();
    lab.copies();
    let window = desktop.window(true);
    let answer = lab.dictate();
    assert_eq!(answer["deliveries"][0]["by"], "clipboard", "{answer}");
    assert_phrase(&desktop.copied());
    assert_eq!(window.text(), "");
    lab::systemctl(&["stop", "v2m.service"]);
}
