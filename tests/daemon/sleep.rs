//! Tests sleep and wake-up of the machine, with a double of logind.

use crate::house::{CONFIG, House, Service};
use crate::recording::Studio;
use serde_json::Value;
use v2m_testkit::logind::Logind;

fn house(logind: &Logind, script: &str) -> House {
    let mut house = House::new(script);
    house.install("-cuda");
    house.system_bus = Some(logind.address());
    house
}

/// Returns the process ids of the GPU's engine.
fn on_gpu(house: &House) -> Vec<i32> {
    let lives = std::fs::read_to_string(house.model_file("double", "cuda.lives"));
    lives.unwrap_or_default().lines().filter_map(|line| line.parse().ok()).collect()
}

fn is_there(pid: i32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}

fn engine(service: &Service) -> Value {
    service.connect().ask("GET_STATUS")["engine"].clone()
}

#[test]
fn the_machine_sleeps_once_the_gpu_is_free_and_finds_it_loaded_when_it_wakes() {
    let logind = Logind::start();
    let service = house(&logind, "").start();
    service.ready();
    let mut lock = logind.lock();
    for nights in 1..4 {
        let mut events = service.connect().subscribe(&["engine"]);
        let [.., engine_pid] = on_gpu(&service)[..] else { panic!("no engine on the GPU") };
        assert!(lock.is_held() && is_there(engine_pid));
        logind.say(true);
        lock.released();
        assert!(!is_there(engine_pid), "the machine sleeps with the GPU in use");
        events.until("engine", "state", "unloaded");
        service.tells("STATUS=Ready: double is not loaded");
        assert_eq!(engine(&service)["state"], "unloaded");
        logind.say(false);
        assert_eq!(events.until("engine", "state", "warm")["backend"], "cuda");
        service.tells("STATUS=Ready: double on cuda");
        assert_eq!(on_gpu(&service).len(), nights + 1);
        lock = logind.lock();
    }
    assert_eq!(service.lives("double").len(), 0, "the processor was never needed");
    service.end();
    lock.released();
}

#[test]
fn sleep_is_heard_of_again_after_the_system_bus_was_started_again() {
    let logind = Logind::start();
    let service = house(&logind, "").start();
    service.ready();
    let lost = logind.lock();
    let logind = logind.restarted();
    // This lock no longer delays anything, because the new logind does not know it.
    lost.released();
    let lock = logind.lock();
    logind.say(true);
    lock.released();
    logind.say(false);
    let lock = logind.lock();
    service.end();
    lock.released();
}

#[test]
fn a_recording_that_a_sleep_interrupts_loses_nothing() {
    let logind = Logind::start();
    let studio = Studio::with(house(&logind, ""));
    let lock = logind.lock();
    studio.record(3);
    logind.say(true);
    lock.released();
    let mut client = studio.service.connect();
    client.send("STOP_RECORDING", Value::Null);
    logind.say(false);
    let answer = client.receive().unwrap();
    assert_eq!(answer["status"], "success", "{answer}");
    assert_eq!(answer["data"]["text"], studio.text_of_recording());
    studio.service.end();
}

#[test]
fn without_an_engine_for_a_gpu_sleep_is_nobodys_business() {
    let logind = Logind::start();
    let mut house = House::new("");
    house.system_bus = Some(logind.address());
    let service = house.start();
    service.ready();
    assert_eq!(engine(&service)["backend"], "cpu");
    // The service listens for sleep as soon as a GPU's engine may be used.
    service.install("-vulkan");
    service.configure(&format!("{CONFIG}[session]\nmax_minutes = 1\n"));
    let mut client = service.connect();
    client.ask_with("UPDATE_CONFIG", serde_json::json!({"engine": {"threads": 1}}));
    let lock = logind.lock();
    client.ask_with("UPDATE_CONFIG", serde_json::json!({"engine": {"backend": "cpu"}}));
    lock.released();
    assert!(logind.is_unasked());
    service.end();
}
