//! `v2m-send`: the program that a keyboard shortcut runs. It sends one request, prints the answer,
//! and exits.
//!
//! It must start in about a millisecond: std, `v2m-ipc` and an argument parser, no runtime, no
//! configuration. The service executes the commands.

#![forbid(unsafe_code)]

mod args;
mod bar;
mod by_hand;
mod config;
mod exit;
mod export;
mod files;
mod format;
mod help;
mod history;
mod open;
mod print;
mod summary;
mod words;

use args::{Action, Invocation, TextInput};
use exit::{Exit, SendError};
use std::io::{self, Read};
use std::process::ExitCode;
use v2m_ipc::client::{self, Client};
use v2m_ipc::frame::MAX_REQUEST;
use v2m_ipc::message::{Command, EventName, ResponseStatus, TextSource};
use v2m_ipc::plain;
use v2m_messages::tr;

fn main() -> ExitCode {
    let done = args::parse(lexopt::Parser::from_env()).and_then(run);
    let exit = match done {
        Ok(exit) => exit,
        Err(trouble) => trouble.report(),
    };
    ExitCode::from(exit as u8)
}

fn run(invocation: Invocation) -> Result<Exit, SendError> {
    let json = invocation.json;
    match invocation.action {
        Action::Help => say(&help::text()),
        Action::Version => say(concat!("v2m-send ", env!("CARGO_PKG_VERSION"), "\n")),
        Action::Ask(command) => ask(&by_hand::considered(command), json),
        Action::Process { text, instruction, preset, deliver } => {
            let text = source(text)?;
            ask(&Command::ProcessText { text, instruction, preset, deliver }, json)
        }
        Action::Translate { text, target_lang, deliver } => {
            ask(&Command::TranslateText { text: source(text)?, target_lang, deliver }, json)
        }
        Action::TestRules { text, language } => match source(text)? {
            TextSource::Given(text) => ask(&Command::TestRules { text, language }, json),
            TextSource::Clipboard | TextSource::Last => {
                Err(SendError::Usage(tr!("rules are tried on a text that is given").into()))
            }
        },
        Action::ConfigGet { key } => get_config(key.as_deref(), json),
        Action::Status { format } => summary::status(format),
        Action::Follow { format } => summary::watch(format),
        Action::Watch { events } => watch(&events, json),
        Action::History { filter, most } => history::list(&filter, most, json),
        Action::Show(which) => history::show(which, json),
        Action::Redeliver { which, deliver } => history::deliver(which, deliver, json),
        Action::Play(which) => history::play(which),
        Action::Delete { which, is_sure } => history::delete(which, is_sure, json),
        Action::Export(wanted) => export::export(&wanted),
        Action::Transcribe(wanted) => files::transcribe(&wanted, json),
    }
}

fn ask(command: &Command, json: bool) -> Result<Exit, SendError> {
    let (answer, raw) = open::connect()?.request_raw(command)?;
    if json {
        say(&(raw + "\n"))?;
    } else if answer.status == ResponseStatus::Success {
        for note in print::remarks(&answer) {
            exit::complain(&note);
        }
        say(&print::success(&answer))?;
    } else {
        // The user's words must survive the error: print the remaining text instead.
        exit::complain(&print::error(&answer));
        say(&print::leftover(&answer))?;
    }
    Ok(exit_of(answer.status))
}

fn get_config(key: Option<&str>, json: bool) -> Result<Exit, SendError> {
    if json || key.is_none() {
        return ask(&Command::GetConfig, json);
    }
    let (answer, _) = Client::connect()?.request_raw(&Command::GetConfig)?;
    if answer.status != ResponseStatus::Success {
        exit::complain(&print::error(&answer));
        return Ok(Exit::Refused);
    }
    let key = key.unwrap_or_default();
    let all = &answer.data["config"];
    let found = config::find(&config::own(all), key).or_else(|| config::find(all, key)).cloned();
    match found {
        Some(value) => say(&config::show(key, &value)),
        None => Err(SendError::Usage(tr!(
            "there is no setting {key}; all of them: v2m-send config get",
            key = format_args!("{key:?}")
        ))),
    }
}

fn watch(events: &[EventName], json: bool) -> Result<Exit, SendError> {
    let mut events = Client::connect()?.subscribe(events)?;
    while let Some((event, raw)) = events.next_event()? {
        match event {
            Some(event) if !json => say(&print::event(&event))?,
            // An event of a newer service has no description here yet.
            Some(_) | None => say(&(raw + "\n"))?,
        };
    }
    Err(SendError::Ended)
}

fn exit_of(status: ResponseStatus) -> Exit {
    match status {
        ResponseStatus::Success => Exit::Ok,
        ResponseStatus::Error | ResponseStatus::Event => Exit::Refused,
    }
}

/// Returns the text as given, all of standard input, or the source for the service.
fn source(text: TextInput) -> Result<TextSource, SendError> {
    let text = match text {
        TextInput::Given(text) => text,
        TextInput::StandardInput => read_standard_input()?,
        TextInput::Clipboard => return Ok(TextSource::Clipboard),
        TextInput::Last => return Ok(TextSource::Last),
    };
    if text.trim().is_empty() {
        return Err(SendError::Usage(tr!("the text is empty").into()));
    }
    Ok(TextSource::Given(text))
}

fn read_standard_input() -> Result<String, SendError> {
    let mut text = Vec::new();
    io::stdin().take(MAX_REQUEST as u64 + 1).read_to_end(&mut text).map_err(|error| {
        SendError::Io(tr!("cannot read the text from standard input: {error}", error))
    })?;
    if text.len() > MAX_REQUEST {
        return Err(client::ClientError::TooLong.into());
    }
    String::from_utf8(text)
        .map_err(|error| SendError::Usage(tr!("the text is not UTF-8: {error}", error)))
}

fn say(text: &str) -> Result<Exit, SendError> {
    match plain::write(&mut io::stdout().lock(), text) {
        Ok(()) => Ok(Exit::Ok),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(SendError::NobodyReads),
        Err(error) => Err(SendError::Io(tr!("cannot write to standard output: {error}", error))),
    }
}
