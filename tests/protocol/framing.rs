//! Tests both framings, keep-alive, pipelining and half-close.

use crate::harness::{Service, code, data};
use serde_json::json;
use std::io::Write;
use v2m::call::{Answer, Request, TextSource, TextWork};
use v2m::session::{Code, Failure, State};

const PING: &str = r#"{"cmd":"PING"}"#;

#[test]
fn a_connection_carries_any_number_of_requests() {
    let service = Service::bare();
    let mut peer = service.connect();
    for _ in 0..50 {
        assert_eq!(data(&peer.ask(PING)), "PONG");
    }
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let service = Service::bare();
    let mut peer = service.connect();
    for byte in b"\0\0\0\x0e{\"cmd\":\"PING\"}" {
        peer.write(&[*byte]);
    }
    assert_eq!(data(&peer.read()), "PONG");
}

#[test]
fn lines_are_answered_in_lines() {
    let service = Service::bare();
    let mut peer = service.connect();
    peer.write(b"{\"cmd\":\"PING\"}\n");
    assert_eq!(data(&peer.read_line()), "PONG");
    peer.write(b"nonsense\n\n{\"cmd\":\"PING\"}\r\n");
    assert_eq!(code(&peer.read_line()), "bad_request");
    assert_eq!(data(&peer.read_line()), "PONG");
}

/// `printf '{"cmd":"PING"}' | socat - UNIX:…` sends such a line.
#[test]
fn a_last_line_needs_no_end() {
    let service = Service::bare();
    let mut peer = service.connect();
    peer.write(PING.as_bytes()).half_close();
    assert_eq!(data(&peer.read_line()), "PONG");
    peer.assert_ended();
}

fn echo(work: TextWork) -> Answer {
    let TextSource::Given(text) = work.source else { panic!("{work:?}") };
    Answer::Text { state: State::Idle, text, original: None, deliveries: Vec::new() }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let service = Service::scripted(|request| match request {
        Request::Text(work) => Ok(echo(work)),
        _ => Err(Failure::new(Code::Internal, "not in the script")),
    });
    let mut peer = service.connect();
    for n in 0..20 {
        let text = format!("text {n}");
        peer.send(&json!({"cmd": "PROCESS_TEXT", "data": {"text": text}}).to_string());
        peer.send(PING);
    }
    peer.half_close();
    for n in 0..20 {
        assert_eq!(data(&peer.read())["text"], format!("text {n}"));
        assert_eq!(data(&peer.read()), "PONG");
    }
    peer.assert_ended();
}

#[test]
fn a_peer_that_half_closed_still_reads_a_late_answer() {
    let (service, mut calls) = Service::start(|_| {});
    let mut peer = service.connect();
    peer.send(r#"{"cmd":"CANCEL_RECORDING"}"#).half_close();
    let call = calls.blocking_recv().unwrap();
    call.reply.send(Ok(Answer::State { state: State::Idle, message: None })).unwrap();
    assert_eq!(data(&peer.read()), &json!({"state": "idle"}));
    peer.assert_ended();
}

/// A half-close makes the frame impossible to complete. The peer still reads, so it gets an error.
#[test]
fn a_frame_that_ends_before_its_length_is_refused() {
    let service = Service::bare();
    let mut peer = service.connect();
    peer.write(b"\0\0\0\x0e{\"cmd\"").half_close();
    assert_eq!(code(&peer.read()), "bad_request");
    peer.assert_ended();
}

#[test]
fn while_one_client_waits_others_are_served() {
    let (service, mut calls) = Service::start(|_| {});
    let mut waiting = service.connect();
    waiting.send(r#"{"cmd":"STOP_RECORDING"}"#);
    let call = calls.blocking_recv().unwrap();
    assert_eq!(data(&service.connect().ask(PING)), "PONG");
    call.reply.send(Err(Failure::new(Code::NoSpeech, "nothing was said"))).unwrap();
    assert_eq!(code(&waiting.read()), "no_speech");
}

#[test]
fn a_client_that_leaves_without_its_answer_harms_nobody() {
    let (service, mut calls) = Service::start(|_| {});
    let mut leaving = service.connect();
    leaving.send(r#"{"cmd":"STOP_RECORDING"}"#);
    let call = calls.blocking_recv().unwrap();
    drop(leaving);
    let _ = call.reply.send(Ok(Answer::State { state: State::Idle, message: None }));
    assert_eq!(data(&service.connect().ask(PING)), "PONG");
}

#[test]
fn both_framings_keep_their_text_whole() {
    let service = Service::scripted(|request| match request {
        Request::Text(work) => Ok(echo(work)),
        _ => Err(Failure::new(Code::Internal, "not in the script")),
    });
    let text = "Zeile 1\nZeile 2 \u{2028} \u{1f600} \"\\".repeat(2000);
    let request = json!({"cmd": "TRANSLATE_TEXT", "data": {"text": text}}).to_string();
    assert_eq!(data(&service.connect().ask(&request))["text"], text);
    let mut peer = service.connect();
    writeln!(peer.0, "{request}").unwrap();
    assert_eq!(data(&peer.read_line())["refined_text"], text);
}
