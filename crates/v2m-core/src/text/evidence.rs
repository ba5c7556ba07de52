//! Evidence from further words that the speaker talks about a command, if the words beside it do
//! not show it. Each check looks at a few tokens, however long the text is.

use super::language::{Evidence, Language, SpokenCommand, Write};
use super::token::{SENTENCE, Token, TokenKind};

/// The largest number of words of an address before its "@".
const ADDRESS_WORDS: usize = 4;

/// Whether words beyond those beside the command at `start..end` show that the speaker talks about
/// it.
pub(super) fn talks(
    tokens: &[Token<'_>],
    (start, end): (usize, usize),
    command: &SpokenCommand,
    language: &Language,
) -> bool {
    let evidence = &command.evidence;
    let (before, after) = (&tokens[..start], &tokens[end..]);
    let after = if tokens[end - 1].pause { &[] } else { after };
    let phrase = &tokens[start];
    let breaks = matches!(command.write, Write::Break { .. });
    evidence.decimal && is_decimal(before, after, language)
        || evidence.negates && language.negates(before)
        || breaks && language.names_a_command(before)
        || begins(evidence, before, after)
        || repeats(evidence, phrase, after)
        || is_address(evidence, phrase, after)
        || is_cited(evidence, before, &tokens[end..])
}

/// Returns how many tokens after a command ask politely for it. They are not text.
pub(super) fn politeness(after: &[Token<'_>], language: &Language) -> usize {
    let comma = usize::from(after.first().is_some_and(|token| token.is_mark_of(",")));
    let Some((words, ())) = language.polite.at(&after[comma..]) else { return 0 };
    let end = comma + words;
    let ends = |token: &Token<'_>| token.kind == TokenKind::Break || token.is_mark_of(SENTENCE);
    // "Neue Zeile, bitte komm" is text.
    if after[end - 1].pause || after.get(end).is_none_or(ends) { end } else { 0 }
}

fn is_decimal(before: &[Token<'_>], after: &[Token<'_>], language: &Language) -> bool {
    let is_number = |token: &Token<'_>| token.is_word() && language.is_number(&token.low);
    before.last().is_some_and(|last| !last.pause && is_number(last))
        && after.first().is_some_and(is_number)
}

fn begins(evidence: &Evidence, before: &[Token<'_>], after: &[Token<'_>]) -> bool {
    let word = |token: &Token<'_>| token.kind != TokenKind::Mark && token.kind != TokenKind::Break;
    let alone = before.last().is_none_or(|last| last.pause || !word(last));
    let listed = |token: &Token<'_>| {
        let elided = token.low.split_inclusive(['\'', '’']).next().unwrap_or_default();
        evidence.begins.contains(&*token.low) || evidence.begins.contains(elided)
    };
    alone && after.first().is_some_and(listed)
}

fn repeats(evidence: &Evidence, phrase: &Token<'_>, after: &[Token<'_>]) -> bool {
    let [between, again, ..] = after else { return false };
    evidence.repeats.contains(&*between.low) && again.low == phrase.low
}

fn is_address(evidence: &Evidence, phrase: &Token<'_>, after: &[Token<'_>]) -> bool {
    for pair in after.chunks(2).take(ADDRESS_WORDS) {
        let [word, next] = pair else { return false };
        if !word.is_word() || word.pause || !next.is_word() {
            return false;
        }
        if evidence.address.contains(&*next.low) {
            return true;
        }
        if next.low != phrase.low {
            return false;
        }
    }
    false
}

/// "Paragraf 5. Absatz. 2." cites a law, whatever pauses the model inserted.
fn is_cited(evidence: &Evidence, before: &[Token<'_>], after: &[Token<'_>]) -> bool {
    if evidence.cites.is_empty() {
        return false;
    }
    let digits = |token: &&Token<'_>| token.low.starts_with(|c: char| c.is_ascii_digit());
    let word = |token: &&Token<'_>| token.is_word();
    let mut words = before.iter().rev().take(4).filter(word);
    let number = words.next().filter(digits);
    let whole = words.next().filter(|whole| evidence.cites.contains(&*whole.low));
    number.is_some()
        && whole.is_some()
        && after.iter().take(2).find(word).is_some_and(|w| digits(&w))
}
