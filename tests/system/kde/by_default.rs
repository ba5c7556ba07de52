//! The defaults after an installation: `deliver.mode = "auto"`, which does not make KDE ask for
//! permission.

use super::desktop::{Desktop, key};
use crate::lab::{Lab, assert_phrase, run, wait_for};
use serde_json::json;

#[test]
fn texts_are_copied_with_one_hint_and_pasted_once_the_user_has_allowed_it() {
    let (lab, desktop) = (Lab::new(), Desktop::start());
    desktop.answer_in_advance(false);
    let window = desktop.window(true);
    let told = lab.home.join(".local/state/v2m/told-how-to-paste");
    for _ in 0..2 {
        let answer = lab.dictate();
        let copied = &answer["deliveries"][0];
        assert_eq!((&copied["by"], &copied["ok"]), (&json!("clipboard"), &json!(true)), "{answer}");
        assert!(copied["detail"].as_str().unwrap().contains("would first ask"), "{answer}");
        assert!(window.is_active(), "KDE was made to ask");
    }
    let shown = run("v2m-send", &["status"]);
    assert!(shown.contains("to the clipboard: the desktop would first ask"), "{shown}");
    // If no notification is shown, the user was not told.
    let is_shown = |answer: &serde_json::Value| {
        let all = answer["deliveries"].as_array().unwrap().iter();
        all.into_iter().any(|it| it["by"] == "notification" && it["ok"] == true)
    };
    let answer = lab.dictate();
    assert_eq!(told.exists(), is_shown(&answer), "{answer}");
    run("v2m-send", &["config", "set", "deliver.mode=paste"]);
    lab.dictate();
    wait_for("KDE's question", || (!window.is_active()).then_some(()));
    desktop.type_key(key::ENTER);
    wait_for("the end of the question", || window.is_active().then_some(()));
    run("v2m-send", &["config", "set", "deliver.mode=auto"]);
    lab.dictate();
    assert_phrase(&window.wait_for("the text in the window", |text| text.contains("country")));
    desktop.answer_in_advance(true);
}
