//! The command line, parsed. Nothing is read or asked here.

use crate::config;
use crate::exit::Trouble;
use crate::files::{self, Wanted};
use crate::format::Format;
use lexopt::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;
use v2m_ipc::message::{Command, Deliver, EventName};

/// What was typed.
#[derive(Debug, PartialEq)]
pub(crate) struct Invocation {
    /// Print answers as they are.
    pub(crate) json: bool,
    /// What to do.
    pub(crate) action: Action,
}

/// What to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    /// Print the help.
    Help,
    /// Print the version.
    Version,
    /// Ask this.
    Ask(Command),
    /// Ask the language model.
    Process {
        /// The text.
        text: Text,
        /// What to do with it.
        instruction: Option<String>,
    },
    /// Ask for a translation.
    Translate {
        /// The text.
        text: Text,
        /// Language to translate to.
        target_lang: Option<String>,
    },
    /// Try the text rules.
    TestRules {
        /// The text.
        text: Text,
        /// Its language.
        language: Option<String>,
    },
    /// Print settings.
    ConfigGet {
        /// A section or key, or everything.
        key: Option<String>,
    },
    /// Transcribe files.
    Transcribe(Wanted),
    /// Print events.
    Watch {
        /// Which ones.
        events: Vec<EventName>,
    },
}

/// Where a text comes from.
#[derive(Debug, PartialEq)]
pub(crate) enum Text {
    /// The command line.
    Given(String),
    /// Standard input.
    StandardInput,
}

/// Parses a command line.
///
/// # Errors
/// [`Trouble::Usage`].
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Invocation, Trouble> {
    let (mut json, mut instruction, mut target_lang, mut language) = (false, None, None, None);
    let (mut format, mut output, mut deliver) = (None, None, None);
    let mut words: Vec<OsString> = Vec::new();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("json") => json = true,
            Short('h') | Long("help") => return Ok(Invocation { json, action: Action::Help }),
            Short('V') | Long("version") => {
                return Ok(Invocation { json, action: Action::Version });
            }
            Short('i') | Long("instruction") => instruction = Some(parser.value()?.string()?),
            Short('l') | Long("language") => language = Some(parser.value()?.string()?),
            Short('t') | Long("to") => target_lang = Some(parser.value()?.string()?),
            Short('d') | Long("deliver") => {
                let name = parser.value()?.string()?;
                let known = || usage(&format!("--deliver is one of: {}", Deliver::list()));
                deliver = Some(Deliver::from_name(&name).ok_or_else(known)?);
            }
            Short('f') | Long("format") => {
                format = Some(Format::parse(&parser.value()?.string()?).map_err(|e| usage(&e))?)
            }
            Short('o') | Long("output") => output = Some(PathBuf::from(parser.value()?)),
            Value(word) => words.push(word),
            Short(_) | Long(_) => return Err(arg.unexpected().into()),
        }
    }
    let mut words = Words(words.into_iter());
    let command = words.next("a command")?;
    if instruction.is_some() && command != "process" {
        return Err(usage("--instruction belongs to process alone"));
    }
    if target_lang.is_some() && command != "translate" {
        return Err(usage("--to belongs to translate alone"));
    }
    if language.is_some() && command != "rules" {
        return Err(usage("--language belongs to rules test alone"));
    }
    if deliver.is_some() && !matches!(command.as_str(), "toggle" | "start" | "stop") {
        return Err(usage("--deliver belongs to toggle, start and stop alone"));
    }
    if (format.is_some() || output.is_some()) && command != "transcribe" {
        return Err(usage("--format and --output belong to transcribe alone"));
    }
    if json && (format.is_some() || output.is_some()) {
        return Err(usage("--json prints the raw answers; it goes with no --format or --output"));
    }
    let action = match command.as_str() {
        "toggle" => words.none(Command::ToggleRecording { deliver })?,
        "start" => words.none(Command::StartRecording { deliver })?,
        "stop" => words.none(Command::StopRecording { deliver })?,
        "cancel" => words.none(Command::CancelRecording)?,
        "status" => words.none(Command::GetStatus)?,
        "ping" => words.none(Command::Ping)?,
        "pause" => words.none(Command::PauseDaemon)?,
        "resume" => words.none(Command::ResumeDaemon)?,
        "shutdown" => words.none(Command::Shutdown)?,
        "transcribe" => words.transcribe(format.unwrap_or(Format::Text), output)?,
        "process" => Action::Process { text: words.text()?, instruction },
        "translate" => Action::Translate { text: words.text()?, target_lang },
        "rules" => words.rules(language)?,
        "config" => words.config()?,
        "watch" => Action::Watch { events: words.events()? },
        other => return Err(usage(&format!("there is no command {other:?}"))),
    };
    Ok(Invocation { json, action })
}

/// The words of the command line that are no options.
struct Words(std::vec::IntoIter<OsString>);

impl Words {
    fn next(&mut self, what: &str) -> Result<String, Trouble> {
        let word = self.0.next().ok_or_else(|| usage(&format!("{what} is missing")))?;
        Ok(word.string()?)
    }

    fn end(mut self, action: Action) -> Result<Action, Trouble> {
        match self.0.next() {
            None => Ok(action),
            Some(word) => Err(usage(&format!("{word:?} is one argument too many"))),
        }
    }

    fn none(self, command: Command) -> Result<Action, Trouble> {
        self.end(Action::Ask(command))
    }

    fn rest(self) -> Result<Vec<String>, Trouble> {
        Ok(self.0.map(|word| word.string()).collect::<Result<_, _>>()?)
    }

    fn text(self) -> Result<Text, Trouble> {
        let text = self.rest()?.join(" ");
        Ok(if text.is_empty() || text == "-" { Text::StandardInput } else { Text::Given(text) })
    }

    fn transcribe(self, format: Format, output: Option<PathBuf>) -> Result<Action, Trouble> {
        let wanted = files::wanted(self.0.collect(), format, output).map_err(|e| usage(&e))?;
        Ok(Action::Transcribe(wanted))
    }

    fn rules(mut self, language: Option<String>) -> Result<Action, Trouble> {
        match self.next("`test`")?.as_str() {
            "test" => Ok(Action::TestRules { text: self.text()?, language }),
            other => Err(usage(&format!("rules knows `test`, not {other:?}"))),
        }
    }

    fn config(mut self) -> Result<Action, Trouble> {
        match self.next("`get` or `set`")?.as_str() {
            "get" => {
                let key = self.0.next().map(|key| key.string()).transpose()?;
                self.end(Action::ConfigGet { key })
            }
            "set" => {
                let updates = config::updates(&self.rest()?).map_err(|e| usage(&e))?;
                Ok(Action::Ask(Command::UpdateConfig { updates }))
            }
            other => Err(usage(&format!("config knows `get` and `set`, not {other:?}"))),
        }
    }

    fn events(self) -> Result<Vec<EventName>, Trouble> {
        let names = self.rest()?;
        if names.is_empty() {
            return Ok(EventName::ALL.to_vec());
        }
        let find = |name: &String| {
            let unknown = || usage(&format!("no event {name:?}; there are: {}", EventName::list()));
            EventName::from_name(name).ok_or_else(unknown)
        };
        names.iter().map(find).collect()
    }
}

fn usage(what: &str) -> Trouble {
    Trouble::Usage(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Invocation, String> {
        let args = line.split_whitespace().map(|word| word.replace('_', " "));
        parse(lexopt::Parser::from_args(args)).map_err(|trouble| match trouble {
            Trouble::Usage(what) => what,
            other => panic!("{other:?}"),
        })
    }

    fn action(line: &str) -> Action {
        parsed(line).unwrap().action
    }

    #[test]
    fn options_may_stand_anywhere() {
        let expected = Invocation { json: true, action: Action::Ask(Command::GetStatus) };
        assert_eq!(parsed("--json status"), Ok(expected));
        assert!(parsed("status --json").unwrap().json);
        assert_eq!(action("stop --help"), Action::Help);
    }

    #[test]
    fn a_text_is_the_words_or_standard_input() {
        let process = |text, instruction| Action::Process { text, instruction };
        assert_eq!(action("process a b"), process(Text::Given("a b".into()), None));
        assert_eq!(action("process"), process(Text::StandardInput, None));
        assert_eq!(
            action("process -i to_list -"),
            process(Text::StandardInput, Some("to list".into()))
        );
        assert_eq!(action("process -- -i"), process(Text::Given("-i".into()), None));
        let to = Some("de".into());
        assert_eq!(
            action("translate x --to=de"),
            Action::Translate { text: Text::Given("x".into()), target_lang: to }
        );
    }

    #[test]
    fn rules_are_tried_on_a_text() {
        let text = Text::Given("a new line".into());
        let language = Some("en".into());
        assert_eq!(action("rules test -l en a new line"), Action::TestRules { text, language });
        let nothing = Action::TestRules { text: Text::StandardInput, language: None };
        assert_eq!(action("rules test"), nothing);
    }

    #[test]
    fn one_dictation_may_go_elsewhere() {
        let deliver = Some(Deliver::Paste);
        assert_eq!(
            action("toggle --deliver paste"),
            Action::Ask(Command::ToggleRecording { deliver })
        );
        assert_eq!(action("-d paste stop"), Action::Ask(Command::StopRecording { deliver }));
        assert_eq!(action("start"), Action::Ask(Command::StartRecording { deliver: None }));
    }

    #[test]
    fn events_are_all_or_those_named() {
        assert_eq!(action("watch"), Action::Watch { events: EventName::ALL.to_vec() });
        assert_eq!(action("watch level"), Action::Watch { events: vec![EventName::Level] });
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for (line, word) in [
            ("", "command"),
            ("dance", "dance"),
            ("stop now", "now"),
            ("--loud stop", "--loud"),
            ("stop --to de", "translate"),
            ("translate -i x y", "process"),
            ("transcribe", "FILE"),
            ("transcribe -", "path"),
            ("transcribe a --format docx", "vtt"),
            ("transcribe a b -f srt", "--output"),
            ("transcribe a --json -f json", "--json"),
            ("transcribe x/a.wav y/a.mp3 -o out", "a.txt"),
            ("status -f txt", "transcribe"),
            ("status --deliver paste", "toggle"),
            ("toggle --deliver there", "clipboard"),
            ("rules", "test"),
            ("rules drop", "drop"),
            ("status -l en", "rules"),
            ("config", "get"),
            ("config drop", "drop"),
            ("config set", "SECTION.KEY=VALUE"),
            ("config get a b", "b"),
            ("watch weather", "heartbeat"),
        ] {
            let said = parsed(line).unwrap_err();
            assert!(said.contains(word), "{line}: {said}");
        }
    }
}
