//! Tests the socket: frames, limits, and how the program ends.

use crate::harness::{
    CLEAN, Client, Daemon, PATIENCE, TEXT, endpoint, failed, new_house, plain_program, rewrite,
    text,
};
use crate::peer::{Act, Peer, STREAM, Then, reply, said};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use v2m_ipc::frame::{Framing, MAX_REQUEST};
use v2m_ipc::llm::{Bounds, Endpoint, FailureKind, MAX_TEXT, Question};

#[test]
fn without_its_socket_it_says_how_it_is_started() {
    let program = env!("CARGO_BIN_EXE_v2m-llm");
    let run =
        |args: &[&str]| Command::new(program).args(args).stdin(Stdio::null()).output().unwrap();
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(69));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("systemctl --user start v2m-llm.socket"), "{said}");
    assert_eq!(run(&["--nonsense"]).status.code(), Some(2));
}

#[test]
fn it_ends_when_nobody_is_connected_any_more() {
    let mut program = new_house().args(&["--idle-seconds", "1"]).start();
    let peer = Peer::new(vec![reply(STREAM, said(CLEAN))]);
    assert_eq!(program.ask(&rewrite(endpoint(&peer.url))), text(CLEAN));
    assert_eq!(program.end().code(), Some(0), "{}", program.log());
    // A connected client that sends nothing does not keep the program running.
    let mut program = new_house().args(&["--idle-seconds", "1"]).start();
    let mut client = program.connect();
    assert_eq!(client.next(), None);
    assert_eq!(program.end().code(), Some(0));
}

#[test]
fn sigterm_ends_it_at_once() {
    let mut program = plain_program();
    let (asked, wait) = sync_channel(1);
    let silent: Act = Box::new(move |stream| {
        asked.send(()).unwrap();
        let _ = stream.read(&mut [0]);
        Then::Close
    });
    let peer = Peer::new(vec![silent]);
    let mut client = program.connect();
    client.send(&rewrite(endpoint(&peer.url)));
    wait.recv_timeout(PATIENCE).unwrap();
    let pid = rustix::process::Pid::from_child(&program.process);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(program.end().signal(), Some(15));
}

#[test]
fn who_leaves_is_not_waited_for_and_the_model_is_left_too() {
    let program = plain_program();
    let (asked, wait) = sync_channel(1);
    let (left, seen) = sync_channel(1);
    let act: Act = Box::new(move |stream| {
        asked.send(()).unwrap();
        left.send(stream.read(&mut [0]).unwrap_or(0)).unwrap();
        Then::Close
    });
    let peer = Peer::new(vec![act]);
    let mut client = program.connect();
    client.send(&rewrite(endpoint(&peer.url)));
    wait.recv_timeout(PATIENCE).unwrap();
    drop(client);
    assert_eq!(seen.recv_timeout(PATIENCE), Ok(0), "the server sees the end of its connection");
    // The program continues to serve others.
    let peer = Peer::new(vec![reply(STREAM, said(CLEAN))]);
    assert_eq!(program.ask(&rewrite(endpoint(&peer.url))), text(CLEAN));
    assert!(program.log().contains(": cancelled"), "{}", program.log());
}

#[test]
fn who_sends_no_more_is_still_answered() {
    let program = plain_program();
    let peer = Peer::new(vec![reply(STREAM, said(CLEAN))]);
    let mut client = program.connect();
    client.send(&rewrite(endpoint(&peer.url)));
    client.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.next(), Some(text(CLEAN)));
    assert_eq!(client.next(), None);
}

#[test]
fn questions_that_make_no_sense_are_told_and_the_next_one_is_answered() {
    let program = plain_program();
    let peer = Peer::new(vec![reply(STREAM, said(CLEAN))]);
    let mut client = program.connect();
    for nonsense in ["{}", "{\"ask\":\"sing\"}", "[1", "null", "\"dictated secret\""] {
        let mut frame = u32::try_from(nonsense.len()).unwrap().to_be_bytes().to_vec();
        frame.extend_from_slice(nonsense.as_bytes());
        client.stream.write_all(&frame).unwrap();
        let (trouble, message) = failed(client.next().unwrap());
        assert_eq!(trouble, FailureKind::BadQuestion, "{nonsense}");
        assert!(!message.contains("dictated"), "{message}");
    }
    let there = endpoint(&peer.url);
    let bounds = |accept| Question::Rewrite {
        endpoint: there.clone(),
        instruction: "i".into(),
        text: TEXT.into(),
        accept: Some(accept),
    };
    let cool = Endpoint { temperature: -1.0, ..there.clone() };
    let instruct = |instruction: &str| Question::Rewrite {
        endpoint: there.clone(),
        instruction: instruction.into(),
        text: TEXT.into(),
        accept: None,
    };
    let translate = |into: &str, text: String| Question::Translate {
        endpoint: there.clone(),
        into: into.into(),
        text,
    };
    for question in [
        bounds(Bounds { kept: 2.0, ..Bounds::default() }),
        bounds(Bounds { longest: 1e300, ..Bounds::default() }),
        rewrite(cool),
        rewrite(Endpoint { model: "a\r\nb".into(), ..there.clone() }),
        instruct(" "),
        translate("Spanish", " ".into()),
        translate("Spanish", "x".repeat(MAX_TEXT + 1)),
        translate("", TEXT.into()),
        translate("a\nb", TEXT.into()),
    ] {
        assert_eq!(failed(client.ask(&question)).0, FailureKind::BadQuestion, "{question:?}");
    }
    assert_eq!(client.ask(&rewrite(there)), text(CLEAN));
    assert_eq!(peer.seen().requests.len(), 1);
}

#[test]
fn absurd_times_are_no_trouble() {
    let program = plain_program();
    let peer = Peer::new(vec![reply(STREAM, said(CLEAN))]);
    let long = Endpoint { connect_ms: u64::MAX, total_ms: u64::MAX, ..endpoint(&peer.url) };
    assert_eq!(program.ask(&rewrite(long)), text(CLEAN));
    let none = Endpoint { connect_ms: 0, total_ms: 0, ..endpoint(&peer.url) };
    assert_eq!(failed(program.ask(&rewrite(none))).0, FailureKind::Unavailable);
}

/// Returns the last message on a connection, and checks that the connection ends after it.
#[track_caller]
fn last_word(mut client: Client) -> (FailureKind, String) {
    let told = failed(client.next().expect("a last word"));
    assert_eq!(client.next(), None);
    told
}

#[test]
fn where_no_frame_can_begin_the_connection_ends() {
    let program = plain_program();
    for (sent, word) in [
        // Longer than any question; only the length is sent.
        (u32::try_from(MAX_REQUEST + 1).unwrap().to_be_bytes().to_vec(), "at most"),
        (vec![0, 0xff, 0xff, 0xff], "at most"),
        // The sender closes the connection in the middle of the frame.
        (vec![0, 0, 0, 9, b'{'], "before its length"),
    ] {
        let mut client = program.connect();
        client.stream.write_all(&sent).unwrap();
        client.stream.shutdown(Shutdown::Write).unwrap();
        let (trouble, message) = last_word(client);
        assert!(trouble == FailureKind::BadQuestion && message.contains(word), "{message}");
    }
    // Half a frame, and then nothing: refused after a few seconds.
    let mut client = program.connect();
    client.stream.write_all(&[0, 0, 0, 9, b'{']).unwrap();
    assert!(last_word(client).1.contains("not arrive completely in time"));
}

#[test]
fn lines_are_told_to_be_lengths() {
    let program = plain_program();
    let mut client = program.connect();
    client.stream.write_all(&Framing::Lines.encode(&rewrite(endpoint("http://x")))).unwrap();
    let mut said = String::new();
    client.stream.read_to_string(&mut said).unwrap();
    assert!(said.contains("4-byte big-endian length") && said.ends_with('\n'), "{said}");
}

#[test]
fn more_than_eight_at_once_are_told_so() {
    let program = plain_program();
    let peer = Peer::new((0..9).map(|_| reply(STREAM, said(CLEAN))).collect());
    let mut clients: Vec<Client> = (0..8).map(|_| program.connect()).collect();
    // A client is admitted once it has an answer.
    for client in &mut clients {
        assert_eq!(client.ask(&rewrite(endpoint(&peer.url))), text(CLEAN));
    }
    let mut ninth = program.connect();
    let question = Framing::Length.encode(&rewrite(endpoint(&peer.url)));
    // The connection may already be refused and closed.
    let _ = ninth.stream.write_all(&question);
    let (trouble, message) = last_word(ninth);
    assert!(trouble == FailureKind::Unavailable && message.contains("at once"), "{message}");
    drop(clients);
    // New clients are admitted once the program has noticed that the others have left.
    let begun = std::time::Instant::now();
    loop {
        let answer = program.ask(&rewrite(endpoint(&peer.url)));
        if answer == text(CLEAN) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{answer:?}");
    }
}
