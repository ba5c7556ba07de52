//! Applies the user's own table of replacements. Its entries are written exactly as given.

use super::phrases::Phrases;
use super::token::{CLOSING, Kept, Token, TokenKind, tokens};

/// The table, prepared for lookup.
#[derive(Clone, Debug)]
pub(super) struct Replacements {
    heard: Phrases<Vec<Token<'static>>>,
    /// The results that the table writes. A text that already contains one is left alone there, so
    /// that a result that contains its own phrase ("foo" = "foo bar") does not grow each time.
    written: Phrases<()>,
}

impl Replacements {
    /// Makes the table from pairs of a phrase and its replacement. Words of `vocabulary` with a
    /// spelling that no other word has (`PipeWire`, `v2m`) are also written that way, however the
    /// model wrote them.
    pub(super) fn new(table: &[(String, String)], vocabulary: &[String]) -> Self {
        let mut all = Self { heard: Phrases::new(false), written: Phrases::new(true) };
        for (heard, written) in table {
            all.add(heard, written);
        }
        for name in vocabulary.iter().filter(|name| has_a_case_of_its_own(name)) {
            all.add(name, name);
        }
        all
    }

    fn add(&mut self, heard: &str, written: &str) {
        let fixed = written_tokens(written);
        if fixed.iter().any(|token| token.kind == TokenKind::Fixed) {
            self.written.add(written, ());
        }
        self.heard.add(heard, fixed);
    }

    /// Marks the table's own results as fixed.
    pub(super) fn protect(&self, tokens: &mut [Token<'_>]) {
        let mut at = 0;
        while at < tokens.len() {
            match self.written.at(&tokens[at..]) {
                Some((length, ())) => {
                    for token in &mut tokens[at..at + length] {
                        token.kind = TokenKind::Fixed;
                    }
                    at += length;
                }
                None => at += 1,
            }
        }
    }

    /// Applies the table. Returns whether it changed anything.
    pub(super) fn apply(&self, tokens: &mut Vec<Token<'_>>) -> bool {
        if (0..tokens.len()).all(|at| self.heard.at(&tokens[at..]).is_none()) {
            return false;
        }
        let mut kept = Kept::with_room_for(tokens.len());
        let mut at = 0;
        while at < tokens.len() {
            let Some((length, written)) = self.heard.at(&tokens[at..]) else {
                kept.push(tokens[at].clone());
                at += 1;
                continue;
            };
            let replaced = &tokens[at..at + length];
            let marks = written.iter().all(|token| token.is_mark_of(CLOSING));
            for (index, token) in written.iter().enumerate() {
                let mut token = token.clone();
                if index == 0 {
                    token.glued = replaced[0].glued || marks && kept.last().is_some();
                    token.tied = replaced[0].tied;
                }
                kept.push(token);
            }
            if let Some(last) = kept.tokens.last_mut() {
                last.pause = replaced[length - 1].pause;
            }
            at += length;
        }
        *tokens = kept.tokens;
        true
    }
}

/// Splits a replacement into tokens. They are fixed, unless there are only marks: marks need no
/// protection.
fn written_tokens(written: &str) -> Vec<Token<'static>> {
    let mut owned: Vec<Token<'static>> = Vec::new();
    for token in tokens(written, &[]) {
        let Token { kind, text, low, glued, tied, pause } = token;
        let (text, low) = (text.into_owned().into(), low.into_owned().into());
        owned.push(Token { kind, text, low, glued, tied, pause });
    }
    if owned.iter().any(Token::is_word) {
        owned.iter_mut().for_each(|token| token.kind = TokenKind::Fixed);
    }
    owned
}

/// Whether the name mixes cases (a capital after the first letter, beside small letters) or has a
/// digit beside letters. No ordinary word is spelt so.
fn has_a_case_of_its_own(name: &str) -> bool {
    let small = name.contains(char::is_lowercase);
    let inner_capital = name.chars().skip(1).any(char::is_uppercase);
    let digit = name.contains(|c: char| c.is_ascii_digit());
    small && (inner_capital || digit) && !name.contains(char::is_whitespace)
}
