//! The words that are shown while somebody speaks, where another model writes them: they come from it, the
//! text never does, and whatever it does, the text is there.

use crate::house::{CONFIG, Client, House, wait_for};
use crate::recording::Studio;
use rustix::process::{Pid, test_kill_process};
use serde_json::{Value, json};
use std::fs;

/// A house in which `model` runs by the first script, and the preview by the second.
fn house(model: &str, preview: &str) -> House {
    let house = House::new(model);
    house.configure(&wanted());
    add(&house, preview);
    house
}

/// Adds the program and the model of a preview, which runs by this script.
pub(crate) fn add(house: &House, script: &str) {
    house.install("-gguf");
    put(house, script);
}

/// The configuration with a preview.
pub(crate) fn wanted() -> String {
    CONFIG.replace("[engine]\n", "[engine]\npreview = \"words\"\n")
}

/// Puts the preview's model there, as a whole.
fn put(house: &House, script: &str) {
    fs::write(house.path("new"), script).unwrap();
    fs::rename(house.path("new"), house.path("data/v2m/models/words.gguf")).unwrap();
}

/// The marks of the preview's double.
fn marks(house: &House, ending: &str) -> Vec<String> {
    let file = house.path("data/v2m/models/words").with_extension(ending);
    fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn status(house: &House) -> Value {
    house.connect().ask("GET_STATUS")["engine"]["preview"].clone()
}

pub(crate) fn loaded(house: &House) {
    wait_for("the preview to be loaded", || (status(house)["state"] == "warm").then_some(()));
}

/// The recogniser drafts with all the sound that it gets in some ten seconds.
fn drafts() -> String {
    "pcm draft; ".repeat(600)
}

fn studio(model: &str, preview: &str) -> Studio {
    let studio = Studio::with(house(model, preview));
    loaded(&studio.service);
    studio
}

/// The next text that somebody who watches sees: the text, and whether it is final.
fn sees(watcher: &mut Client) -> (String, bool) {
    let event = watcher.receive().unwrap()["data"].clone();
    (event["text"].as_str().unwrap().to_owned(), event["final"].as_bool().unwrap())
}

/// Waits until words of the preview are seen.
fn sees_preview(watcher: &mut Client) -> String {
    loop {
        let (text, is_final) = sees(watcher);
        if text.starts_with("preview of ") {
            assert!(!is_final);
            return text;
        }
    }
}

/// Waits until a draft of the recogniser is seen.
fn sees_draft(watcher: &mut Client) -> String {
    loop {
        let (text, _) = sees(watcher);
        if text.starts_with("heard ") {
            return text;
        }
    }
}

fn watch(house: &House) -> Client {
    house.connect().subscribe(&["transcription_update"])
}

/// Stops the recording, and checks that the text is the recogniser's, of all that was said.
fn stops_well(studio: &Studio) {
    let answer = studio.service.connect().ask("STOP_RECORDING");
    let text = answer["text"].as_str().unwrap();
    assert!(text.starts_with("heard "), "{answer}");
    assert_eq!(answer["problems"], Value::Null, "{answer}");
    wait_for("the record", || {
        (studio.service.records().last()?["state"] == "delivered").then_some(())
    });
    let kept = studio.service.kept("wav");
    let last = v2m::store::read_pcm(kept.last().unwrap()).unwrap();
    assert_eq!(text, crate::house::text_of(&last));
}

fn is_alive(pid: &str) -> bool {
    Pid::from_raw(pid.parse().unwrap()).is_some_and(|pid| test_kill_process(pid).is_ok())
}

#[test]
fn words_come_from_the_preview_and_the_text_from_the_model() {
    let studio = studio(&drafts(), "");
    let service = &studio.service;
    let mut watcher = watch(service);
    studio.record(8);
    let first = sees_preview(&mut watcher);
    assert_ne!(first, sees_preview(&mut watcher), "they grow");
    stops_well(&studio);
    // At the stop the draft that was kept back is told, and nothing of the preview after it.
    sees_draft(&mut watcher);
    studio.record(3);
    sees_preview(&mut watcher);
    stops_well(&studio);
    assert_eq!(status(service)["model"], "words");
    // The same process for both; at each stop it was told that it is over, and was not asked for a text.
    assert_eq!(marks(service, "lives").len(), 1);
    wait_for("the second cancel", || {
        (marks(service, "log").iter().filter(|kind| *kind == "cancel").count() == 2).then_some(())
    });
    assert!(!marks(service, "log").iter().any(|kind| kind == "finish"));
    let house = studio.service.end();
    assert!(!house.log().contains("left off"), "{}", house.log());
}

#[test]
fn a_preview_that_dies_or_talks_nonsense_costs_its_words_alone() {
    for how in ["die", "kill", "garbage", "oversized", "truncated", "close", "fail"] {
        let studio = studio(&drafts(), &format!("pcm nothing; pcm {how}\nload nothing"));
        let service = &studio.service;
        let mut watcher = watch(service);
        studio.record(5);
        sees_draft(&mut watcher);
        wait_for("its end", || {
            service.log().contains("is left off for this dictation").then_some(())
        });
        stops_well(&studio);
        // The next dictation has it again.
        let mut watcher = watch(service);
        studio.record(3);
        sees_preview(&mut watcher);
        stops_well(&studio);
        assert_eq!(marks(service, "lives").len(), 2, "{how}");
        let house = studio.service.end();
        assert_eq!(house.log().matches("is left off for this dictation").count(), 1, "{how}");
    }
}

#[test]
fn a_preview_that_hangs_is_ended_while_one_speaks() {
    hangs("pcm nothing; pcm linger", true);
}

#[test]
fn a_preview_that_hangs_from_the_first_sound_on_is_ended_too() {
    hangs("begin linger", false);
}

/// The preview goes on by this script, and writes something before or not.
fn hangs(script: &str, writes: bool) {
    let studio = studio(&drafts(), script);
    let service = &studio.service;
    let mut watcher = watch(service);
    studio.record(5);
    if writes {
        sees_preview(&mut watcher);
    }
    let mut levels = service.connect().subscribe(&["level"]);
    let first = marks(service, "lives")[0].clone();
    wait_for("it to be left off", || {
        levels.receive().unwrap();
        service.log().contains("slower than you speak").then_some(())
    });
    wait_for("its process to be gone", || (!is_alive(&first)).then_some(()));
    // The draft that was kept back for it is shown.
    sees_draft(&mut watcher);
    stops_well(&studio);
    studio.service.end();
}

#[test]
fn a_preview_that_fails_again_and_again_is_left_off_until_something_changes() {
    let studio = studio("", "pcm die");
    let service = &studio.service;
    for _ in 0..3 {
        let mut events = service.connect().subscribe(&["level"]);
        let before = service.log().matches("Showing words while you speak").count();
        studio.record(1);
        wait_for("its death", || {
            events.receive().unwrap();
            (service.log().matches("Showing words while you speak").count() > before).then_some(())
        });
        stops_well(&studio);
    }
    let told = status(service);
    assert_eq!(told["state"], "failed");
    let problem = told["problem"].as_str().unwrap();
    assert!(
        problem.contains("3 times in a row") && problem.contains("engine.preview="),
        "{problem}"
    );
    let lives = marks(service, "lives").len();
    assert_eq!(lives, 3);
    studio.record(2);
    stops_well(&studio);
    assert_eq!(marks(service, "lives").len(), lives, "it is not started any more");
    // A problem of the preview prevents nothing.
    assert_eq!(service.connect().ask("GET_STATUS")["problem"], Value::Null);
    put(service, "load nothing");
    loaded(service);
    let mut watcher = watch(service);
    studio.record(2);
    sees_preview(&mut watcher);
    stops_well(&studio);
    studio.service.end();
}

#[test]
fn a_model_that_is_missing_is_told_and_used_once_it_is_there() {
    let house = House::new("");
    house.install("-gguf");
    house.configure(&wanted());
    let studio = Studio::with(house);
    let service = &studio.service;
    let told = status(service);
    assert_eq!((&told["state"], &told["model"]), (&json!("absent"), &json!("words")));
    assert!(told["problem"].as_str().unwrap().contains("there is no model `words`"), "{told}");
    studio.record(2);
    stops_well(&studio);
    put(service, "");
    loaded(service);
    let mut watcher = watch(service);
    studio.record(2);
    sees_preview(&mut watcher);
    stops_well(&studio);
    studio.service.end();
}

#[test]
fn an_engine_or_a_model_that_is_no_use_leaves_dictations_alone() {
    for (script, why) in
        [("load missing", "as scripted"), ("load unfit", "no device"), ("load die", "words")]
    {
        let studio = Studio::with(house("", script));
        let service = &studio.service;
        let told = || status(service)["problem"].as_str().map(str::to_owned);
        let problem = wait_for("it to be given up", told);
        assert!(problem.contains(why), "{script}: {problem}");
        studio.record(2);
        stops_well(&studio);
        studio.service.end();
    }
    // Without the program.
    let house = House::new("");
    house.configure(&wanted());
    put(&house, "");
    let studio = Studio::with(house);
    let problem = status(&studio.service)["problem"].as_str().unwrap().to_owned();
    assert!(problem.contains("make engine-gguf install"), "{problem}");
    studio.record(2);
    stops_well(&studio);
    studio.service.end();
}

#[test]
fn words_of_a_recording_that_is_cancelled_are_gone_and_the_next_has_its_own() {
    let studio = studio("", "");
    let service = &studio.service;
    let job = |watcher: &mut Client| loop {
        let event = watcher.receive().unwrap()["data"].clone();
        if event["text"].as_str().unwrap().starts_with("preview of ") {
            break event["job"].clone();
        }
    };
    let mut watcher = watch(service);
    studio.record(2);
    let first = job(&mut watcher);
    service.connect().ask("CANCEL_RECORDING");
    wait_for("the cancel", || {
        marks(service, "log").iter().any(|kind| kind == "cancel").then_some(())
    });
    let mut watcher = watch(service);
    studio.record(2);
    assert_ne!(job(&mut watcher), first);
    stops_well(&studio);
    studio.service.end();
}

#[test]
fn the_setting_starts_it_and_ends_it_and_refuses_what_is_not_there() {
    let house = House::new("");
    house.install("-gguf");
    put(&house, "");
    let studio = Studio::with(house);
    let service = &studio.service;
    assert_eq!(status(service), Value::Null);
    let mut client = service.connect();
    let set = |model: &str| json!({"engine": {"preview": model}});
    let (code, text) = client.refused_with("UPDATE_CONFIG", set("nope"));
    assert_eq!(code, "bad_config");
    assert!(text.contains("Changing engine.preview") && text.contains("nope"), "{text}");
    // Whisper hears whole pieces only.
    let (_, text) = client.refused_with("UPDATE_CONFIG", set("double"));
    assert!(text.contains("choose Nemotron or Moonshine"), "{text}");
    client.ask_with("UPDATE_CONFIG", set("words"));
    loaded(service);
    let pid = marks(service, "lives")[0].clone();
    let mut watcher = watch(service);
    studio.record(2);
    sees_preview(&mut watcher);
    // In the middle of a dictation.
    client.ask_with("UPDATE_CONFIG", set(""));
    wait_for("its end", || (!is_alive(&pid)).then_some(()));
    assert_eq!(status(service), Value::Null);
    stops_well(&studio);
    studio.service.end();
}

/// Regression: a preview for English was loaded, and kept, although it could never be used.
#[test]
fn a_preview_of_no_use_is_not_loaded_until_a_dictation_needs_it() {
    let house = House::new("");
    crate::languages::put_synthetic(&house, "nemotron", &["en-US"]);
    house.install("-gguf");
    house.configure(&CONFIG.replace("[engine]\n", "[engine]\npreview = \"nemotron\"\n"));
    let studio = Studio::with(house);
    let service = &studio.service;
    let lives = || -> Vec<String> {
        let file = service.path("data/v2m/models/nemotron.lives");
        fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
    };
    assert_eq!(status(service)["state"], "unloaded");
    studio.record_in(2, &json!({"language": "es"}));
    stops_well(&studio);
    assert_eq!(lives().len(), 0);
    let mut watcher = watch(service);
    studio.record_in(2, &json!({"language": "en"}));
    sees_preview(&mut watcher);
    stops_well(&studio);
    let [pid] = &lives()[..] else { panic!("{:?}", lives()) };
    // It ends where it is of no use, and starts at once where it is.
    let mut client = service.connect();
    let set = |code: &str| json!({"engine": {"language": code}});
    client.ask_with("UPDATE_CONFIG", set("es"));
    wait_for("its end", || (!is_alive(pid)).then_some(()));
    assert_eq!(status(service)["state"], "unloaded");
    client.ask_with("UPDATE_CONFIG", set("en"));
    loaded(service);
    assert_eq!(lives().len(), 2);
    studio.service.end();
}

#[test]
fn it_leaves_when_it_is_idle_and_comes_back_with_the_next_press() {
    let house = house("", "");
    house.configure(&wanted().replace("[engine]\n", "[engine]\nunload_after = \"1s\"\n"));
    let studio = Studio::with(house);
    let service = &studio.service;
    wait_for("it to leave", || (status(service)["state"] == "unloaded").then_some(()));
    let pid = marks(service, "lives")[0].clone();
    wait_for("its process to be gone", || (!is_alive(&pid)).then_some(()));
    let mut watcher = watch(service);
    studio.record(2);
    sees_preview(&mut watcher);
    stops_well(&studio);
    studio.service.end();
}

#[test]
fn each_sentence_of_a_continuous_dictation_has_words_of_its_own() {
    let quiet = "pcm nothing; ".repeat(30);
    let studio = studio(&format!("{quiet}pcm sentence"), "");
    let service = &studio.service;
    let mut watcher = service.connect().subscribe(&["transcription_update"]);
    studio.record_in(3, &json!({"continuous": true}));
    let mut jobs = Vec::new();
    while jobs.len() < 2 {
        let event = watcher.receive().unwrap()["data"].clone();
        if event["text"].as_str().unwrap().starts_with("preview of ") {
            jobs.push(event["job"].clone());
            jobs.dedup();
        }
    }
    // It hears what came after the sentence as a recording of its own.
    let begun = |kind: &&String| *kind == "begin";
    assert_eq!(marks(service, "log").iter().filter(begun).count(), 2);
    let answer = service.connect().ask("STOP_RECORDING");
    assert_eq!(answer["segments"].as_array().unwrap().len(), 2, "{answer}");
    studio.service.end();
}
