//! The client against a server that misbehaves, on loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where by its panic")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use v2m_llm::client::{Endpoint, Key, Limits, LlmError};
use v2m_llm::prompt::{Prompt, Task};
use v2m_llm::wire::Provider;

type Act = Box<dyn FnOnce(&mut TcpStream) + Send>;

/// Answers one connection after the other as told; gives the requests back.
struct Server {
    base_url: String,
    requests: JoinHandle<Vec<String>>,
}

fn server(acts: Vec<Act>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let requests = thread::spawn(move || {
        let serve = |act: Act| {
            let (mut stream, _) = listener.accept().unwrap();
            let request = read_request(&stream);
            act(&mut stream);
            request
        };
        acts.into_iter().map(serve).collect()
    });
    Server { base_url, requests }
}

fn read_request(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let start = head.len();
        if reader.read_line(&mut head).unwrap_or(0) == 0 || &head[start..] == "\r\n" {
            break;
        }
        if let Some(value) = head[start..].to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

fn reply(head: &'static str, body: impl Into<String>) -> Act {
    let body = body.into();
    Box::new(move |stream| {
        // A client that has had enough does not wait for the end.
        let _ = write!(stream, "HTTP/1.1 {head}\r\nconnection: close\r\n\r\n{body}");
    })
}

const OK: &str = "200 OK\r\ncontent-type: text/event-stream";
const HELLO: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"},\"finish_reason\":null}]}\n\n\
                     data: {\"choices\":[{\"delta\":{\"content\":\"lo.\"},\"finish_reason\":\"stop\"}]}\n\n\
                     data: [DONE]\n\n";

fn endpoint(base_url: &str) -> Endpoint {
    let limits = Limits { total: Duration::from_secs(20), ..Limits::default() };
    let (provider, key) = (Provider::OpenAi, Key::new("secret\n"));
    Endpoint {
        provider,
        base_url: base_url.into(),
        model: "m".into(),
        temperature: 0.2,
        key,
        limits,
    }
}

fn prompt() -> Prompt {
    Prompt::new(Task::Rewrite { instruction: "Correct it." }, "hello", 1)
}

/// What a client with these limits makes of the server, and what it asked.
fn ask(
    acts: Vec<Act>,
    change: impl FnOnce(&mut Endpoint),
) -> (Result<String, LlmError>, Vec<String>) {
    let server = server(acts);
    let mut endpoint = endpoint(&server.base_url);
    change(&mut endpoint);
    let answer = endpoint.ask(&prompt());
    (answer, server.requests.join().unwrap())
}

#[test]
fn an_answer_is_put_together_and_the_key_is_where_it_belongs() {
    let (answer, requests) = ask(vec![reply(OK, HELLO)], |_| {});
    assert_eq!(answer.unwrap(), "Hello.");
    assert!(requests[0].starts_with("POST /chat/completions "), "{}", requests[0]);
    assert!(requests[0].to_lowercase().contains("authorization: bearer secret\r\n"));
    assert!(!format!("{:?}", endpoint("http://x")).contains("secret"));
}

#[test]
fn ollama_and_gemini_are_spoken_to_in_their_own_forms() {
    let ollama = "{\"message\":{\"content\":\"Hello.\"},\"done\":false}\n{\"message\":{\"content\":\"\"},\"done\":true}\n";
    let kind = "200 OK\r\ncontent-type: application/x-ndjson";
    let (answer, requests) = ask(vec![reply(kind, ollama)], |e| e.provider = Provider::Ollama);
    assert_eq!(answer.unwrap(), "Hello.");
    assert!(requests[0].starts_with("POST /api/chat "));
    let gemini = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hello.\"}]},\"finishReason\":\"STOP\"}]}\r\n\r\n";
    let (answer, requests) = ask(vec![reply(OK, gemini)], |e| e.provider = Provider::Gemini);
    assert_eq!(answer.unwrap(), "Hello.");
    assert!(requests[0].to_lowercase().contains("x-goog-api-key: secret\r\n"));
}

#[test]
fn a_server_that_does_not_stream_is_understood() {
    let whole = "{\n \"choices\": [{\"message\": {\"content\": \"Hello.\"}, \"finish_reason\": \"stop\"}]\n}";
    let (answer, _) = ask(vec![reply("200 OK\r\ncontent-type: application/json", whole)], |_| {});
    assert_eq!(answer.unwrap(), "Hello.");
}

#[test]
fn what_may_pass_is_asked_again() {
    let busy =
        || reply("429 Too Many\r\nretry-after: 0", "{\"error\":{\"message\":\"slow down\"}}");
    let (answer, requests) = ask(vec![busy(), reply("503 Busy", ""), reply(OK, HELLO)], |_| {});
    assert_eq!((answer.unwrap().as_str(), requests.len()), ("Hello.", 3));
    let fails = || reply("500 Oops", "{\"error\":\"broken\"}");
    let (answer, requests) = ask(vec![fails(), fails()], |e| e.limits.attempts = 2);
    let said = answer.unwrap_err().to_string();
    assert!(said.contains("500: broken") && requests.len() == 2, "{said}");
}

#[test]
fn what_will_not_pass_is_told_at_once() {
    for (head, word) in [
        ("401 Unauthorized", "401"),
        ("404 Not Found", "404"),
        ("302 Found\r\nlocation: http://127.0.0.1:1/", "302"),
        // Longer than anybody waits.
        ("429 Too Many\r\nretry-after: 3600", "429"),
    ] {
        let (answer, requests) = ask(vec![reply(head, "{\"error\":{\"message\":\"no\"}}")], |_| {});
        let said = answer.unwrap_err().to_string();
        assert!(said.contains(word) && requests.len() == 1, "{said}");
    }
}

#[test]
fn half_an_answer_is_none() {
    let half = HELLO.split_inclusive("\n\n").next().unwrap();
    let (answer, _) = ask(vec![reply(OK, half)], |_| {});
    assert!(matches!(answer, Err(LlmError::Broken(..))), "{answer:?}");
    let cut = HELLO.replace("stop", "length");
    let (answer, _) = ask(vec![reply(OK, cut)], |_| {});
    assert!(answer.unwrap_err().to_string().contains("length"));
}

#[test]
fn nonsense_is_told() {
    for body in ["data: {\"choices\": 5}\n\n", "data: <html>\n\n"] {
        let (answer, _) = ask(vec![reply(OK, body)], |_| {});
        assert!(matches!(answer, Err(LlmError::Answer(..))), "{answer:?}");
    }
}

#[test]
fn an_endless_answer_is_not_read_to_its_end() {
    let endless = |line: &'static str| -> Act {
        Box::new(move |stream| {
            let _ = write!(stream, "HTTP/1.1 {OK}\r\n\r\n");
            while stream.write_all(line.as_bytes()).is_ok() {}
        })
    };
    for line in [
        "data: {\"choices\":[{\"delta\":{\"content\":\"spam \"}}]}\n\n",
        ": nothing\n",
        "no line ends ",
    ] {
        let small = |e: &mut Endpoint| (e.limits.text, e.limits.body) = (1 << 12, 1 << 18);
        let (answer, _) = ask(vec![endless(line)], small);
        assert!(matches!(answer, Err(LlmError::TooLong(_))), "{answer:?}");
    }
}

#[test]
fn a_server_that_is_silent_is_given_up() {
    let silent = |head: &'static str| -> Act {
        Box::new(move |stream| {
            let _ = stream.write_all(head.as_bytes());
            // Until the client leaves.
            let _ = stream.read(&mut [0]);
        })
    };
    let streaming = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {";
    for head in ["", "HTTP/1.1 200 OK\r\n", streaming] {
        let short = |e: &mut Endpoint| e.limits.total = Duration::from_millis(300);
        let (answer, _) = ask(vec![silent(head)], short);
        assert!(matches!(answer, Err(LlmError::Timeout(..))), "{answer:?}");
    }
}

#[test]
fn nobody_there_and_no_tls_there_are_told() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut nobody = endpoint(&format!("http://{closed}"));
    nobody.limits.attempts = 1;
    let said = nobody.ask(&prompt()).unwrap_err();
    assert!(matches!(said, LlmError::Connect(..)), "{said:?}");
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = plain.local_addr().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = plain.accept().unwrap();
        let _ = stream.read(&mut [0; 16]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let mut tls = endpoint(&format!("https://{address}"));
    tls.limits.attempts = 1;
    let said = tls.ask(&prompt()).unwrap_err();
    assert!(matches!(said, LlmError::Connect(..)), "{said:?}");
    server.join().unwrap();
}

#[test]
fn a_key_travels_only_where_nobody_can_read_it() {
    for (base_url, word) in [
        ("http://llm.example/v1", "unencrypted"),
        ("ftp://x", "neither"),
        ("not a url", "no URL"),
        ("localhost:11434", "neither"),
    ] {
        let said = endpoint(base_url).ask(&prompt()).unwrap_err().to_string();
        assert!(said.contains(word), "{said}");
    }
}
