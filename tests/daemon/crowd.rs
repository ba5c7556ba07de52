//! More clients than it serves.

use crate::house::{House, failure};
use crate::recording::Studio;
use serde_json::{Value, json};

#[test]
fn of_seventy_connections_sixty_four_are_served_and_six_are_told_why_not() {
    let service = House::new("").start();
    let mut clients: Vec<_> = (0..70).map(|_| service.connect()).collect();
    clients.iter_mut().for_each(|client| client.send("PING", Value::Null));
    let answers: Vec<_> = clients.iter_mut().map(|client| client.receive().unwrap()).collect();
    let (served, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer["status"] == "success");
    assert_eq!((served.len(), refused.len()), (64, 6));
    for answer in refused {
        assert_eq!(failure(answer).0, "busy");
    }
    drop(clients);
    crate::house::wait_for("room for one more", || {
        let mut client = service.connect();
        (client.call("PING", Value::Null)["status"] == "success").then_some(())
    });
    service.ready();
    service.end();
}

/// Each TEST_RULES held the event loop for as long as its rules took, and calls came before sound:
/// fifty clients cost the recording five seconds of what was said, and the watchdog half a minute.
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
