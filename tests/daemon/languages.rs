//! The language of a dictation: named by the press that starts it, and told in the answer, the
//! status and the record.

use crate::house::{House, wait_for};
use crate::recording::Studio;
use serde_json::{Value, json};

/// The head of a ggml file with the vocabulary of a model for English alone, as a script of the
/// double's: it says nothing to it.
const ENGLISH_ONLY: &str = "lmgg\u{1}\0\0\0\n";

fn spanish() -> Value {
    json!({"language": "es"})
}

#[test]
fn the_press_that_starts_a_dictation_sets_its_language_and_no_model_is_loaded_anew() {
    let studio = Studio::with(House::new(""));
    let service = &studio.service;
    studio.record_in(3, &spanish());
    assert_eq!(service.connect().ask("GET_STATUS")["language"], "es");
    let answer = service.connect().ask("STOP_RECORDING");
    assert_eq!((&answer["language"], &answer["problems"]), (&json!("es"), &Value::Null));
    wait_for("the record", || (service.record()["state"] == "delivered").then_some(()));
    assert_eq!(service.record()["language"], "es");
    assert_eq!(service.connect().ask("GET_STATUS")["language"], "auto");

    // By its name, and the stop names another one.
    studio.record_in(3, &json!({"language": "Spanish"}));
    let answer = service.connect().ask_with("STOP_RECORDING", json!({"language": "fr"}));
    assert_eq!(answer["language"], "es");
    let told = answer["problems"][0]["error"].as_str().unwrap();
    assert!(told.contains("retry --language fr"), "{told}");

    // What the double “detects” where no language is named.
    studio.record(3);
    assert_eq!(service.connect().ask("STOP_RECORDING")["language"], "en");
    assert_eq!(service.lives("double").len(), 1, "one process, with one model, for all of them");
    studio.service.end();
}

#[test]
fn a_language_that_nobody_knows_is_refused_with_those_that_are_near() {
    let studio = Studio::with(House::new(""));
    let service = &studio.service;
    let mut client = service.connect();
    let asked = json!({"language": "spansh"});
    let (code, text) = client.refused_with("START_RECORDING", asked.clone());
    assert_eq!(code, "bad_request");
    assert!(text.contains("Did you mean es (Spanish)"), "{text}");
    assert_eq!(service.kept("wav").len(), 0, "nothing was recorded");
    // A mistake in it never prevents a stop.
    studio.record(3);
    let answer = client.ask_with("STOP_RECORDING", asked);
    assert_ne!(answer["text"], "");
    let (code, text) = client.refused_with("RETRY_RECORDING", json!({"language": "spansh"}));
    assert!(code == "bad_request" && text.contains("es (Spanish)"), "{text}");
    studio.service.end();
}

#[test]
fn a_model_for_english_alone_refuses_another_language_before_anything_is_recorded() {
    let studio = Studio::with(House::new(ENGLISH_ONLY));
    let service = &studio.service;
    let mut client = service.connect();
    let (code, text) = client.refused_with("START_RECORDING", spanish());
    assert_eq!(code, "model_missing");
    assert!(text.contains("does not know Spanish (es)"), "{text}");
    assert_eq!(service.kept("wav").len(), 0, "nothing was recorded");
    studio.record_in(3, &json!({"language": "en"}));
    client.ask("STOP_RECORDING");
    // The configured language is no better.
    client.ask_with("UPDATE_CONFIG", json!({"updates": {"engine": {"language": "es"}}}));
    let (code, _) = client.refused("TOGGLE_RECORDING");
    assert_eq!(code, "model_missing");
    let (code, _) = client.refused_with("RETRY_RECORDING", spanish());
    assert_eq!(code, "model_missing");
    studio.service.end();
}

/// A recording of a run that was killed was transcribed in the configured language, whatever its
/// shortcut said.
#[test]
fn a_recovered_dictation_is_transcribed_in_its_own_language() {
    let studio = Studio::with(House::new(""));
    studio.record_in(15, &spanish());
    studio.service.signal(rustix::process::Signal::KILL);
    let quiet = studio.ended();
    assert_eq!(quiet.house.record()["language"], "es");
    let studio = quiet.start();
    studio.text_of_recording();
    assert_eq!(studio.service.record()["language"], "es");
    studio.service.end();
}
