//! Tests how the service ends when it is idle, and that it does not end otherwise.

use crate::house::{House, wait_for};
use rustix::process::Signal;

#[test]
fn shutdown_is_answered_and_ends_everything() {
    let service = House::new("").start();
    service.ready();
    let mut idle = service.connect();
    assert_eq!(idle.ask("PING"), "PONG");
    assert_eq!(service.connect().ask("SHUTDOWN")["message"], "SHUTTING_DOWN");
    service.tells("STOPPING=1");
    assert_eq!(idle.receive(), None);
    let engine = format!("/proc/{}", service.lives("double")[0]);
    let (status, _house) = service.ended();
    assert_eq!(status.code(), Some(0));
    wait_for("the engine's end", || (!std::path::Path::new(&engine).exists()).then_some(()));
}

#[test]
fn sigterm_and_sigint_do_the_same_also_while_loading() {
    for signal in [Signal::TERM, Signal::INT] {
        let service = House::new("loading wait").start();
        service.tells("STATUS=Loading");
        service.signal(signal);
        service.tells("STOPPING=1");
        let (status, house) = service.ended();
        assert_eq!(status.code(), Some(0));
        assert!(house.log().contains("v2m has ended"), "{}", house.log());
    }
}

/// A client that connects while the service ends is served by the next one.
#[test]
fn a_request_that_came_too_late_waits_for_the_next_start() {
    let service = House::new("").start();
    service.ready();
    service.signal(Signal::TERM);
    let (status, house) = service.ended();
    assert!(status.success());
    let mut late = house.connect();
    late.send("PING", serde_json::Value::Null);
    let service = house.start();
    assert_eq!(late.receive().unwrap()["data"], "PONG");
    service.ready();
    service.end();
}

/// Installers do not restart the service, because that would end a recording. So it exits by
/// itself.
#[test]
fn after_an_upgrade_it_leaves_when_nobody_needs_it_and_not_before() {
    let service = House::new("wait").start();
    service.ready();
    let mut client = service.connect();
    // The next process would not know that dictation is paused, so the service stays.
    client.ask("PAUSE_DAEMON");
    service.upgrade_engine();
    let mut events = service.connect().subscribe(&["state"]);
    assert_eq!(client.ask("PING"), "PONG");
    client.ask("RESUME_DAEMON");
    events.until("state", "state", "idle");
    service.tells("STOPPING=1");
    let (status, house) = service.ended();
    assert_eq!(status.code(), Some(0));
    assert!(house.log().contains("v2m was upgraded"), "{}", house.log());
    // New clients are served by the new program.
    let service = house.start();
    service.ready();
    service.end();
}
