//! Sends one question to a recogniser on a server, and waits for the answer within limits.
//!
//! It follows no redirects and reads nothing without a limit. It sends the key only to the
//! endpoint. A server that fails is not asked again, because a recogniser on this machine is ready.
//! Only a connection that was kept from an earlier question, and that the server has closed in the
//! meantime, is made again.

use crate::answer::{self, Heard, MAX_BODY, Unclear};
use crate::error::SpeechError;
use crate::form::{self, Wish};
use std::hash::{BuildHasher, RandomState};
use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::http::Response;
use ureq::{Body, Timeout};
use v2m_ipc::llm::Provider;
use v2m_ipc::plain;
use v2m_messages::tr;
use v2m_net::address::Address;
use v2m_net::agents::Agents;
use v2m_net::cancel::Cancel;
use v2m_net::connection::AttemptGuard;
use v2m_net::keys::{self, ApiKey};

/// The largest part of an error answer that is read, in bytes.
const ERROR_BYTES: u64 = 16 << 10;
/// The largest number of characters of an error answer that are shown.
const TOLD: usize = 300;

/// Sends questions. There is one for the process, because connections are kept from one question to
/// the next.
pub struct Client {
    agents: Agents,
}

impl Default for Client {
    fn default() -> Self {
        Self { agents: Agents::plain_at_home() }
    }
}

/// An endpoint, and the limits for a question.
#[derive(Clone, Debug)]
pub struct Target {
    /// The endpoint's address.
    pub address: Address,
    /// The key, if one is needed.
    pub key: Option<ApiKey>,
    /// The time limit for connecting.
    pub connect: Duration,
    /// The time limit for the complete answer.
    pub total: Duration,
}

/// The cost of a question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The number of requests, including failed ones.
    pub attempts: u32,
    /// The size of the requests' bodies in bytes.
    pub sent: u64,
    /// The size of the answer's body in bytes.
    pub received: u64,
}

/// Why one attempt failed.
enum Failed {
    /// A kept connection had been closed in the meantime.
    Stale(SpeechError),
    Final(SpeechError),
}

impl From<SpeechError> for Failed {
    fn from(error: SpeechError) -> Self {
        Self::Final(error)
    }
}

impl Client {
    /// Sends the sound and waits for the whole answer. Blocks for at most [`Target::total`].
    ///
    /// # Errors
    /// [`SpeechError`].
    pub fn ask(
        &self,
        target: &Target,
        wish: &Wish<'_>,
        sound: &[i16],
        cancel: &Arc<Cancel>,
        tally: &mut Tally,
    ) -> Result<Heard, SpeechError> {
        let deadline = Instant::now() + target.total;
        let boundary = form::boundary(wish, RandomState::new().hash_one(sound.len()));
        let body = form::body(wish, sound, &boundary);
        let mut attempt = |fresh| {
            tally.attempts += 1;
            tally.sent += body.len() as u64;
            let guard = AttemptGuard::begin(cancel);
            let left = deadline.saturating_duration_since(Instant::now());
            let result = self.once(target, wish, &body, &boundary, left, fresh, &guard, tally);
            if cancel.is_cancelled() { Err(SpeechError::Gone.into()) } else { result }
        };
        match attempt(false) {
            Err(Failed::Stale(_)) => attempt(true),
            result => result,
        }
        .map_err(|failed| match failed {
            Failed::Stale(error) | Failed::Final(error) => error,
        })
    }

    #[expect(clippy::too_many_arguments, reason = "one attempt, with what its caller decides")]
    fn once(
        &self,
        target: &Target,
        wish: &Wish<'_>,
        body: &[u8],
        boundary: &str,
        left: Duration,
        fresh: bool,
        guard: &AttemptGuard,
        tally: &mut Tally,
    ) -> Result<Heard, Failed> {
        let url = format!("{}{}", target.address.url, wish.path());
        let call = self.agents.of(&target.address).post(&url);
        let config = call
            .config()
            .timeout_global(Some(left.max(Duration::from_millis(1))))
            .timeout_resolve(Some(target.connect))
            .timeout_connect(Some(target.connect));
        let config = if fresh { config.max_idle_age(Duration::ZERO) } else { config };
        let call = config
            .build()
            .header("content-type", format!("multipart/form-data; boundary={boundary}"))
            .header("accept", "application/json");
        let call = match &target.key {
            Some(key) => call.header("authorization", format!("Bearer {}", key.expose())),
            None => call,
        };
        let response = call.send(body).map_err(|error| target.not_answered(&error, guard))?;
        let status = response.status().as_u16();
        if !response.status().is_success() {
            return Err(target.refused(wish, response).into());
        }
        let body = target.body(response, MAX_BODY + 1)?;
        tally.received += body.len() as u64;
        Ok(answer::read(&body).map_err(|unclear| match unclear {
            Unclear::Page => SpeechError::Page(target.url(), status),
            Unclear::TooLong => SpeechError::TooLong(target.url()),
            Unclear::Form(why) => SpeechError::Answer(target.url(), target.said(&why)),
        })?)
    }
}

impl Target {
    fn url(&self) -> String {
        self.address.url.clone()
    }

    /// Shortens a server's message for people, and masks the key, which some servers repeat.
    fn said(&self, text: &str) -> String {
        // Mask before cutting. Otherwise the start of a key at the limit would remain.
        let text = plain::line(text.trim());
        let text = self.key.as_ref().map_or_else(|| text.to_string(), |key| key.masked_in(&text));
        text.chars().take(TOLD).collect()
    }

    fn not_answered(&self, error: &ureq::Error, guard: &AttemptGuard) -> Failed {
        let connect = || SpeechError::Connect(self.url(), error.to_string());
        match error {
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                let time = format_args!("{:?}", self.connect);
                let told = tr!("no connection within {time}", time);
                SpeechError::Connect(self.url(), told).into()
            }
            ureq::Error::Timeout(_) => SpeechError::Timeout(self.url(), self.total).into(),
            _ if !guard.connected() => Failed::Stale(connect()),
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) => {
                SpeechError::Tls(self.url(), error.to_string()).into()
            }
            ureq::Error::Io(e) if self.address.https && e.kind() == ErrorKind::InvalidData => {
                SpeechError::Tls(self.url(), error.to_string()).into()
            }
            _ => connect().into(),
        }
    }

    /// Returns the error for an unsuccessful status.
    fn refused(&self, wish: &Wish<'_>, response: Response<Body>) -> SpeechError {
        let status = response.status().as_u16();
        let location = response.headers().get("location").and_then(|value| value.to_str().ok());
        if let (301..=308, Some(location)) = (status, location) {
            return SpeechError::Elsewhere(self.url(), status, self.said(location));
        }
        // Ignore errors: then the message is shorter.
        let body = self.body(response, ERROR_BYTES).unwrap_or_default();
        let said =
            answer::error_of(&body).unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
        let said = self.said(&said);
        if matches!(status, 401 | 403) {
            let places = keys::places(&self.address, Provider::OpenAi);
            return match self.key {
                Some(_) => SpeechError::Refused(self.url(), status, said, places),
                None => SpeechError::NoKey(self.url(), places),
            };
        }
        match status {
            // Some servers answer so for an unknown model, and their message is more useful than
            // v2m's.
            404 | 405 if said.is_empty() || !said.to_lowercase().contains("model") => {
                SpeechError::NoApi(self.url(), wish.path(), status)
            }
            // 501 comes from a web server that only reads files: the address is wrong.
            501 if answer::is_page(&body) => SpeechError::Page(self.url(), status),
            500..=599 if answer::is_page(&body) => SpeechError::Fails(self.url(), status),
            _ if answer::is_page(&body) => SpeechError::Page(self.url(), status),
            400 | 422 if wish.asks_language() => SpeechError::NoDetail(self.url(), status, said),
            _ => SpeechError::Status(self.url(), status, said),
        }
    }

    /// Reads a body of at most `most` bytes. A longer one would be invalid anyway.
    fn body(&self, response: Response<Body>, most: u64) -> Result<Vec<u8>, SpeechError> {
        let mut bytes = Vec::new();
        let mut reader = response.into_body().into_reader().take(most);
        reader.read_to_end(&mut bytes).map_err(|error| {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
            let timed_out = matches!(inner, Some(ureq::Error::Timeout(_)));
            if timed_out || error.kind() == ErrorKind::TimedOut {
                SpeechError::Timeout(self.url(), self.total)
            } else {
                SpeechError::Broken(self.url(), error.to_string())
            }
        })?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_repeated_across_the_limit_is_told_in_no_part() {
        let target = Target {
            address: Address::parse("http://127.0.0.1:1/v1").unwrap(),
            key: ApiKey::new("sk-abcdefghijklmnop"),
            connect: Duration::from_secs(1),
            total: Duration::from_secs(1),
        };
        for before in TOLD - 20..=TOLD {
            let said = target.said(&format!("{}sk-abcdefghijklmnop!", "x".repeat(before)));
            assert!(!said.contains('k') && said.chars().count() <= TOLD, "{said}");
        }
    }
}
