//! Handles "Scratch that", which takes back the last piece.
//!
//! The phrase counts only as an utterance of its own: a piece between two pauses, or a sentence.
//! Then the piece or the sentence before it is removed. (After a pause too short to end a piece,
//! the model writes "I come on Monday. Scratch that. I come on Tuesday.")

use super::language::Language;
use super::phrases::work;
use super::token::{CLOSING, Kept, SENTENCE, Token, TokenKind};

/// A command's phrase among the kept tokens.
struct CommandPhrase {
    /// The index of its first token.
    start: usize,
    /// One past its last token.
    end: usize,
    /// One past the marks that follow it, as far as they were examined. No mark is examined twice.
    marks_end: usize,
    /// Whether nothing before it can be taken back: only commands that had nothing to take back
    /// either.
    is_idle: bool,
}

/// Executes the commands. Returns whether anything was taken back. The time is linear in the text:
/// each token is examined a fixed number of times.
pub(super) fn apply(tokens: &mut Vec<Token<'_>>, language: &Language) -> bool {
    let ends = |at: usize| Some(at + language.take_back.at(&tokens[at..])?.0);
    let phrase_ends: Vec<Option<usize>> = (0..tokens.len()).map(ends).collect();
    if phrase_ends.iter().all(Option::is_none) {
        return false;
    }
    let mut kept = Kept::with_room_for(tokens.len());
    let mut changed = false;
    let mut phrases: Vec<CommandPhrase> = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    let mut heard = std::mem::take(tokens).into_iter().enumerate().peekable();
    while let Some((at, token)) = heard.next() {
        if let Some(end) = phrase_ends[at].filter(|_| open.is_none()) {
            open = Some((kept.tokens.len(), end));
        }
        let more_marks = heard.peek().is_some_and(|(_, next)| next.is_mark_of(CLOSING));
        let ends = heard.peek().is_none() || ends_utterance(&token) && !more_marks;
        kept.push(token);
        if let Some((start, _)) = open.take_if(|(_, end)| *end == at + 1) {
            let end = kept.tokens.len();
            phrases.push(CommandPhrase { start, end, marks_end: end, is_idle: false });
        }
        if ends && open.is_none() {
            changed |= take_back(&mut kept.tokens, &mut phrases);
        }
    }
    *tokens = kept.tokens;
    changed
}

/// Executes the commands that end the utterance. Call it at the end of an utterance. Each token is
/// removed once at most.
fn take_back(kept: &mut Vec<Token<'_>>, phrases: &mut Vec<CommandPhrase>) -> bool {
    let mut changed = false;
    loop {
        let mut commands = 0;
        let mut end = kept.len();
        let mut is_idle = false;
        while let Some(at) = phrases.len().checked_sub(commands + 1)
            && let Some(start) = command_before(kept, end, &mut phrases[at])
        {
            commands += 1;
            end = start;
            is_idle = phrases[at].is_idle || end == 0;
            if is_idle {
                break;
            }
        }
        if commands == 0 || is_idle {
            let first = phrases.len() - commands;
            phrases[first..].iter_mut().for_each(|phrase| phrase.is_idle = true);
            return changed;
        }
        kept.truncate(end);
        for _ in 0..commands {
            take_unit(kept);
        }
        while phrases.pop_if(|phrase| phrase.end > kept.len()).is_some() {}
        if let Some(last) = phrases.last_mut() {
            last.marks_end = last.marks_end.min(kept.len());
        }
        changed = true;
    }
}

/// Returns where this phrase's command begins, if it is an utterance of its own and ends at `end`,
/// apart from marks.
fn command_before(kept: &[Token<'_>], end: usize, phrase: &mut CommandPhrase) -> Option<usize> {
    work::count();
    while phrase.marks_end < end && kept[phrase.marks_end].is_mark_of(".,!…") {
        work::count();
        phrase.marks_end += 1;
    }
    // The opening mark of "¡Borra eso!" belongs to the command.
    let start = phrase.start;
    let exclaimed = start > 0 && kept[start - 1].is_mark_of("¡");
    let start = start - usize::from(exclaimed);
    let apart = start == 0 || ends_utterance(&kept[start - 1]);
    (phrase.marks_end >= end && apart).then_some(start)
}

fn ends_utterance(token: &Token<'_>) -> bool {
    token.pause || token.kind == TokenKind::Break || token.is_mark_of(SENTENCE)
}

/// Removes the last piece if the text ends with one, or else the last sentence.
fn take_unit(kept: &mut Vec<Token<'_>>) {
    let mut pop = |which: &dyn Fn(&Token<'_>) -> bool| {
        work::count();
        kept.pop_if(|last| which(last)).is_some()
    };
    if pop(&|last| last.pause) {
        while pop(&|last| !last.pause) {}
        return;
    }
    while pop(&|last| matches!(last.kind, TokenKind::Mark | TokenKind::Break)) {}
    while pop(&|last| !ends_utterance(last)) {}
}
