//! The rules' knowledge of a language: phrases, and words that show that the speaker only talks
//! about a phrase.

mod read;

pub(super) use read::all;

use super::phrases::Phrases;
use super::token::{CLOSING, Token, TokenKind};
use serde::Deserialize;
use std::collections::HashSet;

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
    /// Words with a comma before them. If a filler before such a word is removed, the comma stays.
    pub(super) comma_before: HashSet<String>,
    /// Words that are never names.
    pub(super) common: HashSet<String>,
    /// Further words of this language. They may be names, or do not justify leaving out a comma.
    also: HashSet<String>,
    /// Words that are never names, but may have a comma after them.
    small: HashSet<String>,
    /// The parts of number words.
    numbers: Vec<String>,
    pub(super) elision_of_words: ElisionOfWords,
    /// Words that no comma follows, even before one of `comma_before`.
    pub(super) no_comma_after: HashSet<String>,
    pub(super) spelling: Spelling,
    pub(super) polite: Phrases<()>,
    talk: Talk,
}

/// A spoken command: its output, and when it is obeyed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SpokenCommand {
    pub(super) write: Write,
    pub(super) when: When,
    /// Words beside this command that show that the speaker talks about the thing itself.
    before: HashSet<String>,
    after: HashSet<String>,
    /// Evidence from further words.
    pub(super) evidence: Evidence,
}

/// Evidence that the speaker talks about a command, beyond the words beside it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Evidence {
    /// Whether a number on both sides is evidence: "drei Komma fünf". A number before it alone is
    /// none.
    pub(super) decimal: bool,
    /// Whether the beginning of a negation before it is evidence, if the negation has no end yet.
    pub(super) negates: bool,
    /// Whether a mark can follow it like any noun: "ein guter Punkt Ausrufezeichen".
    pub(super) is_noun: bool,
    /// Words after it that are evidence if no word stands before it.
    pub(super) begins: HashSet<String>,
    /// Words between two occurrences of it: "point par point".
    pub(super) repeats: HashSet<String>,
    /// Words for "@": "anna Punkt meier at".
    pub(super) address: HashSet<String>,
    /// Words that it belongs to, with a number: "Artikel 3 Absatz 2".
    pub(super) cites: HashSet<String>,
}

/// The elision of a word's last vowel before another vowel, for words that a removed filler brings
/// together.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ElisionOfWords {
    /// Words that are elided: "que, euh, il" becomes "qu'il".
    words: HashSet<String>,
    /// Words that begin with a vowel but do not elide the word before them.
    except: HashSet<String>,
    /// Words that are replaced: "ma" becomes "mon" before a vowel.
    change: HashSet<String>,
}

/// The output of a command.
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
    /// Only as an utterance or a sentence of its own, whatever the user chose.
    Apart,
    /// As an utterance or a sentence of its own.
    Sentence,
    /// With pauses or marks on both sides.
    Alone,
    /// With a pause or mark on one side.
    Edge,
    /// By the user's setting for spoken punctuation.
    Choice,
    /// With the other half of the pair.
    #[serde(skip)]
    Paired,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Talk {
    before: HashSet<String>,
    after: HashSet<String>,
    possessives: Vec<String>,
    /// Words for "please", which belong to the command that they follow.
    #[serde(default)]
    polite: Vec<String>,
    /// Words for "command", and verbs after them: "Der Befehl heißt: neue Zeile."
    #[serde(default)]
    names: HashSet<String>,
    #[serde(default)]
    naming: HashSet<String>,
    /// Words that begin a negation, and words that end it.
    #[serde(default)]
    negation: HashSet<String>,
    #[serde(default)]
    negation_end: HashSet<String>,
}

/// The spelling, as far as it differs from English.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Spelling {
    /// Marks with a space before them.
    spaced: String,
    pub(super) opening_quotes: String,
    closing_quotes: String,
    /// The quotes that the model may write for a quotation that is also dictated.
    model_quotes: String,
    /// Elided words before an apostrophe: `l'`.
    elisions: HashSet<String>,
    /// Words that end with a full stop of their own, in addition to those of every language.
    abbreviations: HashSet<String>,
    /// Whether a full stop after a number may mean "th", as in "3. Mai".
    ordinals: bool,
    /// Whether a line continues with a small letter after a line that ends with a comma.
    pub(super) small_after_comma: bool,
    /// Whether a sentence after a colon may begin with a capital.
    pub(super) keeps_case_after_colon: bool,
}

impl Default for Spelling {
    fn default() -> Self {
        Self {
            spaced: String::new(),
            opening_quotes: "“«".into(),
            closing_quotes: "”»".into(),
            model_quotes: "\"“”".into(),
            elisions: HashSet::new(),
            abbreviations: HashSet::new(),
            ordinals: false,
            small_after_comma: false,
            keeps_case_after_colon: false,
        }
    }
}

impl Language {
    /// Whether this mark has a space before it.
    pub(super) fn spaces(&self, mark: &str) -> bool {
        self.spelling.spaced.contains(mark)
    }

    /// Whether a no-break space belongs between `last` and `next`, a mark or word that a command
    /// writes or writes around.
    pub(super) fn ties(&self, last: Option<&Token<'_>>, next: &str) -> bool {
        let Some(last) = last.filter(|last| last.kind != TokenKind::Break) else { return false };
        if self.opens_quote(last) || last.is_mark_of("([{") {
            return last.is_mark_of("«") && self.spaces_quotes();
        }
        // Marks in a row ("?!") have no space between them.
        self.spaces(next) && !(last.is_mark_of(CLOSING) && CLOSING.contains(next))
    }

    pub(super) fn opens_quote(&self, token: &Token<'_>) -> bool {
        token.is_mark_of(&self.spelling.opening_quotes)
    }

    /// Whether the token is a quote that only closes.
    pub(super) fn closes(&self, token: &Token<'_>) -> bool {
        token.is_mark_of(&self.spelling.closing_quotes)
    }

    /// Whether the model may have written this quote for a quotation that is also dictated.
    pub(super) fn may_quote(&self, token: &Token<'_>) -> bool {
        token.is_mark_of(&self.spelling.model_quotes)
    }

    /// Whether the model may have written this quote to open a quotation that is also dictated.
    pub(super) fn may_open_quote(&self, token: &Token<'_>) -> bool {
        self.may_quote(token) && self.opens_quote(token)
    }

    /// Whether there are spaces inside « and ». Then only the quote itself shows whether it opens
    /// or closes.
    pub(super) fn spaces_quotes(&self) -> bool {
        self.spaces("»")
    }

    /// Whether a full stop after `word`, in any case, may be the word's own.
    pub(super) fn may_own_full_stop(&self, word: &str) -> bool {
        // A number with more digits is a year.
        let number = matches!(word.len(), 1 | 2) && word.bytes().all(|byte| byte.is_ascii_digit());
        self.spelling.ordinals && number
            || self.spelling.abbreviations.contains(&*word.to_lowercase())
    }

    /// Splits a word in lower case after its elision: `l'eau` into `l'` and `eau`.
    pub(super) fn elision<'w>(&self, low: &'w str) -> Option<(&'w str, &'w str)> {
        if self.spelling.elisions.is_empty() {
            return None;
        }
        let (at, apostrophe) = low.char_indices().find(|(_, c)| matches!(c, '\'' | '’'))?;
        let (elided, word) = low.split_at(at + apostrophe.len_utf8());
        self.spelling.elisions.contains(elided).then_some((elided, word))
    }

    /// Whether the word before a command shows that the speaker talks about the thing itself.
    pub(super) fn talks_before(&self, command: &SpokenCommand, word: &Token<'_>) -> bool {
        let low = &*word.low;
        if command.evidence.decimal && self.is_number(low) {
            return false;
        }
        // In "He said open quote", the other half of the pair is stronger evidence than the verb.
        let of_all = |low| command.when != When::Paired && self.talk.before.contains(low);
        let talked_about = |low| of_all(low) || command.before.contains(low);
        talked_about(low)
            || self.elision(low).is_some_and(|(_, word)| talked_about(word))
            || self.talk.possessives.iter().any(|end| low.ends_with(end.as_str()))
    }

    /// Whether the word after a command shows that the speaker talks about the thing itself.
    pub(super) fn talks_after(&self, command: &SpokenCommand, word: &Token<'_>) -> bool {
        let low = &*word.low;
        // A number shows it too: "New line 5 opens tomorrow."
        let number = low.starts_with(|c: char| c.is_ascii_digit());
        let of_all =
            |low| command.when != When::Paired && (number || self.talk.after.contains(low));
        let talked_about = |low| of_all(low) || command.after.contains(low);
        talked_about(low) || self.elision(low).is_some_and(|(elided, _)| talked_about(elided))
    }

    /// Whether the word is never a name.
    pub(super) fn is_no_name(&self, low: &str) -> bool {
        self.common.contains(low) || self.small.contains(low) || self.elision(low).is_some()
    }

    /// Whether the word, in lower case, is a number: digits, or composed of number words, with or
    /// without hyphens.
    pub(super) fn is_number(&self, low: &str) -> bool {
        /// The largest length in bytes of a word that can be a number.
        const LONGEST: usize = 64;
        if low.starts_with(|c: char| c.is_ascii_digit()) {
            return true;
        }
        if low.len() > LONGEST {
            return false;
        }
        // Whether a composition can end at this index.
        let mut ends = vec![false; low.len() + 1];
        ends[0] = true;
        for at in 0..low.len() {
            if !ends[at] || !low.is_char_boundary(at) {
                continue;
            }
            let rest = &low[at..];
            let parts = self.numbers.iter().filter(|part| rest.starts_with(part.as_str()));
            for part in parts {
                ends[at + part.len()] = true;
            }
            if at > 0 && rest.starts_with('-') {
                ends[at + 1] = true;
            }
        }
        ends[low.len()] && !low.is_empty() && !low.ends_with('-')
    }

    /// Whether the last of these words begin a negation that has no end yet.
    pub(super) fn negates(&self, before: &[Token<'_>]) -> bool {
        /// The largest number of words in between: "il ne nous l'a point dit".
        const WITHIN: usize = 5;
        let clause = before.iter().rev().take(WITHIN).take_while(|t| t.is_word() && !t.pause);
        let within = |words: &HashSet<String>, low: &str| {
            words.contains(low)
                || self.elision(low).is_some_and(|(elided, _)| words.contains(elided))
        };
        let mut words = clause.map(|token| &*token.low);
        words
            .find(|low| within(&self.talk.negation, low) || within(&self.talk.negation_end, low))
            .is_some_and(|low| within(&self.talk.negation, low))
    }

    /// Whether these words introduce a command's name: "Der Befehl heißt:".
    pub(super) fn names_a_command(&self, before: &[Token<'_>]) -> bool {
        let [.., name, verb, mark] = before else { return false };
        mark.is_mark_of(",:")
            && !mark.pause
            && self.talk.naming.contains(&*verb.low)
            && self.talk.names.contains(&*name.low)
    }

    /// How many of these words belong to this language.
    pub(super) fn knows(&self, tokens: &[Token<'_>]) -> usize {
        let knows = |low| {
            self.common.contains(low) || self.also.contains(low) || self.elision(low).is_some()
        };
        tokens.iter().filter(|token| knows(&*token.low)).count()
    }
}

impl ElisionOfWords {
    /// Whether `last` cannot stay unchanged before `next`, and its changed form is uncertain.
    pub(super) fn is_uncertain(&self, last: &Token<'_>, next: &Token<'_>) -> bool {
        let (last, next) = (&*last.low, &*next.low);
        // Some words treat an initial h like a vowel, others do not.
        let h = next.starts_with('h');
        self.words.contains(last) && h || self.change.contains(last) && (h || begins_open(next))
    }

    /// Returns `last` and `next` as one word, if `last` loses its vowel before `next`.
    pub(super) fn joined(&self, last: &Token<'_>, next: &Token<'_>) -> Option<String> {
        let elides = last.is_word()
            && next.is_word()
            && self.words.contains(&*last.low)
            && begins_open(&next.low)
            && !self.except.contains(&*next.low);
        let mut whole = last.text.chars();
        elides.then(|| {
            whole.next_back();
            format!("{}'{}", whole.as_str(), next.text)
        })
    }
}

/// Whether the word, in lower case, begins with a vowel.
fn begins_open(low: &str) -> bool {
    low.starts_with(|c| "aeiouàâäéèêëîïôöùûüœæ".contains(c))
}
