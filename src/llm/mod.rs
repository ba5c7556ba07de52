//! What `v2m-llm` is asked, over its socket, and the presets it is asked by.
//!
//! `v2m-llm` is a program of its own because it has a network, which the daemon must not have.
//! systemd starts it at the first connection to its socket, which the first question opens
//! ([`crate::unit`]): without a language model there is none. Every question has its limit in time,
//! and one that is dropped closes its connection, which tells `v2m-llm` that nobody waits any more.
//! Not here: when it is asked, and what becomes of its answer.

mod presets;

pub use presets::{Preset, PresetError, Presets};
pub use v2m_ipc::llm::{Bounds, MAX_TEXT, Question};

use crate::session::Code;
use crate::unit::{LLM, Unconnected};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};
use v2m_ipc::frame::{FrameDecoder, Framing};
use v2m_ipc::llm::{Answer, FailureKind, socket_path};
use v2m_ipc::plain;
use v2m_messages::tr;

/// What `v2m-llm` may take beyond what it is told to: its start, and the way of its answer.
const MARGIN: Duration = Duration::from_secs(3);

/// What is waited before a question is put again. One that comes when `v2m-llm` ends loses its
/// connection, and so do those that follow until systemd has seen the end: it closes them together
/// with what the program had not accepted.
const PAUSES: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(400),
];

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum LlmError {
    /// Where its socket is cannot be known.
    #[error("{}", tr!("reaching v2m-llm: XDG_RUNTIME_DIR is not set, so its socket cannot be found"))]
    NoPath,
    /// Nobody listens there.
    #[error(
        "{}",
        tr!(
            "reaching v2m-llm at {path}: {source}, and its socket could not be opened ({unopened}). To open it: {start}",
            path = .path.display(),
            source,
            unopened,
            start = LLM.start_command()
        )
    )]
    Connect {
        /// Its socket.
        path: PathBuf,
        /// Why not.
        source: io::Error,
        /// Why it could not be opened.
        unopened: String,
    },
    /// Another user's process listens there. Nothing was sent to it.
    #[error(
        "{}",
        tr!(
            "reaching v2m-llm at {path}: another user's process listens there. Nothing was sent to it; check \
             XDG_RUNTIME_DIR and V2M_LLM_SOCKET",
            path = .path.display()
        )
    )]
    Foreign {
        /// Its socket.
        path: PathBuf,
    },
    /// It went away.
    #[error(
        "{}",
        tr!("v2m-llm stopped without an answer ({error}); see why: journalctl --user -u v2m-llm", error = .0)
    )]
    Lost(io::Error),
    /// It does not answer.
    #[error(
        "{}",
        tr!("v2m-llm did not answer within {seconds} s; see why: journalctl --user -u v2m-llm", seconds = .0.as_secs())
    )]
    Overdue(Duration),
    /// Its answer is none.
    #[error(
        "{}",
        tr!(
            "v2m-llm's answer cannot be understood ({why}). If v2m's programs have different versions: \
             systemctl --user restart v2m v2m-llm",
            why = .0
        )
    )]
    Answer(String),
    /// The endpoint or the model, in its words.
    #[error("{1}")]
    Refused(FailureKind, String),
}

impl LlmError {
    /// For programs.
    pub fn code(&self) -> Code {
        match self {
            Self::Refused(FailureKind::Rejected, _) => Code::LlmRejected,
            Self::NoPath
            | Self::Connect { .. }
            | Self::Foreign { .. }
            | Self::Lost(_)
            | Self::Overdue(_)
            | Self::Answer(_)
            | Self::Refused(FailureKind::Unavailable | FailureKind::BadQuestion, _) => {
                Code::LlmUnavailable
            }
        }
    }
}

/// Asks, and waits for the text, or for what a check has found.
///
/// # Errors
/// [`LlmError`], after the endpoint's own limit and a few seconds at the latest.
pub async fn ask(question: &Question) -> Result<String, LlmError> {
    let path = socket_path().ok_or(LlmError::NoPath)?;
    let (Question::Rewrite { endpoint, .. }
    | Question::Translate { endpoint, .. }
    | Question::Check { endpoint }) = question;
    let limit = Duration::from_millis(endpoint.total_ms).saturating_add(MARGIN);
    let answer = async {
        for pause in PAUSES {
            match exchange(&path, question).await {
                Err(LlmError::Lost(_)) => sleep(pause).await,
                answer => return answer,
            }
        }
        exchange(&path, question).await
    };
    match timeout(limit, answer).await.map_err(|_| LlmError::Overdue(limit))?? {
        Answer::Text { text } if text.trim().is_empty() => {
            Err(LlmError::Answer(tr!("no text").into()))
        }
        Answer::Text { text } => Ok(plain::owned(text)),
        Answer::Checked { detail } => Ok(plain::owned(detail)),
        Answer::Failed { trouble, message } => {
            Err(LlmError::Refused(trouble, plain::owned(message)))
        }
    }
}

/// Connects, to a socket that is opened first if need be.
async fn connect(path: &Path) -> Result<UnixStream, LlmError> {
    let path = || path.to_owned();
    LLM.connect(&path()).await.map_err(|unconnected| match unconnected {
        Unconnected::Nobody(source, unopened) => {
            LlmError::Connect { path: path(), source, unopened }
        }
        Unconnected::Foreign => LlmError::Foreign { path: path() },
        Unconnected::Lost(error) => LlmError::Lost(error),
    })
}

async fn exchange(path: &Path, question: &Question) -> Result<Answer, LlmError> {
    let mut stream = connect(path).await?;
    let frame = Framing::Length.encode(question);
    stream.write_all(&frame).await.map_err(LlmError::Lost)?;
    let mut answers = FrameDecoder::for_answers(Framing::Length);
    let mut chunk = [0; 8192];
    loop {
        if let Some(answer) = answers.next_frame().map_err(|e| LlmError::Answer(e.to_string()))? {
            return serde_json::from_slice(answer).map_err(|e| LlmError::Answer(e.to_string()));
        }
        match stream.read(&mut chunk).await {
            Ok(0) => return Err(LlmError::Lost(io::ErrorKind::UnexpectedEof.into())),
            Ok(got) => answers.push(&chunk[..got]),
            Err(error) => return Err(LlmError::Lost(error)),
        }
    }
}
