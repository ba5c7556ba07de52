//! Tests servers that misbehave.

use crate::harness::{CLEAN, Daemon, TEXT, endpoint, failed, plain_program, rewrite, text};
use crate::peer::{Act, JSON, Peer, STREAM, Then, reply, said, silent};
use std::io::Write;
use std::net::TcpListener;
use v2m_ipc::llm::{Endpoint, FailureKind, Question};

/// Returns the error message for a question to such a server, and the number of requests.
#[track_caller]
fn told(acts: Vec<Act>, change: impl FnOnce(&mut Endpoint)) -> (String, usize) {
    let program = plain_program();
    let peer = Peer::new(acts);
    let mut asked = endpoint(&peer.url);
    change(&mut asked);
    let (trouble, message) = failed(program.ask(&rewrite(asked)));
    assert_eq!(trouble, FailureKind::Unavailable, "{message}");
    assert!(!program.log().contains("should"), "{}", program.log());
    (message, peer.seen().requests.len())
}

#[test]
fn what_may_pass_is_asked_again() {
    let program = plain_program();
    let busy = "{\"error\":{\"message\":\"slow down\"}}";
    let peer = Peer::new(vec![
        reply("429 Too Many\r\nretry-after: 0", busy),
        reply("503 Busy", ""),
        reply(STREAM, said(CLEAN)),
    ]);
    assert_eq!(program.ask(&rewrite(endpoint(&peer.url))), text(CLEAN));
    assert!(program.log().contains("attempts 3"), "{}", program.log());
    let fails = || reply("500 Oops", "{\"error\":\"broken\"}");
    let (message, count) = told(vec![fails(), fails(), fails()], |_| {});
    assert!(message.contains("500: broken") && count == 3, "{message}");
}

#[test]
fn what_will_not_pass_is_told_at_once() {
    for (head, word) in [
        ("404 Not Found", "answered 404: no"),
        (
            "302 Found\r\nlocation: http://127.0.0.1:1/",
            "answered 302 and redirects to http://127.0.0.1:1/",
        ),
        // Longer than any user would wait.
        ("429 Too Many\r\nretry-after: 3600", "answered 429"),
    ] {
        let (message, count) = told(vec![reply(head, "{\"error\":{\"message\":\"no\"}}")], |_| {});
        assert!(message.contains(word) && count == 1, "{message}");
    }
}

#[test]
fn half_an_answer_is_none() {
    let whole = said(CLEAN);
    let half = whole.split_inclusive("\n\n").next().unwrap();
    let (message, count) = told(vec![reply(STREAM, half)], |_| {});
    assert!(message.contains("broke off") && count == 1, "{message}");
    let (message, _) = told(vec![reply(STREAM, whole.replace("stop", "length"))], |_| {});
    assert!(message.contains("broke off its answer: length"), "{message}");
    let error = format!("{half}data: {{\"error\":{{\"message\":\"overloaded\"}}}}\n\n");
    let (message, _) = told(vec![reply(STREAM, error)], |_| {});
    assert!(message.contains("overloaded"), "{message}");
}

#[test]
fn nonsense_is_told() {
    for (head, body) in [
        (STREAM, "data: {\"choices\": 5}\n\n"),
        (STREAM, "data: <html>\n\n"),
        (JSON, "{\"choices\": [{}]}"),
        (JSON, "[[[["),
    ] {
        let (message, _) = told(vec![reply(head, body)], |_| {});
        assert!(message.contains("cannot be understood"), "{body}: {message}");
        assert!(message.contains("llm.provider"), "{message}");
    }
    let garbage: Act = Box::new(|stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
        Then::Close
    });
    let (message, _) = told(vec![garbage], |asked| asked.total_ms = 300);
    assert!(message.contains("llm.base_url"), "{message}");
}

#[test]
fn an_endless_answer_is_not_read_to_its_end() {
    let endless = |line: &str| -> Act {
        let line = line.repeat(1 << 10);
        Box::new(move |stream| {
            let _ = write!(stream, "HTTP/1.1 {STREAM}\r\n\r\n");
            while stream.write_all(line.as_bytes()).is_ok() {}
            Then::Close
        })
    };
    let spam = "spam ".repeat(40);
    let words = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{spam}\"}}}}]}}\n\n");
    for line in [words.as_str(), ": nothing\n", "no line ends "] {
        let program = plain_program();
        let peer = Peer::new(vec![endless(line), endless(line)]);
        let (trouble, message) = failed(program.ask(&rewrite(endpoint(&peer.url))));
        let (rejected, endless) = (trouble == FailureKind::Rejected, line == words);
        assert_eq!((rejected, message.contains("read to its end")), (endless, true), "{message}");
        // Any answer is accepted, except one that is longer than any intended text.
        let free = Question::Rewrite {
            endpoint: endpoint(&peer.url),
            instruction: "Write a poem of it.".into(),
            text: TEXT.into(),
            accept: None,
        };
        let (trouble, message) = failed(program.ask(&free));
        assert!(trouble == FailureKind::Unavailable && message.contains("too long"), "{message}");
    }
}

#[test]
fn a_server_that_is_silent_is_given_up() {
    let streaming = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {";
    for said in ["", "HTTP/1.1 200 OK\r\n", streaming] {
        let (message, _) = told(vec![silent(said)], |asked| asked.total_ms = 300);
        assert!(message.contains("did not complete its answer within 300ms"), "{message}");
    }
}

#[test]
fn nobody_there_is_told() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let program = plain_program();
    let (trouble, message) = failed(program.ask(&rewrite(endpoint(&format!("http://{closed}")))));
    assert_eq!(trouble, FailureKind::Unavailable);
    assert!(message.contains("Is it running"), "{message}");
    // No host has a name with this ending (RFC 2606).
    let nowhere = Endpoint { total_ms: 300, ..endpoint("https://llm.invalid/v1") };
    let (_, message) = failed(program.ask(&rewrite(nowhere)));
    assert!(message.contains("https://llm.invalid/v1"), "{message}");
    assert!(program.log().contains("no connection"), "{}", program.log());
}

#[test]
fn an_address_that_cannot_be_asked_is_told() {
    let program = plain_program();
    for (base_url, word) in [
        ("ftp://x", "neither"),
        ("localhost:11434", "neither"),
        ("http://me:hunter2@127.0.0.1:1", "password"),
        ("http://127.0.0.1:1/v1?key=hunter2", "query"),
    ] {
        let (trouble, message) = failed(program.ask(&rewrite(endpoint(base_url))));
        assert!(trouble == FailureKind::Unavailable && message.contains(word), "{message}");
    }
    assert!(!program.log().contains("hunter2"), "{}", program.log());
}
