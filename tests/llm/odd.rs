//! Tests valid answers in unusual forms, and errors of servers and of the proxies in front of them.
//! All are known from real servers.

use crate::harness::{CLEAN, Daemon, TEXT, endpoint, failed, plain_program, rewrite, text};
use crate::peer::{JSON, Peer, STREAM, reply};
use serde_json::{Value, json};
use v2m_ipc::llm::{Endpoint, Provider};

const PLAIN: &str = "200 OK\r\ncontent-type: text/plain";
const LINES: &str = "200 OK\r\ncontent-type: application/jsonl";
const NO_TYPE: &str = "200 OK";
const THOUGHT: &str = "The user wants punctuation. I will fix it.";

fn chunk(delta: Value, end: Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": end}]})
}

fn word(word: &str) -> Value {
    chunk(json!({"content": word}), Value::Null)
}

fn words(text: &str) -> Vec<Value> {
    text.split_inclusive(' ').map(word).collect()
}

fn stop() -> Value {
    chunk(json!({}), json!("stop"))
}

fn events(parts: &[Value], line_end: &str) -> String {
    let parts = parts.iter().map(|part| format!("data: {part}{line_end}{line_end}"));
    parts.collect::<String>() + &format!("data: [DONE]{line_end}{line_end}")
}

/// Returns a text in pieces, with its end.
fn said(text: &str) -> String {
    events(&[words(text), vec![stop()]].concat(), "\n")
}

fn whole(text: &str) -> Value {
    json!({"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]})
}

fn with_end(end: &str) -> Vec<Value> {
    CLEAN.split_inclusive(' ').map(|word| chunk(json!({"content": word}), json!(end))).collect()
}

/// Returns the table of valid answers, in OpenAI's format.
fn right() -> Vec<(&'static str, &'static str, String)> {
    let between = |part: Value| [vec![part], words(CLEAN), vec![stop()]].concat();
    let listed = |kind: &str, text: &str| {
        chunk(json!({"content": [{"type": kind, kind: text}]}), Value::Null)
    };
    let pretty = |part: &Value| {
        let lines = serde_json::to_string_pretty(part).unwrap();
        lines.lines().map(|line| format!("data: {line}\r\n")).collect::<String>() + "\r\n"
    };
    vec![
        ("an empty reason in each part", STREAM, events(&with_end(""), "\n")),
        ("\"null\" in each part", STREAM, events(&with_end("null"), "\n")),
        (
            "an unknown reason",
            STREAM,
            events(&[words(CLEAN), vec![chunk(json!({}), json!("done"))]].concat(), "\n"),
        ),
        (
            "STOP",
            STREAM,
            events(&[words(CLEAN), vec![chunk(json!({}), json!("STOP"))]].concat(), "\n"),
        ),
        (
            "eos",
            STREAM,
            events(&[words(CLEAN), vec![chunk(json!({}), json!("eos"))]].concat(), "\n"),
        ),
        ("CR LF", STREAM, events(&[words(CLEAN), vec![stop()]].concat(), "\r\n")),
        ("CR", STREAM, events(&[words(CLEAN), vec![stop()]].concat(), "\r")),
        ("no space", STREAM, said(CLEAN).replace("data: ", "data:")),
        ("a byte order mark", STREAM, format!("\u{feff}{}", said(CLEAN))),
        (
            "several data lines",
            STREAM,
            [words(CLEAN), vec![stop()]].concat().iter().map(pretty).collect(),
        ),
        (
            "comments and fields",
            STREAM,
            said(CLEAN).replace("data:", ": PROCESSING\n\nevent: message\nid: 1\ndata:"),
        ),
        (
            "a media type in capitals",
            "200 OK\r\ncontent-type: Application/JSON",
            whole(CLEAN).to_string(),
        ),
        ("whole, of no type", NO_TYPE, format!("{:#}", whole(CLEAN))),
        ("whole, without a reason", JSON, whole(CLEAN).to_string().replace("\"stop\"", "null")),
        ("words in between", STREAM, said(CLEAN).replacen("data:", "data: ping\n\ndata:", 1)),
        ("whole, as text", PLAIN, whole(CLEAN).to_string()),
        ("whole, as a stream", STREAM, whole(CLEAN).to_string()),
        ("a stream, as JSON", JSON, said(CLEAN)),
        ("a stream, as text", PLAIN, said(CLEAN)),
        (
            "no choices at first",
            STREAM,
            events(&between(json!({"choices": [], "prompt_filter_results": [{}]})), "\n"),
        ),
        ("choices null", STREAM, events(&between(json!({"choices": null})), "\n")),
        ("delta null", STREAM, events(&between(chunk(Value::Null, Value::Null)), "\n")),
        ("no delta", STREAM, events(&between(json!({"choices": [{"index": 0}]})), "\n")),
        ("a ping", STREAM, events(&between(json!({"type": "ping"})), "\n")),
        ("usage alone", STREAM, events(&between(json!({"usage": {"total_tokens": 1}})), "\n")),
        (
            "thoughts beside",
            STREAM,
            events(&between(chunk(json!({"reasoning_content": THOUGHT}), Value::Null)), "\n"),
        ),
        (
            "a list of parts",
            STREAM,
            events(&[listed("thinking", THOUGHT), listed("text", CLEAN), stop()], "\n"),
        ),
        ("thoughts", STREAM, said(&format!("<think>\n{THOUGHT}\n</think>\n\n{CLEAN}"))),
        (
            "long thoughts",
            STREAM,
            said(&format!("<Thinking>{}</Thinking>{CLEAN}", THOUGHT.repeat(300))),
        ),
        (
            "the end of thoughts alone",
            STREAM,
            said(&format!("{}\n</think>\n\n{CLEAN}", THOUGHT.repeat(30))),
        ),
        (
            "the end of very long thoughts alone",
            STREAM,
            said(&format!("{}\n</think>\n\n{CLEAN}", THOUGHT.repeat(1000))),
        ),
        (
            "long thoughts in a channel",
            STREAM,
            said(&format!(
                "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>{CLEAN}<|return|>",
                THOUGHT.repeat(1000)
            )),
        ),
        (
            "channels without their tokens",
            STREAM,
            said(&format!("analysis{THOUGHT}assistantfinal{CLEAN}")),
        ),
        (
            "parts without a type",
            STREAM,
            events(&[chunk(json!({"content": [{"text": CLEAN}]}), Value::Null), stop()], "\n"),
        ),
        (
            "channels",
            STREAM,
            said(&format!(
                "<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>{CLEAN}"
            )),
        ),
        ("an end token", STREAM, said(&format!("{CLEAN}<|im_end|>"))),
        (
            "a fence and a note",
            STREAM,
            said(&format!("```\n{CLEAN}\n```\n\nI fixed the punctuation.")),
        ),
        ("quotes", STREAM, said(&format!("“{CLEAN}”"))),
        ("bold", STREAM, said(&format!("**{CLEAN}**"))),
        ("a preface", STREAM, said(&format!("Here is the corrected text:\n\n{CLEAN}"))),
        ("marks that nobody sees", STREAM, said(&format!("\u{feff}{CLEAN}\u{200b}"))),
        ("control characters", STREAM, said(&CLEAN.replace(" think", "\u{1b} th\u{7}ink\u{0}"))),
    ]
}

#[test]
fn a_right_answer_is_understood_in_any_clothes() {
    let program = plain_program();
    let table = right();
    let acts = table.iter().map(|(_, head, body)| reply(head, body.clone())).collect();
    let peer = Peer::new(acts);
    for (name, ..) in &table {
        assert_eq!(program.ask(&rewrite(endpoint(&peer.url))), text(CLEAN), "{name}");
    }
    assert_eq!(peer.seen().requests.len(), table.len());
}

#[test]
fn ollamas_lines_are_read_under_any_type() {
    let program = plain_program();
    let part = |text: &str, done: bool| json!({"message": {"content": text, "thinking": "hm"}, "done": done});
    let lines: String =
        CLEAN.split_inclusive(' ').map(|word| format!("{}\n", part(word, false))).collect();
    let lines = lines + &part("", true).to_string() + "\n";
    let bodies = [
        (JSON, lines.clone()),
        (LINES, lines.replace('\n', "\r\n")),
        (PLAIN, lines),
        (JSON, part(CLEAN, true).to_string()),
    ];
    let count = bodies.len();
    let peer = Peer::new(bodies.map(|(head, body)| reply(head, body)).into());
    for at in 0..count {
        let asked = Endpoint { provider: Provider::Ollama, ..endpoint(&peer.url) };
        assert_eq!(program.ask(&rewrite(asked)), text(CLEAN), "{at}");
    }
}

#[test]
fn what_is_no_answer_is_told_with_what_to_change() {
    let page = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n";
    let error = |value: Value| value.to_string();
    for (head, body, words) in [
        (
            "200 OK\r\ncontent-type: text/html",
            page.to_owned(),
            &["a web page", "llm.base_url", "/v1"][..],
        ),
        (JSON, page.to_owned(), &["a web page"]),
        (
            "404 Not Found\r\ncontent-type: text/html",
            page.to_owned(),
            &["a web page", "status 404", "llm.base_url"],
        ),
        (
            "520 Unknown\r\ncontent-type: text/html",
            page.to_owned(),
            &["fails (status 520)", "may be down or overloaded"],
        ),
        (
            "307 Moved\r\nlocation: https://elsewhere.example/v1",
            String::new(),
            &["https://elsewhere.example/v1", "llm.base_url"],
        ),
        (JSON, String::new(), &["cannot be understood"]),
        (STREAM, events(&[json!({"choices": []})], "\n"), &["empty"]),
        (JSON, error(json!({"error": "model is overloaded"})), &["model is overloaded"]),
        ("400 Bad", error(json!({"detail": "Model m is not loaded"})), &["Model m is not loaded"]),
        (
            "404 No",
            error(json!({"object": "error", "message": "The model does not exist."})),
            &["The model does not exist."],
        ),
        (
            STREAM,
            "event: error\ndata: {\"error\":{\"message\":\"out of memory\"}}\n\n".into(),
            &["out of memory"],
        ),
        (
            STREAM,
            events(&[word("So"), chunk(json!({}), json!("content_filter"))], "\n"),
            &["content_filter"],
        ),
    ] {
        let program = plain_program();
        let peer = Peer::new(vec![reply(head, body)]);
        let (_, message) = failed(program.ask(&rewrite(endpoint(&peer.url))));
        for word in words {
            assert!(message.contains(word), "{word} in {message}");
        }
        assert!(!message.contains(TEXT), "{message}");
    }
    let program = plain_program();
    let peer = Peer::new(vec![reply("404 Not Found", "nope")]);
    let url = format!("{}/v1/chat/completions", peer.url);
    let (_, message) = failed(program.ask(&rewrite(endpoint(&url))));
    assert!(message.contains("leave it out"), "{message}");
}
