//! Tests presses as users and desktops make them: held, many at once, and on a service that cannot
//! work. After every such problem is solved, the next press works, without any systemctl command.

use crate::lab::{self, Lab, assert_phrase, beside, property, run};
use serde_json::Value;
use std::fs;
use std::thread;
use std::time::Duration;

/// Holds a key as a desktop does: runs the command at once, after the keyboard's delay, and then
/// every 30 ms as long as `held` is true. Each press is a separate client, which waits for its
/// answer. Returns the answers.
fn hold(lab: &Lab, mut held: impl FnMut() -> bool) -> Vec<Value> {
    thread::scope(|scope| {
        let mut clients = Vec::new();
        let mut press = |after: u64| {
            // A fixed time, because the key's repetition is under test.
            thread::sleep(Duration::from_millis(after));
            clients.push(scope.spawn(|| lab.client().ask("TOGGLE_RECORDING")));
        };
        press(0);
        press(500);
        while held() {
            press(30);
        }
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    })
}

#[test]
fn a_key_held_while_one_speaks_is_one_dictation() {
    let lab = Lab::new();
    lab.copies();
    lab::copy("before");
    let speaking = thread::spawn(lab::speak);
    let answers = hold(&lab, || !speaking.is_finished());
    assert!(answers.len() > 50, "{}", answers.len());
    // No client waits for the text of a released key: the text arrives by the notification and the
    // clipboard.
    let text = lab::wait_for("the text on the clipboard", || {
        lab::clipboard().filter(|text| text != "before")
    });
    assert_phrase(&text);
    lab.wait_for_notice("country");
    lab::wait_for("the end of the delivery", || {
        (lab.client().ask("GET_STATUS")["state"] == "idle").then_some(())
    });
    assert_eq!(lab.records().len(), 1);
}

#[test]
fn silence_ends_a_recording_without_a_second_press() {
    let lab = Lab::new();
    lab.configure("[session]\nstop_after_silence = \"1.5s\"\n[deliver]\nmode = \"clipboard\"\n");
    lab::copy("before");
    let mut client = lab.client();
    assert_eq!(client.ask("START_RECORDING")["state"], "recording");
    // Silence before any speech does not end the recording.
    let mut events = lab.client();
    events.ask("SUBSCRIBE");
    let mut silent = 0;
    while silent < 30 {
        let event = events.receive().unwrap();
        assert_ne!(event["data"]["state"], "transcribing", "{event}");
        silent += usize::from(event["data"]["type"] == "level");
    }
    lab::speak();
    let text = lab::wait_for("the text on the clipboard", || {
        lab::clipboard().filter(|text| text != "before")
    });
    assert_phrase(&text);
    let told = lab.wait_for_notice("1.5 s of silence");
    assert_eq!(told[0].summary, "Recording");
    lab.wait_for_notice("country");
}

/// Regression: a user who continued to speak was not recorded, and the press that should have
/// stopped the recording started one.
#[test]
fn a_press_while_the_text_is_on_its_way_is_the_next_dictation() {
    let lab = Lab::new();
    lab.copies();
    lab::copy("before");
    let mut first = lab.record();
    first.send("STOP_RECORDING", Value::Null).unwrap();
    lab::wait_for("the end of the first recording", || {
        (lab.client().ask("GET_STATUS")["is_recording"] == false).then_some(())
    });
    let mut second = lab.record();
    let first = first.receive().unwrap();
    assert_phrase(first["data"]["text"].as_str().unwrap_or_default());
    assert_phrase(second.ask("STOP_RECORDING")["text"].as_str().unwrap_or_default());
    assert_eq!(lab.records().len(), 2);
    assert_phrase(&lab::clipboard().unwrap());
    assert_phrase(&lab::run("v2m-send", &["last"]));
    // While the second dictation was recorded, the first text was shown in the recording's
    // notification.
    let told = lab.notifications();
    let beside = |n: &lab::Notification| {
        n.summary == "Recording" && n.body.starts_with("On the clipboard: ")
    };
    assert!(told.iter().any(beside), "{told:#?}");
}

#[test]
fn a_key_held_for_two_seconds_is_one_tap_where_only_taps_are_wanted() {
    let lab = Lab::new();
    run("v2m-send", &["config", "set", "trigger.mode=toggle"]);
    let mut presses = 50;
    let answers = hold(&lab, || {
        presses -= 1;
        presses > 0
    });
    assert!(answers.iter().all(|answer| answer["state"] == "recording"), "{answers:?}");
    assert_eq!(lab.client().ask("GET_STATUS")["is_recording"], true);
    lab.client().ask("CANCEL_RECORDING");
    assert_eq!(lab.client().ask("GET_STATUS")["state"], "idle");
}

#[test]
fn the_sign_goes_when_notifications_are_turned_off_meanwhile() {
    let lab = Lab::new();
    // A text that does not reach the cursor would be shown even without notifications.
    lab.copies();
    let mut dictation = lab.record();
    lab.wait_for_notice("Speak now");
    let shown = || run("dunstctl", &["count", "displayed"]).trim().to_owned();
    lab::wait_for("the notification", || (shown() == "1").then_some(()));
    run("v2m-send", &["config", "set", "deliver.notify=false"]);
    lab::wait_for("its end", || (shown() == "0").then_some(()));
    dictation.send("STOP_RECORDING", Value::Null).unwrap();
    dictation.receive().unwrap();
    // Missing sound on a busy machine is also shown.
    let told: Vec<String> = lab.notifications().into_iter().map(|told| told.summary).collect();
    let is_meant = |told: &String| told == "Recording" || told.contains("missing");
    assert!(told.iter().all(is_meant), "{told:?}");
}

#[test]
fn four_clients_that_stop_at_once_all_get_the_text() {
    let lab = Lab::new();
    lab.record();
    let texts: Vec<Value> = thread::scope(|scope| {
        let stops: Vec<_> =
            (0..4).map(|_| scope.spawn(|| lab.client().ask("STOP_RECORDING"))).collect();
        stops.into_iter().map(|stop| stop.join().unwrap()["text"].clone()).collect()
    });
    assert_phrase(texts[0].as_str().unwrap());
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
}

#[test]
fn sixty_presses_without_a_model_then_one_with_it() {
    let lab = Lab::new();
    fs::create_dir_all(lab.models()).unwrap();
    lab.override_service("Environment=V2M_MODEL_DIR=%h/models");
    for _ in 0..60 {
        // Not TOGGLE: a second one within 300 ms counts as the same press, and is not refused.
        let (code, text) = lab.client().refused("START_RECORDING");
        assert_eq!(code, "model_missing");
        assert!(text.contains("v2m-model pull"), "{text}");
    }
    assert_eq!(property("v2m.service", "NRestarts"), "0");
    let told = lab.notifications();
    assert!(!told.is_empty() && told.len() < 60, "not one for each press: {}", told.len());
    assert!(told.iter().all(|n| n.id == told[0].id), "one notice, replaced in place: {told:#?}");

    give_model(&lab);
    lab::wait_for("the model to be noticed", || {
        (lab.client().ask("GET_STATUS")["engine"]["state"] == "warm").then_some(())
    });
    lab.dictate();
}

/// Puts the small model into the empty folder, as `v2m-model pull` does: the complete file gets its
/// name in one step.
fn give_model(lab: &Lab) {
    let name = "ggml-tiny.en-q8_0.bin";
    fs::copy(beside("models").join(name), lab.models().join("download")).unwrap();
    fs::rename(lab.models().join("download"), lab.models().join(name)).unwrap();
}

#[test]
fn sixty_presses_with_a_broken_configuration_then_one_with_a_sound_one() {
    let lab = Lab::new();
    let config = lab.home.join(".config/v2m/config.toml");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    fs::write(&config, "[engine]\nlanguge = \"en\"\n").unwrap();
    for _ in 0..60 {
        // Either the service found the waiting press and said why it cannot start, or it had
        // already ended.
        if let Ok(answer) =
            lab.connect().and_then(|mut client| client.call("TOGGLE_RECORDING", Value::Null))
        {
            assert_eq!(answer["code"], "bad_config", "{answer}");
            let text = answer["error"].as_str().unwrap();
            assert!(text.contains("language") && text.contains("config.toml"), "{text}");
        }
    }
    assert_eq!(property("v2m.socket", "ActiveState"), "active");
    // The attempt of the last press may still be running.
    lab::wait_for("the last attempt's end", || {
        (property("v2m.service", "ExecMainStatus") == "78").then_some(())
    });
    let told = lab.wait_for_notice("config.toml");
    assert!(told.iter().all(|n| n.id == told[0].id), "one notice, replaced in place: {told:#?}");

    fs::write(&config, "[engine]\nlanguage = \"en\"\n").unwrap();
    lab::run("v2m-send", &["start"]);
    lab::speak();
    assert_phrase(&lab::run("v2m-send", &["stop"]));
}

#[test]
fn a_corrupt_model_is_said_and_the_next_good_one_is_used() {
    let lab = Lab::new();
    fs::create_dir_all(lab.models()).unwrap();
    let whole = fs::read(beside("models").join("ggml-tiny.en-q8_0.bin")).unwrap();
    fs::write(lab.models().join("ggml-tiny.en-q8_0.bin"), &whole[..whole.len() / 2]).unwrap();
    lab.override_service("Environment=V2M_MODEL_DIR=%h/models");
    lab.client().ask("PING");
    let status = lab::wait_for("the engine's verdict", || {
        let status = lab.client().ask("GET_STATUS");
        (!["loading", "unloaded"].contains(&status["engine"]["state"].as_str()?)).then_some(status)
    });
    assert_ne!(status["engine"]["state"], "warm", "{status}");
    let (code, text) = lab.client().refused("TOGGLE_RECORDING");
    assert!(["model_missing", "engine_failed"].contains(&code.as_str()), "{code}: {text}");
    assert!(text.contains("tiny.en-q8_0"), "{text}");
    assert_eq!(property("v2m.service", "ActiveState"), "active");

    give_model(&lab);
    lab::wait_for("the good model to be loaded", || {
        (lab.client().ask("GET_STATUS")["engine"]["state"] == "warm").then_some(())
    });
    lab.dictate();
}
