//! The rules' knowledge of a language, read from data files: phrases, and words that show that a
//! phrase is only talked about.

use super::phrases::Phrases;
use super::token::Token;
use serde::Deserialize;
use std::collections::HashSet;
use v2m_messages::verbatim;

/// The language files. A new language is one more line here.
const FILES: [&str; 2] = [include_str!("languages/en.toml"), include_str!("languages/es.toml")];

/// A language's phrases and words, prepared for lookup.
#[derive(Clone, Debug)]
pub(super) struct Language {
    /// The ISO 639-1 code.
    pub(super) code: String,
    pub(super) commands: Phrases<SpokenCommand>,
    pub(super) take_back: Phrases<()>,
    pub(super) fillers: HashSet<String>,
    pub(super) fillers_between_marks: HashSet<String>,
    pub(super) not_beside: HashSet<String>,
    /// Words that are never names.
    pub(super) common: HashSet<String>,
    talk: Talk,
}

/// What a spoken command writes, and when it is obeyed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SpokenCommand {
    pub(super) write: Write,
    pub(super) when: When,
    /// Words beside this command that show that the speaker talks about the thing.
    before: HashSet<String>,
    after: HashSet<String>,
}

/// What a command writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// Writes line breaks, after a full stop if `full_stop`.
    Break { lines: &'static str, full_stop: bool },
    /// Writes a mark after a word.
    Mark(&'static str),
    /// Writes the opening half of the pair with this number.
    Open(usize, &'static str),
    /// Writes the closing half of the pair with this number.
    Close(usize, &'static str),
}

/// How much evidence a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum When {
    /// Pauses or marks on both sides.
    Alone,
    /// A pause or mark on one side.
    Edge,
    /// The user's setting for spoken punctuation.
    Choice,
    /// The other half of the pair.
    #[serde(skip)]
    Paired,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Talk {
    before: HashSet<String>,
    after: HashSet<String>,
    possessives: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LanguageFile {
    code: String,
    talk: Talk,
    command: Vec<CommandEntry>,
    pair: Vec<PairEntry>,
    take_back: TakeBack,
    fillers: FillerLists,
    common: HashSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommandEntry {
    say: Vec<String>,
    write: String,
    when: When,
    #[serde(default)]
    before: HashSet<String>,
    #[serde(default)]
    after: HashSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PairEntry {
    open: Vec<String>,
    close: Vec<String>,
    write: [String; 2],
    before: HashSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TakeBack {
    say: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FillerLists {
    always: HashSet<String>,
    #[serde(default)]
    between_marks: HashSet<String>,
    #[serde(default)]
    not_beside: HashSet<String>,
}

/// Reads every language that there is a file for.
pub(super) fn all() -> Vec<Language> {
    FILES.iter().map(|text| Language::read(text).expect("a test reads every file")).collect()
}

impl Language {
    fn read(text: &str) -> Result<Self, String> {
        let file: LanguageFile =
            toml_edit::de::from_str(text).map_err(|error| error.to_string())?;
        let mut commands = Phrases::new(false);
        for entry in file.command {
            let CommandEntry { say, write, when, before, after } = entry;
            let command = SpokenCommand { write: Write::read(&write)?, when, before, after };
            for phrase in say {
                commands.add(&phrase, command.clone());
            }
        }
        for (number, pair) in file.pair.into_iter().enumerate() {
            let [opening, closing] = &pair.write;
            let halves = [
                (pair.open, Write::Open(number, mark(opening)?)),
                (pair.close, Write::Close(number, mark(closing)?)),
            ];
            for (phrases, write) in halves {
                let (before, after) = (pair.before.clone(), HashSet::new());
                let command = SpokenCommand { write, when: When::Paired, before, after };
                for phrase in phrases {
                    commands.add(&phrase, command.clone());
                }
            }
        }
        let mut take_back = Phrases::new(false);
        for phrase in file.take_back.say {
            take_back.add(&phrase, ());
        }
        Ok(Self {
            code: file.code,
            commands,
            take_back,
            fillers: file.fillers.always,
            fillers_between_marks: file.fillers.between_marks,
            not_beside: file.fillers.not_beside,
            common: file.common,
            talk: file.talk,
        })
    }

    /// Whether the word before a command shows that the speaker talks about the thing.
    pub(super) fn talks_before(&self, command: &SpokenCommand, word: &Token<'_>) -> bool {
        let low = &*word.low;
        // In "He said open quote", the other half of the pair is stronger evidence than the verb.
        let of_all = command.when != When::Paired && self.talk.before.contains(low);
        of_all
            || command.before.contains(low)
            || self.talk.possessives.iter().any(|end| low.ends_with(end.as_str()))
    }

    /// Whether the word after a command shows that the speaker talks about the thing.
    pub(super) fn talks_after(&self, command: &SpokenCommand, word: &Token<'_>) -> bool {
        let low = &*word.low;
        // A number shows it too: "New line 5 opens tomorrow."
        let number = low.starts_with(|c: char| c.is_ascii_digit());
        let talked_about = number || self.talk.after.contains(low) || command.after.contains(low);
        talked_about && command.when != When::Paired
    }

    /// How many of these words belong to this language.
    pub(super) fn knows(&self, tokens: &[Token<'_>]) -> usize {
        tokens.iter().filter(|token| self.common.contains(&*token.low)).count()
    }
}

impl Write {
    fn read(text: &str) -> Result<Self, String> {
        Ok(match text {
            "\n" => Self::Break { lines: "\n", full_stop: false },
            "\n\n" => Self::Break { lines: "\n\n", full_stop: false },
            ".\n" => Self::Break { lines: "\n", full_stop: true },
            other => Self::Mark(mark(other)?),
        })
    }
}

fn mark(text: &str) -> Result<&'static str, String> {
    const MARKS: [&str; 17] =
        [",", ".", ";", ":", "?", "!", "…", "\"", "(", ")", "¿", "¡", "«", "»", "“", "”", "—"];
    let known = MARKS.into_iter().find(|mark| *mark == text);
    // Only a wrong file in this crate gets it.
    known.ok_or_else(|| verbatim!(format!("{text:?} is no mark that a command may write")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read_and_in_lower_case() {
        let codes: Vec<_> = FILES.iter().map(|text| Language::read(text).unwrap().code).collect();
        assert_eq!(codes, ["en", "es"]);
        for file in FILES {
            let lines = file.lines().filter(|line| !line.starts_with('#'));
            assert!(lines.clone().all(|line| line == line.to_lowercase()));
        }
    }

    #[test]
    fn what_a_file_may_not_say_is_an_error() {
        let good = FILES[0];
        for (old, new) in [
            ("write = \",\"", "write = \"x\""),
            ("when = \"edge\"", "when = \"often\""),
            ("code =", "colour = 1\ncode ="),
        ] {
            assert!(Language::read(&good.replacen(old, new, 1)).is_err(), "{new}");
        }
    }
}
