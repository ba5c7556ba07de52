//! Tests SUBSCRIBE, and subscribers that are too slow.

use crate::harness::{EVENTS, Service, data};
use serde_json::{Value, json};
use std::time::Duration;
use v2m::call::{Event, Level, Progress, RecordingTime};
use v2m::session::{Code, Delivery, EngineState, Failure, JobId, State};

fn every_event() -> Vec<(Event, Value)> {
    let delivery =
        Delivery { by: "clipboard", backend: None, ok: false, detail: "no display".into() };
    vec![
        (
            Event::State {
                state: State::Recording,
                job: Some(JobId(8)),
                progress: Progress {
                    recording: Some(RecordingTime { since: 1_764_000_000.123, elapsed: 0.014 }),
                    reason: None,
                },
            },
            json!({"type": "state", "state": "recording", "job": 8,
                   "recording_since": 1_764_000_000.12, "elapsed_s": 0.01}),
        ),
        (
            Event::State {
                state: State::Idle,
                job: None,
                progress: Progress {
                    recording: None,
                    reason: Some(Failure::new(Code::NoSpeech, "Nothing was said.")),
                },
            },
            json!({"type": "state", "state": "idle",
                   "reason": {"code": "no_speech", "error": "Nothing was said."}}),
        ),
        (
            Event::TranscriptionUpdate { job: JobId(7), text: "hi".into(), is_final: false },
            json!({"type": "transcription_update", "text": "hi", "final": false, "job": 7}),
        ),
        (
            Event::Heartbeat { timestamp: 1.5, state: State::Recording },
            json!({"type": "heartbeat", "timestamp": 1.5, "state": "recording"}),
        ),
        (
            Event::Level(Level { rms_dbfs: -20.1, peak_dbfs: -3.0 }),
            json!({"type": "level", "dbfs": -20.1, "peak_dbfs": -3.0}),
        ),
        (
            Event::Engine { state: EngineState::Loading, backend: None },
            json!({"type": "engine", "state": "loading", "backend": null}),
        ),
        (
            Event::Delivery { job: Some(JobId(7)), delivery },
            json!({"type": "delivery", "by": "clipboard", "ok": false, "detail": "no display",
                   "job": 7}),
        ),
        (
            Event::Progress { path: "/a b.wav".into(), samples: 24_000, of: 48_000 },
            json!({"type": "progress", "file_path": "/a b.wav", "seconds": 1.5, "of": 3.0}),
        ),
    ]
}

#[test]
fn a_subscriber_gets_every_event_in_order() {
    let service = Service::bare();
    let mut peer = service.connect();
    let mut names: Vec<&str> = every_event().iter().map(|(event, _)| event.name()).collect();
    names.dedup();
    let answer = peer.ask(r#"{"cmd":"SUBSCRIBE"}"#);
    assert_eq!(data(&answer), &json!({ "subscribed": names }));
    for (event, expected) in every_event() {
        service.events.send(event).unwrap();
        assert_eq!(peer.read(), json!({"status": "event", "data": expected, "error": null}));
    }
}

#[test]
fn only_the_events_asked_for_come() {
    let service = Service::bare();
    let mut peer = service.connect();
    let answer = peer.ask(r#"{"cmd":"SUBSCRIBE","data":{"events":["delivery","state"]}}"#);
    assert_eq!(data(&answer), &json!({"subscribed": ["state", "delivery"]}));
    for (event, _) in every_event() {
        service.events.send(event).unwrap();
    }
    for expected in ["state", "state", "delivery"] {
        assert_eq!(peer.read()["data"]["type"], expected);
    }
}

/// `echo '{"cmd":"SUBSCRIBE"}' | socat -t 3600 - UNIX:…` half-closes immediately.
#[test]
fn lines_can_subscribe_and_half_close() {
    let service = Service::bare();
    let mut peer = service.connect();
    peer.write(b"{\"cmd\":\"SUBSCRIBE\"}\n").half_close();
    assert_eq!(peer.read_line()["status"], "success");
    service
        .events
        .send(Event::State { state: State::Idle, job: None, progress: Progress::default() })
        .unwrap();
    assert_eq!(peer.read_line()["data"]["state"], "idle");
}

#[test]
fn an_events_connection_answers_nothing_more() {
    let service = Service::bare();
    let mut peer = service.connect();
    peer.ask(r#"{"cmd":"SUBSCRIBE"}"#);
    peer.send(r#"{"cmd":"PING"}"#);
    service
        .events
        .send(Event::State { state: State::Idle, job: None, progress: Progress::default() })
        .unwrap();
    assert_eq!(peer.read()["status"], "event");
}

#[test]
fn a_connection_that_did_not_subscribe_gets_no_events() {
    let service = Service::bare();
    let (mut plain, mut subscriber) = (service.connect(), service.connect());
    assert_eq!(data(&plain.ask(r#"{"cmd":"PING"}"#)), "PONG");
    subscriber.ask(r#"{"cmd":"SUBSCRIBE"}"#);
    service
        .events
        .send(Event::State { state: State::Idle, job: None, progress: Progress::default() })
        .unwrap();
    subscriber.read();
    assert_eq!(data(&plain.ask(r#"{"cmd":"PING"}"#)), "PONG");
}

#[test]
fn a_subscriber_that_does_not_read_loses_its_connection_and_slows_nobody() {
    let service = Service::limited(|limits| limits.unread = Duration::from_millis(100));
    let (mut lazy, mut keen) = (service.connect(), service.connect());
    lazy.ask(r#"{"cmd":"SUBSCRIBE"}"#);
    keen.ask(r#"{"cmd":"SUBSCRIBE"}"#);
    let text = "x".repeat(100_000);
    for n in 0..EVENTS * 4 {
        let text = format!("{n} {text}");
        service
            .events
            .send(Event::TranscriptionUpdate { job: JobId(1), text: text.clone(), is_final: false })
            .unwrap();
        assert_eq!(keen.read()["data"]["text"], text);
    }
    let got = lazy.rest().len();
    assert!(got < EVENTS * 4 * text.len(), "{got} bytes were kept for a subscriber that slept");
    assert_eq!(data(&service.connect().ask(r#"{"cmd":"PING"}"#)), "PONG");
}

#[test]
fn subscribers_that_leave_free_their_places() {
    let service = Service::limited(|limits| limits.connections = 2);
    for _ in 0..10 {
        let served = (0..1000).any(|_| {
            let mut peer = service.connect();
            peer.ask(r#"{"cmd":"SUBSCRIBE"}"#)["status"] == "success"
        });
        assert!(served, "a freed place was not given again");
    }
}

#[test]
fn stopping_ends_subscriptions_after_what_was_sent() {
    let mut service = Service::bare();
    let mut peer = service.connect();
    peer.ask(r#"{"cmd":"SUBSCRIBE"}"#);
    service
        .events
        .send(Event::State { state: State::Idle, job: None, progress: Progress::default() })
        .unwrap();
    service.stop();
    assert_eq!(peer.read()["data"]["state"], "idle");
    peer.assert_ended();
    service.join();
}
