//! Tests changes of the settings while the service runs.

use crate::house::{CONFIG, House, wait_for};
use serde_json::json;
use std::fs;

#[test]
fn another_model_in_the_file_is_loaded_and_the_old_engine_ends() {
    let house = House::new("");
    house.model("other", "");
    let service = house.start();
    service.ready();
    let mut events = service.connect().subscribe(&["engine"]);
    service.configure(&CONFIG.replace("double", "other"));
    events.until("engine", "state", "loading");
    events.until("engine", "state", "warm");
    assert_eq!(service.connect().ask("GET_STATUS")["engine"]["model"], "other");
    let old = format!("/proc/{}", service.lives("double")[0]);
    wait_for("the old engine's end", || (!std::path::Path::new(&old).exists()).then_some(()));
    assert_eq!(service.lives("other").len(), 1);
    service.end();
}

#[test]
fn an_invalid_change_is_told_and_the_old_settings_stay() {
    let service = House::new("").start();
    service.ready();
    let before = service.connect().ask("GET_CONFIG");
    service.configure("[engine]\nbeam_size = 99\n");
    let log = wait_for("the complaint", || {
        let log = service.log();
        log.contains("the old one stays in force").then_some(log)
    });
    assert!(log.contains("beam_size"), "{log}");
    assert_eq!(service.connect().ask("GET_CONFIG"), before);
    // A valid file is accepted again.
    let mut events = service.connect().subscribe(&["engine"]);
    service.model("other", "");
    service.configure(&CONFIG.replace("double", "other"));
    events.until("engine", "state", "warm");
    service.end();
}

#[test]
fn an_update_is_written_with_the_comments_kept_and_put_in_force() {
    let house = House::new("");
    house.configure(&format!("# mine\n{CONFIG}"));
    let service = house.start();
    let mut client = service.connect();
    let update = json!({"engine": {"beam_size": 2}, "session": {"max_minutes": 1.5}});
    let answer = client.ask_with("UPDATE_CONFIG", update);
    assert_eq!(answer["status"], "ok");
    let config = client.ask("GET_CONFIG")["config"].clone();
    assert_eq!(
        (&config["engine"]["beam_size"], &config["session"]["max_minutes"]),
        (&json!(2), &json!(1.5))
    );
    let text = fs::read_to_string(service.config_file()).unwrap();
    assert!(text.starts_with("# mine\n") && text.contains("beam_size = 2"), "{text}");

    let (code, error) = client.refused_with("UPDATE_CONFIG", json!({"engine": {"beam_size": 99}}));
    assert_eq!(code, "bad_config", "{error}");
    assert_eq!(fs::read_to_string(service.config_file()).unwrap(), text);
    assert_eq!(client.ask("GET_CONFIG")["config"], config);
    service.end();
}

/// Regression: of two updates at once, each read the file before the other had written it, so one
/// was lost.
#[test]
fn of_updates_that_come_at_once_none_is_lost() {
    let service = House::new("").start();
    let wanted = [
        ("engine", "beam_size", json!(3)),
        ("engine", "threads", json!(2)),
        ("engine", "language", json!("es")),
        ("engine", "hang_seconds", json!(33)),
        ("capture", "linger_seconds", json!(7)),
        ("session", "max_minutes", json!(2.5)),
        ("store", "keep_count", json!(11)),
        ("store", "keep_days", json!(12)),
    ];
    let mut clients: Vec<_> = wanted.iter().map(|_| service.connect()).collect();
    for (client, (section, key, value)) in clients.iter_mut().zip(&wanted) {
        client.send("UPDATE_CONFIG", json!({ *section: { *key: value } }));
    }
    for client in &mut clients {
        assert_eq!(client.receive().unwrap()["status"], "success");
    }
    let config = service.connect().ask("GET_CONFIG")["config"].clone();
    for (section, key, value) in &wanted {
        assert_eq!(&config[section][key], value, "{section}.{key}");
    }
    service.ready();
    service.end();
}

#[test]
fn a_client_of_voice2machines_reads_changes_and_writes_back() {
    let service = House::new("").start();
    let mut client = service.connect();
    // The example in voice2machine's protocol.
    let example = json!({"transcription": {"whisper": {"vad_filter": false}}});
    let answer = client.ask_with("UPDATE_CONFIG", example);
    assert_eq!(answer["status"], "ok");
    assert_eq!(answer["ignored"][0]["key"], "transcription.whisper.vad_filter");
    let mut config = client.ask("GET_CONFIG")["config"].clone();
    assert_eq!(config["transcription"]["whisper"]["model"], config["engine"]["model"]);
    config["transcription"]["whisper"]["language"] = json!("es");
    let answer = client.ask_with("UPDATE_CONFIG", json!({"updates": config}));
    assert_eq!((&answer["applied"], answer.get("ignored")), (&json!(["engine.language"]), None));
    assert_eq!(client.ask("GET_CONFIG")["config"]["engine"]["language"], "es");
    let text = fs::read_to_string(service.config_file()).unwrap();
    assert!(text.contains("language = \"es\"") && !text.contains("whisper"), "{text}");
    service.end();
}
