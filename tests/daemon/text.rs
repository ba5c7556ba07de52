//! Tests how the settings change the recognised text.

use crate::house::{CONFIG, House};
use crate::recording::Studio;
use serde_json::{Value, json};

fn steps(answer: &Value) -> Vec<(&str, &str)> {
    let steps = answer["steps"].as_array().unwrap().iter();
    steps.map(|s| (s["rule"].as_str().unwrap(), s["after"].as_str().unwrap())).collect()
}

#[test]
fn a_dictation_is_refined_and_what_was_heard_is_kept_beside_it() {
    let house = House::new("");
    house.configure(&format!("{CONFIG}[text.replace]\n\"heard\" = \"Ngozi heard\"\n"));
    let studio = Studio::with(house);
    studio.record(2);
    let answer = studio.service.connect().ask("STOP_RECORDING");
    let heard = studio.text_of_recording();
    assert_eq!(answer["unrefined"], heard);
    assert_eq!(answer["text"], format!("Ngozi {heard}"));
    assert_eq!(answer["segments"][0]["text"], heard);
    let record = studio.service.record();
    assert_eq!((&record["text"], &record["unrefined"]), (&answer["text"], &answer["unrefined"]));
    studio.service.end();
}

#[test]
fn the_last_text_can_be_had_again_also_by_the_next_run() {
    let studio = Studio::with(House::new("\nfinish wait"));
    let service = &studio.service;
    let (code, error) = service.connect().refused("LAST_TEXT");
    assert!(code == "no_text" && error.contains("no text yet"), "{error}");
    studio.record(2);
    let text = service.connect().ask("STOP_RECORDING")["text"].clone();
    let last = service.connect().ask("LAST_TEXT");
    assert_eq!(last, json!({"state": "idle", "text": text}));
    // While the next dictation is recorded, this is still the last text.
    studio.record(1);
    assert_eq!(service.connect().ask("LAST_TEXT"), json!({"state": "recording", "text": text}));
    service.connect().ask("CANCEL_RECORDING");
    let house = studio.service.end();
    let words = text.as_str().unwrap();
    assert!(!house.log().contains(words), "{}", house.log());
    let service = house.start();
    service.ready();
    assert_eq!(service.connect().ask("LAST_TEXT")["text"], text);
    service.end();
}

/// Regression: such a text reached terminals by pasting, and made the session bus disconnect v2m.
#[test]
fn what_a_model_says_is_plain_wherever_it_goes() {
    let studio = Studio::with(House::new("finish wild"));
    studio.record(2);
    let answer = studio.service.connect().ask("STOP_RECORDING");
    let heard = studio.text_of_recording();
    let plain = json!(format!("[201~{heard}"));
    assert_eq!((&answer["text"], &answer["segments"][0]["text"]), (&plain, &plain));
    let record = studio.service.record();
    assert_eq!((&record["text"], &record["segments"][0]["text"]), (&plain, &plain));
    assert_eq!(studio.service.connect().ask("LAST_TEXT")["text"], plain);
    studio.service.end();
}

#[test]
fn rules_are_tried_as_they_are_set_at_the_moment() {
    let service = House::new("").start();
    let mut client = service.connect();
    let trial = json!({"text": "Dear Ann, new line, PIPE WIRE works, um.\nOops.\nScratch that."});
    let answer = client.ask_with("TEST_RULES", trial.clone());
    let taken_back = "Dear Ann, new line, PIPE WIRE works, um.";
    let written = "Dear Ann,\nPIPE WIRE works, um.";
    assert_eq!(steps(&answer), [("take back", taken_back), ("commands", written)]);
    assert_eq!((&answer["text"], &answer["language"]), (&json!(written), &json!("en")));
    assert_eq!(answer["applied"], true);

    let wish = json!({"text": {"refine": "off", "remove_fillers": true, "spoken_edits": false,
                               "spoken_layout": false, "replace": {"pipe wire": "PipeWire"}}});
    let applied = client.ask_with("UPDATE_CONFIG", wish)["applied"].clone();
    assert_eq!(applied.as_array().unwrap().len(), 5, "{applied}");
    let answer = client.ask_with("TEST_RULES", trial);
    let expected = "Dear Ann, new line, PipeWire works. Oops. Scratch that.";
    assert_eq!((&answer["text"], &answer["applied"]), (&json!(expected), &json!(false)));

    let spanish = json!({"text": "uh, eh, sí", "language": "es"});
    assert_eq!(client.ask_with("TEST_RULES", spanish)["text"], "uh, sí");
    let (code, error) = client.refused_with("TEST_RULES", json!({"text": "a ".repeat(40_000)}));
    assert!(code == "too_large" && error.contains("64 KiB"), "{code}: {error}");
    service.ready();
    service.end();
}

#[test]
fn with_refine_off_the_text_is_what_was_heard() {
    let house = House::new("");
    house.configure(&format!("{CONFIG}[text]\nrefine = \"off\"\nreplace = {{ heard = \"x\" }}\n"));
    let studio = Studio::with(house);
    studio.record(2);
    let answer = studio.service.connect().ask("STOP_RECORDING");
    assert_eq!(answer["text"], studio.text_of_recording());
    assert_eq!(answer.get("unrefined"), None);
    studio.service.end();
}
