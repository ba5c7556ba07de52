//! Parses the command line. Nothing is read or sent here.

use crate::config;
use crate::exit::SendError;
use crate::export::Export;
use crate::files::{self, FilesToTranscribe};
use crate::format::OutputFormat;
use crate::history::Filter;
use crate::summary::SummaryFormat;
use lexopt::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;
use v2m_ipc::message::{Command, Deliver, EventName, Which, Wishes};
use v2m_messages::tr;

/// A parsed command line.
#[derive(Debug, PartialEq)]
pub(crate) struct Invocation {
    /// Print answers as they are.
    pub(crate) json: bool,
    pub(crate) action: Action,
}

/// An action of v2m-send.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    /// Print the help.
    Help,
    /// Print the version.
    Version,
    /// Send this command.
    Ask(Command),
    /// Send a text to the language model.
    Process {
        text: TextInput,
        /// Instruction for the model.
        instruction: Option<String>,
        /// Preset with the instruction.
        preset: Option<String>,
        /// Destination of the result.
        deliver: Option<Deliver>,
    },
    /// Request a translation.
    Translate {
        text: TextInput,
        /// Language to translate to.
        target_lang: Option<String>,
        /// Destination of the result.
        deliver: Option<Deliver>,
    },
    /// Try the text rules.
    TestRules {
        text: TextInput,
        /// Language of the text.
        language: Option<String>,
    },
    /// Print settings.
    ConfigGet {
        /// A section or key, or everything.
        key: Option<String>,
    },
    /// List kept dictations.
    History {
        /// Selects dictations.
        filter: Filter,
        /// Maximum number.
        most: u32,
    },
    /// Print a kept dictation's text.
    Show(Which),
    /// Deliver a kept dictation's text again.
    Redeliver {
        which: Which,
        /// Destination of the text.
        deliver: Deliver,
    },
    /// Play a recording.
    Play(Which),
    /// Delete kept dictations.
    Delete {
        /// Dictations to delete; all if empty.
        which: Vec<Which>,
        /// Do not ask for confirmation.
        is_sure: bool,
    },
    /// Write kept dictations into a folder.
    Export(Export),
    /// Transcribe files.
    Transcribe(FilesToTranscribe),
    /// Print the state in one line.
    Status {
        /// Format of the line.
        format: SummaryFormat,
    },
    /// Print the state in one line, now and whenever it changes.
    Follow {
        /// Format of the line.
        format: SummaryFormat,
    },
    /// Print events.
    Watch {
        /// Names of the events.
        events: Vec<EventName>,
    },
}

/// Source of a text.
#[derive(Debug, PartialEq)]
pub(crate) enum TextInput {
    /// The command line.
    Given(String),
    /// Standard input.
    StandardInput,
    /// The clipboard.
    Clipboard,
    /// The last dictation.
    Last,
}

/// Options given on the command line.
#[derive(Default)]
struct Options {
    instruction: Option<String>,
    preset: Option<String>,
    target_lang: Option<String>,
    language: Option<String>,
    deliver: Option<Deliver>,
    clipboard: bool,
    last: bool,
    format: Option<String>,
    output: Option<PathBuf>,
    track: Option<u32>,
    model: Option<String>,
    search: Option<String>,
    since: Option<String>,
    all: bool,
    yes: bool,
    continuous: bool,
}

/// Default number of dictations that `history` lists.
const LISTED: u32 = 20;

/// Parses a command line.
///
/// # Errors
/// [`SendError::Usage`].
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Invocation, SendError> {
    let (mut json, mut options) = (false, Options::default());
    let mut words: Vec<OsString> = Vec::new();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("json") => json = true,
            Short('h') | Long("help") => return Ok(Invocation { json, action: Action::Help }),
            Short('V') | Long("version") => {
                return Ok(Invocation { json, action: Action::Version });
            }
            Short('i') | Long("instruction") => {
                options.instruction = Some(parser.value()?.string()?);
            }
            Short('p') | Long("preset") => options.preset = Some(parser.value()?.string()?),
            Short('c') | Long("clipboard") => options.clipboard = true,
            Long("last") => options.last = true,
            Short('l') | Long("language") => options.language = Some(parser.value()?.string()?),
            Short('t') | Long("to") => options.target_lang = Some(parser.value()?.string()?),
            Short('d') | Long("deliver") => {
                let name = parser.value()?.string()?;
                let known =
                    || usage(&tr!("--deliver is one of: {places}", places = Deliver::list()));
                options.deliver = Some(Deliver::from_name(&name).ok_or_else(known)?);
            }
            Short('f') | Long("format") => options.format = Some(parser.value()?.string()?),
            Short('o') | Long("output") => options.output = Some(PathBuf::from(parser.value()?)),
            Long("track") => {
                let number = parser.value()?.string()?;
                let number = number.parse().ok().filter(|number| *number > 0);
                let wrong = || usage(tr!("--track is a number: the first sound track is 1"));
                options.track = Some(number.ok_or_else(wrong)?);
            }
            Short('m') | Long("model") => options.model = Some(parser.value()?.string()?),
            Short('s') | Long("search") => options.search = Some(parser.value()?.string()?),
            Long("since") => options.since = Some(parser.value()?.string()?),
            Long("all") => options.all = true,
            Short('y') | Long("yes") => options.yes = true,
            Long("continuous") => options.continuous = true,
            Value(word) => words.push(word),
            Short(_) | Long(_) => return Err(arg.unexpected().into()),
        }
    }
    let mut words = Words(words.into_iter());
    let command = words.next(tr!("a command is missing"))?;
    options.fit(&command)?;
    if json && (options.format.is_some() || options.output.is_some()) {
        return Err(usage(tr!(
            "--json prints the raw answers, so it cannot be used with --format or --output"
        )));
    }
    if json && matches!(command.as_str(), "play" | "export") {
        return Err(usage(&tr!(
            "{command} prints no answer, so it cannot be used with --json",
            command
        )));
    }
    Ok(Invocation { json, action: action(&command, words, options)? })
}

fn action(command: &str, words: Words, options: Options) -> Result<Action, SendError> {
    match command {
        "toggle" => words.none(Command::ToggleRecording(options.wishes())),
        "start" => words.none(Command::StartRecording(options.wishes())),
        "stop" => words.none(Command::StopRecording(options.wishes())),
        "cancel" => words.none(Command::CancelRecording),
        "last" => words.none(Command::LastText),
        "undo" => words.none(Command::UndoDelivery),
        "retry" => words.retry(options),
        "history" => words.history(options),
        "show" => words.which().and_then(|(which, rest)| rest.end(Action::Show(which))),
        "copy" => words.redeliver(Deliver::Clipboard),
        "paste" => words.redeliver(Deliver::Paste),
        "play" => words.which().and_then(|(which, rest)| rest.end(Action::Play(which))),
        "delete" => words.delete(&options),
        "export" => words.export(options),
        "status" => match summary_format(&options)? {
            Some(format) => words.end(Action::Status { format }),
            None => words.none(Command::GetStatus),
        },
        "ping" => words.none(Command::Ping),
        "pause" => words.none(Command::PauseDaemon),
        "resume" => words.none(Command::ResumeDaemon),
        "shutdown" => words.none(Command::Shutdown),
        "transcribe" => words.transcribe(options),
        "process" => Ok(Action::Process {
            text: words.text_or_source(&options)?,
            instruction: options.instruction,
            preset: options.preset,
            deliver: options.deliver,
        }),
        "translate" => Ok(Action::Translate {
            text: words.text_or_source(&options)?,
            target_lang: options.target_lang,
            deliver: options.deliver,
        }),
        "rules" => words.rules(options.language),
        "config" => words.config(),
        "watch" => match summary_format(&options)? {
            Some(format) => words.end(Action::Follow { format }),
            None => Ok(Action::Watch { events: words.events()? }),
        },
        other => {
            Err(usage(&tr!("there is no command {command}", command = format_args!("{other:?}"))))
        }
    }
}

impl Options {
    /// Whether all options belong to that command.
    fn fit(&self, command: &str) -> Result<(), SendError> {
        const DICTATION: [&str; 3] = ["toggle", "start", "stop"];
        let dictation = DICTATION.contains(&command);
        let given: [(bool, bool, &str); 15] = [
            (
                self.instruction.is_some(),
                command == "process",
                tr!("--instruction is only for process"),
            ),
            (
                self.preset.is_some(),
                dictation || command == "process",
                tr!("--preset is only for process, toggle, start and stop"),
            ),
            (self.target_lang.is_some(), command == "translate", tr!("--to is only for translate")),
            (
                self.language.is_some(),
                dictation || matches!(command, "rules" | "retry"),
                tr!("--language is only for toggle, start, stop, rules test and retry"),
            ),
            (
                self.continuous,
                matches!(command, "toggle" | "start"),
                tr!("--continuous is only for toggle and start"),
            ),
            (self.model.is_some(), command == "retry", tr!("--model is only for retry")),
            (
                self.deliver.is_some(),
                dictation || matches!(command, "process" | "translate"),
                tr!("--deliver is only for toggle, start, stop, process and translate"),
            ),
            (
                self.clipboard || self.last,
                matches!(command, "process" | "translate"),
                tr!("--clipboard and --last are only for process and translate"),
            ),
            (
                self.format.is_some(),
                matches!(command, "transcribe" | "status" | "watch"),
                tr!("--format is only for transcribe, status and watch"),
            ),
            (
                self.output.is_some(),
                command == "transcribe",
                tr!("--output is only for transcribe"),
            ),
            (self.track.is_some(), command == "transcribe", tr!("--track is only for transcribe")),
            (
                self.search.is_some() || self.since.is_some(),
                matches!(command, "history" | "export"),
                tr!("--search and --since are only for history and export"),
            ),
            (self.all, command == "delete", tr!("--all is only for delete")),
            (self.yes, command == "delete", tr!("--yes is only for delete")),
            (self.clipboard && self.last, false, tr!("use either --clipboard or --last, not both")),
        ];
        match given.iter().find(|(given, fits, _)| *given && !fits) {
            Some((_, _, problem)) => Err(usage(problem)),
            None => Ok(()),
        }
    }

    fn filter(self) -> Filter {
        Filter { search: self.search, since: self.since }
    }

    fn wishes(self) -> Wishes {
        let Self { deliver, preset, language, continuous, .. } = self;
        Wishes { deliver, preset, language, continuous }
    }
}

/// Arguments that are not options.
struct Words(std::vec::IntoIter<OsString>);

impl Words {
    /// Returns the next argument. `missing`: the error message if there is none.
    fn next(&mut self, missing: &str) -> Result<String, SendError> {
        let word = self.0.next().ok_or_else(|| usage(missing))?;
        Ok(word.string()?)
    }

    fn end(mut self, action: Action) -> Result<Action, SendError> {
        match self.0.next() {
            None => Ok(action),
            Some(word) => {
                let argument = format_args!("{word:?}");
                Err(usage(&tr!("unexpected argument {argument}", argument)))
            }
        }
    }

    fn none(self, command: Command) -> Result<Action, SendError> {
        self.end(Action::Ask(command))
    }

    fn rest(self) -> Result<Vec<String>, SendError> {
        Ok(self.0.map(|word| word.string()).collect::<Result<_, _>>()?)
    }

    fn text(self) -> Result<TextInput, SendError> {
        let text = self.rest()?.join(" ");
        Ok(if text.is_empty() || text == "-" {
            TextInput::StandardInput
        } else {
            TextInput::Given(text)
        })
    }

    fn text_or_source(self, options: &Options) -> Result<TextInput, SendError> {
        let source = match (options.clipboard, options.last) {
            (false, false) => return self.text(),
            (true, _) => TextInput::Clipboard,
            (false, true) => TextInput::Last,
        };
        match self.text()? {
            TextInput::StandardInput => Ok(source),
            _ => Err(usage(tr!("with --clipboard or --last, give no other text"))),
        }
    }

    fn transcribe(self, options: Options) -> Result<Action, SendError> {
        let format = options.format.as_deref().map(OutputFormat::parse).transpose();
        let format = format.map_err(|e| usage(&e))?.unwrap_or(OutputFormat::Text);
        let wanted = files::wanted(self.0.collect(), format, options.output, options.track);
        let wanted = wanted.map_err(|e| usage(&e))?;
        Ok(Action::Transcribe(wanted))
    }

    fn retry(mut self, options: Options) -> Result<Action, SendError> {
        let word = self.0.next().map(|word| word.string()).transpose()?;
        let number = match word.as_deref() {
            None | Some("last") => Some(1),
            Some(word) => word.parse().ok().filter(|number| *number > 0),
        };
        let wrong = || usage(tr!("retry takes `last` or a number: the last dictation is 1"));
        let number = number.ok_or_else(wrong)?;
        let Options { model, language, .. } = options;
        self.none(Command::RetryRecording { number, model, language })
    }

    fn history(mut self, options: Options) -> Result<Action, SendError> {
        let most = match self.0.next().map(|word| word.string()).transpose()? {
            None => Some(LISTED),
            Some(word) => word.parse().ok().filter(|most| *most > 0),
        };
        let wrong = || usage(tr!("history takes the number of dictations to list"));
        let most = most.ok_or_else(wrong)?;
        self.end(Action::History { filter: options.filter(), most })
    }

    fn which(mut self) -> Result<(Which, Self), SendError> {
        let word = self.next(tr!("the number of the dictation is missing"))?;
        Ok((dictation(&word)?, self))
    }

    fn redeliver(self, deliver: Deliver) -> Result<Action, SendError> {
        let (which, rest) = self.which()?;
        rest.end(Action::Redeliver { which, deliver })
    }

    fn delete(self, options: &Options) -> Result<Action, SendError> {
        let words = self.rest()?;
        match (options.all, words.is_empty()) {
            (true, false) => Err(usage(tr!("with --all, name no dictation"))),
            (false, true) => Err(usage(tr!("the number of the dictation is missing, or --all"))),
            _ => {
                let which = words.iter().map(|word| dictation(word)).collect::<Result<_, _>>()?;
                Ok(Action::Delete { which, is_sure: options.yes })
            }
        }
    }

    fn export(mut self, options: Options) -> Result<Action, SendError> {
        let directory = self.0.next().ok_or_else(|| usage(tr!("the DIRECTORY is missing")))?;
        let export = Export { directory: directory.into(), filter: options.filter() };
        self.end(Action::Export(export))
    }

    fn rules(mut self, language: Option<String>) -> Result<Action, SendError> {
        match self.next(tr!("`test` is missing"))?.as_str() {
            "test" => Ok(Action::TestRules { text: self.text()?, language }),
            other => Err(usage(&tr!(
                "there is `rules test`, but not `rules {command}`",
                command = other
            ))),
        }
    }

    fn config(mut self) -> Result<Action, SendError> {
        match self.next(tr!("`get` or `set` is missing"))?.as_str() {
            "get" => {
                let key = self.0.next().map(|key| key.string()).transpose()?;
                self.end(Action::ConfigGet { key })
            }
            "set" => {
                let updates = config::updates(&self.rest()?).map_err(|e| usage(&e))?;
                Ok(Action::Ask(Command::UpdateConfig { updates }))
            }
            other => {
                let command = format_args!("{other:?}");
                Err(usage(&tr!("config knows `get` and `set`, not {command}", command)))
            }
        }
    }

    fn events(self) -> Result<Vec<EventName>, SendError> {
        let names = self.rest()?;
        if names.is_empty() {
            return Ok(EventName::ALL.to_vec());
        }
        let find = |name: &String| {
            let unknown = || {
                let event = format_args!("{name:?}");
                usage(&tr!(
                    "no event {event}; there are: {events}",
                    event,
                    events = EventName::list()
                ))
            };
            EventName::from_name(name).ok_or_else(unknown)
        };
        names.iter().map(find).collect()
    }
}

fn summary_format(options: &Options) -> Result<Option<SummaryFormat>, SendError> {
    let format = options.format.as_deref().map(SummaryFormat::parse);
    format.transpose().map_err(|e| usage(&e))
}

fn dictation(word: &str) -> Result<Which, SendError> {
    let wrong =
        || usage(tr!("name a dictation by `last`, its number (the last one is 1), or its id"));
    Which::from_word(word).ok_or_else(wrong)
}

fn usage(what: &str) -> SendError {
    SendError::Usage(what.to_owned())
}

#[cfg(test)]
mod tests;
