//! Why there is no answer.

use crate::config::ConfigError;
use crate::keys::KeyError;
use std::time::Duration;

/// For people: what was being done, what went wrong, what to do now. The first field is the base
/// URL.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The address is none, or the key would be readable on the way to it.
    #[error("asking the language model at {0}: {1}")]
    Address(String, &'static str),
    /// The configuration does not allow this endpoint.
    #[error(transparent)]
    NotAllowed(#[from] ConfigError),
    /// There is a key, and it cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There is no key where one is needed.
    #[error("{0} asks for a key, and there is none: {1}")]
    NoKey(String, String),
    /// The key was refused.
    #[error("the language model at {0} refuses the key ({1}: {2}). Is it the right one? Else {3}")]
    Refused(String, u16, String, String),
    /// Nobody is there.
    #[error("asking the language model at {0}: {1}. Is it running, and is llm.base_url right?")]
    Connect(String, String),
    /// It speaks no TLS, or its certificate is not believed.
    #[error(
        "asking the language model at {0} over TLS: {1}. Does it speak https, and does this system trust its certificate? \
         An authority of your own belongs among the system's (update-ca-certificates, trust anchor)"
    )]
    Tls(String, String),
    /// It took too long.
    #[error("the language model at {0} did not complete its answer within {1:?}")]
    Timeout(String, Duration),
    /// It refused.
    #[error("the language model at {0} answered {1}: {2}")]
    Status(String, u16, String),
    /// The connection broke in the middle of the answer.
    #[error("the language model at {0} broke off its answer: {1}")]
    Broken(String, String),
    /// The answer cannot be understood.
    #[error(
        "the answer of the language model at {0} cannot be understood: {1}. Is llm.provider right?"
    )]
    Answer(String, String),
    /// A web page answered; what is known of why.
    #[error(
        "{0} answers with a web page, not like a language model{1}. Set llm.base_url to the address of its API, \
         which often ends in /v1: v2m-send config set llm.base_url=…"
    )]
    Page(String, String),
    /// Somebody answers, who knows none of the addresses at which a language model is asked.
    #[error(
        "{0} answers, but not like a language model (status {1} for {2}). Set llm.base_url to the address of its API, \
         which often ends in /v1, and see whether llm.provider is right: v2m-send config set llm.base_url=…"
    )]
    NoApi(String, u16, String),
    /// It sends elsewhere.
    #[error(
        "{0} answered {1} and redirects to {2}; v2m does not follow redirections with your text. If that is the right address, set it: \
         v2m-send config set llm.base_url=…"
    )]
    Elsewhere(String, u16, String),
    /// The answer is longer than any that could be meant.
    #[error("the answer of the language model at {0} is too long; it was not read to its end")]
    TooLong(String),
    /// It has more than [`super::QuestionLimits::letters`].
    #[error("the answer is longer than any rewriting of the text; it was not read to its end")]
    Endless,
    /// No model is named.
    #[error("llm.model is not set{0}. Set it: v2m-send config set llm.model=NAME")]
    NoModel(String),
    /// The endpoint does not have it.
    #[error("{0} has no model {1:?}{2}. Set another: v2m-send config set llm.model=NAME")]
    UnknownModel(String, String, String),
    /// Who asked is gone; nobody reads this.
    #[error("the answer is no longer needed")]
    Gone,
}

impl EndpointError {
    /// For the log: nothing of a text, a key or an answer.
    pub fn word(&self) -> String {
        match self {
            Self::Address(..) => "bad address".into(),
            Self::NotAllowed(_) => "not allowed by the configuration".into(),
            Self::Key(_) => "unusable key".into(),
            Self::NoKey(..) => "no key".into(),
            Self::Refused(_, status, ..) => format!("key refused, {status}"),
            Self::Connect(..) => "no connection".into(),
            Self::Tls(..) => "no TLS".into(),
            Self::Timeout(..) => "timeout".into(),
            Self::Status(_, status, _) => format!("status {status}"),
            Self::Broken(..) => "broken off".into(),
            Self::Answer(..) => "not understood".into(),
            Self::Page(..) => "a web page".into(),
            Self::NoApi(_, status, _) => format!("no API, status {status}"),
            Self::Elsewhere(..) => "redirected".into(),
            Self::TooLong(_) => "too long".into(),
            Self::Endless => "endless".into(),
            Self::NoModel(_) => "no model set".into(),
            Self::UnknownModel(..) => "unknown model".into(),
            Self::Gone => "cancelled".into(),
        }
    }
}
