//! Reads the languages' data files.

use super::{ElisionOfWords, Evidence, Language, Spelling, SpokenCommand, Talk, When, Write};
use crate::text::phrases::Phrases;
use serde::Deserialize;
use std::collections::HashSet;
use v2m_messages::verbatim;

/// The language files. A new language is one more line here. If two languages know equally many
/// words of a text, [`crate::text::Rules::guess_language`] takes the first one here.
const FILES: [&str; 4] = [
    include_str!("../languages/en.toml"),
    include_str!("../languages/es.toml"),
    include_str!("../languages/de.toml"),
    include_str!("../languages/fr.toml"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LanguageFile {
    code: String,
    #[serde(default)]
    spelling: Spelling,
    talk: Talk,
    command: Vec<CommandEntry>,
    pair: Vec<PairEntry>,
    take_back: TakeBack,
    fillers: FillerLists,
    common: HashSet<String>,
    #[serde(default)]
    also: HashSet<String>,
    #[serde(default)]
    small: HashSet<String>,
    #[serde(default)]
    numbers: Vec<String>,
    #[serde(default)]
    elision_of_words: ElisionOfWords,
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
    #[serde(default)]
    evidence: Evidence,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PairEntry {
    open: Vec<String>,
    close: Vec<String>,
    write: [String; 2],
    before: HashSet<String>,
    /// Words only before the opening half, or only before the closing half.
    #[serde(default)]
    before_open: HashSet<String>,
    #[serde(default)]
    before_close: HashSet<String>,
    #[serde(default)]
    after: HashSet<String>,
    /// Words only after the opening half.
    #[serde(default)]
    after_open: HashSet<String>,
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
    #[serde(default)]
    comma_before: HashSet<String>,
    #[serde(default)]
    no_comma_after: HashSet<String>,
}

/// Reads all language files.
pub(in crate::text) fn all() -> Vec<Language> {
    FILES.iter().map(|text| Language::read(text).expect("a test reads every file")).collect()
}

impl Language {
    fn read(text: &str) -> Result<Self, String> {
        let file: LanguageFile =
            toml_edit::de::from_str(text).map_err(|error| error.to_string())?;
        let mut commands = Phrases::new(false);
        for entry in file.command {
            let CommandEntry { say, write, when, before, after, mut evidence } = entry;
            let (before, after) = (both_apostrophes(before), both_apostrophes(after));
            evidence.begins = both_apostrophes(evidence.begins);
            let write = Write::read(&write)?;
            let command = SpokenCommand { write, when, before, after, evidence };
            for phrase in both_apostrophes(say) {
                commands.add(&phrase, command.clone());
            }
        }
        for (number, pair) in file.pair.into_iter().enumerate() {
            let [opening, closing] = &pair.write;
            let halves = [
                (
                    pair.open,
                    Write::Open(number, mark(opening)?),
                    &pair.before | &pair.before_open,
                    &pair.after | &pair.after_open,
                ),
                (
                    pair.close,
                    Write::Close(number, mark(closing)?),
                    &pair.before | &pair.before_close,
                    pair.after,
                ),
            ];
            for (phrases, write, before, after) in halves {
                let evidence = Evidence::default();
                let command = SpokenCommand { write, when: When::Paired, before, after, evidence };
                for phrase in both_apostrophes(phrases) {
                    commands.add(&phrase, command.clone());
                }
            }
        }
        let mut take_back = Phrases::new(false);
        for phrase in both_apostrophes(file.take_back.say) {
            take_back.add(&phrase, ());
        }
        let mut spelling = file.spelling;
        spelling.elisions = both_apostrophes(spelling.elisions);
        let mut talk = file.talk;
        talk.before = both_apostrophes(talk.before);
        talk.after = both_apostrophes(talk.after);
        talk.negation = both_apostrophes(talk.negation);
        talk.negation_end = both_apostrophes(talk.negation_end);
        let mut polite = Phrases::new(false);
        for phrase in both_apostrophes(talk.polite.clone()) {
            polite.add(&phrase, ());
        }
        Ok(Self {
            code: file.code,
            commands,
            take_back,
            fillers: file.fillers.always,
            fillers_between_marks: file.fillers.between_marks,
            not_beside: file.fillers.not_beside,
            comma_before: file.fillers.comma_before,
            common: both_apostrophes(file.common),
            also: both_apostrophes(file.also),
            no_comma_after: file.fillers.no_comma_after,
            spelling,
            talk,
            polite,
            small: file.small,
            numbers: file.numbers,
            elision_of_words: file.elision_of_words,
        })
    }
}

impl Write {
    fn read(text: &str) -> Result<Self, String> {
        Ok(match text {
            "\n" => Self::Break { lines: "\n", full_stop: false },
            "\n\n" => Self::Break { lines: "\n\n", full_stop: false },
            ".\n" => Self::Break { lines: "\n", full_stop: true },
            ".\n\n" => Self::Break { lines: "\n\n", full_stop: true },
            other => Self::Mark(mark(other)?),
        })
    }
}

/// Adds each word with a typographic apostrophe too, if it has one: models write both.
fn both_apostrophes<C>(words: C) -> C
where
    C: IntoIterator<Item = String> + FromIterator<String>,
{
    let both = |word: String| {
        let other = word.contains('\'').then(|| word.replace('\'', "’"));
        std::iter::once(word).chain(other)
    };
    words.into_iter().flat_map(both).collect()
}

fn mark(text: &str) -> Result<&'static str, String> {
    const MARKS: [&str; 19] = [
        ",", ".", ";", ":", "?", "!", "…", "\"", "(", ")", "¿", "¡", "«", "»", "“", "”", "„", "—",
        "–",
    ];
    let known = MARKS.into_iter().find(|mark| *mark == text);
    // This message appears only if a file in this crate is wrong.
    known.ok_or_else(|| verbatim!(format!("{text:?} is no mark that a command may write")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read_and_in_lower_case() {
        let codes: Vec<_> = FILES.iter().map(|text| Language::read(text).unwrap().code).collect();
        assert_eq!(codes, ["en", "es", "de", "fr"]);
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
