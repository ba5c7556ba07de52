//! How each provider is asked, and what the lines of its streamed answer mean. Pure.
//!
//! Sources: OpenAI's reference of chat completions (which llama.cpp's server, LM Studio and vLLM speak too), Ollama's
//! docs/api.md, and Gemini's reference of `streamGenerateContent`.

pub mod models;

use crate::client::Address;
use crate::prompt::Prompt;
use serde_json::{Value, json};
use v2m_ipc::llm::Provider;

/// A request, but for the address it goes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// After the base URL.
    pub path: String,
    /// JSON.
    pub body: Value,
}

/// What a part of an answer holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Text, to be appended.
    pub text: String,
    /// Whether this was all.
    pub end: Option<End>,
}

/// How an answer ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The model had said all it wanted.
    Complete,
    /// It was cut off, or refused; the provider's word for why.
    Cut(String),
}

/// Why a part of an answer has no meaning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PieceError {
    /// It is not what the provider's reference says.
    #[error("it is not of the provider's form")]
    Form,
    /// The provider reports an error in the middle of its answer.
    #[error("{0}")]
    Service(String),
}

/// The address where nothing else is said.
pub fn base_url(provider: Provider) -> &'static str {
    match provider {
        Provider::Gemini => "https://generativelanguage.googleapis.com",
        Provider::Ollama => "http://127.0.0.1:11434",
        Provider::OpenAi => "https://api.openai.com/v1",
    }
}

/// The host of the provider's own service, which is asked over https.
pub fn service_host(provider: Provider) -> &'static str {
    match provider {
        Provider::Gemini => "generativelanguage.googleapis.com",
        Provider::Ollama => "ollama.com",
        Provider::OpenAi => "api.openai.com",
    }
}

/// Whose own service is at this address, in whatever form it is asked; most servers are nobody's.
pub fn service(address: &Address) -> Option<Provider> {
    let is_at = |provider: &Provider| address.https && address.place == service_host(*provider);
    Provider::ALL.into_iter().find(is_at)
}

/// The header that holds the key, and what stands before the key in it.
pub fn key_header(provider: Provider) -> (&'static str, &'static str) {
    match provider {
        Provider::Gemini => ("x-goog-api-key", ""),
        Provider::Ollama | Provider::OpenAi => ("authorization", "Bearer "),
    }
}

/// What to ask. Without a temperature: the model's own.
pub fn request(
    provider: Provider,
    model: &str,
    temperature: Option<f64>,
    prompt: &Prompt,
) -> Request {
    let warmth = temperature.map_or(json!({}), |degree| json!({"temperature": degree}));
    let chat = json!({
        "model": model,
        "stream": true,
        "messages": [{"role": "system", "content": prompt.system},
                     {"role": "user", "content": prompt.user}],
    });
    match provider {
        Provider::Gemini => Request {
            path: format!("/v1beta/models/{}:streamGenerateContent?alt=sse", segment(model)),
            body: json!({
                "systemInstruction": {"parts": [{"text": prompt.system}]},
                "contents": [{"role": "user", "parts": [{"text": prompt.user}]}],
                "generationConfig": warmth,
            }),
        },
        Provider::Ollama => {
            Request { path: "/api/chat".into(), body: with(chat, [("options".to_owned(), warmth)]) }
        }
        Provider::OpenAi => Request {
            path: "/chat/completions".into(),
            body: with(chat, warmth.as_object().cloned().unwrap_or_default()),
        },
    }
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

/// A line of a streamed answer.
///
/// # Errors
/// [`PieceError`].
pub fn line(provider: Provider, line: &str) -> Result<Piece, PieceError> {
    let line = line.trim();
    let json = match provider {
        Provider::Ollama => line,
        // Server-sent events: other fields and comments say nothing here.
        Provider::Gemini | Provider::OpenAi => {
            line.strip_prefix("data:").unwrap_or_default().trim()
        }
    };
    match json {
        "" => Ok(Piece::default()),
        "[DONE]" => Ok(Piece { text: String::new(), end: Some(End::Complete) }),
        json => part(provider, json),
    }
}

/// A part of an answer, or a whole one that was not streamed.
///
/// # Errors
/// [`PieceError`].
pub fn part(provider: Provider, json: &str) -> Result<Piece, PieceError> {
    let part: Value = serde_json::from_str(json).map_err(|_| PieceError::Form)?;
    if let Some(message) = error_of(&part) {
        return Err(PieceError::Service(message));
    }
    match provider {
        Provider::Gemini => gemini(&part),
        Provider::Ollama => ollama(&part),
        Provider::OpenAi => openai(&part),
    }
}

/// The message of an error answer; providers differ in its form.
pub fn error_of(answer: &Value) -> Option<String> {
    // Some wrap it into a list.
    let error = answer.get("error").or_else(|| answer.get(0)?.get("error"))?;
    let message = error.as_str().or_else(|| error["message"].as_str());
    (!error.is_null())
        .then(|| message.unwrap_or("an error without a message").chars().take(300).collect())
}

fn openai(part: &Value) -> Result<Piece, PieceError> {
    let choices = part["choices"].as_array().ok_or(PieceError::Form)?;
    // The last part may tell of usage alone.
    let Some(choice) = choices.first() else { return Ok(Piece::default()) };
    let message = choice.get("delta").or_else(|| choice.get("message"));
    let text = message.ok_or(PieceError::Form)?["content"].as_str().unwrap_or_default();
    let end = choice["finish_reason"].as_str().map(|reason| end(reason, &["stop"]));
    Ok(Piece { text: text.into(), end })
}

fn ollama(part: &Value) -> Result<Piece, PieceError> {
    let done = part["done"].as_bool().ok_or(PieceError::Form)?;
    let text = part["message"]["content"].as_str().unwrap_or_default();
    // Old versions give no reason.
    let reason = part["done_reason"].as_str().unwrap_or("stop");
    Ok(Piece { text: text.into(), end: done.then(|| end(reason, &["stop"])) })
}

fn gemini(part: &Value) -> Result<Piece, PieceError> {
    if let Some(reason) = part["promptFeedback"]["blockReason"].as_str() {
        return Ok(Piece { text: String::new(), end: Some(End::Cut(reason.into())) });
    }
    let Some(candidate) = part["candidates"].get(0) else {
        // Usage alone.
        let known = part.get("usageMetadata").is_some();
        return if known { Ok(Piece::default()) } else { Err(PieceError::Form) };
    };
    let parts = candidate["content"]["parts"].as_array().map_or(&[][..], Vec::as_slice);
    let said = parts.iter().filter(|part| part["thought"] != true);
    let text = said.filter_map(|part| part["text"].as_str()).collect();
    let end = candidate["finishReason"].as_str().map(|reason| end(reason, &["STOP"]));
    Ok(Piece { text, end })
}

fn end(reason: &str, complete: &[&str]) -> End {
    if complete.contains(&reason) {
        End::Complete
    } else {
        End::Cut(reason.chars().take(60).collect())
    }
}

/// A model's name as a part of a path.
fn segment(name: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
    plain_name(name).chars().filter(|c| safe(*c)).collect::<String>().replace("..", "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::Task;
    use proptest::prelude::*;

    fn prompt() -> Prompt {
        Prompt::new(Task::Rewrite { instruction: "Correct it." }, "so um", 1)
    }

    fn text(text: &str) -> Result<Piece, PieceError> {
        Ok(Piece { text: text.into(), end: None })
    }

    fn ended(text: &str, end: End) -> Result<Piece, PieceError> {
        Ok(Piece { text: text.into(), end: Some(end) })
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
    fn lines_mean_what_the_references_say() {
        use Provider::{Gemini, Ollama, OpenAi};
        let cut = |reason: &str| End::Cut(reason.into());
        for (provider, line, expected) in [
            (
                OpenAi,
                r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
                text(""),
            ),
            (
                OpenAi,
                r#"data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}"#,
                text("Hi"),
            ),
            (
                OpenAi,
                r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
                ended("", End::Complete),
            ),
            (
                OpenAi,
                r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#,
                ended("", cut("length")),
            ),
            (OpenAi, r#"data: {"choices":[],"usage":{"total_tokens":9}}"#, text("")),
            (OpenAi, "data: [DONE]", ended("", End::Complete)),
            (OpenAi, ": keep-alive", text("")),
            (OpenAi, "", text("")),
            (
                OpenAi,
                r#"data: {"error":{"message":"overloaded"}}"#,
                Err(PieceError::Service("overloaded".into())),
            ),
            (OpenAi, "data: {", Err(PieceError::Form)),
            (OpenAi, r#"data: {"x":1}"#, Err(PieceError::Form)),
            (
                Ollama,
                r#"{"model":"m","message":{"role":"assistant","content":"Hi"},"done":false}"#,
                text("Hi"),
            ),
            (
                Ollama,
                r#"{"model":"m","message":{"role":"assistant","content":""},"done_reason":"stop","done":true}"#,
                ended("", End::Complete),
            ),
            (Ollama, r#"{"message":{"content":""},"done":true}"#, ended("", End::Complete)),
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
            (Ollama, r#"{"x":1}"#, Err(PieceError::Form)),
            (
                Gemini,
                r#"data: {"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"},"index":0}]}"#,
                text("Hi"),
            ),
            (
                Gemini,
                r#"data: {"candidates":[{"content":{"parts":[{"text":"!"}],"role":"model"},"finishReason":"STOP"}]}"#,
                ended("!", End::Complete),
            ),
            (
                Gemini,
                r#"data: {"candidates":[{"content":{"parts":[{"text":"hmm","thought":true},{"text":"Hi"}]}}]}"#,
                text("Hi"),
            ),
            (
                Gemini,
                r#"data: {"candidates":[{"finishReason":"MAX_TOKENS"}]}"#,
                ended("", cut("MAX_TOKENS")),
            ),
            (
                Gemini,
                r#"data: {"promptFeedback":{"blockReason":"SAFETY"}}"#,
                ended("", cut("SAFETY")),
            ),
            (Gemini, r#"data: {"usageMetadata":{"totalTokenCount":9}}"#, text("")),
            (
                Gemini,
                r#"data: [{"error":{"code":400,"message":"bad key"}}]"#,
                Err(PieceError::Service("bad key".into())),
            ),
            (Gemini, "data: 5", Err(PieceError::Form)),
        ] {
            assert_eq!(super::line(provider, line), expected, "{line}");
        }
    }

    #[test]
    fn an_answer_that_is_not_streamed_is_one_part() {
        let whole = r#"{"choices":[{"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}"#;
        assert_eq!(part(Provider::OpenAi, whole), ended("Hi", End::Complete));
    }

    proptest! {
        #[test]
        fn any_line_is_a_piece_or_an_error(line in r#"(data: )?(\{"(choices|error|done|candidates)":(\[\{\}\]|null|true|5)\}|.{0,20})"#) {
            for provider in Provider::ALL {
                let _ = super::line(provider, &line);
            }
        }
    }
}
