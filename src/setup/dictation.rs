//! A first dictation: recorded when the user says so, and read back.

use super::configuration::Configuration;
use super::dialogue::{Choice, Dialogue, Stop};
use super::outcome::{Lack, Outcome, Report};
use super::{Step, interrupt, model};
use crate::doctor;
use std::time::Instant;
use v2m_ipc::client::Client;
use v2m_ipc::message::{Command, Deliver, Response, ResponseStatus, Wishes};
use v2m_messages::tr;

/// Has the user dictate until the text is right. Without questions it only waits for the model.
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
        let question = match dictate(dialogue, &mut client)? {
            Ok(text) => {
                dialogue.say(format!("\n  “{text}”\n"));
                tr!("Is that what you said?")
            }
            Err(problem) => {
                dialogue.say(problem);
                tr!("What now?")
            }
        };
        let answers =
            [tr!("Done").to_owned(), tr!("Again").to_owned(), tr!("Another model").to_owned()];
        match dialogue.choose(question, &answers, 0)? {
            Choice::Number(0) => return Ok(Outcome::unchanged(tr!("ready with {name}", name))),
            Choice::Number(2) => {
                let outcome = model::choose(dialogue, configuration)?;
                report.add(Step::Model, outcome);
            }
            Choice::Number(_) | Choice::Other(_) => {}
        }
    }
}

/// Waits until the service can transcribe.
fn ready(model: &str) -> Result<Client, (Lack, String)> {
    let mut client = Client::connect().map_err(|error| (Lack::Service, error.to_string()))?;
    doctor::warm(&mut client, Some(model)).map_err(|problem| (Lack::Model, problem))?;
    Ok(client)
}

/// Records from Enter to Enter. Returns the text, or what went wrong.
fn dictate(dialogue: &mut Dialogue, client: &mut Client) -> Result<Result<String, String>, Stop> {
    dialogue.enter(tr!("Press Enter, and then say a sentence."))?;
    // Not into this terminal.
    let wishes = Wishes { deliver: Some(Deliver::None), ..Wishes::default() };
    interrupt::recording(true);
    let started = asked(client, &Command::StartRecording(wishes.clone()));
    if let Err(problem) = started {
        interrupt::recording(false);
        return Ok(Err(problem));
    }
    let stopped = dialogue.enter(tr!("Recording. Press Enter when you have finished."));
    if let Err(stop) = stopped {
        let _ = asked(client, &Command::CancelRecording);
        interrupt::recording(false);
        return Err(stop);
    }
    let start = Instant::now();
    let answer = asked(client, &Command::StopRecording(wishes));
    interrupt::recording(false);
    Ok(answer.map(|answer| {
        let seconds = format_args!("{:.1}", start.elapsed().as_secs_f64()).to_string();
        dialogue.say(tr!("The text was there after {seconds} s:", seconds));
        answer.data["text"].as_str().unwrap_or_default().to_owned()
    }))
}

fn asked(client: &mut Client, command: &Command) -> Result<Response, String> {
    let answer = client.request(command).map_err(|error| error.to_string())?;
    match answer.status {
        ResponseStatus::Success => Ok(answer),
        _ => Err(answer.error.unwrap_or_default()),
    }
}
