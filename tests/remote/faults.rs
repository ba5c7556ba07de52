//! Tests servers that are away, refuse or misbehave. Each leads to an answer that says what is
//! wrong, within the limits of time and size.

use crate::harness::{Connect, SOUND, endpoint, english, failed, house_of, text};
use v2m_ipc::remote::{Endpoint, FailureKind, Question};
use v2m_testkit::speech_server::Behaviour::{Endless, Hangs, Raw, Says};
use v2m_testkit::speech_server::{Behaviour, SpeechServer};
use v2m_testkit::wait_for;

const JSON: &str = "200 OK\r\ncontent-type: application/json";

fn raw(head: &'static str, body: &str) -> Behaviour {
    Raw(head, body.to_owned())
}

#[test]
fn each_fault_of_a_server_is_told_and_the_next_question_is_answered() {
    let server = SpeechServer::new(Says("fine".into()));
    let program = house_of(&server.url).start();
    let long = format!("{{\"text\":\"{}\"}}", "so ".repeat(50_000));
    let cases = [
        (raw("401 Unauthorized", "{}"), "asks for a key"),
        (raw("403 Forbidden", "no"), "asks for a key"),
        (raw("404 Not Found", "{\"detail\":\"Not Found\"}"), "often ends in /v1"),
        (
            raw("404 Not Found", "{\"error\":{\"message\":\"Model m is unknown\"}}"),
            "Model m is unknown",
        ),
        (raw("429 Too Many Requests", "{\"error\":\"slow down\"}"), "answered 429: slow down"),
        (
            raw("500 Internal Server Error", "CUDA out of memory"),
            "answered 500: CUDA out of memory",
        ),
        (raw("502 Bad Gateway", "<html>"), "fails (status 502). The server, or one behind it, may"),
        (raw("503 Service Unavailable", "<html>"), "may be down or overloaded"),
        (raw("501 Unsupported method", "<html>"), "web page (status 501)"),
        (raw("410 Gone", "<html>"), "web page (status 410)"),
        (raw("200 OK\r\ncontent-type: text/html", "<html>Welcome</html>"), "web page (status 200)"),
        (raw("302 Found\r\nlocation: http://elsewhere/", ""), "redirects to http://elsewhere/"),
        (raw("307 Temporary Redirect\r\nlocation: /v2", ""), "does not follow"),
        (raw(JSON, "{\"text\":\"Six"), "no whole JSON"),
        (raw(JSON, "{\"text\":6}"), "has no text"),
        (raw(JSON, "[]"), "has no text"),
        (raw(JSON, ""), "no whole JSON"),
        (raw(JSON, "{\"error\":{\"message\":\"no such file\"}}"), "no such file"),
        (raw(JSON, &long), "too long"),
        (raw("200 OK\r\ntransfer-encoding: chunked", "zz\r\n"), ""),
        (Endless, "too long"),
        (Behaviour::Drops, "cannot be reached"),
    ];
    for (behaviour, part) in cases {
        let told = format!("{behaviour:?}").chars().take(100).collect::<String>();
        server.now(behaviour);
        let (kind, message) = failed(program.ask(&english(&server.url)));
        assert_eq!(kind, FailureKind::Unavailable, "{told}: {message}");
        assert!(message.contains(part), "{told}: {message}");
        assert!(!message.contains(char::is_control), "{told}: {message}");
        server.now(Says("fine".into()));
        assert_eq!(program.ask(&english(&server.url)), text("fine"), "{told}");
    }
}

#[test]
fn a_server_that_tells_no_language_says_what_to_do() {
    let server = SpeechServer::new(raw("400 Bad Request", "{\"error\":\"verbose_json\"}"));
    let program = house_of(&server.url).start();
    let free = Question::Transcribe {
        endpoint: endpoint(&server.url),
        language: None,
        translate: false,
        prompt: String::new(),
    };
    let (_, message) = failed(program.ask(&free));
    assert!(message.contains("config set engine.language"), "{message}");
}

#[test]
fn control_characters_and_what_hides_are_gone_from_texts_and_errors() {
    let server = SpeechServer::new(Says("a\u{0}b \u{1b}[31mred\u{202e} é\u{7}".into()));
    let program = house_of(&server.url).start();
    assert_eq!(program.ask(&english(&server.url)), text("ab [31mred é"));
    server.now(Raw("500 Oh", "\u{1b}]0;title\u{7} bad".into()));
    let (_, message) = failed(program.ask(&english(&server.url)));
    assert!(message.contains("bad") && !message.contains('\u{1b}'), "{message:?}");
}

#[test]
fn nobody_there_is_told_at_once() {
    let url = SpeechServer::nowhere();
    let program = house_of(&url).start();
    let (kind, message) = failed(program.ask(&english(&url)));
    assert_eq!(kind, FailureKind::Unavailable);
    assert!(message.contains("Is the server running"), "{message}");
    assert!(program.log().contains("attempts 1"), "{}", program.log());
}

#[test]
fn a_server_that_is_silent_at_any_place_is_left_after_its_time() {
    let server = SpeechServer::new(Hangs(""));
    let program = house_of(&server.url).start();
    for said in
        ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\n\r\n{\"text\":\"Si", "HTTP/1.1 500 Oh\r\n\r\n"]
    {
        server.now(Hangs(said));
        let endpoint = Endpoint { total_ms: 300, ..endpoint(&server.url) };
        let question = Question::Transcribe {
            endpoint,
            language: Some("en".into()),
            translate: false,
            prompt: String::new(),
        };
        let (kind, message) = failed(program.ask(&question));
        assert_eq!(kind, FailureKind::Unavailable, "{said:?}");
        let is_told = message.contains("within 300ms") || message.contains("answered 500");
        assert!(is_told, "{said:?}: {message}");
    }
}

#[test]
fn a_question_that_is_cancelled_ends_at_once_and_the_next_one_is_answered() {
    let server = SpeechServer::new(Hangs(""));
    let program = house_of(&server.url).start();
    let mut client = program.connect();
    client.send(&SOUND, &english(&server.url));
    wait_for("the request", || (!server.requests().is_empty()).then_some(()));
    server.now(Says("next".into()));
    let cancel = v2m_ipc::engine::encode_message(&Question::Cancel);
    std::io::Write::write_all(&mut client.stream, &cancel).unwrap();
    let (kind, _) = failed(client.next().unwrap());
    assert_eq!(kind, FailureKind::Cancelled);
    assert_eq!(client.ask(&SOUND, &english(&server.url)), text("next"));
    // A cancellation after the answer has no effect.
    std::io::Write::write_all(&mut client.stream, &cancel).unwrap();
    assert_eq!(client.ask(&SOUND, &english(&server.url)), text("next"));
}

#[test]
fn a_peer_that_leaves_ends_its_question() {
    let server = SpeechServer::new(Hangs(""));
    let program = house_of(&server.url).start();
    let mut client = program.connect();
    client.send(&SOUND, &english(&server.url));
    wait_for("the request", || (!server.requests().is_empty()).then_some(()));
    drop(client);
    wait_for("the end of the question", || program.log().contains(": cancelled").then_some(()));
}
