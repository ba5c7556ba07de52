//! Turns the raw transcript into the text to deliver. Pure.
//!
//! Rules only make changes that are certainly intended. Each rule reports its result:
//!
//! | rule | what it does | file |
//! |---|---|---|
//! | `spacing` | moves marks close to the word before them | `fit` |
//! | `fillers` | leaves out "um" and "eh", if enabled | `fillers` |
//! | `take back` | "scratch that" takes back the last piece or sentence | `edits` |
//! | `replace` | applies the user's own table | `replace` |
//! | `commands` | "new line", "open quote"; if enabled, "comma" and the like | `spoken`, `write` |
//! | `context` | fits spaces and capitals to the text before and after | `join` |
//!
//! The rules' knowledge of a language is in `languages/`, one file each. In other languages only
//! `replace` and the spaces around the text apply. Numbers stay as the model wrote them.
//!
//! Applying the rules to their own result changes nothing more (unless results of the user's table
//! overlap one another). Their time is linear in the text: each rule passes over the tokens once
//! and compares each place only with the phrases that begin with its word, and the rules run a
//! fixed number of times.

mod edits;
mod evidence;
mod fillers;
mod fit;
mod join;
mod language;
mod phrases;
mod replace;
mod spoken;
#[cfg(test)]
mod tests;
mod token;
mod write;

use language::Language;
use replace::Replacements;
use spoken::Obeyed;
use token::{Token, render, tokens};
use v2m_messages::verbatim;

/// The largest number of passes. One rule may bring words together ("ve, scratch that, dos eme")
/// that another one then matches.
const ROUNDS: usize = 4;

/// The selection of rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// Spoken layout and pairs of quotes and brackets, if they are certainly meant.
    pub layout: bool,
    /// Spoken punctuation of every kind, unless the surrounding words contradict.
    pub punctuation: bool,
    /// "Scratch that" takes text back.
    pub take_back: bool,
    /// Fillers are removed.
    pub fillers: bool,
    /// Pairs of a recognised phrase, in any case, and its replacement.
    pub replace: Vec<(String, String)>,
    /// Names to expect. Names with a spelling of their own (`PipeWire`) keep it.
    pub vocabulary: Vec<String>,
}

/// The raw transcript.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawText<'a> {
    /// The whole text.
    pub text: &'a str,
    /// Rising byte offsets in the text where pieces end, from [`pauses`]. A piece was said without
    /// a pause.
    pub pauses: &'a [usize],
    /// The language's ISO 639-1 code.
    pub language: &'a str,
}

/// The text around the place where the result is inserted, as far as that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context<'a> {
    /// The text before that place.
    pub before: Option<&'a str>,
    /// The text after it.
    pub after: Option<&'a str>,
}

/// Whether letters and marks may change where the text is joined to its surroundings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letters {
    /// The first letter is a capital only at the start of a sentence, and a sentence that continues
    /// has no full stop.
    Fit,
    /// Only spaces are added.
    Keep,
}

/// The resulting text, and the steps that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refined {
    /// The text to deliver. Empty if all was taken back.
    pub text: String,
    /// The rules that changed something, in order.
    pub steps: Vec<Step>,
}

/// The result of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The rule's name.
    pub rule: &'static str,
    /// The whole text before it.
    pub before: String,
    /// The whole text after it.
    pub after: String,
}

/// The rules, prepared for use.
#[derive(Clone, Debug)]
pub struct Rules {
    choices: Choices,
    replacements: Replacements,
    languages: Vec<Language>,
}

impl Rules {
    /// Prepares the chosen rules.
    pub fn new(choices: Choices) -> Self {
        let replacements = Replacements::new(&choices.replace, &choices.vocabulary);
        Self { choices, replacements, languages: language::all() }
    }

    /// Applies the rules.
    pub fn apply(&self, heard: RawText<'_>, context: Context<'_>) -> Refined {
        let language = self.languages.iter().find(|known| known.code == heard.language);
        let mut tokens = tokens(heard.text, heard.pauses);
        self.replacements.protect(&mut tokens);
        let mut steps = Steps { done: Vec::new(), text: render(&tokens) };
        for _ in 0..ROUNDS {
            let so_far = steps.done.len();
            self.round(&mut tokens, language, &mut steps);
            if steps.done.len() == so_far {
                break;
            }
        }
        let joined = self.join(&steps.text, heard.language, context, Letters::Fit);
        steps.note("context", joined);
        Refined { text: steps.text, steps: steps.done }
    }

    /// Returns `text` with the spaces that join it to its surroundings, and, if `letters` says so,
    /// with a matching first letter and last mark. Its words and inner spaces stay. `language` is
    /// the ISO 639-1 code of the text's language.
    pub fn join(
        &self,
        text: &str,
        language: &str,
        context: Context<'_>,
        letters: Letters,
    ) -> String {
        let known = self.languages.iter().find(|known| known.code == language);
        let mut tokens = tokens(text, &[]);
        self.replacements.protect(&mut tokens);
        join::join(text, &tokens, context, language, known, letters)
    }

    fn round(&self, tokens: &mut Vec<Token<'_>>, language: Option<&Language>, steps: &mut Steps) {
        let choices = &self.choices;
        if let Some(language) = language {
            if fit::spacing(tokens, language) {
                steps.note("spacing", render(tokens));
            }
            if choices.fillers && fillers::apply(tokens, language) {
                steps.note("fillers", render(tokens));
            }
            if choices.take_back && edits::apply(tokens, language) {
                steps.note(verbatim!("take back"), render(tokens));
            }
        }
        if self.replacements.apply(tokens) {
            steps.note("replace", render(tokens));
        }
        if let Some(language) = language {
            let obeyed = Obeyed {
                layout: choices.layout || choices.punctuation,
                punctuation: choices.punctuation,
            };
            if spoken::apply(tokens, language, obeyed) {
                steps.note("commands", render(tokens));
            }
        }
    }

    /// Guesses the language of a text from its commonest words, among the languages that have
    /// rules.
    pub fn guess_language(&self, text: &str) -> &str {
        let tokens = tokens(text, &[]);
        // Take the first of equals: `max_by_key` alone would take the last.
        let known = self.languages.iter().rev().max_by_key(|known| known.knows(&tokens));
        known.map_or("", |known| &known.code)
    }
}

struct Steps {
    done: Vec<Step>,
    text: String,
}

impl Steps {
    fn note(&mut self, rule: &'static str, after: String) {
        if after != self.text {
            let before = std::mem::replace(&mut self.text, after.clone());
            self.done.push(Step { rule, before, after });
        }
    }
}

/// Returns where the pieces end in `text`. The pieces must stand in it one after the other; if they
/// do not, the result is empty.
pub fn pauses<'p>(text: &str, pieces: impl IntoIterator<Item = &'p str>) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = 0;
    for piece in pieces {
        at += text[at..].len() - text[at..].trim_start().len();
        if !text[at..].starts_with(piece) {
            return Vec::new();
        }
        at += piece.len();
        ends.push(at);
    }
    ends
}

/// Cleans up the transcript: trims white space, and folds runs of it into one space.
pub fn polish(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    for word in raw.split_whitespace() {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}
