//! The reasons for a missing answer.

use crate::config::ConfigError;
use std::time::Duration;
use v2m_messages::{tr, verbatim};
use v2m_net::address::BadAddress;
use v2m_net::keys::KeyError;

/// Why there is no answer, for people: what was being done, what went wrong, what to do now. The
/// first field is the base URL.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The address is invalid, or the key would be sent to it unencrypted.
    #[error("{}", tr!("asking the language model at {url}: {why}", url = .0, why = .1))]
    Address(String, String),
    /// The configuration does not allow this endpoint.
    #[error(transparent)]
    NotAllowed(#[from] ConfigError),
    /// There is a key, but it cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key is needed, but there is none.
    #[error("{}", tr!("{url} asks for a key, and there is none: {places}", url = .0, places = .1))]
    NoKey(String, String),
    /// The key was refused.
    #[error(
        "{}",
        tr!(
            "the language model at {url} refuses the key ({status}: {said}). Is it the right one? If not, {places}",
            url = .0,
            status = .1,
            said = .2,
            places = .3
        )
    )]
    Refused(String, u16, String, String),
    /// The endpoint cannot be reached.
    #[error(
        "{}",
        tr!(
            "asking the language model at {url}: {error}. Is it running, and is llm.base_url right?",
            url = .0,
            error = .1
        )
    )]
    Connect(String, String),
    /// It does not use TLS, or its certificate is not trusted.
    #[error(
        "{}",
        tr!(
            "asking the language model at {url} over TLS: {error}. Does it speak https, and does this system trust its \
             certificate? To use your own certificate authority, add it to the system's \
             (update-ca-certificates, trust anchor)",
            url = .0,
            error = .1
        )
    )]
    Tls(String, String),
    /// The answer took too long.
    #[error(
        "{}",
        tr!(
            "the language model at {url} did not complete its answer within {time}",
            url = .0,
            time = format_args!("{:?}", .1)
        )
    )]
    Timeout(String, Duration),
    /// It answered with an error status.
    #[error(
        "{}",
        tr!("the language model at {url} answered {status}: {said}", url = .0, status = .1, said = .2)
    )]
    Status(String, u16, String),
    /// It answered with an error status and a web page.
    #[error(
        "{}",
        tr!("the language model at {url} answered {status}: a web page", url = .0, status = .1)
    )]
    StatusPage(String, u16),
    /// It failed with a web page, which usually comes from a proxy before it.
    #[error(
        "{}",
        tr!(
            "the language model at {url} fails (status {status}). The server, or one behind it, may be down or \
             overloaded",
            url = .0,
            status = .1
        )
    )]
    Fails(String, u16),
    /// It answered with an error status, because the base URL already contains the rest of the
    /// path.
    #[error(
        "{}",
        tr!(
            "the language model at {url} answered {status}: llm.base_url ends in /chat/completions, which v2m adds \
             itself: leave it out",
            url = .0,
            status = .1
        )
    )]
    PathTwice(String, u16),
    /// The connection was lost in the middle of the answer.
    #[error(
        "{}",
        tr!("the language model at {url} broke off its answer: {why}", url = .0, why = .1)
    )]
    Broken(String, String),
    /// The answer cannot be understood.
    #[error(
        "{}",
        tr!(
            "the answer of the language model at {url} cannot be understood: {why}. Is llm.provider right?",
            url = .0,
            why = .1
        )
    )]
    Answer(String, String),
    /// It answered with a web page. The status, if it is an error.
    #[error("{}", page(.0, *.1))]
    Page(String, Option<u16>),
    /// It answers, but not at the addresses of a language model's API.
    #[error(
        "{}",
        tr!(
            "{url} answers, but not like a language model (status {status} for {path}). Set llm.base_url to the address \
             of its API, which often ends in /v1, and see whether llm.provider is right: v2m-send config set \
             llm.base_url=…",
            url = .0,
            status = .1,
            path = .2
        )
    )]
    NoApi(String, u16, String),
    /// It redirects to another address.
    #[error(
        "{}",
        tr!(
            "{url} answered {status} and redirects to {place}; v2m does not follow redirections with your text. If that \
             is the right address, set it: v2m-send config set llm.base_url=…",
            url = .0,
            status = .1,
            place = .2
        )
    )]
    Elsewhere(String, u16, String),
    /// The answer is longer than any valid one.
    #[error(
        "{}",
        tr!(
            "the answer of the language model at {url} is too long; it was not read to its end",
            url = .0
        )
    )]
    TooLong(String),
    /// The answer has more characters than [`super::QuestionLimits::letters`].
    #[error(
        "{}",
        tr!("the answer is longer than any rewriting of the text; it was not read to its end")
    )]
    Endless,
    /// The configuration names no model. The existing models, if known.
    #[error("{}", no_model(.0, .1.as_deref()))]
    NoModel(String, Option<String>),
    /// The endpoint does not have the model. The existing models, if known.
    #[error("{}", unknown_model(.0, .1, .2.as_deref()))]
    UnknownModel(String, String, Option<String>),
    /// The client has gone, so this message is not shown.
    #[error("{}", tr!("the answer is no longer needed"))]
    Gone,
}

impl From<BadAddress> for EndpointError {
    fn from(BadAddress { shown, why }: BadAddress) -> Self {
        Self::Address(shown, why)
    }
}

impl EndpointError {
    /// Returns the words for the log, without anything from a text, a key or an answer.
    pub fn word(&self) -> String {
        verbatim!(match self {
            Self::Address(..) => "bad address".into(),
            Self::NotAllowed(_) => "not allowed by the configuration".into(),
            Self::Key(_) => "unusable key".into(),
            Self::NoKey(..) => "no key".into(),
            Self::Refused(_, status, ..) => format!("key refused, {status}"),
            Self::Connect(..) => "no connection".into(),
            Self::Tls(..) => "no TLS".into(),
            Self::Timeout(..) => "timeout".into(),
            Self::Status(_, status, _)
            | Self::StatusPage(_, status)
            | Self::Fails(_, status)
            | Self::PathTwice(_, status) => format!("status {status}"),
            Self::Broken(..) => "broken off".into(),
            Self::Answer(..) => "not understood".into(),
            Self::Page(..) => "a web page".into(),
            Self::NoApi(_, status, _) => format!("no API, status {status}"),
            Self::Elsewhere(..) => "redirected".into(),
            Self::TooLong(_) => "too long".into(),
            Self::Endless => "endless".into(),
            Self::NoModel(..) => "no model set".into(),
            Self::UnknownModel(..) => "unknown model".into(),
            Self::Gone => "cancelled".into(),
        })
    }
}

fn page(url: &str, status: Option<u16>) -> String {
    match status {
        None => tr!(
            "{url} answers with a web page, not like a language model. Set llm.base_url to the address of its API, \
             which often ends in /v1: v2m-send config set llm.base_url=…",
            url
        ),
        Some(status) => tr!(
            "{url} answers with a web page, not like a language model (status {status}). Set llm.base_url to the \
             address of its API, which often ends in /v1: v2m-send config set llm.base_url=…",
            url,
            status
        ),
    }
}

fn no_model(url: &str, models: Option<&str>) -> String {
    match models {
        None => tr!("llm.model is not set. Set it: v2m-send config set llm.model=NAME").to_owned(),
        Some(models) => tr!(
            "llm.model is not set; {url} has {models}. Set it: v2m-send config set llm.model=NAME",
            url,
            models
        ),
    }
}

fn unknown_model(url: &str, model: &str, models: Option<&str>) -> String {
    let model = format_args!("{model:?}");
    match models {
        None => tr!(
            "{url} has no model {model}. Set another: v2m-send config set llm.model=NAME",
            url,
            model
        ),
        Some(models) => tr!(
            "{url} has no model {model}; it has {models}. Set another: v2m-send config set llm.model=NAME",
            url,
            model,
            models
        ),
    }
}
