//! A second shortcut that dictates in another language.

use super::desktop::{Desktop, key};
use super::{SHORTCUT, is_recording, lab as machine};
use crate::lab::{Lab, run, systemctl, wait_for};
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};

/// Presses the keys until a recording starts, because the desktop adopts a new shortcut with a
/// delay. Returns the recording's language.
fn language_of(lab: &Lab, desktop: &Desktop, keys: &[u32]) -> String {
    wait_for("the shortcut to work", || {
        desktop.press(keys);
        let until = Instant::now() + Duration::from_secs(2);
        while Instant::now() < until {
            if is_recording(lab) {
                return Some(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        None
    });
    let language = lab.client().ask("GET_STATUS")["language"].as_str().unwrap().to_owned();
    lab.client().ask("CANCEL_RECORDING");
    // Two presses within 300 ms count as one. The next run does not know this press.
    systemctl(&["stop", "v2m.service"]);
    language
}

#[test]
fn each_of_two_keys_dictates_in_its_language() {
    let (lab, desktop) = machine();
    let second = ["shortcut", "install", "--language", "en", "--binding", "<Super>F9"];
    assert!(run("v2m", &second).contains("dictates in English"));
    assert_eq!(language_of(&lab, &desktop, &[key::SUPER, key::F9]), "en");
    assert_eq!(language_of(&lab, &desktop, &SHORTCUT), "auto");
    assert!(run("v2m", &["shortcut", "list"]).lines().count() == 2);
    assert_eq!(
        run("v2m", &["shortcut", "remove", "--language", "en"]).trim(),
        "The shortcut is removed."
    );
    // The model here knows only English.
    let answer = lab.client().call("TOGGLE_RECORDING", json!({"language": "es"})).unwrap();
    assert_eq!(answer["code"], "model_missing", "{answer}");
    assert!(answer["error"].as_str().unwrap().contains("does not know Spanish"), "{answer}");
    assert!(lab.records().is_empty(), "nothing was recorded in vain");
}
