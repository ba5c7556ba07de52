//! Tests Check, and questions without a model: the message lists the available models.

use crate::harness::{Daemon, Program, endpoint, failed, plain_program, rewrite};
use crate::peer::{Act, JSON, Peer, reply};
use v2m_ipc::llm::{Answer, Endpoint, FailureKind, Provider, Question};

fn check(program: &Program, act: Act, change: impl FnOnce(&mut Endpoint)) -> (Answer, String) {
    let (answer, mut requests) = check_with(program, vec![act], change);
    (answer, requests.remove(0))
}

fn check_with(
    program: &Program,
    acts: Vec<Act>,
    change: impl FnOnce(&mut Endpoint),
) -> (Answer, Vec<String>) {
    let peer = Peer::new(acts);
    program.give_key(&peer.url, "g-secret");
    let mut endpoint = endpoint(&peer.url);
    change(&mut endpoint);
    let answer = program.ask(&Question::Check { endpoint });
    (answer, peer.seen().requests)
}

#[track_caller]
fn detail(answer: Answer) -> String {
    match answer {
        Answer::Checked { detail } => detail,
        other => panic!("{other:?}"),
    }
}

const MODELS: &str = "{\"object\":\"list\",\"data\":[{\"id\":\"a\"},{\"id\":\"m\"}]}";

#[test]
fn a_model_that_is_there_is_found() {
    let program = plain_program();
    let (answer, request) = check(&program, reply(JSON, MODELS), |_| {});
    assert!(detail(answer).ends_with("answers and has m"));
    assert!(request.starts_with("GET /models "), "{request}");
    let tags = "{\"models\":[{\"name\":\"qwen2.5:latest\"}]}";
    let (answer, request) = check(&program, reply(JSON, tags), |endpoint| {
        (endpoint.provider, endpoint.model) = (Provider::Ollama, "qwen2.5".into());
    });
    assert!(detail(answer).ends_with("has qwen2.5") && request.starts_with("GET /api/tags "));
    let list = "{\"models\":[{\"name\":\"models/gemini-x\",\"supportedGenerationMethods\":[\"generateContent\"]}]}";
    let (answer, request) = check(&program, reply(JSON, list), |endpoint| {
        (endpoint.provider, endpoint.model) = (Provider::Gemini, "gemini-x".into());
    });
    assert!(detail(answer).ends_with("has gemini-x"));
    assert!(request.starts_with("GET /v1beta/models?pageSize="), "{request}");
    assert!(request.to_lowercase().contains("x-goog-api-key: g-secret"), "{request}");
}

#[test]
fn a_model_that_is_not_there_is_told_with_those_that_are() {
    let program = plain_program();
    let many: Vec<_> = (1..=12).map(|n| format!("{{\"id\":\"m{n}\"}}")).collect();
    let many = format!("{{\"data\":[{}]}}", many.join(","));
    let (answer, _) = check(&program, reply(JSON, many), |_| {});
    let (trouble, message) = failed(answer);
    assert_eq!(trouble, FailureKind::Unavailable);
    assert!(message.contains("no model \"m\"; it has m1, m2"), "{message}");
    assert!(message.contains("m10 and 2 more") && message.contains("llm.model"), "{message}");
}

#[test]
fn who_lists_no_models_is_believed() {
    let program = plain_program();
    // A server with this API refuses an empty question.
    for (head, body) in [
        ("400 Bad Request", "{\"error\":{\"message\":\"messages is required\"}}"),
        ("422 Unprocessable", "{\"detail\":[{\"msg\":\"Field required\"}]}"),
        ("500 Error", "{\"error\":{\"message\":\"'messages' is required\"}}"),
        ("404 Not Found", "{\"error\":{\"message\":\"The model '' does not exist\"}}"),
    ] {
        let acts = vec![reply("404 Not Found", ""), reply(head, body)];
        let (answer, requests) = check_with(&program, acts, |_| {});
        assert!(detail(answer).contains("answers, but does not list its models"), "{head}");
        assert!(requests[1].starts_with("POST /chat/completions ") && requests[1].ends_with("{}"));
    }
    let (answer, _) = check(&program, reply(JSON, "{\"ok\":true}"), |_| {});
    assert!(failed(answer).1.contains("not a list of models"));
    let (answer, _) = check(&program, reply("401 Unauthorized", ""), |_| {});
    assert!(failed(answer).1.contains("refuses the key"));
}

/// Regression: a website's 404 was reported as "answers, but does not list its models; m is
/// believed". Everything seemed well until the first dictation.
#[test]
fn an_address_where_no_language_model_is_asked_is_told() {
    const PAGE: &str = "<html><head><title>404 Not Found</title></head></html>";
    let program = plain_program();
    for acts in [
        vec![reply("404 Not Found\r\ncontent-type: text/html", PAGE)],
        vec![reply("200 OK\r\ncontent-type: text/html", PAGE)],
        vec![reply("404 Not Found", "404 page not found"), reply("404 Not Found", "nope")],
        vec![reply("404 No", "{\"detail\":\"Not Found\"}"), reply("405 No", "{\"detail\":\"No\"}")],
        vec![reply("404 Not Found", ""), reply("405 Not Allowed", PAGE)],
    ] {
        let (answer, _) = check_with(&program, acts, |_| {});
        let (trouble, message) = failed(answer);
        assert_eq!(trouble, FailureKind::Unavailable);
        for word in ["Set llm.base_url", "/v1", "v2m-send config set llm.base_url="] {
            assert!(message.contains(word), "{word} in {message}");
        }
    }
    // Some servers repeat the path, which contains "models".
    let path = "Cannot POST /v1beta/models/m:streamGenerateContent";
    let gemini = |endpoint: &mut Endpoint| endpoint.provider = Provider::Gemini;
    let repeats = vec![reply("404 Not Found", "nope"), reply("404 Not Found", path)];
    let (answer, requests) = check_with(&program, repeats, gemini);
    assert!(failed(answer).1.contains("Set llm.base_url"));
    assert!(requests[1].starts_with("POST /v1beta/models/m:stream"), "{requests:?}");
    let twice = vec![reply("404 Not Found", ""), reply("404 Not Found", "")];
    let long = |endpoint: &mut Endpoint| {
        endpoint.base_url = endpoint.base_url.take().map(|url| url + "/chat/completions");
    };
    let (_, message) = failed(check_with(&program, twice, long).0);
    assert!(message.contains("leave it out"), "{message}");
}

#[test]
fn without_a_model_it_is_told_which_there_are() {
    let program = plain_program();
    let nameless = |url: &str| Endpoint { model: String::new(), ..endpoint(url) };
    for question in [|endpoint| rewrite(endpoint), |endpoint| Question::Check { endpoint }] {
        let peer = Peer::new(vec![reply(JSON, MODELS)]);
        let (trouble, message) = failed(program.ask(&question(nameless(&peer.url))));
        assert_eq!(trouble, FailureKind::Unavailable);
        assert!(
            message.contains("llm.model is not set") && message.contains("has a, m"),
            "{message}"
        );
        assert!(message.contains("v2m-send config set llm.model="), "{message}");
    }
    let peer = Peer::new(vec![reply("404 Not Found", "")]);
    let (_, message) = failed(program.ask(&rewrite(nameless(&peer.url))));
    assert!(message.starts_with("llm.model is not set. "), "{message}");
}
