//! One question to a language model: asked, waited for within limits, asked again where that helps.
//!
//! Nothing is followed elsewhere (redirects), nothing is read without a limit, and the key goes to nobody but the
//! endpoint: over TLS, or to this machine.

use crate::prompt::Prompt;
use crate::wire::{End, PieceError, Provider, error_of};
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::time::{Duration, Instant};
use ureq::http::{Response, Uri};
use ureq::{Agent, Body};

/// The most of an error answer that is read.
const ERROR_BYTES: u64 = 16 << 10;
/// Waited before the second attempt; twice as long before each later one.
const BACKOFF: Duration = Duration::from_millis(400);

/// A secret. Shown by nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// From its text; white space around it is a file's line end.
    pub fn new(text: &str) -> Option<Self> {
        Some(text.trim()).filter(|key| !key.is_empty()).map(|key| Self(key.to_owned()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(********)")
    }
}

/// Where a model answers.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Whose form it speaks.
    pub provider: Provider,
    /// `http` or `https`, without the path that the provider's form adds.
    pub base_url: String,
    /// The model's name there.
    pub model: String,
    /// 0 to 2.
    pub temperature: f64,
    /// Where one is needed.
    pub key: Option<Key>,
    /// What it may take.
    pub limits: Limits,
}

/// What one question may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until the answer is whole, all attempts together.
    pub total: Duration,
    /// The answer's text, in bytes.
    pub text: usize,
    /// All that is read for it, in bytes.
    pub body: u64,
    /// How often it is asked at most.
    pub attempts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(30),
            text: 1 << 20,
            body: 32 << 20,
            attempts: 3,
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum LlmError {
    /// The address is none, or the key would be readable on the way to it.
    #[error("asking the language model at {0}: {1}")]
    Address(String, &'static str),
    /// Nobody is there.
    #[error("asking the language model at {0}: {1}. Is it running, and is llm.base_url right?")]
    Connect(String, String),
    /// It took too long.
    #[error("the language model at {0} gave no whole answer within {1:?}")]
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
    /// The answer is longer than any that could be meant.
    #[error("the answer of the language model at {0} is too long; it was not read to its end")]
    TooLong(String),
}

/// Why one attempt gave nothing.
struct Failed {
    error: LlmError,
    /// Whether another attempt may help, and how long to wait at least.
    again: Option<Duration>,
}

impl From<LlmError> for Failed {
    fn from(error: LlmError) -> Self {
        Self { error, again: None }
    }
}

impl Endpoint {
    /// Asks, and waits for the whole answer. Blocking, for [`Limits::total`] at most.
    ///
    /// # Errors
    /// [`LlmError`]: that of the last attempt.
    pub fn ask(&self, prompt: &Prompt) -> Result<String, LlmError> {
        self.check_address()?;
        let deadline = Instant::now() + self.limits.total;
        let mut attempt = 1;
        loop {
            let Failed { error, again } = match self.attempt(prompt, deadline) {
                Ok(text) => return Ok(prompt.unwrap_answer(&text).to_owned()),
                Err(failed) => failed,
            };
            let Some(wait) = again.filter(|_| attempt < self.limits.attempts) else {
                return Err(error);
            };
            let wait = wait.max(BACKOFF * 2_u32.saturating_pow(attempt - 1));
            if Instant::now() + wait >= deadline {
                return Err(error);
            }
            std::thread::sleep(wait);
            attempt += 1;
        }
    }

    fn check_address(&self) -> Result<(), LlmError> {
        let wrong = |why| LlmError::Address(self.base_url.clone(), why);
        let url: Uri = self.base_url.parse().map_err(|_| wrong("llm.base_url is no URL"))?;
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
        let here = host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        match url.scheme_str() {
            Some("https") => Ok(()),
            Some("http") if here || self.key.is_none() => Ok(()),
            Some("http") => Err(wrong("the key would travel unencrypted; use https")),
            _ => Err(wrong("llm.base_url begins neither with http:// nor with https://")),
        }
    }

    fn attempt(&self, prompt: &Prompt, deadline: Instant) -> Result<String, Failed> {
        let request = self.provider.request(&self.model, self.temperature, prompt);
        let url = format!("{}{}", self.base_url.trim_end_matches('/'), request.path);
        let mut call = self.agent(deadline).post(&url).header("content-type", "application/json");
        if let Some(Key(key)) = &self.key {
            let (header, before) = request.key_header;
            call = call.header(header, format!("{before}{key}"));
        }
        let response = call.send(request.body.to_string()).map_err(|e| self.not_sent(&e))?;
        if !response.status().is_success() {
            return Err(self.refused(response));
        }
        self.read(response).map_err(Failed::from)
    }

    fn agent(&self, deadline: Instant) -> Agent {
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("v2m-llm/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(left))
            .timeout_resolve(Some(self.limits.connect))
            .timeout_connect(Some(self.limits.connect));
        config.build().new_agent()
    }

    fn place(&self) -> String {
        self.base_url.clone()
    }

    fn not_sent(&self, error: &ureq::Error) -> Failed {
        match error {
            ureq::Error::Timeout(ureq::Timeout::Global | ureq::Timeout::RecvResponse) => {
                LlmError::Timeout(self.place(), self.limits.total).into()
            }
            // TLS that fails once fails again.
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) => {
                LlmError::Connect(self.place(), error.to_string()).into()
            }
            other => Failed {
                error: LlmError::Connect(self.place(), other.to_string()),
                again: Some(Duration::ZERO),
            },
        }
    }

    fn refused(&self, response: Response<Body>) -> Failed {
        let status = response.status().as_u16();
        let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let wait = header.and_then(|seconds| seconds.trim().parse().ok()).map(Duration::from_secs);
        let mut said = String::new();
        // What cannot be read of it is not told.
        let _ = response.into_body().into_reader().take(ERROR_BYTES).read_to_string(&mut said);
        let message = serde_json::from_str(&said).ok().and_then(|json| error_of(&json));
        let message = message.unwrap_or_else(|| said.trim().chars().take(200).collect());
        let error = LlmError::Status(self.place(), status, message);
        let again = matches!(status, 408 | 429 | 500 | 502 | 503 | 504);
        Failed { error, again: again.then(|| wait.unwrap_or_default()) }
    }

    fn read(&self, response: Response<Body>) -> Result<String, LlmError> {
        let kind = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let whole = kind.is_some_and(|kind| kind.starts_with("application/json"));
        let body = response.into_body().into_reader().take(self.limits.body);
        let mut lines = BufReader::new(body);
        let mut text = String::new();
        let mut line = Vec::new();
        loop {
            line.clear();
            let got = if whole {
                lines.read_to_end(&mut line)
            } else {
                lines.read_until(b'\n', &mut line)
            };
            let got = got.map_err(|error| self.broken(&error))?;
            if lines.get_ref().limit() == 0 {
                return Err(LlmError::TooLong(self.place()));
            }
            if got == 0 {
                let why = "it ended in the middle".to_owned();
                return Err(LlmError::Broken(self.place(), why));
            }
            let json = String::from_utf8_lossy(&line);
            let piece = if whole { self.provider.part(&json) } else { self.provider.line(&json) };
            let piece = piece.map_err(|error| match error {
                PieceError::Form => LlmError::Answer(self.place(), error.to_string()),
                PieceError::Service(why) => LlmError::Broken(self.place(), why),
            })?;
            text.push_str(&piece.text);
            if text.len() > self.limits.text {
                return Err(LlmError::TooLong(self.place()));
            }
            match piece.end {
                None => {}
                Some(End::Complete) => return Ok(text),
                Some(End::Cut(why)) => return Err(LlmError::Broken(self.place(), why)),
            }
        }
    }

    fn broken(&self, error: &io::Error) -> LlmError {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
        if matches!(inner, Some(ureq::Error::Timeout(_))) || error.kind() == io::ErrorKind::TimedOut
        {
            LlmError::Timeout(self.place(), self.limits.total)
        } else {
            LlmError::Broken(self.place(), error.to_string())
        }
    }
}
