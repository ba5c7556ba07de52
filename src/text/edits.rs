//! "Scratch that": takes back the last piece.
//!
//! Only where it is an utterance of its own: a piece between two pauses, or a sentence. Then the piece before it
//! goes, or the sentence before it. (After a pause too short to end a piece the model writes "I come on Monday.
//! Scratch that. I come on Tuesday.")

use super::language::Language;
use super::token::{CLOSING, Kept, Kind, SENTENCE, Token};

/// Takes back what is to be; whether anything was.
pub(super) fn apply(tokens: &mut Vec<Token<'_>>, language: &Language) -> bool {
    let ends = |at: usize| Some(at + language.take_back.at(&tokens[at..])?.0);
    let phrase_ends: Vec<Option<usize>> = (0..tokens.len()).map(ends).collect();
    if phrase_ends.iter().all(Option::is_none) {
        return false;
    }
    let mut kept = Kept::with_room_for(tokens.len());
    let mut changed = false;
    // Where phrases stand among the kept tokens: start and end.
    let mut phrases: Vec<(usize, usize)> = Vec::new();
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
            phrases.push((start, kept.tokens.len()));
        }
        if ends && open.is_none() {
            changed |= take_back(&mut kept.tokens, &mut phrases);
        }
    }
    *tokens = kept.tokens;
    changed
}

/// At the end of an utterance: carries out the commands that end it. Every token is taken away once at most.
fn take_back(kept: &mut Vec<Token<'_>>, phrases: &mut Vec<(usize, usize)>) -> bool {
    let mut changed = false;
    loop {
        let mut commands = 0;
        let mut end = kept.len();
        while let Some(start) = trailing(kept, end, phrases, commands) {
            commands += 1;
            end = start;
        }
        if commands == 0 || end == 0 {
            return changed;
        }
        kept.truncate(end);
        for _ in 0..commands {
            take_unit(kept);
        }
        while phrases.pop_if(|(_, end)| *end > kept.len()).is_some() {}
        changed = true;
    }
}

/// Where the command begins that ends at `end`, marks aside, and is an utterance of its own. `skip` phrases, the
/// last ones, lie behind it.
fn trailing(
    kept: &[Token<'_>],
    end: usize,
    phrases: &[(usize, usize)],
    skip: usize,
) -> Option<usize> {
    let &(start, phrase_end) = phrases.get(phrases.len().checked_sub(skip + 1)?)?;
    let only_marks = kept[phrase_end..end].iter().all(|token| token.is_mark_of(".,!…"));
    // "¡Borra eso!"
    let exclaimed = start > 0 && kept[start - 1].is_mark_of("¡");
    let start = start - usize::from(exclaimed);
    let apart = start == 0 || ends_utterance(&kept[start - 1]);
    (only_marks && apart).then_some(start)
}

fn ends_utterance(token: &Token<'_>) -> bool {
    token.pause || token.kind == Kind::Break || token.is_mark_of(SENTENCE)
}

/// Takes a piece away, if the text ends where one does, else a sentence.
fn take_unit(kept: &mut Vec<Token<'_>>) {
    if kept.pop_if(|last| last.pause).is_some() {
        while kept.pop_if(|last| !last.pause).is_some() {}
        return;
    }
    while kept.pop_if(|last| matches!(last.kind, Kind::Mark | Kind::Break)).is_some() {}
    while kept.pop_if(|last| !ends_utterance(last)).is_some() {}
}
