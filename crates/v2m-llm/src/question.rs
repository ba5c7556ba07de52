//! Handles one question: checks it, chooses its endpoint, judges the answer, and logs one line.

use crate::accept::{self, Rejection};
use crate::client::{Address, Cancel, Client, EndpointError, QuestionLimits, Tally, Target};
use crate::config::{self, ConfigError};
use crate::prompt::{Prompt, PromptTask};
use crate::wire;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};
use v2m_ipc::llm::{Answer, Bounds, Endpoint, FailureKind, MAX_TEXT, Question};
use v2m_ipc::plain;
use v2m_messages::{mark, tr, verbatim};
use v2m_net::{keys, log};

/// The longest instruction, in bytes: more than any preset has.
const MAX_INSTRUCTION: usize = 32 << 10;
/// The longest name of a language or a model, in bytes.
const MAX_NAME: usize = 200;
/// The longest accepted time limit for an answer.
const MAX_TOTAL: Duration = Duration::from_secs(60 * 60);
/// The longest accepted time limit for a connection.
const MAX_CONNECT: Duration = Duration::from_secs(60);
/// The number of existing models in the error about an unknown model.
const NAMED: usize = 10;

/// Why there is no text, with the part that may be logged.
enum QuestionError {
    /// The question is invalid, for this reason; shown with [`v2m_messages::text`].
    BadQuestion(&'static str),
    Llm(EndpointError),
    Rejected(Rejection),
}

impl From<EndpointError> for QuestionError {
    fn from(error: EndpointError) -> Self {
        Self::Llm(error)
    }
}

/// The outcome of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The question has an answer.
    Answered(Answer),
    /// The question was cancelled, and there is no peer for an answer.
    Cancelled,
    /// This process cannot read the configuration any more, but the next one can.
    Renew,
}

/// Answers one question. Blocks.
pub fn answer(question: &Question, client: &Client, cancel: &Arc<Cancel>) -> Completion {
    let begun = Instant::now();
    let mut tally = Tally::default();
    let result = attempt(question, client, cancel, &mut tally);
    let outcome = verbatim!(match &result {
        Ok(Answer::Checked { .. }) => "checked".to_owned(),
        Ok(_) => "text".to_owned(),
        Err(QuestionError::BadQuestion(why)) => format!("bad question, {why}"),
        Err(QuestionError::Llm(error)) => error.word(),
        Err(QuestionError::Rejected(rejection)) => format!("rejected, {}", rejection.word()),
    });
    log::info(&verbatim!(format!(
        "{}: {} ms, attempts {}, {} bytes sent, {} received: {outcome}",
        whom(question),
        begun.elapsed().as_millis(),
        tally.attempts,
        tally.sent,
        tally.received,
    )));
    let failed = |trouble, message| Completion::Answered(Answer::Failed { trouble, message });
    match result {
        Ok(answer) => Completion::Answered(answer),
        Err(QuestionError::Llm(EndpointError::Gone)) => Completion::Cancelled,
        Err(QuestionError::Llm(EndpointError::NotAllowed(ConfigError::Replaced))) => {
            Completion::Renew
        }
        Err(QuestionError::BadQuestion(why)) => {
            let why = v2m_messages::text(why);
            failed(FailureKind::BadQuestion, tr!("the question is not valid: {why}", why))
        }
        Err(QuestionError::Llm(error)) => failed(FailureKind::Unavailable, error.to_string()),
        Err(QuestionError::Rejected(rejection)) => failed(
            FailureKind::Rejected,
            tr!(
                "the language model's answer is not a rewriting of the text: {rejection}",
                rejection
            ),
        ),
    }
}

/// Returns provider, model and host for the log. The rest of an address may be private.
fn whom(question: &Question) -> String {
    let (Question::Rewrite { endpoint, .. }
    | Question::Translate { endpoint, .. }
    | Question::Check { endpoint }) = question;
    let place = address(endpoint).map(|address| address.place).unwrap_or_default();
    let model: String = endpoint.model.chars().take(80).collect();
    format!("{} {model:?} at {place:?}", endpoint.provider.name())
}

fn attempt(
    question: &Question,
    client: &Client,
    cancel: &Arc<Cancel>,
    tally: &mut Tally,
) -> Result<Answer, QuestionError> {
    let bad = |reason| Err(QuestionError::BadQuestion(reason));
    let (endpoint, task, text, bounds): (&Endpoint, PromptTask<'_>, &str, Option<Bounds>) =
        match question {
            Question::Check { endpoint } => {
                let target = target(endpoint)?;
                let detail = check(&target, client, cancel, tally)?;
                return Ok(Answer::Checked { detail });
            }
            Question::Rewrite { endpoint, instruction, text, accept } => {
                if instruction.trim().is_empty() || instruction.len() > MAX_INSTRUCTION {
                    return bad(mark!("the instruction is empty or too long"));
                }
                (endpoint, PromptTask::Rewrite { instruction }, text, *accept)
            }
            Question::Translate { endpoint, into, text } => {
                if !is_name(into) {
                    return bad(mark!("the language is no name"));
                }
                (endpoint, PromptTask::Translate { into }, text, Some(accept::TRANSLATION))
            }
        };
    if text.trim().is_empty() || text.len() > MAX_TEXT {
        return bad(mark!("the text is empty or too long"));
    }
    if bounds.is_some_and(|bounds| !accept::are_sane(&bounds)) {
        return bad(mark!("the bounds are out of range"));
    }
    let mut target = target(endpoint)?;
    if let Some(bounds) = &bounds {
        target.limits.letters = accept::most_letters(text, bounds);
    }
    if target.model.trim().is_empty() {
        return Err(unnamed(&target, client, cancel, tally).into());
    }
    let prompt = Prompt::new(task, text, RandomState::new().hash_one(text));
    let answer =
        client.ask(&target, &prompt, cancel, tally).map_err(|error| match (error, bounds) {
            (EndpointError::Endless, Some(bounds)) => {
                QuestionError::Rejected(Rejection::Endless(bounds.longest))
            }
            (error, _) => error.into(),
        })?;
    let answer = plain::owned(answer);
    match bounds {
        Some(bounds) => accept::judge(text, &answer, &bounds).map_err(QuestionError::Rejected)?,
        None if answer.trim().is_empty() => return Err(QuestionError::Rejected(Rejection::Empty)),
        None => {}
    }
    Ok(Answer::Text { text: answer })
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= MAX_NAME && !name.chars().any(char::is_control)
}

fn address(endpoint: &Endpoint) -> Result<Address, EndpointError> {
    let own = || wire::base_url(endpoint.provider);
    Ok(Address::parse(endpoint.base_url.as_deref().unwrap_or_else(own))?)
}

/// Returns the target if the configuration allows it, with the host's key if there is one. Without
/// a key, only if the host may work without one.
fn target(endpoint: &Endpoint) -> Result<Target, QuestionError> {
    let Endpoint { provider, model, temperature, .. } = endpoint;
    if !(0.0..=2.0).contains(temperature) {
        return Err(QuestionError::BadQuestion(mark!("the temperature is out of range")));
    }
    if !model.is_empty() && !is_name(model) {
        return Err(QuestionError::BadQuestion(mark!("the model is no name")));
    }
    let address = address(endpoint)?;
    config::check(endpoint, &address).map_err(EndpointError::NotAllowed)?;
    let key = keys::find(&address).map_err(EndpointError::Key)?;
    address.may_carry(key.as_ref()).map_err(EndpointError::from)?;
    // The providers' own services accept no question without a key. Other servers report it
    // themselves.
    if key.is_none() && keys::service(&address).is_some() {
        let places = keys::places(&address, *provider);
        return Err(EndpointError::NoKey(address.url, places).into());
    }
    let limits = QuestionLimits {
        connect: Duration::from_millis(endpoint.connect_ms).min(MAX_CONNECT),
        total: Duration::from_millis(endpoint.total_ms).min(MAX_TOTAL),
        ..QuestionLimits::default()
    };
    let (provider, model, temperature) = (*provider, model.clone(), *temperature);
    Ok(Target { provider, address, model, temperature, key, limits })
}

/// Returns the error for a missing model name, with the existing models if they are known.
fn unnamed(
    target: &Target,
    client: &Client,
    cancel: &Arc<Cancel>,
    tally: &mut Tally,
) -> EndpointError {
    let url = target.address.url.clone();
    match client.models(target, cancel, tally) {
        Ok(Some(models)) => EndpointError::NoModel(url, some(&models)),
        Err(EndpointError::Gone) => EndpointError::Gone,
        Ok(None) | Err(_) => EndpointError::NoModel(url, None),
    }
}

fn check(
    target: &Target,
    client: &Client,
    cancel: &Arc<Cancel>,
    tally: &mut Tally,
) -> Result<String, EndpointError> {
    let Target { provider, address, model, .. } = target;
    let Some(models) = client.models(target, cancel, tally)? else {
        if model.trim().is_empty() {
            return Err(EndpointError::NoModel(address.url.clone(), None));
        }
        client.probe(target, cancel, tally)?;
        let url = &address.url;
        return Ok(tr!(
            "{url} answers, but does not list its models; v2m could not check that it has {model}",
            url,
            model
        ));
    };
    let url = address.url.clone();
    if model.trim().is_empty() {
        Err(EndpointError::NoModel(url, some(&models)))
    } else if models.iter().any(|name| wire::models::same(*provider, name, model)) {
        Ok(tr!("{url} answers and has {model}", url, model))
    } else {
        Err(EndpointError::UnknownModel(url, model.clone(), some(&models)))
    }
}

/// Returns a few names for people, and the number of the others. `None` if there are none.
fn some(models: &[String]) -> Option<String> {
    let short = |name: &String| plain::line(name).chars().take(80).collect::<String>();
    let names = models.iter().take(NAMED).map(short).collect::<Vec<_>>().join(", ");
    let told = match models.len().saturating_sub(NAMED) {
        0 => names,
        more => tr!("{names} and {more} more", names, more),
    };
    (!models.is_empty()).then_some(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_models_are_named() {
        let models: Vec<String> = (1..=12).map(|n| format!("m{n}")).collect();
        assert_eq!(some(&models[..2]).unwrap(), "m1, m2");
        assert!(some(&models).unwrap().ends_with("m10 and 2 more"));
        assert_eq!(some(&[]), None);
    }

    #[test]
    fn names_are_short_and_plain() {
        assert!(is_name("Spanish") && is_name("gemini-2.5-flash"));
        assert!(!is_name(" ") && !is_name("a\nb") && !is_name(&"x".repeat(MAX_NAME + 1)));
    }
}
