//! Tests speech that the configured model leaves out: what becomes of it, and what the user is told.

use crate::files::{ramp, wav};
use crate::house::{CONFIG, House, text_of, wait_for};
use crate::languages::put_synthetic;
use crate::recording::Studio;
use serde_json::{Value, json};
use std::fs;

/// Makes a house with a GGUF model whose engine follows the script, and with a Whisper model beside it.
fn house(script: &str, whisper: &str) -> House {
    let house = House::new(whisper);
    put_synthetic(&house, "canary", &["en", "es"]);
    fs::write(house.path("data/v2m/models/canary"), script).unwrap();
    house.install("-gguf");
    house.configure(&CONFIG.replace("\"double\"", "\"canary\"\nlanguage = \"en\""));
    house
}

fn problems(answer: &Value) -> Vec<&str> {
    let told = answer["problems"].as_array().unwrap();
    told.iter().map(|problem| problem["error"].as_str().unwrap()).collect()
}

const GAP: &str = "finish gap";

fn wait_for_second_try(house: &House) {
    wait_for("the second try", || {
        let log = fs::read_to_string(house.model_file("double", "log")).unwrap_or_default();
        log.contains("finish").then_some(())
    });
}

#[test]
fn a_file_of_which_a_gguf_model_leaves_speech_out_is_transcribed_by_whisper() {
    for script in [GAP, "finish fail; finish fail"] {
        let service = house(script, "").start();
        let file = service.path("talk.wav");
        wav(&file, &ramp(50_000));
        let ask = || service.connect().ask_with("TRANSCRIBE_FILE", json!({ "file_path": file }));
        let answer = ask();
        assert_eq!(answer["text"], text_of(&ramp(50_000)), "{script}");
        let [told] = problems(&answer)[..] else { panic!("{answer}") };
        assert!(told.contains("double has transcribed it"), "{told}");
        // The script is over: the configured model transcribes the next file, and nothing is told.
        let answer = ask();
        assert_eq!(answer["text"], text_of(&ramp(50_000)), "{script}");
        assert_eq!(answer["problems"], Value::Null);
        service.end();
    }
}

#[test]
fn what_no_model_could_transcribe_is_named_with_its_place() {
    let service = house(GAP, GAP).start();
    let file = service.path("talk.wav");
    wav(&file, &ramp(50_000));
    let answer = service.connect().ask_with("TRANSCRIBE_FILE", json!({ "file_path": file }));
    assert_eq!(answer["text"], "[…]");
    let [told] = problems(&answer)[..] else { panic!("{answer}") };
    for part in
        ["1.0 s of speech from 0:00.0 to 0:01.0", "The text has […] there", "v2m-model list"]
    {
        assert!(told.contains(part), "{told}");
    }
    service.end();
}

#[test]
fn a_dictation_of_which_a_gguf_model_leaves_speech_out_is_transcribed_by_whisper() {
    for script in [GAP, "finish fail; finish fail"] {
        let studio = Studio::with(house(script, ""));
        studio.record(3);
        let answer = studio.service.connect().ask("STOP_RECORDING");
        assert_eq!(answer["text"], studio.text_of_recording(), "{script}");
        assert_eq!(answer["problems"], Value::Null);
        let house = studio.service.end();
        assert!(house.log().contains("with double (cpu)"), "{}", house.log());
    }
}

#[test]
fn a_dictation_in_another_language_is_not_given_to_a_model_for_english() {
    let house = house(GAP, "");
    // It is larger, so it would be the first choice.
    house.model("tiny.en", "finish deaf; finish deaf");
    let studio = Studio::with(house);
    studio.record_in(3, &json!({"language": "es"}));
    let answer = studio.service.connect().ask("STOP_RECORDING");
    assert_eq!(answer["text"], studio.text_of_recording());
    let house = studio.service.end();
    assert!(house.log().contains("with double (cpu)"), "{}", house.log());
}

/// Regression: the newer dictation would have waited, or the older one would have lost its text.
#[test]
fn a_newer_dictation_ends_the_second_try_at_the_last_one() {
    let studio = Studio::with(house("finish gap\n\n", "finish wait"));
    studio.record(3);
    let mut client = studio.service.connect();
    client.send("STOP_RECORDING", json!({}));
    wait_for_second_try(&studio.service);
    studio.record(3);
    let first = client.receive().unwrap();
    assert_eq!(first["data"]["text"], "[…]", "{first}");
    let second = studio.service.connect().ask("STOP_RECORDING");
    assert!(second["text"].as_str().unwrap().starts_with("heard"), "{second}");
    studio.service.go();
    studio.service.end();
}

#[test]
fn a_dictation_that_is_cancelled_during_its_second_try_leaves_nothing() {
    let studio = Studio::with(house("finish gap\n\n", "finish wait"));
    studio.record(3);
    let mut client = studio.service.connect();
    client.send("STOP_RECORDING", json!({}));
    wait_for_second_try(&studio.service);
    studio.service.connect().ask("CANCEL_RECORDING");
    let refused = client.receive().unwrap();
    assert_eq!(refused["code"], "cancelled", "{refused}");
    // The next one has its own second try.
    studio.service.go();
    studio.record(3);
    let second = studio.service.connect().ask("STOP_RECORDING");
    assert!(second["text"].as_str().unwrap().starts_with("heard"), "{second}");
    studio.service.end();
}

#[test]
fn a_dictation_names_its_lost_speech_and_the_model_to_try() {
    let studio = Studio::with(house(GAP, GAP));
    studio.record(3);
    let answer = studio.service.connect().ask("STOP_RECORDING");
    assert_eq!(answer["text"], "[…]");
    let [told] = problems(&answer)[..] else { panic!("{answer}") };
    for part in ["could not be transcribed", "v2m-send retry --model double"] {
        assert!(told.contains(part), "{told}");
    }
    let house = studio.service.end();
    assert!(house.log().contains("one piece could not be transcribed"), "{}", house.log());
}

/// A dictation takes precedence over the second try, and the client is not left waiting.
#[test]
fn a_dictation_ends_the_second_try_at_a_file_and_the_client_gets_the_first_text() {
    let studio = Studio::with(house("finish gap\n\n", "finish wait"));
    let service = &studio.service;
    let file = service.path("talk.wav");
    wav(&file, &ramp(50_000));
    let mut client = service.connect();
    client.send("TRANSCRIBE_FILE", json!({ "file_path": file }));
    wait_for_second_try(service);
    studio.record(3);
    let answer = client.receive().unwrap();
    assert_eq!(answer["data"]["text"], "[…]", "{answer}");
    let dictated = service.connect().ask("STOP_RECORDING");
    assert!(dictated["text"].as_str().unwrap().starts_with("heard"), "{dictated}");
    service.go();
    studio.service.end();
}
