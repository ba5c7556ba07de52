//! Splits a text into words, marks and line breaks, and joins them again.
//!
//! Both together change only white space: a run becomes one space, or the line breaks it contains.

use std::borrow::Cow;

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Any text between spaces, without the marks around it: `don't`, `3.5`, `v2m`, `€5`.
    Word,
    /// A word that the table of replacements wrote. No rule changes it.
    Fixed,
    /// One punctuation mark.
    Mark,
    /// One or more line breaks.
    Break,
}

/// A piece of the text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: Cow<'a, str>,
    /// The text in lower case, for comparisons.
    pub(super) low: Cow<'a, str>,
    /// Whether there is no breaking space before it.
    pub(super) glued: bool,
    /// Whether there is a no-break space before it, if it is `glued`: "Oui\u{a0}!" in French.
    pub(super) tied: bool,
    /// Whether the speaker paused after it.
    pub(super) pause: bool,
}

impl<'a> Token<'a> {
    fn new(kind: TokenKind, text: &'a str, glued: bool) -> Self {
        let low = if text.contains(char::is_uppercase) {
            Cow::Owned(text.to_lowercase())
        } else {
            Cow::Borrowed(text)
        };
        Self { kind, text: text.into(), low, glued, tied: false, pause: false }
    }

    /// Makes a mark without a space before it.
    pub(super) fn mark(text: &'static str) -> Self {
        Self::new(TokenKind::Mark, text, true)
    }

    /// Makes a line break.
    pub(super) fn line_break(text: &'static str) -> Self {
        Self::new(TokenKind::Break, text, true)
    }

    pub(super) fn is_word(&self) -> bool {
        self.kind == TokenKind::Word
    }

    /// Whether the token is one of `marks`.
    pub(super) fn is_mark_of(&self, marks: &str) -> bool {
        self.kind == TokenKind::Mark && marks.contains(&*self.text)
    }

    /// Capitalises the token if it is a plain word in lower case.
    pub(super) fn capitalise(&mut self) {
        let plain = |c: char| c.is_lowercase() || matches!(c, '\'' | '’' | '-');
        let first = self.text.chars().next().filter(|c| c.is_lowercase());
        if let Some(first) = first.filter(|_| self.is_word() && self.text.chars().all(plain)) {
            let rest = &self.text[first.len_utf8()..];
            self.text = Cow::Owned(first.to_uppercase().chain(rest.chars()).collect());
        }
    }
}

/// Marks that end a sentence.
pub(super) const SENTENCE: &str = ".!?…";
/// Marks that directly follow the word before them.
pub(super) const CLOSING: &str = ".,;:!?…";
const OTHER_MARKS: &str = "\"“”„«»()[]{}¿¡—–";

/// The space that French puts before some marks and inside its quotes.
pub(super) const TIE: char = '\u{a0}';
/// Marks that may have a no-break space before them.
const TIED: &str = ";:!?»";

/// Whether this white space ties a mark to its word. Any other white space is ordinary.
fn is_tie(blank: &str, before: &str, after: &str) -> bool {
    let mut characters = blank.chars();
    characters.next() == Some(TIE)
        && characters.next().is_none()
        && !before.is_empty()
        && (after.starts_with(|c| TIED.contains(c)) || before.ends_with('«'))
}

fn is_mark(c: char) -> bool {
    CLOSING.contains(c) || OTHER_MARKS.contains(c)
}

/// Splits a text into tokens. `pauses` are rising byte offsets in it: the ends of pieces that were
/// said without a pause.
pub(super) fn tokens<'a>(text: &'a str, pauses: &[usize]) -> Vec<Token<'a>> {
    let mut tokens: Vec<Token<'a>> = Vec::new();
    let mut pauses = pauses.iter().copied().peekable();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let blank = rest.len() - rest.trim_start().len();
        let breaks = rest[..blank].bytes().filter(|byte| *byte == b'\n').count();
        if breaks > 0 {
            let text: Cow<'a, str> = Cow::Owned("\n".repeat(breaks));
            let low = text.clone();
            let (kind, glued) = (TokenKind::Break, true);
            tokens.push(Token { kind, text, low, glued, tied: false, pause: false });
        }
        let chunk = &rest[blank..];
        let chunk = &chunk[..chunk.find(char::is_whitespace).unwrap_or(chunk.len())];
        let first = tokens.len();
        if !chunk.is_empty() {
            let tied = is_tie(&rest[..blank], &text[..at], chunk);
            take_apart(chunk, breaks > 0 || tied, &mut tokens);
            if let Some(token) = tokens.get_mut(first) {
                token.tied = tied;
            }
        }
        at += blank + chunk.len();
        // The chunk's end decides: nobody pauses within a word.
        if pauses.peek().is_some_and(|pause| *pause <= at) {
            while pauses.next_if(|pause| *pause <= at).is_some() {}
            if let Some(last) = tokens.last_mut().filter(|_| !chunk.is_empty() || first > 0) {
                last.pause = true;
            }
        }
    }
    tokens
}

/// Splits a chunk into marks, a word, and marks.
fn take_apart<'a>(chunk: &'a str, glued: bool, tokens: &mut Vec<Token<'a>>) {
    let after_marks = chunk.trim_start_matches(is_mark);
    let (leading, rest) = chunk.split_at(chunk.len() - after_marks.len());
    let word = rest.trim_end_matches(is_mark);
    let trailing = &rest[word.len()..];
    let mut glued = glued;
    let mut push = |kind, text| {
        tokens.push(Token::new(kind, text, glued));
        glued = true;
    };
    for (at, c) in leading.char_indices() {
        push(TokenKind::Mark, &leading[at..at + c.len_utf8()]);
    }
    if !word.is_empty() {
        push(if word == "-" { TokenKind::Mark } else { TokenKind::Word }, word);
    }
    for (at, c) in trailing.char_indices() {
        push(TokenKind::Mark, &trailing[at..at + c.len_utf8()]);
    }
}

/// Joins tokens to a text.
pub(super) fn render(tokens: &[Token<'_>]) -> String {
    let mut text = String::with_capacity(tokens.iter().map(|t| t.text.len() + 1).sum());
    for (at, token) in tokens.iter().enumerate() {
        if at > 0 && !token.glued {
            text.push(' ');
        } else if at > 0 && token.tied {
            text.push(TIE);
        }
        text.push_str(&token.text);
    }
    text
}

/// The tokens that a rule keeps, in order. They take over the spaces and pauses of the tokens that
/// the rule leaves out.
#[derive(Default)]
pub(super) struct Kept<'a> {
    pub(super) tokens: Vec<Token<'a>>,
    /// Whether there was a space before a token that was left out.
    space: bool,
}

impl<'a> Kept<'a> {
    pub(super) fn with_room_for(count: usize) -> Self {
        Self { tokens: Vec::with_capacity(count), space: false }
    }

    pub(super) fn last(&self) -> Option<&Token<'a>> {
        self.tokens.last()
    }

    pub(super) fn push(&mut self, mut token: Token<'a>) {
        let after_break = self.last().is_some_and(|last| last.kind == TokenKind::Break);
        if after_break {
            token.glued = true;
            token.tied = false;
        } else if self.space && !token.is_mark_of(CLOSING) && token.kind != TokenKind::Break {
            token.glued = false;
        }
        self.space = false;
        self.tokens.push(token);
    }

    /// Notes the space and the pause of a token that is left out.
    pub(super) fn leave_out(&mut self, token: &Token<'_>) {
        self.space |= !token.glued;
        if let Some(last) = self.tokens.last_mut().filter(|_| token.pause) {
            last.pause = true;
        }
    }

    /// Removes the last token.
    pub(super) fn strip_last(&mut self) {
        if let Some(last) = self.tokens.pop() {
            self.leave_out(&last);
        }
    }

    /// Removes all marks at the end that are among `marks`. Returns whether one of them ended a
    /// sentence.
    pub(super) fn strip(&mut self, marks: &str) -> bool {
        let mut ended = false;
        while let Some(mark) = self.tokens.pop_if(|last| last.is_mark_of(marks)) {
            ended |= mark.is_mark_of(SENTENCE);
            self.leave_out(&mark);
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        let space = |t: &Token<'_>| match (t.glued, t.tied) {
            (false, _) => " ",
            (true, true) => "_",
            (true, false) => "",
        };
        let show = |t: &Token<'_>| format!("{}{}", space(t), t.text);
        tokens(text, &[]).iter().map(show).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn a_text_is_words_marks_and_breaks() {
        for (text, expected) in [
            ("Hello, world.", " Hello|,| world|."),
            ("(don't) 3.5 €5", " (|don't|)| 3.5| €5"),
            ("¿Qué…? ", " ¿|Qué|…|?"),
            ("a - b — c -5", " a| -| b| —| c| -5"),
            ("a \n\n b\n", " a|\n\n|b|\n"),
            ("...", " .|.|."),
            ("Für „Größe“: »œuvre«", " Für| „|Größe|“|:| »|œuvre|«"),
            ("l’œil d'Ève, aujourd’hui", " l’œil| d'Ève|,| aujourd’hui"),
            ("Oui\u{a0}! «\u{a0}Ça\u{a0}»\u{a0}:", " Oui|_!| «|_Ça|_»|_:"),
            ("10\u{a0}km\u{202f}! \u{a0}?", " 10| km| !| ?"),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn pauses_fall_on_the_token_before_them() {
        let tokens = tokens("one two. three", &[8]);
        let pauses: Vec<_> = tokens.iter().map(|token| token.pause).collect();
        assert_eq!(pauses, [false, false, true, false]);
    }

    proptest! {
        #[test]
        fn only_white_space_changes(text in r"[ a-z.,¿?(\n\t“«»\u{a0}é-]{0,40}|\PC{0,20}") {
            let again = render(&tokens(&text, &[]));
            prop_assert!(again.split_whitespace().eq(text.split_whitespace()));
            prop_assert_eq!(render(&tokens(&again, &[])), again);
        }
    }
}
