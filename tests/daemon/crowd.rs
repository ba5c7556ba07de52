//! Tests the service with more clients than it can serve at once.

use crate::house::House;
use crate::recording::Studio;
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

#[test]
fn seventy_clients_at_once_are_all_answered() {
    let service = House::new("").start();
    let mut clients: Vec<_> = (0..70).map(|_| service.connect()).collect();
    clients.iter_mut().for_each(|client| client.send("PING", Value::Null));
    for client in &mut clients {
        assert_eq!(client.receive().unwrap()["data"], "PONG");
    }
    service.ready();
    service.end();
}

/// Regression: a press waited for minutes, because all connections were in use and refusals waited
/// for one another. A client may take five seconds to complete a frame; the press must be answered
/// while some of the crowd still have that time.
#[test]
fn a_press_among_300_half_open_and_60_subscribed_clients_is_answered() {
    let studio = Studio::with(House::new(""));
    let service = &studio.service;
    let press = |cmd| {
        let begun = Instant::now();
        service.connect().ask(cmd);
        begun.elapsed()
    };
    press("START_RECORDING");
    press("CANCEL_RECORDING");
    let alone = [press("START_RECORDING"), press("CANCEL_RECORDING")];
    let mut subscribers: Vec<_> =
        (0..60).map(|_| service.connect().subscribe(&["state"])).collect();
    let mut crowd: Vec<_> = (0..300)
        .map(|_| {
            let mut peer = UnixStream::connect(service.path("run/v2m.sock")).unwrap();
            peer.write_all(b"\0\0").unwrap();
            peer
        })
        .collect();
    let crowded = [press("START_RECORDING"), press("CANCEL_RECORDING")];
    let is_waiting = |peer: &mut UnixStream| {
        peer.set_nonblocking(true).unwrap();
        peer.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    let waiting = crowd.iter_mut().map(is_waiting).filter(|waits| *waits).count();
    println!("start and cancel alone: {alone:?}; among the crowd: {crowded:?}; {waiting} wait");
    assert!(waiting > 0, "the presses waited for the whole crowd");
    for subscriber in &mut subscribers {
        subscriber.until("state", "state", "recording");
        subscriber.until("state", "state", "idle");
    }
    studio.service.end();
}

/// Regression: each TEST_RULES blocked the event loop while its rules ran, and calls had priority
/// over sound. Fifty clients cost the recording five seconds of sound, and triggered the watchdog
/// after half a minute.
#[test]
fn fifty_clients_that_try_the_rules_cost_a_recording_no_sample() {
    let studio = Studio::with(House::new(""));
    studio.record(3);
    let text = "Scratch that. ".repeat((64 << 10) / 14);
    let mut clients: Vec<_> = (0..50).map(|_| studio.service.connect()).collect();
    for client in &mut clients {
        client.send("TEST_RULES", json!({ "text": text, "language": "en" }));
    }
    for client in &mut clients {
        assert_eq!(client.receive().unwrap()["status"], "success");
    }
    studio.service.connect().ask("STOP_RECORDING");
    assert_eq!(studio.text_of_recording(), studio.service.record()["text"]);
    let log = studio.service.log();
    assert!(log.contains("recorded ") && !log.contains("are missing"), "{log}");
    studio.service.end();
}
