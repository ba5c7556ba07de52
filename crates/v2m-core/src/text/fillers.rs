//! Removes sounds that are not words ("um", "eh"), with the marks for their pauses.

use super::language::Language;
use super::token::{Kept, SENTENCE, Token, TokenKind};

/// Removes the fillers. Returns whether there were any. A text that contains only fillers is not
/// changed.
pub(super) fn apply(tokens: &mut Vec<Token<'_>>, language: &Language) -> bool {
    let fillers = Fillers { language, heard: tokens };
    if !tokens.iter().any(|token| fillers.may_be(token)) {
        return false;
    }
    let mut kept = Kept::with_room_for(tokens.len());
    let mut at = 0;
    // Whether a removed filler had a capital, as the first word of its sentence.
    let mut capital = false;
    // Whether a filler was removed before this token.
    let mut gap = false;
    while at < tokens.len() {
        if !fillers.is_filler(at, &kept) {
            let mut token = tokens[at].clone();
            if matches!(token.kind, TokenKind::Word | TokenKind::Fixed)
                && std::mem::take(&mut capital)
            {
                token.capitalise();
            }
            let elided = kept.last().filter(|_| std::mem::take(&mut gap));
            match elided.and_then(|last| language.elision_of_words.joined(last, &token)) {
                Some(joined) => put_for_last(&mut kept, token, joined),
                None => kept.push(token),
            }
            at += 1;
            continue;
        }
        gap = true;
        capital |= tokens[at].text != tokens[at].low;
        kept.leave_out(&tokens[at]);
        at += 1;
        at += fillers.marks_after(at, &mut kept);
    }
    let words = |token: &Token<'_>| matches!(token.kind, TokenKind::Word | TokenKind::Fixed);
    let changed = kept.tokens.len() != tokens.len() && kept.tokens.iter().any(words);
    if changed {
        *tokens = kept.tokens;
    }
    changed
}

/// Replaces the last word and `next` with the one word that they form together.
fn put_for_last<'a>(kept: &mut Kept<'a>, mut next: Token<'a>, joined: String) {
    let glued = kept.tokens.pop().is_some_and(|last| last.glued);
    next.low = joined.to_lowercase().into();
    next.text = joined.into();
    kept.push(next);
    if let Some(last) = kept.tokens.last_mut() {
        last.glued = glued;
    }
}

struct Fillers<'t, 'a> {
    language: &'t Language,
    heard: &'t [Token<'a>],
}

impl<'a> Fillers<'_, 'a> {
    fn is_filler(&self, at: usize, kept: &Kept<'a>) -> bool {
        let (token, next) = (&self.heard[at], self.heard.get(at + 1));
        // "ER" and "UM" are names. "¿eh?" and "oh, er!" are said on purpose.
        let shouted = token.text.chars().count() > 1 && token.text.to_uppercase() == token.text;
        let closes = |next: &Token<'_>| {
            next.is_mark_of("?!\"”»") || next.glued && self.language.closes(next)
        };
        let asked = next.is_some_and(closes)
            || token.glued && kept.last().is_some_and(|last| last.is_mark_of("¿¡\"“„«"));
        if !token.is_word() || shouted || asked || self.parts_an_elision(at, kept) {
            return false;
        }
        self.language.fillers.contains(&*token.low)
            || self.language.fillers_between_marks.contains(&*token.low) && self.hesitates(at, kept)
    }

    /// Whether the words on both sides cannot follow one another without the filler. Then it
    /// stays.
    fn parts_an_elision(&self, at: usize, kept: &Kept<'a>) -> bool {
        let idle = |t: &&Token<'_>| t.is_mark_of(",;…") || self.may_be(t);
        let last = kept.tokens.iter().rev().take(2).find(|t| !t.is_mark_of(",;…"));
        let next = self.heard.iter().skip(at).take(6).find(|t| !idle(t));
        let both = last.zip(next).filter(|(last, next)| last.is_word() && next.is_word());
        both.is_some_and(|(last, next)| self.language.elision_of_words.is_uncertain(last, next))
    }

    fn may_be(&self, token: &Token<'_>) -> bool {
        self.language.fillers.contains(&*token.low)
            || self.language.fillers_between_marks.contains(&*token.low)
    }

    /// Whether a possible filler stands apart, and not in a list.
    fn hesitates(&self, at: usize, kept: &Kept<'a>) -> bool {
        let apart = kept.last().is_none_or(|last| {
            last.pause || last.kind == TokenKind::Break || last.is_mark_of(",;:.…!?")
        });
        let filler = |t: &Token<'_>| t.is_word() && self.language.fillers.contains(&*t.low);
        let next = self.heard.get(at + 1);
        let broken_off = next.is_some_and(|next| next.is_mark_of(",…") || filler(next));
        let beside = |t: &Token<'_>| self.language.not_beside.contains(&*t.low);
        let word = |t: &&Token<'_>| t.kind != TokenKind::Mark;
        // Allow for a mark or two in between. The distance does not depend on the text.
        let before = kept.tokens.iter().rev().take(3).find(word);
        let after = self.heard.iter().skip(at + 1).take(3).find(word);
        apart && broken_off && !before.is_some_and(beside) && !after.is_some_and(beside)
    }

    /// Adjusts the marks around a removed filler. Returns how many marks after it are removed too.
    fn marks_after(&self, at: usize, kept: &mut Kept<'a>) -> usize {
        let pause = |t: &&Token<'_>| t.is_mark_of(",;…");
        let ends = |t: &Token<'_>| t.is_mark_of(SENTENCE) || t.kind == TokenKind::Break;
        let next = self.heard.get(at);
        let starts = kept.last().is_none_or(ends);
        let mut gone = 0;
        if starts {
            // In "Um, I think" and "Um. I think", nothing is left that could pause or end.
            let marks = self.heard[at..].iter().take_while(|t| t.is_mark_of(",;:.…"));
            gone = marks.count();
        } else if next.is_none_or(ends) {
            kept.strip(",;");
        } else if next.filter(pause).is_some() && kept.last().filter(pause).is_some() {
            gone = 1;
        }
        for mark in &self.heard[at..at + gone] {
            kept.leave_out(mark);
        }
        let gap = !starts && kept.last().is_some_and(|last| last.is_mark_of(","));
        if gap || next.filter(pause).is_some() && gone == 0 && !starts {
            gone += self.idle_comma(at, gone, kept);
        }
        gone
    }

    /// Removes a comma that only set the filler off: "I, um, think". It is removed if no comma ever
    /// follows the word before it. Returns how many tokens after the filler are removed too.
    fn idle_comma(&self, at: usize, gone: usize, kept: &mut Kept<'a>) -> usize {
        let comma = kept.last().is_some_and(|last| last.is_mark_of(","));
        let count = kept.tokens.len() - usize::from(comma);
        let before = count.checked_sub(1).and_then(|at| kept.tokens.get(at));
        let after = self.heard[at + gone..].iter().take(2).find(|token| token.is_word());
        let idle = before.is_some_and(|word| {
            let common = word.text == "I" || self.language.common.contains(&*word.low);
            word.is_word() && common && !self.parts(word, after)
        });
        if !idle {
            return 0;
        }
        kept.strip(",");
        let next = self.heard.get(at + gone).filter(|next| !comma && next.is_mark_of(","));
        next.map_or(0, |next| {
            kept.leave_out(next);
            1
        })
    }

    /// Whether a comma belongs between these words, with or without a filler.
    fn parts(&self, before: &Token<'_>, after: Option<&Token<'_>>) -> bool {
        let Language { comma_before, no_comma_after, .. } = self.language;
        after.is_some_and(|after| comma_before.contains(&*after.low))
            && !comma_before.contains(&*before.low)
            && !no_comma_after.contains(&*before.low)
    }
}
