//! Sends one question to a language model, waits for the answer within limits, and tries again if
//! that may help.
//!
//! It follows no redirects and reads nothing without a limit. It sends the key only to the
//! endpoint, over TLS or on this machine.

mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod read;

pub use error::EndpointError;
pub use v2m_net::address::Address;
pub use v2m_net::cancel::Cancel;

use crate::prompt::Prompt;
use crate::wire;
use serde_json::Value;
use std::collections::HashSet;
use std::io::{ErrorKind, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use ureq::http::Response;
use ureq::{Agent, Body, RequestBuilder, Timeout};
use v2m_ipc::llm::Provider;
use v2m_ipc::plain;
use v2m_messages::{tr, verbatim};
use v2m_net::agents::Agents;
use v2m_net::connection::AttemptGuard;
use v2m_net::keys::{self, ApiKey};

/// The largest part of an error answer that is read, in bytes.
const ERROR_BYTES: u64 = 16 << 10;
/// The largest part of a list of models that is read, in bytes.
const LIST_BYTES: u64 = 8 << 20;
/// The pause before the second attempt. It doubles before each later one.
const BACKOFF: Duration = Duration::from_millis(400);

/// Sends questions. There is one for the process, because connections are kept from one question to
/// the next.
#[derive(Default)]
pub struct Client {
    agents: Agents,
    /// Addresses and models that refused a temperature. Otherwise each of their questions would be
    /// sent twice.
    plain: Mutex<HashSet<(String, String)>>,
}

/// An endpoint, and how to send questions to it.
#[derive(Clone, Debug)]
pub struct Target {
    /// The provider of its API.
    pub provider: Provider,
    /// Its address.
    pub address: Address,
    /// The model's name at the endpoint.
    pub model: String,
    /// The sampling temperature, 0 to 2.
    pub temperature: f64,
    /// The key, if one is needed.
    pub key: Option<ApiKey>,
    /// The limits for one question.
    pub limits: QuestionLimits,
}

/// Limits for one question.
#[derive(Clone, Copy, Debug)]
pub struct QuestionLimits {
    /// The time limit for connecting.
    pub connect: Duration,
    /// The time limit for the complete answer, all attempts together.
    pub total: Duration,
    /// The largest text of the answer, in bytes.
    pub text: usize,
    /// The largest number of characters of the answer, without white space and thoughts.
    pub letters: usize,
    /// The largest body that is read, in bytes.
    pub body: u64,
    /// The largest number of attempts.
    pub attempts: u32,
}

impl Default for QuestionLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(30),
            text: 1 << 20,
            letters: usize::MAX,
            body: 32 << 20,
            attempts: 3,
        }
    }
}

/// The cost of a question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The number of requests, including failed ones.
    pub attempts: u32,
    /// The size of the requests' bodies in bytes.
    pub sent: u64,
    /// The size of the answers' bodies in bytes.
    pub received: u64,
}

/// Why one attempt failed.
struct AttemptError {
    error: EndpointError,
    again: Again,
}

/// The kind of further attempt that may help.
#[derive(Clone, Copy)]
enum Again {
    Never,
    /// The same request, after at least this time.
    After(Duration),
    /// The same request on a new connection: this one was kept, and was closed in the meantime.
    Fresh,
    /// A question without a temperature.
    Plain,
}

/// The properties that change from one attempt to the next.
struct Way {
    temperature: Option<f64>,
    fresh: bool,
    deadline: Instant,
}

impl From<EndpointError> for AttemptError {
    fn from(error: EndpointError) -> Self {
        Self { error, again: Again::Never }
    }
}

impl Client {
    /// Sends a question and waits for the whole answer. Blocks for at most
    /// [`QuestionLimits::total`].
    ///
    /// # Errors
    /// The [`EndpointError`] of the last attempt.
    pub fn ask(
        &self,
        target: &Target,
        prompt: &Prompt,
        cancel: &Arc<Cancel>,
        tally: &mut Tally,
    ) -> Result<String, EndpointError> {
        let text = self.repeat(target, cancel, tally, |way, attempt, tally| {
            let (provider, model) = (target.provider, &target.model);
            let asked = wire::request(provider, model, way.temperature, prompt);
            let url = format!("{}{}", target.address.url, asked.path);
            let body = asked.body.to_string();
            tally.sent += body.len() as u64;
            let call = self.prepared(target, way, self.agent(target).post(&url));
            let call = call.header("content-type", "application/json");
            let response = call.send(body).map_err(|e| target.not_answered(&e, attempt))?;
            let response = target.accepted(response, way)?;
            Ok(read::answer(target, response, &mut tally.received)?)
        })?;
        Ok(prompt.unwrap_answer(&text))
    }

    /// Returns the endpoint's models. `None` if it answers without a list; then [`Self::probe`] can
    /// detect a wrong address. Costs no tokens.
    ///
    /// # Errors
    /// The [`EndpointError`] of the last attempt.
    pub fn models(
        &self,
        target: &Target,
        cancel: &Arc<Cancel>,
        tally: &mut Tally,
    ) -> Result<Option<Vec<String>>, EndpointError> {
        self.repeat(target, cancel, tally, |way, attempt, tally| {
            let url = format!("{}{}", target.address.url, wire::models::path(target.provider));
            let call = self.prepared(target, way, self.agent(target).get(&url));
            let response = call.call().map_err(|e| target.not_answered(&e, attempt))?;
            let response = match (response.status().as_u16(), target.accepted(response, way)) {
                (_, Ok(response)) => response,
                (404 | 405 | 501, Err(failed))
                    if matches!(
                        failed.error,
                        EndpointError::Status(..) | EndpointError::PathTwice(..)
                    ) =>
                {
                    return Ok(None);
                }
                (_, Err(failed)) => return Err(failed),
            };
            let list: Value = read::list(target, response, LIST_BYTES, &mut tally.received)?;
            let models = wire::models::names(target.provider, &list);
            let form =
                || EndpointError::Answer(target.url(), tr!("it is not a list of models").into());
            Ok(Some(models.ok_or_else(form)?))
        })
    }

    /// Checks whether this address answers questions: it refuses an empty question, while a wrong
    /// address does not know the path. Costs no tokens.
    ///
    /// # Errors
    /// The [`EndpointError`] of the last attempt.
    pub fn probe(
        &self,
        target: &Target,
        cancel: &Arc<Cancel>,
        tally: &mut Tally,
    ) -> Result<(), EndpointError> {
        self.repeat(target, cancel, tally, |way, attempt, tally| {
            let path = wire::path(target.provider, &target.model);
            let url = format!("{}{path}", target.address.url);
            let call = self.prepared(target, way, self.agent(target).post(&url));
            let call = call.header("content-type", "application/json");
            tally.sent += 2;
            let response = call.send("{}").map_err(|e| target.not_answered(&e, attempt))?;
            let status = response.status().as_u16();
            let Err(failed) = target.accepted(response, way) else { return Ok(()) };
            // The other errors have advice of their own.
            let EndpointError::Status(_, _, why) = &failed.error else { return Err(failed) };
            match status {
                // Some servers answer so for an unknown model.
                404 | 405 | 410 | 501 if names_a_model(why, &url) => Ok(()),
                // This error has advice of its own.
                404 | 405 | 410 | 501 if target.ends_in_path() => Err(failed),
                404 | 405 | 410 | 501 => {
                    Err(EndpointError::NoApi(target.url(), status, path).into())
                }
                // llama.cpp's server has answered 500 to an invalid question.
                400..=500 => Ok(()),
                _ => Err(failed),
            }
        })
    }

    fn agent(&self, target: &Target) -> &Agent {
        self.agents.of(&target.address)
    }

    /// Applies the settings that all requests have in common.
    fn prepared<B>(
        &self,
        target: &Target,
        way: &Way,
        call: RequestBuilder<B>,
    ) -> RequestBuilder<B> {
        let left = way.deadline.saturating_duration_since(Instant::now());
        let config = call
            .config()
            .timeout_global(Some(left.max(Duration::from_millis(1))))
            .timeout_resolve(Some(target.limits.connect))
            .timeout_connect(Some(target.limits.connect));
        let config = if way.fresh { config.max_idle_age(Duration::ZERO) } else { config };
        let call = config.build();
        match &target.key {
            Some(key) => {
                let (header, before) = wire::key_header(target.provider);
                call.header(header, format!("{before}{}", key.expose()))
            }
            None => call,
        }
    }

    /// Repeats attempts until one succeeds or another one would not help.
    fn repeat<T>(
        &self,
        target: &Target,
        cancel: &Arc<Cancel>,
        tally: &mut Tally,
        once: impl Fn(&Way, &AttemptGuard, &mut Tally) -> Result<T, AttemptError>,
    ) -> Result<T, EndpointError> {
        let deadline = Instant::now() + target.limits.total;
        let name = (target.url(), target.model.clone());
        let plain = || self.plain.lock().unwrap_or_else(PoisonError::into_inner);
        let temperature = Some(target.temperature).filter(|_| !plain().contains(&name));
        let mut way = Way { temperature, fresh: false, deadline };
        let mut attempt = 1;
        loop {
            tally.attempts += 1;
            let tried = once(&way, &AttemptGuard::begin(cancel), tally);
            if cancel.is_cancelled() {
                return Err(EndpointError::Gone);
            }
            let AttemptError { error, again } = match tried {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            match again {
                Again::Fresh if !way.fresh => way.fresh = true,
                Again::Plain if way.temperature.is_some() => {
                    way.temperature = None;
                    plain().insert(name.clone());
                }
                Again::After(wait) if attempt < target.limits.attempts => {
                    let wait = wait.max(BACKOFF * 2_u32.saturating_pow(attempt - 1));
                    if deadline.saturating_duration_since(Instant::now()) <= wait {
                        return Err(error);
                    }
                    if !cancel.wait(wait) {
                        return Err(EndpointError::Gone);
                    }
                    attempt += 1;
                }
                Again::Never | Again::After(_) | Again::Fresh | Again::Plain => return Err(error),
            }
        }
    }
}

/// Whether an error is about a model. Paths do not count: a server that knows no models may repeat
/// the requested path.
fn names_a_model(why: &str, url: &str) -> bool {
    const SLASHES: [&str; 2] = ["\\/", "%2f"];
    let plain = |text: &str| {
        SLASHES.iter().fold(text.to_lowercase(), |text, slash| text.replace(slash, "/"))
    };
    let (why, url) = (plain(why), plain(url));
    let ends = |c: char| c.is_whitespace() || "\"'`“”‘’<>()[]{},;".contains(c);
    why.split(ends).any(|word| {
        let (before, path) = word.split_once('/').unwrap_or((word, ""));
        let first = path.split(['/', '?']).next().unwrap_or_default();
        let is_asked = url.split(['/', '?']).any(|part| part == first);
        before.contains("model") || !is_asked && path.contains("model")
    })
}

impl Target {
    fn url(&self) -> String {
        self.address.url.clone()
    }

    /// Whether the base URL already contains the rest of the path.
    fn ends_in_path(&self) -> bool {
        self.address.url.contains("/chat/completions")
    }

    /// Shortens a service's message for people, and masks the key, which some services repeat.
    fn said(&self, text: &str) -> String {
        // Mask before cutting. Otherwise the start of a key at the limit would remain.
        let text = plain::line(text.trim());
        let text = self.key.as_ref().map_or_else(|| text.to_string(), |key| key.masked_in(&text));
        text.chars().take(300).collect()
    }

    fn not_answered(&self, error: &ureq::Error, attempt: &AttemptGuard) -> AttemptError {
        let connect = || EndpointError::Connect(self.url(), error.to_string());
        let tls = || EndpointError::Tls(self.url(), error.to_string());
        match error {
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => AttemptError {
                error: EndpointError::Connect(
                    self.url(),
                    tr!(
                        "no connection within {time}",
                        time = format_args!("{:?}", self.limits.connect)
                    ),
                ),
                again: Again::After(Duration::ZERO),
            },
            ureq::Error::Timeout(_) => EndpointError::Timeout(self.url(), self.limits.total).into(),
            _ if !attempt.connected() => AttemptError { error: connect(), again: Again::Fresh },
            // TLS that fails once fails again.
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) => tls().into(),
            ureq::Error::Io(e) if self.address.https && e.kind() == ErrorKind::InvalidData => {
                tls().into()
            }
            // Nothing listens on this machine, and that will not change within a second. On another
            // machine a server may be starting.
            ureq::Error::Io(e)
                if self.address.loopback && e.kind() == ErrorKind::ConnectionRefused =>
            {
                connect().into()
            }
            _ => AttemptError { error: connect(), again: Again::After(Duration::ZERO) },
        }
    }

    fn accepted(
        &self,
        response: Response<Body>,
        way: &Way,
    ) -> Result<Response<Body>, AttemptError> {
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        // It may also be a date, which is ignored.
        let wait = header.and_then(|seconds| seconds.trim().parse().ok()).map(Duration::from_secs);
        let location = response.headers().get("location").and_then(|value| value.to_str().ok());
        if let (301..=308, Some(location)) = (status, location) {
            return Err(EndpointError::Elsewhere(self.url(), status, self.said(location)).into());
        }
        let mut bytes = Vec::new();
        // Ignore errors: then the message is shorter.
        let _ = response.into_body().into_reader().take(ERROR_BYTES).read_to_end(&mut bytes);
        let message = serde_json::from_slice(&bytes).ok().and_then(|json| wire::error_of(&json));
        let message =
            self.said(&message.unwrap_or_else(|| String::from_utf8_lossy(&bytes).into_owned()));
        let low = message.to_lowercase();
        let key_is_wrong =
            matches!(status, 401 | 403) || status == 400 && verbatim!(low.contains("api key"));
        if key_is_wrong {
            let places = keys::places(&self.address, self.provider);
            return Err(match self.key {
                Some(_) => EndpointError::Refused(self.url(), status, message, places),
                None => EndpointError::NoKey(self.url(), places),
            }
            .into());
        }
        if status == 404 && self.ends_in_path() {
            return Err(EndpointError::PathTwice(self.url(), status).into());
        }
        let is_page = read::is_page(&bytes);
        if is_page && matches!(status, 400 | 404 | 405 | 410 | 501) {
            return Err(EndpointError::Page(self.url(), Some(status)).into());
        }
        let again = match status {
            // Reasoning models refuse it.
            400 if low.contains("temperature") && way.temperature.is_some() => Again::Plain,
            408 | 429 | 500 | 502 | 503 | 504 => Again::After(wait.unwrap_or_default()),
            _ => Again::Never,
        };
        let error = match is_page {
            true if status >= 500 => EndpointError::Fails(self.url(), status),
            true => EndpointError::StatusPage(self.url(), status),
            false => EndpointError::Status(self.url(), status, message),
        };
        Err(AttemptError { error, again })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_repeated_across_the_limit_is_told_in_no_part() {
        let target = Target {
            provider: Provider::OpenAi,
            address: Address::parse("http://127.0.0.1:1/v1").unwrap(),
            model: String::new(),
            temperature: 0.0,
            key: ApiKey::new("sk-abcdefghijklmnop"),
            limits: QuestionLimits::default(),
        };
        for before in 280..=300 {
            let said = target.said(&format!("{}sk-abcdefghijklmnop!", "x".repeat(before)));
            assert!(!said.contains('k') && said.chars().count() <= 300, "{said}");
        }
    }

    #[test]
    fn an_error_speaks_of_a_model_beside_the_path_that_was_asked() {
        const GEMINI: &str =
            "http://127.0.0.1:8080/v1beta/models/my-model:streamGenerateContent?alt=sse";
        const MODELS: &str = "http://my-models:80/models/v1/chat/completions";
        for (url, why) in [
            (GEMINI, "The model '' does not exist"),
            (GEMINI, "models/my-model is not found for API version v1beta"),
            (GEMINI, "{\"code\":\"model_not_found\",\"path\":\"/v1beta/models/my-model\"}"),
            (GEMINI, "Cannot find my-model"),
            (GEMINI, "deployment/model not found"),
            (MODELS, "Unknown Model: m"),
            (MODELS, "/models/v1/chat/completions: no such model"),
        ] {
            assert!(names_a_model(why, url), "{why}");
        }
        for (url, why) in [
            (GEMINI, "Cannot POST /v1beta/models/my-model:streamGenerateContent"),
            (GEMINI, "Cannot POST /V1BETA/models/my-model:streamGenerateContent?alt=sse."),
            (GEMINI, "Route POST:/v1beta/models/my-model:streamGenerateContent not found"),
            (GEMINI, "no http://127.0.0.1:8080/v1beta/models/my-model:streamGen"),
            (GEMINI, "{\"error\":\"Not Found\",\"path\":\"\\/v1beta\\/models\\/my-model\"}"),
            (GEMINI, "%2Fv1beta%2Fmodels%2Fmy-model"),
            (GEMINI, "not found: '/models/my-model:streamGenerateContent'"),
            (MODELS, "Cannot POST /models/v1/chat/completions"),
            (MODELS, "404 page not found"),
            (MODELS, ""),
        ] {
            assert!(!names_a_model(why, url), "{why}");
        }
    }
}
