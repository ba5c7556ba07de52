//! The protocol between an engine that has no model of its own and `v2m-remote`, on that program's
//! own socket. Only the daemon can connect the two. It does not read what they send.
//!
//! The frames are those of [`crate::engine`]: PCM, and JSON messages, which are a [`Question`] one
//! way and an [`Answer`] the other. Sound comes before its question, in one frame with any job
//! number. Each question has one answer, in order. [`Question::Cancel`] has none: it ends the
//! current question, which is then answered with [`FailureKind::Cancelled`]. Without a current
//! question it does nothing.
//!
//! A question names its endpoint. `v2m-remote` uses the endpoint only if the configuration, which
//! it reads itself, names the same one. So no program with access to its socket can make it send
//! sound anywhere else. It finds the key by itself: neither the daemon nor the engine ever has it.

use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use v2m_messages::tr;

/// The longest sound of one question, in samples at 16 kHz: a minute.
pub const MAX_SAMPLES: usize = 16_000 * 60;

/// The longest text of an answer, in bytes. Nobody says more in a minute.
pub const MAX_TEXT: usize = 64 << 10;

/// The path of the socket within the runtime directory.
const SOCKET: &str = "v2m/remote.sock";

/// Returns the path of the socket: `V2M_REMOTE_SOCKET`, else `$XDG_RUNTIME_DIR/v2m/remote.sock`.
/// `None` if neither is set.
pub fn socket_path() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let beside = || set("XDG_RUNTIME_DIR").map(|dir| PathBuf::from(dir).join(SOCKET));
    set("V2M_REMOTE_SOCKET").map(PathBuf::from).or_else(beside)
}

/// Whether this host, as written in a URL, is this machine: `localhost`, or a loopback address. The
/// programs that use the network reach no other machine by these names.
pub fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether data sent to this base URL stays on this machine.
pub fn is_this_machine(base_url: &str) -> bool {
    let rest = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // An IPv6 address contains colons.
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) => host,
        _ => authority,
    };
    is_loopback(host)
}

/// Returns where the user's sound goes, for people: to this server, or nowhere while the server is
/// not used.
pub fn where_sound_goes(server: &str, is_used: bool) -> String {
    match (is_used, is_this_machine(server)) {
        (false, _) => tr!("stays on this computer while {server} is not used", server),
        (true, true) => tr!("goes to {server}, on this computer", server),
        (true, false) => tr!("goes to {server}, on another computer", server),
    }
}

/// The endpoint of a recogniser, and the time limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `http` or `https`, without the added part of the path: `/audio/transcriptions`.
    pub base_url: String,
    /// The model's name at the endpoint. Empty: no name is sent, which servers with one model
    /// allow.
    pub model: String,
    /// The time limit for connecting, in milliseconds.
    pub connect_ms: u64,
    /// The time limit for the complete answer, in milliseconds.
    pub total_ms: u64,
}

/// A question to `v2m-remote`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Question {
    /// Transcribe the sound before this message.
    Transcribe {
        /// The endpoint to use.
        endpoint: Endpoint,
        /// The ISO 639-1 code of the spoken language. `None`: the server detects it.
        language: Option<String>,
        /// Whether to translate to English.
        translate: bool,
        /// Expected words. May be empty.
        prompt: String,
    },
    /// Ends the question under way.
    Cancel,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// The transcription.
    Text {
        /// The text, plain and trimmed. It may be empty.
        text: String,
        /// The server's name for the detected language. `None` if it reports none.
        language: Option<String>,
    },
    /// There is no text.
    Failed {
        /// The kind of failure, for programs.
        kind: FailureKind,
        /// The message for people.
        message: String,
    },
}

/// Why there is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The question is invalid: a bug, or programs of two versions.
    BadQuestion,
    /// The server cannot be reached, refuses, does not answer in time, or answers nonsense.
    Unavailable,
    /// [`Question::Cancel`] ended it.
    Cancelled,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{self, Frame};

    #[test]
    fn questions_and_answers_survive_the_wire() {
        let endpoint = Endpoint {
            base_url: "http://127.0.0.1:1/v1".into(),
            model: "m".into(),
            connect_ms: 1,
            total_ms: 2,
        };
        let ask =
            Question::Transcribe { endpoint, language: None, translate: false, prompt: "p".into() };
        for question in [ask, Question::Cancel] {
            let bytes = engine::encode_message(&question);
            let got = engine::read_frame(&mut &bytes[..]).unwrap().unwrap();
            assert_eq!(got, Frame::Message(question));
        }
        for answer in [
            Answer::Text { text: "t".into(), language: Some("english".into()) },
            Answer::Failed { kind: FailureKind::Cancelled, message: "m".into() },
        ] {
            let bytes = engine::encode_message(&answer);
            let got = engine::read_frame(&mut &bytes[..]).unwrap().unwrap();
            assert_eq!(got, Frame::Message(answer));
        }
    }

    #[test]
    fn only_loopback_is_this_machine() {
        for here in [
            "http://127.0.0.1:8000/v1",
            "http://127.9.9.9",
            "http://[::1]:8000/v1",
            "http://[::1]",
            "https://LOCALHOST/v1",
            "http://localhost:1",
        ] {
            assert!(is_this_machine(here), "{here}");
        }
        for elsewhere in [
            "http://192.168.1.2:8000/v1",
            "http://localhost.example.org/v1",
            "http://127.0.0.1.example.org:80",
            "http://0.0.0.0:8000",
            "http://[fe80::1]:8000",
            "http://gpu.lan/127.0.0.1",
            "http://gpu.lan:127.0.0.1",
        ] {
            assert!(!is_this_machine(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn the_longest_sound_fits_into_a_frame() {
        const { assert!(9 + MAX_SAMPLES * 2 <= engine::MAX_FRAME) }
    }
}
