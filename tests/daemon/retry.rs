//! Tests recordings that are transcribed again: automatically after the recogniser failed, and at a
//! client's request.

use crate::house::{House, Service, text_of, wait_for};
use crate::recording::Studio;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

fn pcm_text(path: &Path) -> String {
    text_of(&v2m::store::read_pcm(path).unwrap())
}

fn tries(house: &House) -> Vec<Value> {
    let record = house.records().into_iter().next().unwrap_or_default();
    record["tries"].as_array().cloned().unwrap_or_default()
}

/// Changes the time of the last failed try, so that the next one is due in half a second.
fn let_time_pass(house: &House, wait: Duration) {
    let [path] = &house.kept("json")[..] else { panic!("one record") };
    let mut record = house.record();
    let at = jiff::Timestamp::now() - wait + Duration::from_millis(500);
    record["tries"].as_array_mut().unwrap().last_mut().unwrap()["at"] = at.to_string().into();
    std::fs::write(path, record.to_string()).unwrap();
}

fn last_text(service: &Service) -> Value {
    service.connect().ask("LAST_TEXT")["text"].clone()
}

/// Regression: the recording was only tried again at the next start, which might be days later.
#[test]
fn a_recording_that_killed_the_recogniser_is_tried_again_by_itself_in_the_end_with_a_smaller_model()
{
    let house = House::new("finish die");
    // Both are smaller than the double's script. The first is for English only, and the spoken
    // language is unknown.
    house.model("little.en", "");
    house.model("little", "x y");
    let studio = Studio::with(house);
    studio.service.ignore_manager();
    studio.record(3);
    let service = &studio.service;
    let (code, text) = service.connect().refused("STOP_RECORDING");
    assert_eq!(code, "engine_failed", "{text}");
    assert!(text.contains("tries again by itself"), "{text}");
    wait_for("the try on disk", || (tries(service).len() == 1).then_some(()));
    let first = &tries(service)[0];
    assert_eq!((&first["engine"], &first["model"]), (&json!("cpu"), &json!("double")));
    wait_for("the plan", || service.log().contains("is tried again in 60 s").then_some(()));

    // The plain engine is the usual one here, so it dies again.
    let house = studio.service.end();
    let_time_pass(&house, Duration::from_secs(60));
    let service = house.start();
    wait_for("the second try", || (tries(&service).len() == 2).then_some(()));
    wait_for("the next plan", || service.log().contains("is tried again in 300 s").then_some(()));

    let house = service.end();
    let_time_pass(&house, Duration::from_secs(300));
    let service = house.start();
    wait_for("the text", || (service.record()["state"] == "delivered").then_some(()));
    let record = service.record();
    assert_eq!(record["text"], pcm_text(&service.kept("wav")[0]));
    assert_eq!((tries(&service).len(), &record["attempts"]), (2, &json!(3)));
    assert_eq!(last_text(&service), record["text"]);
    assert_eq!(service.connect().ask("GET_STATUS")["engine"]["model"], "double");
    assert!(service.lives("little.en").is_empty() && service.lives("little").len() == 1);
    let log = service.log();
    assert!(log.contains("transcribed a kept recording"), "{log}");
    service.end();
}

#[test]
fn after_the_last_try_the_user_is_told_what_to_do_and_the_recording_stays() {
    let studio = Studio::with(House::new("finish die"));
    studio.service.ignore_manager();
    studio.record(2);
    studio.service.connect().refused("STOP_RECORDING");
    wait_for("the try on disk", || (tries(&studio.service).len() == 1).then_some(()));
    let house = studio.service.end();
    let [path] = &house.kept("json")[..] else { panic!("one record") };
    let mut record = house.record();
    record["attempts"] = 5.into();
    std::fs::write(path, record.to_string()).unwrap();
    let_time_pass(&house, Duration::from_secs(60));
    let service = house.start();
    wait_for("the last word", || service.log().contains("v2m-send retry 1 --model").then_some(()));
    wait_for("the try on disk", || (tries(&service).len() == 2).then_some(()));
    let house = service.end();
    assert!(!house.log().contains("is tried again in 300 s"), "{}", house.log());
    assert_eq!(house.kept("wav").len(), 1);
}

#[test]
fn a_client_has_a_dictation_transcribed_once_more_and_the_earlier_text_is_kept() {
    let house = House::new("");
    house.model("other", "begin wild");
    let studio = Studio::with(house);
    let service = &studio.service;
    studio.record(3);
    let first = service.connect().ask("STOP_RECORDING");
    wait_for("the record", || (service.record()["state"] == "delivered").then_some(()));
    let mut client = service.connect();

    let again = client.ask("RETRY_RECORDING");
    assert_eq!((&again["text"], &again["state"]), (&first["text"], &json!("idle")));
    wait_for("its end", || service.log().contains("transcribed a kept recording").then_some(()));
    assert_eq!(service.record()["earlier"], Value::Null, "the same text");

    let asked = json!({"number": 1, "model": "other", "language": "es"});
    let other = client.ask_with("RETRY_RECORDING", asked);
    assert_ne!(other["text"], first["text"]);
    assert_eq!(other["audio_path"], first["audio_path"]);
    wait_for("the earlier text", || (service.record()["earlier"] != Value::Null).then_some(()));
    let record = service.record();
    assert_eq!((&record["text"], &record["state"]), (&other["text"], &json!("delivered")));
    assert_eq!(record["earlier"][0]["text"], first["text"]);
    assert_eq!(last_text(service), other["text"]);
    assert_eq!(client.ask("GET_STATUS")["engine"]["model"], "double");

    for (data, code) in [
        (json!({"number": 2}), "no_text"),
        (json!({"number": 0}), "bad_request"),
        (json!({"model": "nobody's"}), "model_missing"),
        (json!({"language": "xx"}), "bad_request"),
    ] {
        assert_eq!(client.refused_with("RETRY_RECORDING", data.clone()).0, code, "{data}");
    }
    std::fs::remove_file(&service.kept("wav")[0]).unwrap();
    let (code, text) = client.refused("RETRY_RECORDING");
    assert!(code == "file" && text.contains("store.keep_audio"), "{code} {text}");
    studio.service.end();
}

/// A second engine runs beside the first one only while nobody dictates.
#[test]
fn a_dictation_comes_before_another_models_attempt() {
    let house = House::new("");
    house.model("other", "finish wait\n\n");
    let studio = Studio::with(house);
    let service = &studio.service;
    studio.record(2);
    let first = service.connect().ask("STOP_RECORDING");
    let mut client = service.connect();
    client.send("RETRY_RECORDING", json!({"model": "other"}));
    wait_for("the other engine", || (service.lives("other").len() == 1).then_some(()));

    studio.record(2);
    let second = service.connect().ask("STOP_RECORDING");
    assert_ne!(second["text"], first["text"]);
    // The other engine was ended for the dictation, and then started again.
    let answer = client.receive().unwrap();
    assert_eq!(answer["data"]["text"], first["text"], "{answer}");
    assert_eq!(service.lives("other").len(), 2);
    studio.service.end();
}
