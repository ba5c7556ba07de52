//! The language of a dictation: named by the press that starts it, and told in the answer, the
//! status and the record.

use crate::house::{House, wait_for};
use crate::recording::Studio;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

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

/// Puts a GGUF model with random weights beside the others.
pub(crate) fn put_synthetic(service: &House, family: &str, languages: &[&str]) {
    let program =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testkit/programs/synthetic_model.py");
    let file = service.path("data/v2m/models").join(format!("{family}.gguf"));
    let mut python = Command::new("python3");
    python.arg(program).args([family, "small", "loop"]).arg(&file).args(languages);
    assert!(python.status().unwrap().success());
    // The double's script, which says nothing to it.
    fs::write(file.with_extension(""), "").unwrap();
}

#[test]
fn a_model_that_cannot_be_trusted_with_the_language_is_refused_with_the_reason() {
    let house = House::new("");
    put_synthetic(&house, "parakeet", &["en", "es"]);
    put_synthetic(&house, "canary", &["en", "es"]);
    house.install("-gguf");
    let studio = Studio::with(house);
    let service = &studio.service;
    let mut client = service.connect();
    let set = |engine: Value| json!({"updates": {"engine": engine}});

    // Parakeet for several languages, which drifts: not while the language is open.
    let (code, text) = client.refused_with("UPDATE_CONFIG", set(json!({"model": "parakeet"})));
    assert_eq!(code, "bad_config");
    assert!(text.contains("English words in the middle of others"), "{text}");
    assert!(text.contains("Nothing was changed"), "{text}");
    client.ask_with("UPDATE_CONFIG", set(json!({"model": "parakeet", "language": "en"})));
    for language in ["es", "auto"] {
        let change = set(json!({"language": language}));
        let (code, text) = client.refused_with("UPDATE_CONFIG", change);
        assert!(code == "bad_config" && text.contains("English words"), "{text}");
    }
    let (code, _) = client.refused_with("START_RECORDING", spanish());
    assert_eq!(code, "bad_config");

    // Canary, which must be told: the change is made and its flaw said, and no press records.
    let change = set(json!({"model": "canary", "language": "auto"}));
    let answer = client.ask_with("UPDATE_CONFIG", change);
    assert_eq!(answer["ignored"][0]["key"], "engine.language", "{answer}");
    let (code, text) = client.refused("START_RECORDING");
    assert_eq!(code, "bad_config");
    assert!(text.contains("it cannot detect the language") && text.contains("en, es"), "{text}");
    let status = client.ask("GET_STATUS");
    assert_eq!(status["engine"]["unfollowed"][0]["key"], "engine.language", "{status}");
    let (code, text) = client.refused_with("START_RECORDING", json!({"language": "fr"}));
    assert!(code == "model_missing" && text.contains("does not know French"), "{text}");
    assert_eq!(service.kept("wav").len(), 0, "nothing was recorded");
    studio.service.end();
}
