//! From the raw transcript to the text that is delivered. Pure.
//!
//! Rules change only what is certainly meant to be changed, and each tells what it did:
//!
//! | rule | what it does | file |
//! |---|---|---|
//! | `spacing` | marks stand close to the word before them | `fit` |
//! | `fillers` | leaves out "um" and "eh", by choice | `fillers` |
//! | `take back` | "scratch that" takes back the last piece or sentence | `edits` |
//! | `replace` | the user's own table | `replace` |
//! | `commands` | "new line", "open quote"; by choice "comma" and the like | `spoken`, `write` |
//! | `context` | spaces and capitals between what stands before and after | `join` |
//!
//! What they know of a language is in `languages/`, a file each; in other languages only `replace`
//! and the spaces around the text are at work. Numbers stay as the model wrote them.
//!
//! Applied to its own result the whole changes nothing more (unless results of the user's table
//! overlap one another), and its time grows as the text does: every rule goes over the tokens once,
//! looks at each place for as many phrases as begin with its word, and the rules are gone through a
//! fixed number of times.

mod edits;
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

/// How often the rules are gone through at most: what one of them brings together ("ve, scratch
/// that, dos eme") may be another one's.
const ROUNDS: usize = 4;

/// Which rules are at work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// Spoken layout and pairs of quotes and brackets, where they are certainly meant.
    pub layout: bool,
    /// Spoken punctuation of every kind, unless the words around speak against it.
    pub punctuation: bool,
    /// "Scratch that".
    pub take_back: bool,
    /// Leave fillers out.
    pub fillers: bool,
    /// What is heard, in whatever case, and what is written for it.
    pub replace: Vec<(String, String)>,
    /// Names to expect; those with a spelling of their own (`PipeWire`) keep it.
    pub vocabulary: Vec<String>,
}

/// What was heard.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawText<'a> {
    /// The whole text.
    pub text: &'a str,
    /// Where in it a piece ends that was said without a pause: rising byte offsets, from
    /// [`pauses`].
    pub pauses: &'a [usize],
    /// ISO 639-1 code.
    pub language: &'a str,
}

/// What stands around the place that the text goes to, as far as that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context<'a> {
    /// Before it, up to it.
    pub before: Option<&'a str>,
    /// After it.
    pub after: Option<&'a str>,
}

/// Whether letters and marks may change where a text is joined to what stands around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letters {
    /// The first letter is a capital at the start of a sentence alone, and a sentence that goes on
    /// has no full stop.
    Fit,
    /// Only spaces are added.
    Keep,
}

/// The text, and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refined {
    /// To be delivered. Empty if all was taken back.
    pub text: String,
    /// The rules that changed something, in their order.
    pub steps: Vec<Step>,
}

/// What one rule did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub rule: &'static str,
    /// The whole text before it.
    pub before: String,
    /// The whole text after it.
    pub after: String,
}

/// The rules, ready to be applied.
#[derive(Clone, Debug)]
pub struct Rules {
    choices: Choices,
    replacements: Replacements,
    languages: Vec<Language>,
}

impl Rules {
    /// The rules that were chosen.
    pub fn new(choices: Choices) -> Self {
        let replacements = Replacements::new(&choices.replace, &choices.vocabulary);
        Self { choices, replacements, languages: language::all() }
    }

    /// Applies them.
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

    /// `text` with the spaces, and if they are to fit the letters, that join it to what stands
    /// around its place. Its words stay, and so do all spaces inside. `language` is the text's, as
    /// an ISO 639-1 code.
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
            if fit::spacing(tokens) {
                steps.note("spacing", render(tokens));
            }
            if choices.fillers && fillers::apply(tokens, language) {
                steps.note("fillers", render(tokens));
            }
            if choices.take_back && edits::apply(tokens, language) {
                steps.note("take back", render(tokens));
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

    /// The language of a text, as well as its commonest words tell it: one that there are rules
    /// for.
    pub fn guess_language(&self, text: &str) -> &str {
        let tokens = tokens(text, &[]);
        // The first of equals: `max_by_key` would take the last.
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

/// Where in `text` its pieces end, which stand in it one after the other. None, if they do not.
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

/// The text as it was heard: white space trimmed, runs of it folded into one space.
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
