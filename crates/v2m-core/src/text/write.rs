//! Applies a spoken command to the text around it.
//!
//! A model recognises a pause around a command and writes marks for it ("Hello, comma, how are
//! you"). Those marks are removed with the command, and so are the capitals they caused.

use super::language::{Language, Write};
use super::spoken::SpokenMatch;
use super::token::{CLOSING, Kept, SENTENCE, Token, TokenKind};

/// Marks that a model writes for a pause.
const PAUSES: &str = ",.;:…";
/// Marks that do not end a sentence.
const WEAK: &str = ",;:";
const QUOTES: &str = "\"“”„«»";
/// Marks with a space on both sides.
const DASHES: &str = "—–";

struct Writer<'a, 'l> {
    out: Kept<'a>,
    language: &'l Language,
    next: NextCase,
    /// Whether to put no space before the next token.
    glue: bool,
    /// The number of quotes that the model opened by itself where a quote was also dictated. The
    /// model's closing quotes are left out too.
    unasked: usize,
}

/// How to change the next word's first letter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NextCase {
    AsHeard,
    Capital,
    /// Lower the capital because the sentence continues, if the word is certainly not a name.
    Small,
}

/// Replaces the commands' phrases with what the commands write.
pub(super) fn write_out<'a>(
    tokens: Vec<Token<'a>>,
    commands: &[SpokenMatch<'_>],
    language: &Language,
) -> Vec<Token<'a>> {
    let out = Kept::with_room_for(tokens.len());
    let mut writer = Writer { out, language, next: NextCase::AsHeard, glue: false, unasked: 0 };
    let mut tokens = tokens.into_iter().enumerate().peekable();
    for command in commands {
        while let Some((_, token)) = tokens.next_if(|(at, _)| *at < command.start) {
            writer.keep(token);
        }
        while let Some((_, token)) = tokens.next_if(|(at, _)| *at < command.end) {
            writer.out.leave_out(&token);
        }
        // Remove the opening mark of "¡Nueva línea!". Its closing mark is removed below.
        writer.out.strip("¡");
        let mut ended = false;
        let swallowed = writer.swallows_after(command.command.write);
        while let Some((_, mark)) = tokens.next_if(|(_, token)| token.is_mark_of(swallowed)) {
            ended |= mark.is_mark_of(SENTENCE);
            writer.out.leave_out(&mark);
        }
        writer.write(command.command.write, ended);
    }
    for (_, token) in tokens {
        writer.keep(token);
    }
    writer.out.tokens
}

impl<'a> Writer<'a, '_> {
    fn keep(&mut self, mut token: Token<'a>) {
        let close = token.glued || self.language.spaces(&token.text);
        if self.unasked > 0 && close && self.language.may_quote(&token) {
            self.unasked -= 1;
            return self.out.leave_out(&token);
        }
        if matches!(token.kind, TokenKind::Word | TokenKind::Fixed) {
            match std::mem::replace(&mut self.next, NextCase::AsHeard) {
                NextCase::Capital => token.capitalise(),
                NextCase::Small => self.language.uncapitalise(&mut token),
                NextCase::AsHeard => {}
            }
        }
        if std::mem::take(&mut self.glue) {
            let tied = self.language.ties(self.out.last(), &token.text);
            return self.push(Token { tied, ..token }, true);
        }
        self.push(token, false);
    }

    /// Adds a token. It has a space before it unless it is glued, whatever was left out before it.
    fn push(&mut self, token: Token<'a>, glued: bool) {
        self.out.push(token);
        if let Some(last) = self.out.tokens.last_mut() {
            last.glued |= glued;
        }
    }

    fn swallows_after(&self, write: Write) -> &'static str {
        match write {
            Write::Mark("?" | "!") => CLOSING,
            // "Close quote." may end the sentence, unless the quoted text already did.
            Write::Close(..) if self.out.last().is_some_and(|t| t.is_mark_of(SENTENCE)) => PAUSES,
            Write::Close(..) => "",
            Write::Break { .. } => ",.;:…!",
            Write::Mark(_) | Write::Open(..) => PAUSES,
        }
    }

    /// Writes the command's output. `ended`: marks that ended a sentence were removed after it.
    fn write(&mut self, write: Write, ended: bool) {
        match write {
            Write::Break { lines, full_stop } => {
                if full_stop {
                    self.full_stop();
                }
                let goes_on = match self.out.last() {
                    Some(last) if last.kind == TokenKind::Break => self.next == NextCase::Small,
                    Some(last) => self.language.spelling.small_after_comma && last.is_mark_of(","),
                    None => false,
                };
                self.push(Token::line_break(lines), true);
                self.next = if goes_on { NextCase::Small } else { NextCase::Capital };
            }
            Write::Mark(".") => {
                self.full_stop();
                self.next = NextCase::Capital;
            }
            Write::Mark(mark) => {
                let ends = SENTENCE.contains(mark);
                let stripped = self.out.strip(if ends { CLOSING } else { PAUSES });
                let tied = self.language.ties(self.out.last(), mark);
                self.push(Token { tied, ..Token::mark(mark) }, !DASHES.contains(mark));
                self.next = match (ends, ended || stripped) {
                    (true, _) => NextCase::Capital,
                    (false, _) if mark == ":" && self.language.spelling.keeps_case_after_colon => {
                        NextCase::AsHeard
                    }
                    (false, true) => NextCase::Small,
                    (false, false) => NextCase::AsHeard,
                };
            }
            Write::Open(_, mark) => {
                let opened = |last: &Token<'_>| {
                    self.language.may_open_quote(last) || last.is_mark_of("\"") && !last.glued
                };
                if QUOTES.contains(mark) && self.out.last().is_some_and(opened) {
                    self.out.strip_last();
                    self.unasked += 1;
                }
                let mut token = Token::mark(mark);
                let opens =
                    |last: &Token<'_>| last.is_mark_of("(¿¡") || self.language.opens_quote(last);
                token.glued = self.out.last().is_none_or(opens);
                token.tied = token.glued && self.language.ties(self.out.last(), mark);
                let glued = token.glued || self.glue;
                self.push(token, glued);
                self.glue = true;
            }
            Write::Close(_, mark) => {
                let own_end = SENTENCE.contains(mark);
                self.out.strip(if own_end { PAUSES } else { WEAK });
                let tied = self.language.ties(self.out.last(), mark);
                self.push(Token { tied, ..Token::mark(mark) }, true);
                self.glue = false;
            }
        }
    }

    /// Ends the sentence, unless it has ended already or nothing was said.
    fn full_stop(&mut self) {
        self.out.strip(WEAK);
        let nothing = self.out.last().is_none_or(|t| t.kind == TokenKind::Break);
        if !nothing && !self.out.last().is_some_and(|last| last.is_mark_of(SENTENCE)) {
            self.push(Token::mark("."), true);
        }
    }
}

impl Language {
    /// Removes the capital that the start of a sentence gave a word, if it is certainly not a name.
    pub(super) fn uncapitalise(&self, token: &mut Token<'_>) {
        let capital = token.text.chars().next().is_some_and(char::is_uppercase);
        let rest_small = !token.text.chars().skip(1).any(char::is_uppercase);
        if token.is_word() && capital && rest_small && self.is_no_name(&token.low) {
            token.text = token.low.clone();
        }
    }
}
