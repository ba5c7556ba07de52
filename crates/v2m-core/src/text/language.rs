//! The rules' knowledge of a language: phrases, and words that show that a phrase is only talked
//! about.

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
    /// Words with a comma before them, which a removed filler leaves there.
    pub(super) comma_before: HashSet<String>,
    /// Words that are never names.
    pub(super) common: HashSet<String>,
    /// Words of this language that may be names, or are no reason to leave out a comma.
    also: HashSet<String>,
    /// Words that are never names, but may have a comma after them.
    small: HashSet<String>,
    /// What number words are made of.
    numbers: Vec<String>,
    pub(super) elision_of_words: ElisionOfWords,
    /// Words that no comma follows, so that they are not followed by one of `comma_before`.
    pub(super) no_comma_after: HashSet<String>,
    pub(super) spelling: Spelling,
    pub(super) polite: Phrases<()>,
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
    /// What further words may show.
    pub(super) evidence: Evidence,
}

/// What shows that the speaker talks about a command, beyond the words beside it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Evidence {
    /// Whether it is talked about between two numbers: "drei Komma fünf". A number before it alone
    /// is no evidence.
    pub(super) decimal: bool,
    /// Whether it is talked about after the beginning of a negation that has no end yet.
    pub(super) negates: bool,
    /// Whether a mark follows it as it follows any noun: "ein guter Punkt Ausrufezeichen".
    pub(super) is_noun: bool,
    /// Words after it that show it if no word stands before it.
    pub(super) begins: HashSet<String>,
    /// Words between it and itself: "point par point".
    pub(super) repeats: HashSet<String>,
    /// What says "@": "anna Punkt meier at".
    pub(super) address: HashSet<String>,
    /// What it is a part of, with a number: "Artikel 3 Absatz 2".
    pub(super) cites: HashSet<String>,
}

/// How words lose their last vowel before another vowel, for words that a removed filler brings
/// together.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ElisionOfWords {
    /// Words that lose it: "que", so that "que, euh, il" is "qu'il".
    words: HashSet<String>,
    /// Words that begin with a vowel and leave the word before them whole.
    except: HashSet<String>,
    /// Words that become others: "ma" is "mon" before a vowel.
    change: HashSet<String>,
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
    /// An utterance or a sentence of its own, whatever the user chose.
    Apart,
    /// An utterance or a sentence of its own.
    Sentence,
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
    /// "please", which goes with a command that it follows.
    #[serde(default)]
    polite: Vec<String>,
    /// What commands are called, and verbs after it: "Der Befehl heißt: neue Zeile."
    #[serde(default)]
    names: HashSet<String>,
    #[serde(default)]
    naming: HashSet<String>,
    /// What begins a negation, and words that end it.
    #[serde(default)]
    negation: HashSet<String>,
    #[serde(default)]
    negation_end: HashSet<String>,
}

/// How the language is written, as far as that differs from English.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Spelling {
    /// Marks with a space before them.
    spaced: String,
    pub(super) opening_quotes: String,
    closing_quotes: String,
    /// The quotes that the model may write for a quotation that is also dictated.
    model_quotes: String,
    /// What stands before an apostrophe for a word of its own: `l'`.
    elisions: HashSet<String>,
    /// Words that end with a full stop of their own, beside those that every language has.
    abbreviations: HashSet<String>,
    /// Whether a full stop after a number may mean "th", as in "3. Mai".
    ordinals: bool,
    /// Whether a line goes on with a small letter after a line that ends with a comma.
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

    /// Whether a no-break space stands between `last` and a mark or word after it that a command
    /// writes, or writes around.
    pub(super) fn ties(&self, last: Option<&Token<'_>>, next: &str) -> bool {
        let Some(last) = last.filter(|last| last.kind != TokenKind::Break) else { return false };
        if self.opens_quote(last) || last.is_mark_of("([{") {
            return last.is_mark_of("«") && self.spaces_quotes();
        }
        // Marks in a row ("?!") stand close.
        self.spaces(next) && !(last.is_mark_of(CLOSING) && CLOSING.contains(next))
    }

    pub(super) fn opens_quote(&self, token: &Token<'_>) -> bool {
        token.is_mark_of(&self.spelling.opening_quotes)
    }

    /// Whether the token is a quote that only closes.
    pub(super) fn closes(&self, token: &Token<'_>) -> bool {
        token.is_mark_of(&self.spelling.closing_quotes)
    }

    /// Whether the model may have written this quote for one that is also dictated.
    pub(super) fn may_quote(&self, token: &Token<'_>) -> bool {
        token.is_mark_of(&self.spelling.model_quotes)
    }

    /// Whether the model may have opened a quotation with it that is also dictated.
    pub(super) fn may_open_quote(&self, token: &Token<'_>) -> bool {
        self.may_quote(token) && self.opens_quote(token)
    }

    /// Whether there are spaces inside « and », so that only the quote tells what it does.
    pub(super) fn spaces_quotes(&self) -> bool {
        self.spaces("»")
    }

    /// Whether a full stop after `word`, in any case, may be the word's own.
    pub(super) fn may_own_full_stop(&self, word: &str) -> bool {
        // A number of more digits is a year.
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

    /// Whether the word before a command shows that the speaker talks about the thing.
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

    /// Whether the word after a command shows that the speaker talks about the thing.
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
        /// Bytes of a word that can be one.
        const LONGEST: usize = 64;
        if low.starts_with(|c: char| c.is_ascii_digit()) {
            return true;
        }
        if low.len() > LONGEST {
            return false;
        }
        // Where a composition can end.
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
        /// How many words may stand between: "il ne nous l'a point dit".
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

    /// Whether these words say how a command is called: "Der Befehl heißt:".
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
    /// Whether `last` cannot stand before `next` as it is, and what it would be is not certain.
    pub(super) fn is_uncertain(&self, last: &Token<'_>, next: &Token<'_>) -> bool {
        let (last, next) = (&*last.low, &*next.low);
        // Some words with an h are as those with a vowel, and some are not.
        let h = next.starts_with('h');
        self.words.contains(last) && h || self.change.contains(last) && (h || begins_open(next))
    }

    /// `last` and `next` as one word, if `last` loses its vowel before it.
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
