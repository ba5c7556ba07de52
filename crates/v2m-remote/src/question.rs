//! Handles one question: checks it, chooses its endpoint, and logs one line.

use crate::answer::Heard;
use crate::client::{Client, Tally, Target};
use crate::config;
use crate::error::SpeechError;
use crate::form::Wish;
use std::sync::Arc;
use std::time::{Duration, Instant};
use v2m_core::language::spoken;
use v2m_ipc::pcm::in_seconds;
use v2m_ipc::remote::{Answer, Endpoint, FailureKind, MAX_SAMPLES, Question};
use v2m_messages::{mark, verbatim};
use v2m_net::address::Address;
use v2m_net::cancel::Cancel;
use v2m_net::{keys, log};

/// The longest name of a model, in bytes.
const MAX_NAME: usize = 200;
/// The longest prompt, in bytes.
const MAX_PROMPT: usize = 8 << 10;
/// The longest accepted time limit for an answer.
const MAX_TOTAL: Duration = Duration::from_secs(10 * 60);
/// The longest accepted time limit for a connection.
const MAX_CONNECT: Duration = Duration::from_secs(60);

/// The outcome of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The question has an answer.
    Answered(Answer),
    /// This process cannot read the configuration any more, but the next one can.
    Renew,
}

/// Answers a question about this sound. Blocks.
pub fn answer(
    question: &Question,
    sound: &[i16],
    client: &Client,
    cancel: &Arc<Cancel>,
) -> Completion {
    let begun = Instant::now();
    let mut tally = Tally::default();
    let result = attempt(question, sound, client, cancel, &mut tally);
    let outcome = match &result {
        Ok(_) => verbatim!("text").to_owned(),
        Err(error) => error.word(),
    };
    log::info(&verbatim!(format!(
        "{}: {:.1} s of sound in {} ms, attempts {}, {} bytes sent, {} received: {outcome}",
        whom(question),
        in_seconds(sound.len() as u64),
        begun.elapsed().as_millis(),
        tally.attempts,
        tally.sent,
        tally.received,
    )));
    let kind = match &result {
        Ok(_) => FailureKind::Unavailable,
        Err(SpeechError::Replaced) => return Completion::Renew,
        Err(SpeechError::Gone) => FailureKind::Cancelled,
        Err(SpeechError::BadQuestion(_)) => FailureKind::BadQuestion,
        Err(_) => FailureKind::Unavailable,
    };
    Completion::Answered(match result {
        Ok(Heard { text, language }) => Answer::Text { text, language },
        Err(error) => Answer::Failed { kind, message: error.to_string() },
    })
}

/// Returns model and host for the log. The rest of an address may be private.
fn whom(question: &Question) -> String {
    let Question::Transcribe { endpoint, .. } = question else { return String::new() };
    let place = Address::parse(&endpoint.base_url).map(|address| address.place);
    let model: String = endpoint.model.chars().take(80).collect();
    format!("{model:?} at {:?}", place.unwrap_or_default())
}

fn attempt(
    question: &Question,
    sound: &[i16],
    client: &Client,
    cancel: &Arc<Cancel>,
    tally: &mut Tally,
) -> Result<Heard, SpeechError> {
    let bad = |reason| Err(SpeechError::BadQuestion(reason));
    let Question::Transcribe { endpoint, language, translate, prompt } = question else {
        return Err(SpeechError::Gone);
    };
    if sound.is_empty() || sound.len() > MAX_SAMPLES {
        return bad(mark!("there is no sound, or more than a minute of it"));
    }
    if language.as_ref().is_some_and(|code| !spoken::is_code(code)) {
        return bad(mark!("the language is no code"));
    }
    let breaks = |text: &str| text.contains(char::is_control);
    if endpoint.model.len() > MAX_NAME || breaks(&endpoint.model) {
        return bad(mark!("the model is no name"));
    }
    if prompt.len() > MAX_PROMPT || breaks(prompt) {
        return bad(mark!("the words to expect are too long or not plain"));
    }
    let target = target(endpoint)?;
    let wish = Wish {
        model: &endpoint.model,
        language: language.as_deref(),
        translate: *translate,
        prompt,
    };
    client.ask(&target, &wish, sound, cancel, tally)
}

/// Returns the target if the configuration allows it, with the host's key if there is one.
fn target(endpoint: &Endpoint) -> Result<Target, SpeechError> {
    let address = Address::parse(&endpoint.base_url)?;
    config::check(&address)?;
    let key = keys::find(&address)?;
    address.may_carry(key.as_ref())?;
    if let (None, Some(service)) = (&key, keys::service(&address)) {
        let places = keys::places(&address, service);
        return Err(SpeechError::NoKey(address.url, places));
    }
    Ok(Target {
        address,
        key,
        connect: Duration::from_millis(endpoint.connect_ms).min(MAX_CONNECT),
        total: Duration::from_millis(endpoint.total_ms).min(MAX_TOTAL),
    })
}
