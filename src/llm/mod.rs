//! Sends requests to `v2m-llm` over its socket, and reads the presets for them.
//!
//! `v2m-llm` is a separate program because it uses the network, which the daemon must not. systemd
//! starts it at the first connection to its socket, which the first request opens
//! ([`crate::unit`]): without a language model there is no socket. Every request has a time limit.
//! Dropping a request closes its connection, which cancels it in `v2m-llm`. Not here: when to send
//! requests, and the use of answers.

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

/// Additional time for `v2m-llm` beyond the request's limit: for its start and its answer.
const MARGIN: Duration = Duration::from_secs(3);

/// Waits before a request is repeated. A request that arrives while `v2m-llm` exits loses its
/// connection, and so do the following ones until systemd has noticed the exit: it closes them
/// together with any that the program had not accepted.
const PAUSES: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(400),
];

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum LlmError {
    /// The path of its socket is unknown.
    #[error("{}", tr!("reaching v2m-llm: XDG_RUNTIME_DIR is not set, so its socket cannot be found"))]
    NoPath,
    /// Nothing listens on its socket.
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
        /// Why the connection failed.
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
    /// It closed the connection.
    #[error(
        "{}",
        tr!("v2m-llm stopped without an answer ({error}); see why: journalctl --user -u v2m-llm", error = .0)
    )]
    Lost(io::Error),
    /// It did not answer in time.
    #[error(
        "{}",
        tr!("v2m-llm did not answer within {seconds} s; see why: journalctl --user -u v2m-llm", seconds = .0.as_secs())
    )]
    Overdue(Duration),
    /// Its answer is not valid.
    #[error(
        "{}",
        tr!(
            "v2m-llm's answer cannot be understood ({why}). If v2m's programs have different versions: \
             systemctl --user restart v2m v2m-llm",
            why = .0
        )
    )]
    Answer(String),
    /// The endpoint or the model refused, with its message.
    #[error("{1}")]
    Refused(FailureKind, String),
}

impl LlmError {
    /// Returns the code for programs.
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

/// Sends a request, and waits for the text or for the result of a check.
///
/// # Errors
/// [`LlmError`], at the latest a few seconds after the endpoint's own limit.
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

/// Connects to the socket, and opens it first if necessary.
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
