//! Tests the start: readiness, with and without a model, and with and without a valid
//! configuration.

use crate::house::{House, failure, wait_for};
use serde_json::Value;

#[test]
fn it_is_ready_when_the_model_is_loaded_and_answers_before_that() {
    let service = House::new("loading wait").start();
    service.tells("STATUS=Starting the recogniser for the model double");
    service.tells("STATUS=Loading the model double (0 MB)");
    let status = service.connect().ask("GET_STATUS");
    assert_eq!(status["state"], "idle");
    assert_eq!(status["engine"]["state"], "loading");
    assert!(!service.has_told("READY=1"));
    service.tells("EXTEND_TIMEOUT_USEC=");
    service.go();
    assert_eq!(service.ready(), "Ready: double on cpu (a double)");
    let engine = service.connect().ask("GET_STATUS")["engine"].clone();
    assert_eq!(engine["state"], "warm");
    assert_eq!(engine["backend"], "cpu");
    assert_eq!(engine["model"], "double");
    service.end();
}

#[test]
fn without_a_model_it_is_ready_and_says_so_until_one_appears() {
    let service = House::without_model().start();
    let status = service.ready();
    assert!(status.starts_with("Not ready: "), "{status}");
    let (code, text) = service.connect().refused("START_RECORDING");
    assert_eq!(code, "model_missing");
    assert!(text.contains("ggml-double.bin") && text.contains("v2m-model"), "{text}");
    let mut events = service.connect().subscribe(&["engine"]);
    service.model("double", "");
    events.until("engine", "state", "warm");
    service.tells("STATUS=Ready: double on cpu");
    service.end();
}

#[test]
fn with_a_model_that_is_refused_it_stays_and_takes_a_better_one() {
    let service = House::new("loading broken").start();
    let status = service.ready();
    assert!(
        status.starts_with("Not ready: Loading ") && status.contains("pull double"),
        "{status}"
    );
    let mut events = service.connect().subscribe(&["engine"]);
    service.model("double", "\n\n");
    events.until("engine", "state", "warm");
    service.end();
}

#[test]
fn an_engine_that_always_dies_does_not_take_the_service_along() {
    let service = House::new("loading abort").start();
    let status = service.ready();
    assert!(status.starts_with("Not ready: ") && status.contains("signal 6"), "{status}");
    let (code, text) = service.connect().refused("TOGGLE_RECORDING");
    assert_eq!(code, "engine_failed", "{text}");
    assert_eq!(service.lives("double").len(), 2);
    service.end();
}

#[test]
fn without_pipewire_a_press_is_refused_in_time_and_the_service_goes_on() {
    let service = House::new("").start();
    let mut client = service.connect();
    for _ in 0..2 {
        let (code, text) = client.refused("START_RECORDING");
        assert_eq!(code, "no_microphone", "{text}");
        assert_eq!(client.ask("GET_STATUS")["state"], "idle");
    }
    let (code, _) = client.refused("STOP_RECORDING");
    assert_eq!(code, "not_recording");
    service.ready();
    let house = service.end();
    assert_eq!(house.kept("wav"), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_broken_configuration_is_told_to_all_who_wait_and_ends_it_with_78() {
    let house = House::new("");
    house.configure("[engine]\nmodle = \"base\"\n");
    let mut waiting: Vec<_> = (0..5).map(|_| house.connect()).collect();
    waiting.iter_mut().for_each(|client| client.send("TOGGLE_RECORDING", Value::Null));
    let service = house.start();
    for client in &mut waiting {
        let (code, text) = failure(&client.receive().unwrap());
        assert_eq!(code, "bad_config");
        for part in ["modle", "config.toml", "check-config"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("?."), "one mark ends a sentence: {text}");
        assert_eq!(client.receive(), None);
    }
    let (status, house) = service.ended();
    assert_eq!(status.code(), Some(78));

    // The next press reads the repaired file.
    house.configure(crate::house::CONFIG);
    let service = house.start();
    assert_eq!(service.connect().ask("PING"), "PONG");
    service.ready();
    service.end();
}

#[test]
fn the_engine_inherits_nothing_of_the_services() {
    let service = House::new("").start();
    service.ready();
    let [engine] = service.lives("double")[..] else { panic!("one engine") };
    let open = std::fs::read_dir(format!("/proc/{engine}/fd")).unwrap();
    let links = open.map(|entry| std::fs::read_link(entry.unwrap().path()).unwrap());
    let links: Vec<_> = links.map(|link| link.to_string_lossy().into_owned()).collect();
    let sockets = links.iter().filter(|link| link.starts_with("socket:")).count();
    assert_eq!(sockets, 1, "its own alone: {links:?}");
    let environment = std::fs::read(format!("/proc/{engine}/environ")).unwrap();
    let environment = String::from_utf8_lossy(&environment).into_owned();
    for name in ["LISTEN_", "NOTIFY_SOCKET"] {
        assert!(!environment.contains(name), "{environment}");
    }
    service.end();
    wait_for("the engine's end", || {
        (!std::path::Path::new(&format!("/proc/{engine}")).exists()).then_some(())
    });
}
