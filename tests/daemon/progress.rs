//! Tests the state's details of a recording and its end: start, level, and the reason why there is
//! no text.

use crate::house::House;
use crate::recording::Studio;
use serde_json::{Value, json};
use std::time::SystemTime;

#[test]
fn the_state_tells_since_when_it_records_and_why_there_is_no_text() {
    let studio = Studio::with(House::new(""));
    let service = &studio.service;
    let mut client = service.connect();
    let idle = client.ask("GET_STATUS");
    let of =
        |status: &Value| ["recording_since", "elapsed_s", "reason"].map(|key| status[key].clone());
    assert_eq!(of(&idle), [Value::Null, Value::Null, Value::Null]);

    let mut events = service.connect().subscribe(&["state", "level"]);
    let before = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    studio.record(3);
    let started = events.until("state", "state", "recording");
    let since = started["recording_since"].as_f64().unwrap();
    assert!(since > before - 0.1, "{since} {before}");
    assert_eq!(started["reason"], Value::Null);
    let level = events.receive().unwrap()["data"].clone();
    let [rms, peak] = ["dbfs", "peak_dbfs"].map(|key| level[key].as_f64().unwrap());
    assert!(peak >= rms && peak <= 0.0, "{level}");
    let status = client.ask("GET_STATUS");
    assert!(status["elapsed_s"].as_f64().unwrap() >= 0.2, "{status}");

    client.ask("CANCEL_RECORDING");
    let ended = events.until("state", "state", "idle");
    assert_eq!(ended["reason"]["code"], "cancelled");
    assert_eq!((&ended["recording_since"], &ended["elapsed_s"]), (&Value::Null, &Value::Null));
    assert_eq!(client.ask("GET_STATUS")["reason"]["code"], "cancelled");

    // The next recording clears the reason, and after a text there is none.
    studio.record(3);
    assert_eq!(events.until("state", "state", "recording")["reason"], Value::Null);
    assert_ne!(client.ask("STOP_RECORDING")["text"], json!(""));
    assert_eq!(of(&client.ask("GET_STATUS"))[2], Value::Null);

    // A refused press gives the reason.
    assert_eq!(client.refused("STOP_RECORDING").0, "not_recording");
    client.ask("PAUSE_DAEMON");
    assert_eq!(client.refused("START_RECORDING").0, "paused");
    assert_eq!(client.ask("GET_STATUS")["reason"]["code"], "paused");
    client.ask("RESUME_DAEMON");
    studio.service.end();
}
