//! The providers' APIs: requests, and the parts of their answers. Pure.
//!
//! Sources: OpenAI's reference of chat completions (also used by llama.cpp's server, LM Studio and
//! vLLM), Ollama's docs/api.md, and Gemini's reference of `streamGenerateContent`.

pub mod models;
pub mod stream;

use crate::prompt::Prompt;
use serde_json::{Value, json};
use v2m_ipc::llm::Provider;
use v2m_messages::tr;

/// A request, without the base URL.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiRequest {
    /// The path after the base URL.
    pub path: String,
    /// The body as JSON.
    pub body: Value,
}

/// The content of a part of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamChunk {
    /// Text to append.
    pub text: String,
    /// The reason for the end, if this was the last part.
    pub end: Option<FinishReason>,
    /// Whether it has the provider's form.
    pub known: bool,
}

/// The reason for an answer's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// The model had finished.
    Complete,
    /// The answer was cut off or refused, with the provider's word for the reason.
    Cut(String),
}

/// Why a part of an answer is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PieceError {
    /// It does not follow the provider's reference.
    #[error("{}", tr!("it does not have the provider's format"))]
    Form,
    /// The provider reports an error in the middle of its answer.
    #[error("{0}")]
    Service(String),
}

/// Returns the provider's default base URL.
pub fn base_url(provider: Provider) -> &'static str {
    match provider {
        Provider::Gemini => "https://generativelanguage.googleapis.com",
        Provider::Ollama => "http://127.0.0.1:11434",
        Provider::OpenAi => "https://api.openai.com/v1",
    }
}

/// Returns the header for the key, and the prefix of the key in it.
pub fn key_header(provider: Provider) -> (&'static str, &'static str) {
    match provider {
        Provider::Gemini => ("x-goog-api-key", ""),
        Provider::Ollama | Provider::OpenAi => ("authorization", "Bearer "),
    }
}

/// Returns the path for questions after the base URL.
pub fn path(provider: Provider, model: &str) -> String {
    match provider {
        Provider::Gemini => {
            format!("/v1beta/models/{}:streamGenerateContent?alt=sse", segment(model))
        }
        Provider::Ollama => "/api/chat".into(),
        Provider::OpenAi => "/chat/completions".into(),
    }
}

/// Makes a request. Without a temperature, the model's own default applies.
pub fn request(
    provider: Provider,
    model: &str,
    temperature: Option<f64>,
    prompt: &Prompt,
) -> ApiRequest {
    let warmth = temperature.map_or(json!({}), |degree| json!({"temperature": degree}));
    let chat = json!({
        "model": model,
        "stream": true,
        "messages": [{"role": "system", "content": prompt.system},
                     {"role": "user", "content": prompt.user}],
    });
    let body = match provider {
        Provider::Gemini => json!({
            "systemInstruction": {"parts": [{"text": prompt.system}]},
            "contents": [{"role": "user", "parts": [{"text": prompt.user}]}],
            "generationConfig": warmth,
        }),
        Provider::Ollama => with(chat, [("options".to_owned(), warmth)]),
        Provider::OpenAi => with(chat, warmth.as_object().cloned().unwrap_or_default()),
    };
    ApiRequest { path: path(provider, model), body }
}

fn with(mut body: Value, more: impl IntoIterator<Item = (String, Value)>) -> Value {
    if let Some(fields) = body.as_object_mut() {
        fields.extend(more);
    }
    body
}

fn plain_name(name: &str) -> &str {
    name.strip_prefix("models/").unwrap_or(name)
}

/// Reads a part of an answer: an event, a line, or a whole answer that was not streamed. A part
/// without the provider's form that may occur among the others (pings, usage, filters' results)
/// becomes a [`StreamChunk`] that is not [`StreamChunk::known`].
///
/// # Errors
/// [`PieceError`].
pub fn part(provider: Provider, json: &str) -> Result<StreamChunk, PieceError> {
    if json.trim() == "[DONE]" {
        return Ok(StreamChunk {
            known: true,
            end: Some(FinishReason::Complete),
            ..StreamChunk::default()
        });
    }
    // Some servers send other words in between.
    if !json.trim_start().starts_with(['{', '[']) {
        return Ok(StreamChunk::default());
    }
    let part: Value = serde_json::from_str(json).map_err(|_| PieceError::Form)?;
    if let Some(message) = error_of(&part) {
        return Err(PieceError::Service(message));
    }
    Ok(match provider {
        Provider::Gemini => gemini(&part),
        Provider::Ollama => ollama(&part),
        Provider::OpenAi => openai(&part),
    })
}

/// Returns the message of an error answer. Its form depends on the provider.
pub fn error_of(answer: &Value) -> Option<String> {
    // Some servers wrap it in a list.
    let error = answer.get("error").or_else(|| answer.get(0)?.get("error"));
    let Some(error) = error else {
        // The form of vLLM and FastAPI.
        let is_answer =
            ["choices", "message", "candidates"].iter().any(|key| answer.get(key).is_some());
        let plain = match answer["object"] == "error" {
            true => &answer["message"],
            false if is_answer => return None,
            false => &answer["detail"],
        };
        return plain.as_str().map(|message| message.chars().take(300).collect());
    };
    let message = error.as_str().or_else(|| error["message"].as_str());
    (!error.is_null())
        .then(|| message.unwrap_or(tr!("an error without a message")).chars().take(300).collect())
}

fn openai(part: &Value) -> StreamChunk {
    let Some(choice) = part["choices"].get(0) else { return StreamChunk::default() };
    let message = [&choice["delta"], &choice["message"]].into_iter().find(|m| m.is_object());
    let is_whole = choice["message"].is_object();
    let end = choice["finish_reason"].as_str().and_then(end);
    // A whole answer may lack a reason for its end.
    let end = end.or_else(|| is_whole.then_some(FinishReason::Complete));
    let known = message.is_some() || end.is_some() || choice.get("delta").is_some();
    let text = message.map(|message| content(&message["content"])).unwrap_or_default();
    StreamChunk { text, end, known }
}

fn ollama(part: &Value) -> StreamChunk {
    let done = part["done"].as_bool();
    let text = content(&part["message"]["content"]);
    // Old versions report no reason.
    let ended = done == Some(true);
    let end =
        ended.then(|| part["done_reason"].as_str().and_then(end).unwrap_or(FinishReason::Complete));
    StreamChunk { known: done.is_some() || part["message"].is_object(), text, end }
}

fn gemini(part: &Value) -> StreamChunk {
    if let Some(reason) = part["promptFeedback"]["blockReason"].as_str() {
        return StreamChunk { end: Some(cut(reason)), known: true, ..StreamChunk::default() };
    }
    let Some(candidate) = part["candidates"].get(0) else { return StreamChunk::default() };
    let parts = candidate["content"]["parts"].as_array().map_or(&[][..], Vec::as_slice);
    let said = parts.iter().filter(|part| part["thought"] != true);
    let text = said.filter_map(|part| part["text"].as_str()).collect();
    let end = candidate["finishReason"].as_str().and_then(end);
    StreamChunk { known: end.is_some() || candidate.get("content").is_some(), text, end }
}

/// Returns a message's content: a text, or a list of parts, some of which are thoughts. Not all
/// servers give each part a type: a part without a type but with a text is a text.
fn content(content: &Value) -> String {
    let text = |part: &Value| match part["type"].as_str() {
        Some("text" | "output_text") | None if part["thought"] != true => {
            part.as_str().or_else(|| part["text"].as_str()).map(str::to_owned)
        }
        Some(_) | None => None,
    };
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(text).collect(),
        // A single part without a list.
        Value::Object(_) => text(content).unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

/// Returns the kind of end for a reason. Servers send all kinds of words there, some of them with
/// each part, so only known reasons count as an end.
fn end(reason: &str) -> Option<FinishReason> {
    const COMPLETE: [&str; 6] = ["stop", "eos", "eos_token", "end_turn", "stop_sequence", "end"];
    const CUT: [&str; 18] = [
        "length",
        "max_tokens",
        "model_length",
        "content_filter",
        "safety",
        "recitation",
        "language",
        "blocklist",
        "prohibited_content",
        "spii",
        "malformed_function_call",
        "tool_calls",
        "function_call",
        "other",
        "error",
        "abort",
        "load",
        "unload",
    ];
    let word = reason.to_lowercase();
    if COMPLETE.contains(&word.as_str()) {
        Some(FinishReason::Complete)
    } else {
        CUT.contains(&word.as_str()).then(|| cut(reason))
    }
}

fn cut(reason: &str) -> FinishReason {
    FinishReason::Cut(reason.chars().take(60).collect())
}

/// Returns a model's name as a part of a path.
fn segment(name: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
    plain_name(name).chars().filter(|c| safe(*c)).collect::<String>().replace("..", "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::PromptTask;
    use proptest::prelude::*;

    fn prompt() -> Prompt {
        Prompt::new(PromptTask::Rewrite { instruction: "Correct it." }, "so um", 1)
    }

    fn text(text: &str) -> Result<StreamChunk, PieceError> {
        Ok(StreamChunk { text: text.into(), end: None, known: true })
    }

    fn ended(text: &str, end: FinishReason) -> Result<StreamChunk, PieceError> {
        Ok(StreamChunk { text: text.into(), end: Some(end), known: true })
    }

    fn strange() -> Result<StreamChunk, PieceError> {
        Ok(StreamChunk::default())
    }

    #[test]
    fn each_provider_is_asked_in_its_form() {
        let Prompt { system, user, .. } = prompt();
        let openai = request(Provider::OpenAi, "gpt", Some(0.5), &prompt());
        assert_eq!(openai.path, "/chat/completions");
        assert_eq!(openai.body["messages"][0], json!({"role": "system", "content": system}));
        assert_eq!(
            (&openai.body["stream"], &openai.body["temperature"]),
            (&json!(true), &json!(0.5))
        );
        let ollama = request(Provider::Ollama, "qwen", Some(0.5), &prompt());
        assert_eq!((ollama.path.as_str(), &ollama.body["model"]), ("/api/chat", &json!("qwen")));
        assert_eq!(ollama.body["options"]["temperature"], 0.5);
        let gemini = request(Provider::Gemini, "models/gemini-x?key=1", Some(0.5), &prompt());
        assert_eq!(gemini.path, "/v1beta/models/gemini-xkey1:streamGenerateContent?alt=sse");
        assert_eq!(gemini.body["contents"][0]["parts"][0]["text"], user);
        assert_eq!(gemini.body["systemInstruction"]["parts"][0]["text"], system);
        assert_eq!(gemini.body["generationConfig"]["temperature"], 0.5);
        for provider in Provider::ALL {
            let cool = request(provider, "m", None, &prompt());
            assert!(!cool.body.to_string().contains("temperature"), "{}", cool.body);
        }
    }

    #[test]
    fn parts_mean_what_the_references_say() {
        use Provider::{Gemini, Ollama, OpenAi};
        let cut = |reason: &str| FinishReason::Cut(reason.into());
        for (provider, line, expected) in [
            (
                OpenAi,
                r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
                text(""),
            ),
            (
                OpenAi,
                r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}"#,
                text("Hi"),
            ),
            (
                OpenAi,
                r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
                ended("", FinishReason::Complete),
            ),
            (
                OpenAi,
                r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#,
                ended("", cut("length")),
            ),
            (OpenAi, r#"{"choices":[],"usage":{"total_tokens":9}}"#, strange()),
            (OpenAi, r#"{"choices":null}"#, strange()),
            (OpenAi, r#"{"type":"ping"}"#, strange()),
            (OpenAi, r#"{"choices":[{"delta":null,"finish_reason":null}]}"#, text("")),
            (
                OpenAi,
                r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"Hi"}]}}]}"#,
                text("Hi"),
            ),
            (
                OpenAi,
                r#"{"choices":[{"delta":{"content":[{"text":"Hi"},{"thinking":"hm"}," you",{"type":null,"text":"!"}]}}]}"#,
                text("Hi you!"),
            ),
            (OpenAi, r#"{"choices":[{"delta":{"content":{"text":"Hi"}}}]}"#, text("Hi")),
            (OpenAi, r#"{"choices":[{"delta":{"content":"Hi"},"finish_reason":""}]}"#, text("Hi")),
            (
                OpenAi,
                r#"{"choices":[{"delta":{"content":"Hi"},"finish_reason":"null"}]}"#,
                text("Hi"),
            ),
            (
                OpenAi,
                r#"{"choices":[{"delta":{"content":"Hi"},"finish_reason":"odd"}]}"#,
                text("Hi"),
            ),
            (
                OpenAi,
                r#"{"choices":[{"delta":{},"finish_reason":"STOP"}]}"#,
                ended("", FinishReason::Complete),
            ),
            (
                OpenAi,
                r#"{"choices":[{"delta":{},"finish_reason":"eos"}]}"#,
                ended("", FinishReason::Complete),
            ),
            (OpenAi, "[DONE]", ended("", FinishReason::Complete)),
            (
                OpenAi,
                r#"{"error":{"message":"overloaded"}}"#,
                Err(PieceError::Service("overloaded".into())),
            ),
            (OpenAi, "{", Err(PieceError::Form)),
            (OpenAi, r#"{"x":1}"#, strange()),
            (
                OpenAi,
                r#"{"object":"error","message":"no such model"}"#,
                Err(PieceError::Service("no such model".into())),
            ),
            (OpenAi, r#"{"detail":"not loaded"}"#, Err(PieceError::Service("not loaded".into()))),
            (
                Ollama,
                r#"{"model":"m","message":{"role":"assistant","content":"Hi"},"done":false}"#,
                text("Hi"),
            ),
            (
                Ollama,
                r#"{"model":"m","message":{"role":"assistant","content":""},"done_reason":"stop","done":true}"#,
                ended("", FinishReason::Complete),
            ),
            (
                Ollama,
                r#"{"message":{"content":""},"done":true}"#,
                ended("", FinishReason::Complete),
            ),
            (
                Ollama,
                r#"{"message":{"content":"x"},"done_reason":"length","done":true}"#,
                ended("x", cut("length")),
            ),
            (
                Ollama,
                r#"{"error":"model not found"}"#,
                Err(PieceError::Service("model not found".into())),
            ),
            (Ollama, r#"{"x":1}"#, strange()),
            (
                Ollama,
                r#"{"message":{"content":""},"done_reason":"load","done":true}"#,
                ended("", cut("load")),
            ),
            (
                Gemini,
                r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"},"index":0}]}"#,
                text("Hi"),
            ),
            (
                Gemini,
                r#"{"candidates":[{"content":{"parts":[{"text":"!"}],"role":"model"},"finishReason":"STOP"}]}"#,
                ended("!", FinishReason::Complete),
            ),
            (
                Gemini,
                r#"{"candidates":[{"content":{"parts":[{"text":"hmm","thought":true},{"text":"Hi"}]}}]}"#,
                text("Hi"),
            ),
            (
                Gemini,
                r#"{"candidates":[{"finishReason":"MAX_TOKENS"}]}"#,
                ended("", cut("MAX_TOKENS")),
            ),
            (Gemini, r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#, ended("", cut("SAFETY"))),
            (Gemini, r#"{"usageMetadata":{"totalTokenCount":9}}"#, strange()),
            (
                Gemini,
                r#"[{"error":{"code":400,"message":"bad key"}}]"#,
                Err(PieceError::Service("bad key".into())),
            ),
            (Gemini, "5", strange()),
        ] {
            assert_eq!(part(provider, line), expected, "{line}");
        }
    }

    #[test]
    fn an_answer_that_is_not_streamed_is_one_part() {
        let whole = r#"{"choices":[{"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}"#;
        assert_eq!(part(Provider::OpenAi, whole), ended("Hi", FinishReason::Complete));
    }

    proptest! {
        #[test]
        fn any_part_is_a_piece_or_an_error(line in r#"(\{"(choices|error|done|candidates)":(\[\{\}\]|null|true|5)\}|.{0,20})"#) {
            for provider in Provider::ALL {
                let _ = part(provider, &line);
            }
        }
    }
}
