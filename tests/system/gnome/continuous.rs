//! Continuous dictations on GNOME: each sentence is delivered while the next one is spoken.

use super::desktop::Desktop;
use super::lab as machine;
use crate::lab::{self, Lab, run, wait_for};
use serde_json::{Value, json};

/// Starts a continuous dictation as its shortcut does.
fn begin(lab: &Lab) {
    let answer = lab.client().ask_with("TOGGLE_RECORDING", json!({"continuous": true}));
    assert_eq!(answer["state"], "recording");
}

fn end(lab: &Lab) -> Value {
    lab.client().ask("STOP_RECORDING")
}

/// Returns the stored sentences that were delivered `by` this method, in order.
fn sentences(lab: &Lab, by: &str) -> Vec<String> {
    let delivered = |record: &Value| {
        let deliveries = record["deliveries"].as_array().cloned().unwrap_or_default();
        deliveries.iter().any(|delivery| delivery["by"] == by && delivery["ok"] == true)
    };
    let records = lab.records();
    let text = |record: &Value| record["text"].as_str().unwrap_or_default().to_owned();
    records.iter().filter(|record| delivered(record)).map(text).collect()
}

/// Waits for `count` sentences. v2m considers a sentence finished when the next one has begun, or
/// after four seconds of silence.
fn wait_for_sentences(lab: &Lab, by: &str, count: usize) -> Vec<String> {
    wait_for("the sentences", || {
        Some(sentences(lab, by)).filter(|sentences| sentences.len() >= count)
    })
}

fn is_recording(lab: &Lab) -> bool {
    super::is_recording(lab)
}

#[test]
fn two_sentences_land_in_a_field_in_order_while_one_speaks_on() {
    let (lab, desktop): (Lab, Desktop) = machine();
    let window = desktop.window(true);
    begin(&lab);
    lab::speak();
    let first = wait_for_sentences(&lab, "paste", 1);
    assert!(is_recording(&lab), "a sentence ends no continuous dictation");
    window.wait_for("the first sentence", |text| text.contains("country"));
    lab::speak();
    wait_for_sentences(&lab, "paste", first.len() + 1);
    assert!(is_recording(&lab));
    window.wait_for("both sentences", |text| text.matches("country").count() == 2);
    let answer = end(&lab);
    let sentences = sentences(&lab, "paste");
    assert!(sentences.len() >= 2, "{sentences:?}");
    assert_eq!(answer["text"], sentences.join(" "));
    let shown = window.wait_for("the end", |text| text.matches("country").count() == 2);
    assert_eq!(shown.to_lowercase(), sentences.join(" ").to_lowercase(), "in order, as one text");
    desktop.wait_for_clipboard(&[("text/plain;charset=utf-8", b"before")]);
}

#[test]
fn nothing_lands_in_another_window_and_the_rest_waits_together_on_the_clipboard() {
    let (lab, desktop): (Lab, Desktop) = machine();
    let window = desktop.window(true);
    begin(&lab);
    lab::speak();
    wait_for_sentences(&lab, "paste", 1);
    window.wait_for("the first sentence", |text| text.contains("country"));
    let before = window.text();
    // The user switches to another window and goes on speaking.
    let other = desktop.window(true);
    for count in 1..=2 {
        lab::speak();
        wait_for_sentences(&lab, "clipboard", count);
    }
    let elsewhere = sentences(&lab, "clipboard");
    assert_eq!(other.text(), "", "nobody put the cursor there for this");
    assert_eq!(window.text(), before);
    assert_eq!(desktop.copied(), elsewhere.join(" "), "all of it, in order");
    end(&lab);
    assert_eq!(run("v2m-send", &["last"]).trim_end(), elsewhere.last().unwrap());
}

#[test]
fn a_press_ends_it_and_the_last_words_land_too() {
    let (lab, desktop): (Lab, Desktop) = machine();
    let window = desktop.window(true);
    run("v2m-send", &["toggle", "--continuous"]);
    lab::speak();
    let said = run("v2m-send", &["toggle"]);
    lab::assert_phrase(&said);
    lab::assert_phrase(&window.wait_for("the text", |text| text.contains("country")));
    assert!(!is_recording(&lab));
}
