//! Tests continuous dictations: each sentence is a dictation of its own on the disk, in the answer
//! and after a crash.

use crate::house::{CONFIG, House, text_of, wait_for};
use crate::recording::Studio;
use rustix::process::Signal;
use serde_json::{Value, json};

pub(crate) fn continuous() -> Value {
    json!({"continuous": true})
}

/// A script in which the double reports the end of a sentence after each so many frames of sound.
fn script() -> String {
    let quiet = "pcm nothing; ".repeat(12);
    format!("{quiet}pcm sentence; {quiet}pcm sentence")
}

pub(crate) fn delivered(house: &House) -> usize {
    house.records().iter().filter(|record| record["state"] == "delivered").count()
}

#[test]
fn each_sentence_is_kept_and_delivered_while_the_next_one_is_spoken() {
    let studio = Studio::with(House::new(&script()));
    let service = &studio.service;
    let mut events = service.connect().subscribe(&["delivery", "state"]);
    studio.record_in(3, &continuous());
    wait_for("two sentences", || (delivered(service) == 2).then_some(()));
    assert_eq!(service.connect().ask("GET_STATUS")["state"], "recording");
    let mut levels = service.connect().subscribe(&["level"]);
    for _ in 0..3 {
        levels.receive().unwrap();
    }
    let answer = service.connect().ask("STOP_RECORDING");
    wait_for("the last one", || (delivered(service) == 3).then_some(()));

    // Each sentence has its own sound, and together they have every sample exactly once.
    let texts: Vec<_> = service
        .kept("wav")
        .iter()
        .map(|wav| text_of(&v2m::store::read_pcm(wav).unwrap()))
        .collect();
    let records = service.records();
    let written: Vec<_> = records.iter().map(|record| record["text"].clone()).collect();
    assert_eq!(written, texts);
    assert_eq!(answer["text"], texts.join(" "), "all that was said");
    let seconds = |value: &Value| value["seconds"].as_f64().unwrap();
    let sum: f64 = records.iter().map(seconds).sum();
    assert!((sum - seconds(&answer)).abs() < 0.01, "{sum} and {answer}");
    let segments = answer["segments"].as_array().unwrap();
    assert_eq!(segments.len(), 3);
    assert_eq!(segments[1]["start"], records[0]["seconds"]);
    // The records say that they belong together.
    let first = service.kept("wav")[0].file_stem().unwrap().to_str().unwrap().to_owned();
    assert_eq!(records[0]["talk"], Value::Null);
    assert!(records[1..].iter().all(|record| record["talk"] == json!(first)), "{records:?}");
    assert_eq!(service.lives("double").len(), 1);
    events.until("state", "state", "idle");
    studio.service.end();
}

#[test]
fn a_stop_after_the_last_sentence_answers_with_what_was_said_and_keeps_no_silence() {
    let quiet = "pcm nothing; ".repeat(12);
    let studio = Studio::with(House::new(&format!("{quiet}pcm sentence; finish mute")));
    let service = &studio.service;
    studio.record_in(3, &continuous());
    wait_for("a sentence", || (delivered(service) == 1).then_some(()));
    let answer = service.connect().ask("STOP_RECORDING");
    assert_eq!(answer["text"], service.records()[0]["text"]);
    assert_eq!(answer["problems"], Value::Null);
    // Regression: the reason was “cancelled”.
    assert_eq!(service.connect().ask("GET_STATUS")["reason"], Value::Null);
    wait_for("the rest to go", || (service.kept("wav").len() == 1).then_some(()));
    studio.service.end();
}

#[test]
fn after_a_crash_only_the_rest_is_recovered() {
    let quiet = "pcm nothing; ".repeat(12);
    let studio = Studio::with(House::new(&format!("{quiet}pcm sentence")));
    studio.record_in(3, &continuous());
    wait_for("a sentence", || (delivered(&studio.service) == 1).then_some(()));
    let before = studio.service.records()[0].clone();
    let mut levels = studio.service.connect().subscribe(&["level"]);
    for _ in 0..15 {
        levels.receive().unwrap();
    }
    studio.service.signal(Signal::KILL);
    let studio = studio.ended().start();
    let service = &studio.service;
    wait_for("the rest", || (delivered(service) == 2).then_some(()));
    let records = service.records();
    assert_eq!(records[0], before, "what was delivered is not touched");
    let rest = text_of(&v2m::store::read_pcm(&service.kept("wav")[1]).unwrap());
    assert_eq!(records[1]["text"], rest);
    assert_eq!(service.connect().ask("LAST_TEXT")["text"], rest);
    studio.service.end();
}

#[test]
fn a_recogniser_that_dies_gets_only_the_sentence_that_is_not_over() {
    let quiet = "pcm nothing; ".repeat(12);
    let house = House::new(&format!("{quiet}pcm sentence; {quiet}pcm die\n\n"));
    let studio = Studio::with(house);
    let service = &studio.service;
    studio.record_in(3, &continuous());
    wait_for("the second life", || (service.lives("double").len() == 2).then_some(()));
    let answer = service.connect().ask("STOP_RECORDING");
    wait_for("both", || (delivered(service) == 2).then_some(()));
    let texts: Vec<_> = service
        .kept("wav")
        .iter()
        .map(|wav| text_of(&v2m::store::read_pcm(wav).unwrap()))
        .collect();
    assert_eq!(answer["text"], texts.join(" "));
    studio.service.end();
}

#[test]
fn a_cancel_says_what_was_delivered_and_deletes_the_rest() {
    let quiet = "pcm nothing; ".repeat(12);
    let studio = Studio::with(House::new(&format!("{quiet}pcm sentence")));
    let service = &studio.service;
    studio.record_in(3, &continuous());
    wait_for("a sentence", || (delivered(service) == 1).then_some(()));
    let answer = service.connect().ask("CANCEL_RECORDING");
    let told = answer["message"].as_str().unwrap();
    assert!(told.contains("One sentence was delivered before"), "{told}");
    assert_eq!(answer["state"], "idle");
    wait_for("the rest to go", || (service.kept("wav").len() == 1).then_some(()));
    studio.service.end();
}

/// Regression: the answer contained only the failure.
#[test]
fn a_last_sentence_that_fails_is_named_beside_the_text_of_the_others() {
    let quiet = "pcm nothing; ".repeat(12);
    let studio = Studio::with(House::new(&format!("{quiet}pcm sentence; finish die")));
    let service = &studio.service;
    service.ignore_manager();
    studio.record_in(3, &continuous());
    wait_for("a sentence", || (delivered(service) == 1).then_some(()));
    let answer = service.connect().ask("STOP_RECORDING");
    assert_eq!(answer["text"], service.records()[0]["text"]);
    let problem = &answer["problems"][0];
    assert_eq!(problem["code"], "engine_failed");
    let told = problem["error"].as_str().unwrap();
    let kept = &service.kept("wav")[1];
    assert!(told.starts_with("The text lacks what was said from 0:0"), "{told}");
    assert!(told.ends_with(&format!("This part is kept: {}", kept.display())), "{told}");
    studio.service.end();
}

/// Regression: the waiting client was told that the text was not ready.
#[test]
fn an_end_that_does_not_wait_answers_with_the_sentences_that_are_there() {
    let quiet = "pcm nothing; ".repeat(12);
    let studio = Studio::with(House::new(&format!("{quiet}pcm sentence; finish wait")));
    let service = &studio.service;
    studio.record_in(3, &continuous());
    wait_for("a sentence", || (delivered(service) == 1).then_some(()));
    let (mut waiting, mut client) = (service.connect(), service.connect());
    waiting.send("STOP_RECORDING", Value::Null);
    wait_for("the stop", || (client.ask("GET_STATUS")["state"] == "transcribing").then_some(()));
    service.signal(Signal::TERM);
    wait_for("the signal", || service.log().contains("ending: systemd").then_some(()));
    // This service is ending: only the next one can record.
    client.send("START_RECORDING", Value::Null);
    let answer = waiting.receive().unwrap()["data"].clone();
    assert_eq!(answer["text"], service.records()[0]["text"], "{answer}");
    let problem = &answer["problems"][0];
    assert_eq!(problem["code"], "shutting_down");
    assert!(problem["error"].as_str().unwrap().contains("The text lacks what was said"));
    drop(studio.ended());
}

/// If each sentence counted as a dictation, a limit of one would delete sentences of the dictation
/// under way.
#[test]
fn all_sentences_of_a_talk_count_as_one_dictation() {
    let house = House::new(&script());
    house.configure(&format!("{CONFIG}[store]\nkeep_count = 1\n"));
    let studio = Studio::with(house);
    let service = &studio.service;
    studio.record_in(3, &continuous());
    wait_for("two sentences", || (delivered(service) == 2).then_some(()));
    service.connect().ask("STOP_RECORDING");
    wait_for("the last one", || (delivered(service) == 3).then_some(()));
    // The next dictation replaces them.
    studio.record(3);
    service.connect().ask("STOP_RECORDING");
    wait_for("the sweep", || (service.kept("json").len() == 1).then_some(()));
    studio.service.end();
}
