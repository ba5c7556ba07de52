//! The protocol between the daemon and `v2m-llm`, on that program's own socket.
//!
//! The framing is the clients' framing by length ([`crate::frame::Framing::Length`]). A frame is a
//! [`Question`] one way and an [`Answer`] the other. A connection carries any number of questions,
//! with one answer each, in order. A peer that has left gets no answer.
//!
//! A question names its endpoint. `v2m-llm` uses the endpoint only if the configuration, which it
//! reads itself, names the same one. So no program with access to its socket can make it send a
//! text anywhere else. It finds the key by itself: the daemon never has it.

use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::PathBuf;

/// The longest text in a question, in bytes. With everything around it, a question stays far below
/// [`crate::frame::MAX_REQUEST`], however it is escaped.
pub const MAX_TEXT: usize = 128 << 10;

/// The path of the socket within the runtime directory.
const SOCKET: &str = "v2m/llm.sock";

/// Returns the path of the socket: `V2M_LLM_SOCKET`, else `$XDG_RUNTIME_DIR/v2m/llm.sock`. `None`
/// if neither is set.
pub fn socket_path() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let beside = || set("XDG_RUNTIME_DIR").map(|dir| PathBuf::from(dir).join(SOCKET));
    set("V2M_LLM_SOCKET").map(PathBuf::from).or_else(beside)
}

/// The API of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Google's Gemini API.
    Gemini,
    /// Ollama's own API.
    Ollama,
    /// OpenAI, and every service with the same API: llama.cpp's server, LM Studio, vLLM, …
    OpenAi,
}

impl Provider {
    /// All providers.
    pub const ALL: [Self; 3] = [Self::Gemini, Self::Ollama, Self::OpenAi];

    /// The provider with this [`Self::name`].
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.name() == name)
    }

    /// The name on the wire and in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
            Self::OpenAi => "openai",
        }
    }
}

/// Whether the configuration accepts `url` as `llm.base_url`: `http` or `https`, a host and perhaps
/// a path. User names, passwords and queries are refused: they would be secrets in a file that is
/// not secret.
pub fn is_base_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let strange = |c: char| matches!(c, '@' | '?' | '#' | ' ' | '\\') || c.is_control();
        !rest.is_empty() && !rest.starts_with('/') && !rest.contains(strange)
    })
}

/// The endpoint of a model, and the time limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The API.
    pub provider: Provider,
    /// `http` or `https`, without the path that the provider's API adds. `None`: the provider's own
    /// URL.
    pub base_url: Option<String>,
    /// The model's name at the endpoint.
    pub model: String,
    /// The sampling temperature, 0 to 2.
    pub temperature: f64,
    /// The time limit for connecting, in milliseconds.
    pub connect_ms: u64,
    /// The time limit for the complete answer with all attempts, in milliseconds.
    pub total_ms: u64,
}

/// A question to `v2m-llm`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Question {
    /// Rewrite a text as instructed.
    Rewrite {
        /// The endpoint to use.
        endpoint: Endpoint,
        /// The instruction for the model. It contains none of the text's words.
        instruction: String,
        /// The text, at most [`MAX_TEXT`] bytes.
        text: String,
        /// The bounds of a rewriting. `None`: any answer is accepted.
        accept: Option<Bounds>,
    },
    /// Translate a text.
    Translate {
        /// The endpoint to use.
        endpoint: Endpoint,
        /// The target language, by its English name.
        into: String,
        /// The text, at most [`MAX_TEXT`] bytes.
        text: String,
    },
    /// Check whether the endpoint answers, knows the model and accepts the key. No model is used.
    Check {
        /// The endpoint to check.
        endpoint: Endpoint,
    },
}

/// The bounds that make an answer a rewriting of a text. Shares are of the whole, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bounds {
    /// The smallest length of the answer, as a multiple of the text's.
    pub shortest: f64,
    /// The largest length of the answer, as a multiple of the text's.
    pub longest: f64,
    /// The smallest share of the text's words that the answer must keep.
    pub kept: f64,
    /// The smallest share of the answer's words that must come from the text.
    pub from_original: f64,
}

/// The bounds for corrections: all words stay except slips of the tongue.
impl Default for Bounds {
    fn default() -> Self {
        Self { shortest: 0.4, longest: 1.5, kept: 0.5, from_original: 0.6 }
    }
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// Answers `Rewrite` and `Translate`.
    Text {
        /// The text. It is not blank.
        text: String,
    },
    /// Answers `Check`: the endpoint is usable.
    Checked {
        /// The findings, for people.
        detail: String,
    },
    /// There is no text.
    Failed {
        /// The kind of failure, for programs.
        trouble: FailureKind,
        /// The message for people: what was being done, what went wrong, what to do now.
        message: String,
    },
}

/// Why there is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The question is invalid: a bug, or programs of two versions.
    BadQuestion,
    /// The endpoint cannot be reached, refuses, or does not answer in time.
    Unavailable,
    /// The model answered, but not with a rewriting of the text.
    Rejected,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint {
            provider: Provider::OpenAi,
            base_url: None,
            model: "m".into(),
            temperature: 0.25,
            connect_ms: 1,
            total_ms: 2,
        }
    }

    #[test]
    fn questions_and_answers_survive_the_wire() {
        for question in [
            Question::Rewrite {
                endpoint: endpoint(),
                instruction: "i".into(),
                text: "t".into(),
                accept: Some(Bounds::default()),
            },
            Question::Translate { endpoint: endpoint(), into: "Spanish".into(), text: "t".into() },
            Question::Check { endpoint: endpoint() },
        ] {
            let json = serde_json::to_string(&question).unwrap();
            assert_eq!(serde_json::from_str::<Question>(&json).unwrap(), question, "{json}");
        }
        for answer in [
            Answer::Text { text: "t".into() },
            Answer::Checked { detail: "d".into() },
            Answer::Failed { trouble: FailureKind::BadQuestion, message: "m".into() },
        ] {
            let json = serde_json::to_string(&answer).unwrap();
            assert_eq!(serde_json::from_str::<Answer>(&json).unwrap(), answer, "{json}");
        }
    }

    #[test]
    fn the_longest_question_is_one_that_is_read() {
        let question = Question::Rewrite {
            endpoint: endpoint(),
            instruction: "\u{1}".repeat(32 << 10),
            // JSON writes a control character as six characters.
            text: "\u{1}".repeat(MAX_TEXT),
            accept: Some(Bounds::default()),
        };
        assert!(serde_json::to_vec(&question).unwrap().len() < crate::frame::MAX_REQUEST);
    }

    #[test]
    fn providers_have_one_name() {
        for provider in Provider::ALL {
            assert_eq!(serde_json::to_value(provider).unwrap(), provider.name());
            assert_eq!(Provider::named(provider.name()), Some(provider));
        }
    }
}
