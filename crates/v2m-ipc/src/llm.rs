//! What the daemon asks of `v2m-llm`, and what it is answered, over that program's own socket.
//!
//! Framing is that of the clients' socket by length ([`crate::frame::Framing::Length`]); a frame is
//! a [`Question`] one way and an [`Answer`] the other. A connection carries any number of
//! questions, one answer each, in order. Who asked and is gone is not answered.
//!
//! A question names its endpoint. `v2m-llm` asks it only if the configuration, which it reads
//! itself, names the same one: whoever reaches its socket cannot have it send a text anywhere else.
//! The key it finds by itself: the daemon never has it.

use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::PathBuf;

/// The longest text that may be asked about, in bytes: with all that stands around it a question
/// stays far below [`crate::frame::MAX_REQUEST`], however it is escaped.
pub const MAX_TEXT: usize = 128 << 10;

/// The socket's name beside the clients'.
const SOCKET: &str = "v2m/llm.sock";

/// Where the socket is: `V2M_LLM_SOCKET`, else `$XDG_RUNTIME_DIR/v2m/llm.sock`. `None` where
/// neither is set.
pub fn socket_path() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let beside = || set("XDG_RUNTIME_DIR").map(|dir| PathBuf::from(dir).join(SOCKET));
    set("V2M_LLM_SOCKET").map(PathBuf::from).or_else(beside)
}

/// Whose form an endpoint speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Google's Gemini API.
    Gemini,
    /// Ollama's own API.
    Ollama,
    /// OpenAI, and every service of its form: llama.cpp's server, LM Studio, vLLM, …
    OpenAi,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Gemini, Self::Ollama, Self::OpenAi];

    /// The provider of that [`Self::name`].
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

/// Whether the configuration takes `url` as `llm.base_url`: `http` or `https`, a host and perhaps a
/// path. User names, passwords and queries would be secrets in a file that is none.
pub fn is_base_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let strange = |c: char| matches!(c, '@' | '?' | '#' | ' ' | '\\') || c.is_control();
        !rest.is_empty() && !rest.starts_with('/') && !rest.contains(strange)
    })
}

/// Where a model answers, and how long that may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Whose form it speaks.
    pub provider: Provider,
    /// `http` or `https`, without the path that the provider's form adds; `None`: the provider's
    /// own.
    pub base_url: Option<String>,
    /// The model's name there.
    pub model: String,
    /// 0 to 2.
    pub temperature: f64,
    /// Milliseconds until a connection stands.
    pub connect_ms: u64,
    /// Milliseconds until the answer is whole, all attempts together.
    pub total_ms: u64,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Question {
    /// A text, rewritten as told.
    Rewrite {
        /// Of whom.
        endpoint: Endpoint,
        /// What is to be done with the text; none of its words are the text's.
        instruction: String,
        /// At most [`MAX_TEXT`].
        text: String,
        /// What counts as a rewriting; `None`: whatever the model says.
        accept: Option<Bounds>,
    },
    /// A text, translated.
    Translate {
        /// Of whom.
        endpoint: Endpoint,
        /// The language, by its English name.
        into: String,
        /// At most [`MAX_TEXT`].
        text: String,
    },
    /// Whether the endpoint answers, knows the model and takes the key. Asks no model anything.
    Check {
        /// Of whom.
        endpoint: Endpoint,
    },
}

/// What makes a rewriting of a text. Shares are of the whole, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bounds {
    /// The answer's length, at least, as a multiple of the text's.
    pub shortest: f64,
    /// The answer's length, at most, as a multiple of the text's.
    pub longest: f64,
    /// The share of the text's words that the answer has too, at least.
    pub kept: f64,
    /// The share of the answer's words that the text has too, at least.
    pub from_original: f64,
}

/// For corrections: the words stay, but for slips of the tongue.
impl Default for Bounds {
    fn default() -> Self {
        Self { shortest: 0.4, longest: 1.5, kept: 0.5, from_original: 0.6 }
    }
}

/// What a question is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// To `Rewrite` and `Translate`.
    Text {
        /// Not blank.
        text: String,
    },
    /// To `Check`: all is well.
    Checked {
        /// For people: what was found.
        detail: String,
    },
    /// There is no text.
    Failed {
        /// For programs.
        trouble: FailureKind,
        /// For people: what was being done, what went wrong, what to do now.
        message: String,
    },
}

/// Why there is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The question makes no sense: a bug, or programs of two versions.
    BadQuestion,
    /// The endpoint cannot be reached, refuses, or does not answer in time.
    Unavailable,
    /// The model answered, and not with a rewriting of the text.
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
            // Control characters are written as six.
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
