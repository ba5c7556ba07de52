//! Asks for the languages that the user speaks.

use super::configuration::{self, Configuration};
use super::dialogue::{Dialogue, Stop};
use super::outcome::Outcome;
use crate::language::spoken::{self, NotSpoken};
use serde_json::json;
use std::io::{Read, Write};
use v2m_messages::tr;

/// The languages to set: one, several, or all.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Languages(Vec<&'static str>);

impl Languages {
    /// Parses codes and names between commas, or spaces if each word is a language. `auto` means
    /// all.
    fn read(text: &str) -> Result<Self, NotSpoken> {
        let by = |is_end: fn(char) -> bool| -> Result<Vec<Option<&'static str>>, NotSpoken> {
            let words = text.split(is_end).map(str::trim).filter(|word| !word.is_empty());
            words.map(spoken::code).collect()
        };
        // Some names contain a space.
        let read = by(|c| c == ',')
            .or_else(|error| by(|c| c == ',' || c.is_whitespace()).map_err(|_| error))?;
        let mut codes = Vec::new();
        for code in read.iter().flatten() {
            if !codes.contains(code) {
                codes.push(*code);
            }
        }
        let is_all = read.iter().any(Option::is_none);
        Ok(Self(if is_all { Vec::new() } else { codes }))
    }

    /// Formats the languages for the question, as [`Self::read`] accepts them.
    fn shown(&self) -> String {
        if self.0.is_empty() { spoken::AUTO.to_owned() } else { self.0.join(", ") }
    }

    fn told(&self) -> String {
        match &self.0[..] {
            [] => tr!("any language; v2m detects it").to_owned(),
            [code] => spoken::name(code).to_owned(),
            codes => {
                let names = codes.iter().map(|code| spoken::name(code)).collect::<Vec<_>>();
                tr!("{languages}; v2m detects which", languages = names.join(", "))
            }
        }
    }
}

/// Asks which languages the user speaks. The default is the configured ones, or else the locale's.
pub(super) fn choose(
    dialogue: &mut Dialogue<impl Read, impl Write>,
    configuration: &mut Configuration,
) -> Result<Outcome, Stop> {
    // Keep an earlier choice, including detection. The locale counts only if there was none.
    let is_chosen = configuration.gives(&[("engine", "language"), ("engine", "languages")]);
    let default = if is_chosen {
        configured(configuration).unwrap_or(Languages(Vec::new()))
    } else {
        from_locale()
    };
    if is_chosen && !dialogue.asks() {
        let state = default.told();
        dialogue.say(&state);
        return Ok(Outcome::unchanged(state));
    }
    explain(dialogue);
    let languages = loop {
        let answer = dialogue.ask(tr!("Which languages do you dictate in?"), &default.shown())?;
        match Languages::read(&answer) {
            Ok(languages) => break languages,
            Err(error) => dialogue.say(error.to_string()),
        }
    };
    dialogue.say(languages.told());
    let (one, several) = match &languages.0[..] {
        [code] => (*code, json!([])),
        codes => (spoken::AUTO, json!(codes)),
    };
    match configuration.set(&[("engine", "language", json!(one)), ("engine", "languages", several)])
    {
        Ok(undo) => Ok(Outcome::Done { state: languages.told(), undo }),
        Err(error) => {
            dialogue.say(error.to_string());
            Ok(configuration::failed(&error))
        }
    }
}

fn explain(dialogue: &mut Dialogue<impl Read, impl Write>) {
    if dialogue.asks() {
        dialogue.say(tr!(
            "One language is faster and more reliable than detecting it. Names or codes, with commas; \
             auto for all languages."
        ));
    }
}

/// Returns the configured languages, unless they are the default.
fn configured(configuration: &Configuration) -> Option<Languages> {
    let engine = &configuration.settings().engine;
    let codes: Vec<&str> = match &engine.language {
        Some(code) => vec![code],
        None => engine.languages.iter().map(String::as_str).collect(),
    };
    let known: Vec<_> =
        codes.into_iter().filter_map(|code| spoken::code(code).ok().flatten()).collect();
    (!known.is_empty()).then_some(Languages(known))
}

/// Returns the language of the locale, if Whisper knows it.
fn from_locale() -> Languages {
    let wanted = v2m_messages::wanted_languages();
    let known = wanted.iter().find_map(|code| spoken::code(code).ok().flatten());
    Languages(known.into_iter().collect())
}

/// Whether only English is spoken.
pub(super) fn only_english(configuration: &Configuration) -> bool {
    configured(configuration).is_some_and(|languages| languages.0 == ["en"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_are_read_with_commas_or_spaces() {
        let codes = |text: &str| Languages::read(text).map(|languages| languages.0);
        assert_eq!(codes("es"), Ok(vec!["es"]));
        assert_eq!(codes("es, en"), Ok(vec!["es", "en"]));
        assert_eq!(codes("es en es-MX"), Ok(vec!["es", "en"]));
        assert_eq!(codes("German, Haitian Creole"), Ok(vec!["de", "ht"]));
        assert_eq!(codes("auto"), Ok(vec![]));
        assert_eq!(codes("es, auto"), Ok(vec![]));
        assert_eq!(codes("Klingonese").unwrap_err().asked, "Klingonese");
        for text in ["es", "es, en", "auto"] {
            assert_eq!(Languages::read(text).unwrap().shown(), text);
        }
    }
}
