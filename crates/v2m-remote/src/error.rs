//! The reasons for a missing text.

use std::time::Duration;
use v2m_messages::{tr, verbatim};
use v2m_net::address::BadAddress;
use v2m_net::keys::KeyError;

/// Why there is no text, for people: what went wrong, and what to do now. The daemon adds what was
/// being done before it. The first field is the base URL, if there is one.
#[derive(Debug, thiserror::Error)]
pub enum SpeechError {
    /// The address is invalid, or the key would be sent to it unencrypted.
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// The configuration does not allow this endpoint, for this reason.
    #[error("{}", tr!("no server is contacted: {why}", why = .0))]
    NotAllowed(String),
    /// The configuration was replaced by a file that only the next process can read.
    #[error("{}", tr!("another file has replaced the configuration"))]
    Replaced,
    /// The question is invalid.
    #[error("{}", tr!("the question is not valid: {why}", why = v2m_messages::text(.0)))]
    BadQuestion(&'static str),
    /// There is a key, but it cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key is needed, but there is none.
    #[error("{}", tr!("{url} asks for a key, and there is none: {places}", url = .0, places = .1))]
    NoKey(String, String),
    /// The key was refused.
    #[error(
        "{}",
        tr!("{url} refuses the key ({status}: {said}). Is it the right one? If not, {places}",
            url = .0, status = .1, said = .2, places = .3)
    )]
    Refused(String, u16, String, String),
    /// The server cannot be reached.
    #[error(
        "{}",
        tr!("{url} cannot be reached: {error}. Is the server running, and is remote.base_url right?",
            url = .0, error = .1)
    )]
    Connect(String, String),
    /// It does not use TLS, or its certificate is not trusted.
    #[error(
        "{}",
        tr!(
            "{url} cannot be reached over TLS: {error}. Does it speak https, and does this system trust its \
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
        tr!("{url} did not complete its answer within {time}. A longer wait: remote.timeout_seconds",
            url = .0, time = format_args!("{:?}", .1))
    )]
    Timeout(String, Duration),
    /// It answered with an error status.
    #[error("{}", tr!("{url} answered {status}: {said}", url = .0, status = .1, said = .2))]
    Status(String, u16, String),
    /// It cannot report the language that it detected.
    #[error(
        "{}",
        tr!(
            "{url} answered {status}: {said}. If this server does not report the language, set the one you \
             speak: v2m-send config set engine.language=en",
            url = .0,
            status = .1,
            said = .2
        )
    )]
    NoDetail(String, u16, String),
    /// It answers, but does not know the path.
    #[error(
        "{}",
        tr!(
            "{url} answers, but not at {path} (status {status}). Set remote.base_url to the address of its API, which \
             often ends in /v1, and remote.model to a model that it has",
            url = .0,
            path = .1,
            status = .2
        )
    )]
    NoApi(String, &'static str, u16),
    /// It failed with a web page, which usually comes from a proxy before it.
    #[error(
        "{}",
        tr!(
            "{url} fails (status {status}). The server, or one behind it, may be down or overloaded",
            url = .0,
            status = .1
        )
    )]
    Fails(String, u16),
    /// It answered with a web page.
    #[error(
        "{}",
        tr!(
            "{url} answers with a web page (status {status}). Set remote.base_url to the address of its API, which often \
             ends in /v1",
            url = .0,
            status = .1
        )
    )]
    Page(String, u16),
    /// It redirects to another address.
    #[error(
        "{}",
        tr!(
            "{url} answered {status} and redirects to {place}; v2m does not follow redirections with your voice. If \
             that is the right address, set it: v2m-send config set remote.base_url=…",
            url = .0,
            status = .1,
            place = .2
        )
    )]
    Elsewhere(String, u16, String),
    /// The connection was lost in the middle of the answer.
    #[error("{}", tr!("{url} broke off its answer: {why}", url = .0, why = .1))]
    Broken(String, String),
    /// The answer cannot be understood.
    #[error("{}", tr!("the answer of {url} cannot be understood: {why}", url = .0, why = .1))]
    Answer(String, String),
    /// The answer is longer than anything that can be said in that time.
    #[error("{}", tr!("the answer of {url} is too long; it was not read to its end", url = .0))]
    TooLong(String),
    /// The client has gone or cancelled, so this message is not shown.
    #[error("{}", tr!("the answer is no longer needed"))]
    Gone,
}

impl SpeechError {
    /// Returns the words for the log, without anything from a text, a key or an answer.
    pub fn word(&self) -> String {
        verbatim!(match self {
            Self::Address(..) => "bad address".into(),
            Self::NotAllowed(_) => "not allowed by the configuration".into(),
            Self::Replaced => "the configuration was replaced".into(),
            Self::BadQuestion(why) => format!("bad question, {why}"),
            Self::Key(_) => "unusable key".into(),
            Self::NoKey(..) => "no key".into(),
            Self::Refused(_, status, ..) => format!("key refused, {status}"),
            Self::Connect(..) => "no connection".into(),
            Self::Tls(..) => "no TLS".into(),
            Self::Timeout(..) => "timeout".into(),
            Self::Status(_, status, _)
            | Self::NoDetail(_, status, _)
            | Self::Fails(_, status)
            | Self::NoApi(_, _, status) => format!("status {status}"),
            Self::Page(_, status) => format!("a web page, status {status}"),
            Self::Elsewhere(..) => "redirected".into(),
            Self::Broken(..) => "broken off".into(),
            Self::Answer(..) => "not understood".into(),
            Self::TooLong(_) => "too long".into(),
            Self::Gone => "cancelled".into(),
        })
    }
}
