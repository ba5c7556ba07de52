//! Decides which spoken commands for punctuation and layout are meant.
//!
//! "New line" is a command in "Dear Ann, new line, I am well", and two words in "a new line of
//! code". The surroundings tell them apart: pauses and marks, the neighbouring words, the other
//! half of a pair. `write.rs` applies the commands that are meant.

use super::evidence;
use super::language::{Language, SpokenCommand, When, Write};
use super::token::{SENTENCE, Token, TokenKind};
use super::write::write_out;

/// The kinds of commands that are obeyed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Obeyed {
    /// Line breaks, paragraphs, quotes and brackets, if they are certainly meant.
    pub(super) layout: bool,
    /// All marks, unless the neighbouring words contradict.
    pub(super) punctuation: bool,
}

/// A command's phrase in the text.
pub(super) struct SpokenMatch<'l> {
    /// The index of its first token.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) command: &'l SpokenCommand,
    left: Side,
    right: Side,
    /// Whether the other half of its pair is there.
    paired: bool,
    /// Whether it is an utterance or a sentence of its own.
    apart: bool,
}

impl SpokenMatch<'_> {
    /// Whether it is a noun before this mark: "der letzte Punkt Komma".
    fn is_noun_before(&self, mark: &SpokenCommand) -> bool {
        let mark = matches!(mark.write, Write::Mark(_));
        self.command.evidence.is_noun && self.left == Side::Talk && mark
    }
}

/// The text on one side of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// The start or end of the text, a pause, a mark, a line break.
    Open,
    /// Another command.
    Command,
    /// A word that gives no evidence.
    Word,
    /// Evidence that the speaker talks about the thing itself.
    Talk,
}

/// Executes the commands that are meant. Returns whether there were any.
pub(super) fn apply(tokens: &mut Vec<Token<'_>>, language: &Language, obeyed: Obeyed) -> bool {
    let mut found = find(tokens, language, obeyed);
    pair(&mut found);
    found.retain(|command| command.paired || command.command.when != When::Paired);
    let meant = meant(&found, obeyed.punctuation);
    let mut keep = meant.iter();
    found.retain(|_| keep.next().copied().unwrap_or_default());
    if found.is_empty() {
        return false;
    }
    *tokens = write_out(std::mem::take(tokens), &found, language);
    true
}

fn find<'l>(tokens: &[Token<'_>], language: &'l Language, obeyed: Obeyed) -> Vec<SpokenMatch<'l>> {
    let wanted = |command: &SpokenCommand| match command.when {
        When::Choice => obeyed.punctuation,
        When::Apart | When::Sentence | When::Alone | When::Edge | When::Paired => obeyed.layout,
    };
    let mut found: Vec<SpokenMatch<'l>> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match language.commands.at(&tokens[at..]) {
            Some((length, command)) if wanted(command) => {
                let said = at + length;
                let end = match command.write {
                    Write::Break { .. } if !tokens[said - 1].pause => {
                        said + evidence::politeness(&tokens[said..], language)
                    }
                    _ => said,
                };
                let left = match found.last_mut().filter(|last| last.end == at) {
                    _ if evidence::talks(tokens, (at, said), command, language) => Side::Talk,
                    Some(last) if last.is_noun_before(command) => Side::Word,
                    Some(last) if last.right != Side::Open => {
                        last.right = Side::Command;
                        Side::Command
                    }
                    _ => left_of(tokens, at, command, language),
                };
                let right = right_of(tokens, end, command, language);
                let apart = matches!(command.when, When::Apart | When::Sentence)
                    && stands_apart(tokens, at, end);
                found.push(SpokenMatch {
                    start: at,
                    end,
                    command,
                    left,
                    right,
                    paired: false,
                    apart,
                });
                at = end;
            }
            Some(_) | None => at += 1,
        }
    }
    found
}

fn left_of(tokens: &[Token<'_>], at: usize, command: &SpokenCommand, language: &Language) -> Side {
    let Some(before) = at.checked_sub(1).map(|before| &tokens[before]) else { return Side::Open };
    match before.kind {
        _ if before.pause => Side::Open,
        TokenKind::Break => Side::Open,
        // The model recognised the quotation itself: `He said, "Open quote, I will`.
        TokenKind::Mark
            if quotes(command)
                && (before.is_mark_of("\"") || language.may_open_quote(before))
                && (tokens[at].glued || before.is_mark_of("«") && language.spaces_quotes()) =>
        {
            Side::Open
        }
        // A phrase in quotes (“new line”) is quoted, not obeyed. A quote that closes an earlier
        // quotation is not evidence.
        TokenKind::Mark if before.is_mark_of("\"“”„«»()[]{}¿") => {
            let closes = language.closes(before)
                || before.is_mark_of(")]}")
                || before.is_mark_of("\"") && before.glued;
            if closes && !tokens[at].glued { Side::Open } else { Side::Talk }
        }
        TokenKind::Mark => Side::Open,
        TokenKind::Word | TokenKind::Fixed if language.talks_before(command, before) => Side::Talk,
        TokenKind::Word | TokenKind::Fixed => Side::Word,
    }
}

fn right_of(
    tokens: &[Token<'_>],
    end: usize,
    command: &SpokenCommand,
    language: &Language,
) -> Side {
    let Some(after) = tokens.get(end) else { return Side::Open };
    match after.kind {
        // "New line?" asks about it, even if the speaker pauses after it.
        TokenKind::Mark if after.is_mark_of("?") && !is_mark(command, "?") => Side::Talk,
        TokenKind::Mark
            if after.is_mark_of("\"“”„«»()[]{}")
                && (after.glued || language.closes(after) && language.spaces(&after.text)) =>
        {
            Side::Talk
        }
        _ if tokens[end - 1].pause => Side::Open,
        TokenKind::Break | TokenKind::Mark => Side::Open,
        TokenKind::Word | TokenKind::Fixed if language.talks_after(command, after) => Side::Talk,
        TokenKind::Word | TokenKind::Fixed => Side::Word,
    }
}

/// Whether both sides of the command have more than a comma. In a list, items have commas.
fn stands_apart(tokens: &[Token<'_>], at: usize, end: usize) -> bool {
    let ends = |token: &Token<'_>| token.kind == TokenKind::Break || token.is_mark_of(SENTENCE);
    let pauses = |token: &Token<'_>| token.pause && !token.is_mark_of(",;");
    let left = at.checked_sub(1).is_none_or(|last| ends(&tokens[last]) || pauses(&tokens[last]));
    let right = tokens
        .get(end)
        .is_none_or(|next| ends(next) || tokens[end - 1].pause && !next.is_mark_of(",;"));
    left && right
}

fn quotes(command: &SpokenCommand) -> bool {
    matches!(command.write, Write::Open(_, "\"" | "„" | "«"))
}

fn is_mark(command: &SpokenCommand, mark: &str) -> bool {
    matches!(command.write, Write::Mark(own) if own == mark)
}

/// Finds the halves of pairs that belong together, like brackets: the pair opened last is closed
/// first.
fn pair(found: &mut [SpokenMatch<'_>]) {
    let mut open: Vec<(usize, usize)> = Vec::new();
    for at in 0..found.len() {
        if [found[at].left, found[at].right].contains(&Side::Talk) {
            continue;
        }
        match found[at].command.write {
            Write::Open(number, _) => open.push((number, at)),
            Write::Close(number, _) => {
                // With several kinds, the innermost pair counts. A half that crosses another pair
                // belongs to none.
                if let Some((_, first)) = open.pop_if(|(last, _)| *last == number) {
                    found[first].paired = true;
                    found[at].paired = true;
                }
            }
            Write::Break { .. } | Write::Mark(_) => {}
        }
    }
}

/// Decides which of these commands are meant. Commands in a row are judged together, by the text
/// around the row.
fn meant(found: &[SpokenMatch<'_>], any: bool) -> Vec<bool> {
    let mut meant = Vec::with_capacity(found.len());
    let joined = |a: &SpokenMatch<'_>, b: &SpokenMatch<'_>| {
        a.end == b.start && b.left == Side::Command && !a.paired && !b.paired
    };
    for row in found.chunk_by(joined) {
        // A command beyond the row is half of a pair. It becomes a mark.
        let outer = |side: Side| if side == Side::Command { Side::Open } else { side };
        let left = row.first().map_or(Side::Open, |first| outer(first.left));
        let right = row.last().map_or(Side::Open, |last| outer(last.right));
        meant.extend(row.iter().map(|command| match command.command.when {
            When::Paired => true,
            _ if [left, right].contains(&Side::Talk) => false,
            When::Apart => command.apart,
            _ if any => true,
            When::Sentence => command.apart,
            When::Alone => [left, right] == [Side::Open; 2],
            When::Edge => [left, right].contains(&Side::Open),
            When::Choice => false,
        }));
    }
    meant
}
