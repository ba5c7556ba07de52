//! The language of a dictation: requested by the press that starts it, and reported in the answer,
//! the status and the record.

use crate::house::{CONFIG, House, wait_for};
use crate::recording::Studio;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The head of a ggml file with the vocabulary of an English-only model. The double reads it as a
/// script without instructions.
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

    // The start names the language in words, and the stop names another one.
    studio.record_in(3, &json!({"language": "Spanish"}));
    let answer = service.connect().ask_with("STOP_RECORDING", json!({"language": "fr"}));
    assert_eq!(answer["language"], "es");
    let told = answer["problems"][0]["error"].as_str().unwrap();
    assert!(told.contains("retry --language fr"), "{told}");

    // If no language is named, the double “detects” this one.
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
    // A wrong language never prevents a stop.
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
    // The configured language is refused in the same way.
    client.ask_with("UPDATE_CONFIG", json!({"updates": {"engine": {"language": "es"}}}));
    let (code, _) = client.refused("TOGGLE_RECORDING");
    assert_eq!(code, "model_missing");
    let (code, _) = client.refused_with("RETRY_RECORDING", spanish());
    assert_eq!(code, "model_missing");
    studio.service.end();
}

/// Regression: with "auto", a model for English was given Spanish, and wrote English words, although
/// English was none of the user's languages.
#[test]
fn a_model_for_english_alone_is_not_given_languages_to_detect_without_english() {
    let house = House::new(ENGLISH_ONLY);
    put_synthetic(&house, "parakeet", &["en"]);
    house.install("-gguf");
    let studio = Studio::with(house);
    let service = &studio.service;
    let mut client = service.connect();
    let sample = format!("{}/assets/sample.wav", env!("CARGO_MANIFEST_DIR"));
    for model in ["double", "parakeet"] {
        for (languages, told) in
            [(json!(["es"]), "does not know Spanish (es)"), (json!(["es", "fr"]), "(es, fr)")]
        {
            let engine = json!({"model": model, "language": "auto", "languages": languages});
            let answer = client.ask_with("UPDATE_CONFIG", json!({"updates": {"engine": engine}}));
            // The setting is named as the reason, not as one that has no effect.
            let status = client.ask("GET_STATUS");
            for told in [&answer["ignored"], &status["engine"]["unfollowed"]] {
                let [setting] = &told.as_array().unwrap()[..] else { panic!("{told}") };
                assert_eq!(setting["key"], "engine.languages", "{told}");
                assert_eq!(setting["prevents_recording"], true, "{told}");
                let reason = setting["reason"].as_str().unwrap();
                assert!(reason.contains("the reason why nothing is recorded"), "{told}");
            }
            let (_, shown, _) = crate::history::send(service, &["status"]);
            assert!(shown.contains("no recording engine.languages: it is the reason"), "{shown}");
            assert!(!shown.contains("no effect"), "{shown}");
            for (command, asked) in [
                ("START_RECORDING", json!({})),
                ("START_RECORDING", json!({"language": "auto"})),
                ("TRANSCRIBE_FILE", json!({"file_path": sample})),
            ] {
                let (code, text) = client.refused_with(command, asked);
                assert_eq!(code, "model_missing", "{command}: {text}");
                assert!(text.contains(told) && text.contains("Use one"), "{command}: {text}");
            }
        }
    }
    assert_eq!(service.kept("wav").len(), 0, "nothing was recorded");
    let engine = json!({"model": "double", "languages": ["es", "en"]});
    client.ask_with("UPDATE_CONFIG", json!({"updates": {"engine": engine}}));
    studio.record(3);
    client.ask("STOP_RECORDING");
    studio.service.end();
}

/// Regression: files and retries were not checked. After a failure of the server, an English-only
/// model would write English words that nobody said.
#[test]
fn a_stand_in_for_english_alone_is_not_given_what_may_be_another_language_whoever_asks() {
    let house = House::new(ENGLISH_ONLY);
    let engine = "[engine]\nbackend = \"remote\"\nlanguage = \"en\"\n";
    let remote = "[remote]\nbase_url = \"http://127.0.0.1:9/v1\"\n";
    house.configure(&(CONFIG.replace("[engine]\n", engine) + remote));
    let studio = Studio::with(house);
    let service = &studio.service;
    studio.record(3);
    let mut client = service.connect();
    assert_eq!(client.ask("STOP_RECORDING")["language"], "en");
    wait_for("the record", || (service.record()["state"] == "delivered").then_some(()));
    client.ask_with("UPDATE_CONFIG", json!({"updates": {"engine": {"language": "auto"}}}));
    let sample = format!("{}/assets/sample.wav", env!("CARGO_MANIFEST_DIR"));
    for (command, asked, begins) in [
        ("START_RECORDING", json!({}), "Recording was not started: "),
        ("TRANSCRIBE_FILE", json!({"file_path": sample}), "Transcribing /"),
        ("RETRY_RECORDING", json!({"language": "auto"}), "Transcribing a dictation again: "),
    ] {
        let (code, text) = client.refused_with(command, asked);
        assert_eq!(code, "model_missing", "{command}: {text}");
        assert!(text.starts_with(begins) && text.contains("takes over"), "{command}: {text}");
    }
    client.ask_with("RETRY_RECORDING", json!({"language": "en"}));
    studio.service.end();
}

/// Regression: a recording of a killed service was transcribed in the configured language, not in
/// the language of its shortcut.
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

/// Adds a GGUF model with random weights to the models.
pub(crate) fn put_synthetic(service: &House, family: &str, languages: &[&str]) {
    let program =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testkit/programs/synthetic_model.py");
    let file = service.path("data/v2m/models").join(format!("{family}.gguf"));
    let mut python = Command::new("python3");
    python.arg(program).args([family, "small", "loop"]).arg(&file).args(languages);
    assert!(python.status().unwrap().success());
    // An empty script for the double.
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

    // Multilingual Parakeet drifts into English, so it is refused unless the language is set to
    // English.
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
    // Requests of a dictation or retry, and an edited configuration file, do not get around that.
    studio.record(3);
    client.ask("STOP_RECORDING");
    wait_for("the record", || (service.record()["state"] == "delivered").then_some(()));
    for asked in [spanish(), json!({"language": "auto"})] {
        for command in ["START_RECORDING", "RETRY_RECORDING"] {
            let (code, text) = client.refused_with(command, asked.clone());
            assert!(code == "bad_config" && text.contains("English words"), "{command}: {text}");
        }
    }
    let sample = format!("{}/assets/sample.wav", env!("CARGO_MANIFEST_DIR"));
    let edited = CONFIG.replace("double", "parakeet");
    service.configure(&edited);
    wait_for("the file's settings", || {
        let status = client.ask("GET_STATUS");
        (status["engine"]["unfollowed"][0]["key"] == "engine.language").then_some(())
    });
    let (code, text) = client.refused_with("TRANSCRIBE_FILE", json!({"file_path": sample}));
    assert!(code == "bad_config" && text.contains("English words"), "{text}");
    let (code, _) = client.refused("START_RECORDING");
    assert_eq!(code, "bad_config");

    // Canary cannot detect the language: the change is applied with a warning, and presses are
    // refused.
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
    assert_eq!(service.kept("wav").len(), 1, "nothing more was recorded");
    studio.service.end();
}
