//! A first dictation: records when the user is ready, and shows the text.

use super::configuration::Configuration;
use super::dialogue::{Choice, Dialogue, Stop};
use super::interrupt::{self, Recording};
use super::outcome::{Lack, Outcome, Report};
use super::{Step, model};
use crate::doctor;
use std::time::Instant;
use v2m_ipc::client::Client;
use v2m_ipc::message::{Command, Deliver, Response, ResponseStatus, Wishes};
use v2m_messages::tr;

/// The answers after a dictation, in the order in which they are shown.
const DONE: usize = 0;
const AGAIN: usize = 1;
const ANOTHER: usize = 2;

/// Lets the user dictate until the text is right. Without questions it only waits for the model.
pub(super) fn first(
    dialogue: &mut Dialogue,
    configuration: &mut Configuration,
    report: &mut Report,
) -> Result<Outcome, Stop> {
    loop {
        let name = configuration.settings().engine.model.clone();
        let mut client = match ready(&name) {
            Ok(client) => client,
            Err((lack, why)) => {
                dialogue.say(&why);
                return Ok(Outcome::missing(lack, why));
            }
        };
        if !dialogue.asks() {
            let state = tr!("ready with {name}; nothing was recorded", name);
            dialogue.say(&state);
            return Ok(Outcome::unchanged(state));
        }
        let failed = match dictate(dialogue, &mut client)? {
            Ok(text) if text.trim().is_empty() => Some(Failure {
                lack: Lack::Microphone,
                why: tr!("no words were recognised in what was recorded").to_owned(),
            }),
            Ok(text) => {
                dialogue.say(format!("\n  “{text}”\n"));
                None
            }
            Err(problem) => Some(problem),
        };
        let (question, default) = match &failed {
            None => (tr!("Is that what you said?"), DONE),
            Some(failure) => {
                dialogue.say(&failure.why);
                (tr!("What now?"), AGAIN)
            }
        };
        let answers =
            [tr!("Done").to_owned(), tr!("Again").to_owned(), tr!("Another model").to_owned()];
        match dialogue.choose(question, &answers, default)? {
            Choice::Number(DONE) => {
                return Ok(match failed {
                    None => Outcome::unchanged(tr!("ready with {name}", name)),
                    Some(Failure { lack, why }) => Outcome::missing(lack, why),
                });
            }
            Choice::Number(ANOTHER) => {
                let outcome = model::choose(dialogue, configuration, report)?;
                report.add(Step::Model, outcome);
            }
            Choice::Number(_) | Choice::Other(_) => {}
        }
    }
}

/// Why a dictation produced no text.
struct Failure {
    lack: Lack,
    why: String,
}

impl Failure {
    /// Created from the service's answer. If neither the sound nor the recogniser failed, the
    /// service did.
    fn of(answer: Response) -> Self {
        let lack = match answer.code.as_deref() {
            Some("no_microphone" | "no_speech") => Lack::Microphone,
            Some("engine_failed" | "model_missing") => Lack::Model,
            _ => Lack::Service,
        };
        Self { lack, why: answer.error.unwrap_or_default() }
    }
}

/// Waits until the service can transcribe.
fn ready(model: &str) -> Result<Client, (Lack, String)> {
    let mut client = Client::connect().map_err(|error| (Lack::Service, error.to_string()))?;
    doctor::warm(&mut client, Some(model)).map_err(|problem| (Lack::Model, problem))?;
    Ok(client)
}

/// Records from Enter to Enter. Returns the text or the failure.
fn dictate(dialogue: &mut Dialogue, client: &mut Client) -> Result<Result<String, Failure>, Stop> {
    dialogue.enter(tr!("Press Enter, and then say a sentence."))?;
    // Do not deliver into this terminal.
    let wishes = Wishes { deliver: Some(Deliver::None), ..Wishes::default() };
    let mut own = Recording::asked();
    interrupt::recording(own);
    let started = asked(client, &Command::StartRecording(wishes.clone()));
    if let Err(problem) = started {
        interrupt::recording(Recording::None);
        return Ok(Err(problem));
    }
    if let Ok(Some(since)) = interrupt::recording_since(client) {
        own = Recording::Begun(since);
        interrupt::recording(own);
    }
    let stopped = dialogue.enter(tr!("Recording. Press Enter when you have finished."));
    if let Err(stop) = stopped {
        let _ = interrupt::cancel(client, own);
        interrupt::recording(Recording::None);
        return Err(stop);
    }
    let start = Instant::now();
    let answer = asked(client, &Command::StopRecording(wishes));
    interrupt::recording(Recording::None);
    Ok(answer.map(|answer| {
        let seconds = format_args!("{:.1}", start.elapsed().as_secs_f64()).to_string();
        dialogue.say(tr!("The text was there after {seconds} s:", seconds));
        answer.data["text"].as_str().unwrap_or_default().to_owned()
    }))
}

fn asked(client: &mut Client, command: &Command) -> Result<Response, Failure> {
    let answer = client
        .request(command)
        .map_err(|error| Failure { lack: Lack::Service, why: error.to_string() })?;
    match answer.status {
        ResponseStatus::Success => Ok(answer),
        _ => Err(Failure::of(answer)),
    }
}
