//! Tests the language of a recording if the model does not detect it itself: another model, the
//! listener, detects it while the user speaks. Also tests a listener that is wrong, dead, silent or
//! missing.
//!
//! The double plays Canary, behind the head of a real Canary model, and also the Whisper model that
//! listens.

use crate::continuous::{continuous, delivered};
use crate::house::{CONFIG, House, text_of, wait_for};
use crate::languages::put_synthetic;
use crate::recording::Studio;
use serde_json::{Value, json};
use std::fs;
use v2m_testkit::logind::Logind;

/// The head of a ggml file with a multilingual vocabulary. It is the first rule of a double's
/// script, which ignores it.
const MULTILINGUAL: &str = "lmgg\u{7f}\u{7f}\u{7f}\0; ";

/// Creates a house with Canary for English and Spanish as its model, the user's languages, and the
/// script of the Whisper listener, if there is one.
fn house(languages: &[&str], listener: Option<&str>) -> House {
    let house = House::without_model();
    put_synthetic(&house, "canary", &["en", "es"]);
    house.install("-gguf");
    configure(&house, languages);
    if let Some(script) = listener {
        let lives: Vec<_> = script.lines().map(|life| format!("{MULTILINGUAL}{life}")).collect();
        house.model("listener", &lives.join("\n"));
    }
    house
}

fn configure(house: &House, languages: &[&str]) {
    let engine = format!("[engine]\nlanguages = {}", json!(languages));
    house.configure(&CONFIG.replace("[engine]", &engine).replace("double", "canary"));
}

/// Returns how often Canary's double has logged this kind of frame.
fn canary_did(house: &House, kind: &str) -> usize {
    let log = fs::read_to_string(house.path("data/v2m/models/canary.log")).unwrap_or_default();
    log.lines().filter(|line| *line == kind).count()
}

/// Asserts that the text is that of the whole recording.
fn is_whole(house: &House, answer: &Value) {
    let wav = house.kept("wav").pop().unwrap();
    assert_eq!(answer["text"], text_of(&v2m::store::read_pcm(&wav).unwrap()), "{answer}");
}

#[test]
fn the_language_is_detected_while_somebody_speaks_and_the_model_is_told_it() {
    let studio = Studio::with(house(&["en", "es"], Some("begin speaks es")));
    let service = &studio.service;
    studio.record(3);
    wait_for("the model's turn", || (canary_did(service, "begin") == 1).then_some(()));
    let status = service.connect().ask("GET_STATUS");
    assert_eq!((&status["state"], &status["language"]), (&json!("recording"), &json!("auto")));
    assert_eq!(status["engine"]["unfollowed"], Value::Null, "{status}");
    let answer = service.connect().ask("STOP_RECORDING");
    assert_eq!((&answer["language"], &answer["problems"]), (&json!("es"), &Value::Null));
    is_whole(service, &answer);
    wait_for("the record", || (service.record()["state"] == "delivered").then_some(()));
    assert_eq!(service.record()["language"], "es");

    // A recording that ends before there are enough seconds of speech: the speech so far decides.
    studio.record(3);
    let answer = service.connect().ask("STOP_RECORDING");
    assert_eq!(answer["language"], "es");
    is_whole(service, &answer);
    assert_eq!(service.lives("listener").len(), 1, "one process, with one model");
    assert_eq!(canary_did(service, "begin"), 2, "each recording is begun once, in one language");
    studio.service.end();
}

#[test]
fn a_language_that_is_said_is_not_detected() {
    let studio = Studio::with(house(&["en", "es"], Some("begin speaks en")));
    let service = &studio.service;
    studio.record_in(3, &json!({"language": "es"}));
    assert_eq!(service.connect().ask("STOP_RECORDING")["language"], "es");
    let set = json!({"updates": {"engine": {"language": "es"}}});
    service.connect().ask_with("UPDATE_CONFIG", set);
    studio.record(3);
    assert_eq!(service.connect().ask("STOP_RECORDING")["language"], "es");
    assert!(service.lives("listener").is_empty());
    // A press can request the detection.
    studio.record_in(3, &json!({"language": "auto"}));
    assert_eq!(service.connect().ask("STOP_RECORDING")["language"], "en");
    assert_eq!(service.lives("listener").len(), 1);
    studio.service.end();
}

#[test]
fn a_listener_that_dies_costs_no_word_and_is_told_once() {
    let studio = Studio::with(house(&["es", "en"], Some("begin die")));
    let service = &studio.service;
    for _ in 0..2 {
        studio.record(3);
        let answer = service.connect().ask("STOP_RECORDING");
        assert_eq!(answer["language"], "es", "the first of the user's languages");
        is_whole(service, &answer);
    }
    assert!(service.lives("listener").len() >= 2);
    let told = service.log().matches("was assumed, the first of").count();
    assert_eq!(told, 1, "{}", service.log());
    studio.service.end();
}

#[test]
fn a_listener_that_does_not_answer_is_waited_for_a_few_seconds_after_the_stop() {
    let script = "begin deaf\nbegin speaks en";
    let studio = Studio::with(house(&["es", "en"], Some(script)));
    let service = &studio.service;
    studio.record(3);
    let answer = service.connect().ask("STOP_RECORDING");
    assert_eq!(answer["language"], "es");
    is_whole(service, &answer);
    assert!(service.log().contains("it took longer than 5 s"), "{}", service.log());
    // The next recording has another language.
    studio.record(3);
    assert_eq!(service.connect().ask("STOP_RECORDING")["language"], "en");
    assert_eq!(service.lives("listener").len(), 2);
    studio.service.end();
}

#[test]
fn without_a_model_that_detects_the_first_language_is_assumed_and_the_status_says_so() {
    let studio = Studio::with(house(&["pt", "es", "en"], None));
    let service = &studio.service;
    studio.record(3);
    let answer = service.connect().ask("STOP_RECORDING");
    assert_eq!(answer["language"], "es", "the first that the model knows");
    is_whole(service, &answer);
    let status = service.connect().ask("GET_STATUS");
    let unfollowed = &status["engine"]["unfollowed"][0];
    assert_eq!(unfollowed["key"], "engine.language", "{status}");
    let reason = unfollowed["reason"].as_str().unwrap();
    assert!(reason.contains("v2m-model pull") && reason.contains("es is assumed"), "{reason}");
    // None of the user's languages is supported by the model.
    let set = json!({"updates": {"engine": {"languages": ["pt", "it"]}}});
    service.connect().ask_with("UPDATE_CONFIG", set);
    let (code, text) = service.connect().refused("START_RECORDING");
    assert_eq!(code, "bad_config");
    let told = ["it cannot detect the language", "v2m-model pull"];
    assert!(told.iter().all(|part| text.contains(part)), "{text}");
    // After a listener has been downloaded, it detects the language at the next press, without a
    // restart.
    service.model("listener", &format!("{MULTILINGUAL}begin speaks it"));
    studio.record(3);
    assert_eq!(service.connect().ask("STOP_RECORDING")["language"], "it");
    studio.service.end();
}

#[test]
fn what_is_in_a_language_that_the_model_does_not_know_is_transcribed_by_the_other_one() {
    let house = house(&["en", "pt"], Some("begin speaks pt"));
    // The larger model transcribes.
    let large = format!("{MULTILINGUAL}begin nothing; begin nothing; begin nothing");
    house.model("large", &large);
    let studio = Studio::with(house);
    let service = &studio.service;
    for dictation in 1..=2 {
        studio.record(3);
        if dictation == 1 {
            let begun = || fs::read_to_string(service.model_file("large", "log")).ok();
            wait_for("its turn", || begun().filter(|log| log.contains("begin")));
        }
        let answer = service.connect().ask("STOP_RECORDING");
        assert_eq!((&answer["language"], &answer["problems"]), (&json!("pt"), &Value::Null));
        is_whole(service, &answer);
    }
    assert_eq!(canary_did(service, "begin"), 0);
    assert_eq!((service.lives("listener").len(), service.lives("large").len()), (1, 1));
    assert_eq!(service.connect().ask("GET_STATUS")["engine"]["model"], "canary");
    studio.service.end();
}

/// The pieces of a dictation, and the sentences of a continuous one, have the language that was
/// detected at its beginning.
#[test]
fn sentences_that_are_delivered_one_by_one_keep_the_language_and_the_model() {
    let sentence = format!("{}pcm sentence", "pcm nothing; ".repeat(12));
    for (spoken, begun_by) in [("es", "canary"), ("pt", "ggml-large")] {
        let house = house(&["es", "pt"], Some(&format!("begin speaks {spoken}")));
        fs::write(house.path("data/v2m/models/canary"), &sentence).unwrap();
        house.model("large", &format!("{MULTILINGUAL}{sentence}"));
        let studio = Studio::with(house);
        let service = &studio.service;
        studio.record_in(3, &continuous());
        wait_for("a sentence", || (delivered(service) == 1).then_some(()));
        let mut levels = service.connect().subscribe(&["level"]);
        for _ in 0..3 {
            levels.receive().unwrap();
        }
        let answer = service.connect().ask("STOP_RECORDING");
        wait_for("the rest", || (delivered(service) == 2).then_some(()));
        let records = service.records();
        for record in &records {
            assert_eq!(record["language"], spoken, "{record}");
        }
        let wavs = service.kept("wav");
        let texts = wavs.iter().map(|wav| text_of(&v2m::store::read_pcm(wav).unwrap()));
        assert_eq!(answer["text"], texts.collect::<Vec<_>>().join(" "));
        let log = service.path(&format!("data/v2m/models/{begun_by}.log"));
        let log = fs::read_to_string(log).unwrap();
        assert_eq!(log.lines().filter(|line| *line == "begin").count(), 1, "{begun_by}");
        studio.service.end();
    }
}

#[test]
fn a_cancelled_dictation_leaves_nothing_behind_and_the_next_one_is_heard() {
    let studio = Studio::with(house(&["en", "es"], Some("begin speaks es")));
    let service = &studio.service;
    studio.record(3);
    service.connect().ask("CANCEL_RECORDING");
    studio.record(3);
    let answer = service.connect().ask("STOP_RECORDING");
    assert_eq!(answer["language"], "es");
    is_whole(service, &answer);
    assert_eq!(canary_did(service, "begin"), 1);
    studio.service.end();
}

#[test]
fn files_and_retries_have_their_language_detected_too() {
    let studio = Studio::with(house(&["en", "es", "pt"], Some("begin speaks es")));
    let service = &studio.service;
    let sample = format!("{}/assets/sample.wav", env!("CARGO_MANIFEST_DIR"));
    let file = service.connect().ask_with("TRANSCRIBE_FILE", json!({"file_path": sample}));
    assert_eq!(file["language"], "es", "{file}");
    studio.record(3);
    let first = service.connect().ask("STOP_RECORDING");
    wait_for("the record", || (service.record()["state"] == "delivered").then_some(()));
    let again = service.connect().ask_with("RETRY_RECORDING", json!({"language": "auto"}));
    assert_eq!((&again["language"], &again["text"]), (&json!("es"), &first["text"]));
    let english = service.connect().ask_with("RETRY_RECORDING", json!({"language": "en"}));
    assert_eq!(english["language"], "en");
    studio.service.end();
}

#[test]
fn a_retry_in_a_language_that_the_model_does_not_know_goes_elsewhere() {
    let studio = Studio::with(house(&["en", "pt"], Some("begin nothing; begin speaks pt")));
    let service = &studio.service;
    studio.record(3);
    assert_eq!(service.connect().ask("STOP_RECORDING")["language"], "en");
    wait_for("the record", || (service.record()["state"] == "delivered").then_some(()));
    let again = service.connect().ask_with("RETRY_RECORDING", json!({"language": "auto"}));
    assert_eq!(again["language"], "pt");
    is_whole(service, &again);
    studio.service.end();
}

#[test]
fn a_retry_with_the_model_is_detected_where_another_one_is_configured() {
    let house = house(&["en", "es"], Some("begin speaks es"));
    house.model("double", "");
    house.configure(&CONFIG.replace("[engine]\n", "[engine]\nlanguages = [\"en\", \"es\"]\n"));
    let studio = Studio::with(house);
    let service = &studio.service;
    studio.record(3);
    let first = service.connect().ask("STOP_RECORDING");
    assert_eq!(first["language"], "en", "the double's own");
    wait_for("the record", || (service.record()["state"] == "delivered").then_some(()));
    let again = service.connect().ask_with("RETRY_RECORDING", json!({"model": "canary"}));
    assert_eq!((&again["language"], &again["text"]), (&json!("es"), &first["text"]));
    assert_eq!(canary_did(service, "begin"), 1);
    studio.service.end();
}

#[test]
fn a_listener_that_is_still_loading_goes_on_for_the_next_recording() {
    let studio = Studio::with(house(&["es", "en"], Some("load wait; begin speaks en")));
    let service = &studio.service;
    studio.record(3);
    assert_eq!(service.connect().ask("STOP_RECORDING")["language"], "es");
    assert!(service.log().contains("it took longer than 5 s"), "{}", service.log());
    fs::write(service.model_file("listener", "go"), "").unwrap();
    studio.record(3);
    assert_eq!(service.connect().ask("STOP_RECORDING")["language"], "en");
    assert_eq!(service.lives("listener").len(), 1, "it was left to load");
    studio.service.end();
}

fn listener_log(house: &House) -> String {
    fs::read_to_string(house.model_file("listener", "log")).unwrap_or_default()
}

/// Canary gets no sound before the language is known, so the listener must report silence instead.
#[test]
fn what_detects_minds_silence_where_a_dictation_does() {
    let studio = Studio::with(house(&["en", "es"], Some("begin speaks es")));
    let service = &studio.service;
    let heard = |minds: usize| {
        let log = listener_log(service);
        assert_eq!(log.lines().filter(|line| *line == "minds silence").count(), minds, "{log}");
    };
    studio.record(3);
    service.connect().ask("STOP_RECORDING");
    heard(0);
    studio.record_in(3, &continuous());
    service.connect().ask("STOP_RECORDING");
    heard(1);
    let set = json!({"updates": {"session": {"stop_after_silence": "2.5s"}}});
    service.connect().ask_with("UPDATE_CONFIG", set);
    studio.record(3);
    service.connect().ask("STOP_RECORDING");
    heard(2);
    let sample = format!("{}/assets/sample.wav", env!("CARGO_MANIFEST_DIR"));
    service.connect().ask_with("TRANSCRIBE_FILE", json!({"file_path": sample}));
    heard(2);
    studio.service.end();
}

#[test]
fn what_is_fetched_again_is_used_at_the_next_recording() {
    let house = house(&["en", "pt"], Some("load broken"));
    // The larger model transcribes.
    let large = |rules: &str| format!("{MULTILINGUAL}begin nothing; begin nothing{rules}");
    house.model("large", &large("; load broken"));
    let studio = Studio::with(house);
    let service = &studio.service;
    studio.record(3);
    assert_eq!(service.connect().ask("STOP_RECORDING")["language"], "en", "it is assumed");
    service.model("listener", &format!("{MULTILINGUAL}begin speaks pt"));
    studio.record(3);
    let (_, text) = service.connect().refused("STOP_RECORDING");
    assert!(text.contains("large"), "{text}");
    service.model("large", &large(""));
    studio.record(3);
    let answer = service.connect().ask("STOP_RECORDING");
    assert_eq!(answer["language"], "pt", "{answer}");
    studio.service.end();
}

#[test]
fn a_recording_whose_language_nobody_knows_ends_whatever_is_set_meanwhile() {
    let studio = Studio::with(house(&[], Some("load broken")));
    let service = &studio.service;
    studio.record(3);
    wait_for("the listener's end", || service.log().contains("was not detected").then_some(()));
    let set = json!({"updates": {"engine": {"threads": 2}}});
    service.connect().ask_with("UPDATE_CONFIG", set);
    let (code, text) = service.connect().refused("STOP_RECORDING");
    assert_eq!(code, "engine_failed");
    let told = ["The recording is kept, and v2m tries again", "retry --language CODE"];
    assert!(told.iter().all(|part| text.contains(part)), "{text}");
    // v2m keeps no recording of a file.
    let sample = format!("{}/assets/sample.wav", env!("CARGO_MANIFEST_DIR"));
    let file = json!({"file_path": sample});
    let (_, text) = service.connect().refused_with("TRANSCRIBE_FILE", file);
    assert!(text.contains("nothing of a file") && !text.contains("retry"), "{text}");
    // A dictation with a given language does not wait behind the failed one.
    studio.record_in(3, &json!({"language": "es"}));
    assert_eq!(service.connect().ask("STOP_RECORDING")["language"], "es");
    studio.service.end();
}

#[test]
fn a_file_that_is_transcribed_elsewhere_makes_way_for_a_dictation() {
    let house = house(&["en", "es", "pt"], Some("begin speaks pt"));
    house.model("large", &format!("{MULTILINGUAL}finish deaf; {}", "load nothing; ".repeat(3)));
    let studio = Studio::with(house);
    let service = &studio.service;
    let did = |kind: &str| {
        let log = fs::read_to_string(service.model_file("large", "log")).unwrap_or_default();
        log.lines().any(|line| line == kind).then_some(())
    };
    let sample = format!("{}/assets/sample.wav", env!("CARGO_MANIFEST_DIR"));
    let mut client = service.connect();
    client.send("TRANSCRIBE_FILE", json!({"file_path": sample}));
    wait_for("the file's turn", || did("finish"));
    studio.record_in(3, &json!({"language": "es"}));
    wait_for("the file to wait", || did("pause"));
    assert_eq!(did("resume"), None);
    let answer = service.connect().ask("STOP_RECORDING");
    assert_eq!(answer["language"], "es");
    is_whole(service, &answer);
    let file = client.receive().unwrap();
    assert_eq!((&file["status"], &file["data"]["language"]), (&json!("success"), &json!("pt")));
    assert!(did("resume").is_some());
    studio.service.end();
}

#[test]
fn a_gpu_that_works_on_another_language_is_free_before_the_machine_sleeps() {
    let logind = Logind::start();
    let mut house = house(&["en", "pt"], Some("begin speaks pt"));
    house.model("large", &format!("{MULTILINGUAL}{}", "load nothing; ".repeat(3)));
    house.install("-cuda");
    house.system_bus = Some(logind.address());
    let studio = Studio::with(house);
    let service = &studio.service;
    studio.record(3);
    assert_eq!(service.connect().ask("STOP_RECORDING")["language"], "pt");
    let lock = logind.lock();
    let lives = || {
        let lives = fs::read_to_string(service.model_file("large", "cuda.lives"));
        lives.unwrap_or_default().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let is_there = |pid: &str| std::path::Path::new("/proc").join(pid).exists();
    let [first] = &lives()[..] else { panic!("{:?}", lives()) };
    assert!(lock.is_held() && is_there(first));
    logind.say(true);
    lock.released();
    assert!(!is_there(first), "the machine sleeps with the GPU in use");
    logind.say(false);
    wait_for("it to be loaded again", || (lives().len() == 2).then_some(()));
    // A change of the usual engine's settings has no effect on this.
    let set = json!({"updates": {"engine": {"threads": 1}}});
    service.connect().ask_with("UPDATE_CONFIG", set);
    let lock = logind.lock();
    logind.say(true);
    lock.released();
    assert!(!is_there(&lives()[1]));
    studio.service.end();
}
