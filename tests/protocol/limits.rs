//! Tests the limits for clients: too long, too slow, too many, another user. Also tests how the
//! server stops.

use crate::harness::{Service, code, data};
use serde_json::json;
use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;
use v2m::call::{Answer, Event, Progress, Request};
use v2m::session::State;

const PING: &str = r#"{"cmd":"PING"}"#;

#[test]
fn a_request_of_1_mib_is_read_and_a_byte_more_is_not() {
    let service = Service::bare();
    let mut peer = service.connect();
    let longest = |extra: usize| {
        let open = r#"{"cmd":"PING","x":""#;
        format!("{open}{}\"}}", "x".repeat((1 << 20) - open.len() - 2 + extra))
    };
    assert_eq!(data(&peer.ask(&longest(0))), "PONG");
    // The whole frame is written before the answer is read, as simple clients do it.
    assert_eq!(code(&peer.ask(&longest(1))), "too_large");
    peer.assert_ended();
}

#[test]
fn a_length_alone_is_enough_to_be_refused() {
    let service = Service::bare();
    for length in [0x0010_0001_u32, 0x00ff_ffff] {
        let mut peer = service.connect();
        peer.write(&length.to_be_bytes());
        assert_eq!(code(&peer.read()), "too_large");
        peer.assert_ended();
    }
    let mut peer = service.connect();
    assert_eq!(data(&peer.ask(PING)), "PONG");
    peer.write(&[0xff; 4]);
    assert_eq!(code(&peer.read()), "too_large");
}

#[test]
fn a_line_without_end_is_refused_in_lines() {
    let service = Service::bare();
    let mut peer = service.connect();
    peer.write(&vec![b' '; (1 << 20) + 1]);
    assert_eq!(code(&peer.read_line()), "too_large");
    peer.assert_ended();
}

#[test]
fn a_half_sent_frame_has_a_deadline_and_an_idle_connection_has_none() {
    let service = Service::limited(|limits| limits.half_frame = Duration::from_millis(50));
    let mut idle = service.connect();
    let mut kept = service.connect();
    assert_eq!(data(&kept.ask(PING)), "PONG");
    for half in [&b"\0"[..], b"\0\0\0\x0e{\"cmd"] {
        let mut peer = service.connect();
        peer.write(half);
        assert_eq!(code(&peer.read()), "bad_request");
        peer.assert_ended();
    }
    let mut peer = service.connect();
    peer.write(b"{\"cmd\"");
    assert_eq!(code(&peer.read_line()), "bad_request");
    peer.assert_ended();
    // By now, both have been idle for longer than the deadline.
    assert_eq!(data(&idle.ask(PING)), "PONG");
    assert_eq!(data(&kept.ask(PING)), "PONG");
}

/// A slow trickle of bytes does not extend the deadline.
#[test]
fn the_deadline_counts_from_the_frames_first_byte() {
    let service = Service::limited(|limits| limits.half_frame = Duration::from_millis(200));
    let mut peer = service.connect();
    peer.write(&[0, 0, 0x0f, 0]);
    peer.0.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut header = [0; 4];
    for _ in 0..500 {
        match peer.0.read_exact(&mut header) {
            Ok(()) => return assert!(u32::from_be_bytes(header) > 0),
            Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock),
        }
        peer.write(b" ");
    }
    panic!("a frame that trickles was waited for");
}

#[test]
fn the_65th_connection_gets_the_place_of_the_one_that_was_silent_longest() {
    let service = Service::limited(|limits| limits.grace = Duration::ZERO);
    let mut subscriber = service.connect();
    subscriber.ask(r#"{"cmd":"SUBSCRIBE","data":{"events":["state"]}}"#);
    let mut kept: Vec<_> = (0..61).map(|_| service.connect()).collect();
    for peer in &mut kept {
        assert_eq!(data(&peer.ask(PING)), "PONG");
    }
    let mut half = service.connect();
    half.write(b"{\"cmd\"");
    let mut silent = service.connect();
    // This answer shows that the server has accepted all of them.
    assert_eq!(data(&kept[0].ask(PING)), "PONG");

    let newcomer = || {
        let mut peer = service.connect();
        assert_eq!(data(&peer.ask(PING)), "PONG");
        peer
    };
    let mut newcomers = vec![newcomer(), newcomer()];
    // Clients without a complete request are dropped first. Each gets the error in its own framing.
    assert_eq!(code(&half.read_line()), "busy");
    half.assert_ended();
    assert_eq!(code(&silent.read()), "busy");
    silent.assert_ended();
    newcomers.push(newcomer());
    // The first of them has sent another request since, so the second one is dropped.
    assert_eq!(code(&kept[1].read()), "busy");
    kept.remove(1).assert_ended();
    for peer in kept.iter_mut().chain(&mut newcomers) {
        assert_eq!(data(&peer.ask(PING)), "PONG");
    }
    service
        .events
        .send(Event::State { state: State::Paused, job: None, progress: Progress::default() })
        .unwrap();
    assert_eq!(subscriber.read()["data"]["state"], "paused");
}

/// Regression: three hundred clients that had sent half a frame made a press wait for minutes. Each
/// refusal took 300 ms, one after another.
#[test]
fn refusals_wait_for_nobody() {
    let service = Service::limited(|limits| limits.half_frame = Duration::from_secs(3600));
    let half_open = |_| {
        let mut peer = service.connect();
        peer.write(b"\0\0");
        peer
    };
    let mut crowd: Vec<_> = (0..300).map(half_open).collect();
    assert_eq!(data(&service.connect().ask(PING)), "PONG");
    // Most of them were refused. The last ones are still connected, an hour before their deadline.
    assert_eq!(code(&crowd[0].read()), "busy");
    let last = crowd.last_mut().unwrap();
    last.0.set_nonblocking(true).unwrap();
    assert_eq!(last.0.read(&mut [0]).map_err(|e| e.kind()), Err(ErrorKind::WouldBlock));
}

#[test]
fn a_press_gets_in_where_64_requests_are_under_way() {
    let (service, mut calls) = Service::start(|_| {});
    let mut waiting: Vec<_> = (0..64).map(|_| service.connect()).collect();
    let mut under_way = Vec::new();
    // Each is admitted before the next one sends its request. Otherwise the server might read the
    // 65th before one of these 64.
    for peer in &mut waiting {
        peer.send(r#"{"cmd":"LAST_TEXT"}"#);
        under_way.push(calls.blocking_recv().unwrap());
    }
    let refused = service.connect().ask(r#"{"cmd":"GET_STATUS"}"#);
    assert_eq!(code(&refused), "busy");
    let mut one_more = service.connect();
    one_more.send(r#"{"cmd":"TOGGLE_RECORDING"}"#);
    let press = calls.blocking_recv().unwrap();
    assert!(matches!(press.request, Request::Session(_)));
    press.reply.send(Ok(Answer::State { state: State::Recording, message: None })).unwrap();
    assert_eq!(data(&one_more.read()), &json!({"state": "recording"}));
    for call in under_way {
        call.reply.send(Ok(Answer::LastText { state: State::Idle, text: "x".into() })).unwrap();
    }
    for peer in &mut waiting {
        assert_eq!(data(&peer.read())["text"], "x");
    }
}

#[test]
fn where_every_connection_waits_for_an_answer_a_newcomer_is_told_at_once() {
    let (service, mut calls) = Service::start(|server| {
        (server.limits.connections, server.limits.newcomers) = (1, 1);
    });
    let mut waiting = [service.connect(), service.connect()];
    let mut under_way = Vec::new();
    for peer in &mut waiting {
        peer.send(r#"{"cmd":"TOGGLE_RECORDING"}"#);
        under_way.push(calls.blocking_recv().unwrap());
    }
    let mut silent = service.connect();
    assert_eq!(code(&silent.read()), "busy");
    silent.assert_ended();
    for call in under_way {
        call.reply.send(Ok(Answer::State { state: State::Idle, message: None })).unwrap();
    }
    for peer in &mut waiting {
        assert_eq!(data(&peer.read())["state"], "idle");
        assert_eq!(data(&peer.ask(PING)), "PONG");
    }
}

#[test]
fn another_users_connection_is_closed_unanswered() {
    let (service, _calls) = Service::start(|server| server.uid += 1);
    let mut peer = service.connect();
    peer.assert_ended();
}

#[test]
fn stopping_answers_what_is_open_and_closes_what_is_idle() {
    let (mut service, mut calls) = Service::start(|_| {});
    let mut idle = service.connect();
    assert_eq!(data(&idle.ask(PING)), "PONG");
    let mut waiting = service.connect();
    waiting.send(r#"{"cmd":"CANCEL_RECORDING"}"#);
    let call = calls.blocking_recv().unwrap();
    service.stop();
    idle.assert_ended();
    // The listener is closed by another task: soon, but not at the same moment as the idle
    // connection.
    let refuses = || {
        thread::sleep(Duration::from_millis(5));
        UnixStream::connect(service.path()).is_err_and(|e| e.kind() == ErrorKind::ConnectionRefused)
    };
    assert!((0..100).any(|_| refuses()), "connections are still accepted");
    call.reply.send(Ok(Answer::State { state: State::Idle, message: None })).unwrap();
    assert_eq!(data(&waiting.read()), &json!({"state": "idle"}));
    service.join();
}

/// Regression: a request that arrived just before the stop was lost, and its client could not tell
/// whether it had been executed. Now it stays unread, so the connection is reset and the client
/// sends it again.
#[test]
fn a_request_that_comes_while_stopping_is_reset_unread() {
    let (mut service, mut calls) = Service::start(|_| {});
    let mut peer = service.connect();
    peer.send(r#"{"cmd":"CANCEL_RECORDING"}"#);
    let call = calls.blocking_recv().unwrap();
    service.stop();
    peer.send(r#"{"cmd":"START_RECORDING"}"#);
    call.reply.send(Ok(Answer::State { state: State::Idle, message: None })).unwrap();
    assert_eq!(data(&peer.read()), &json!({"state": "idle"}));
    let end = peer.0.read(&mut [0]).map_err(|e| e.kind());
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
    service.join();
}
