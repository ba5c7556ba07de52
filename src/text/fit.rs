//! Spaces and capitals that fit: within the text, and between what stands before and after it.

use super::Context;
use super::language::Language;
use super::token::{CLOSING, Kind, Token, render};

/// Marks that stand alone ("word , word") move to the word before them; whether there were any.
pub(super) fn spacing(tokens: &mut [Token<'_>]) -> bool {
    let mut changed = false;
    let mut at = 0;
    while at < tokens.len() {
        // A chunk of marks and nothing else: what is glued to its first one.
        let rest = &tokens[at + 1..];
        let end = at + 1 + rest.iter().take_while(|t| t.glued && t.kind != Kind::Break).count();
        let lone = at > 0
            && !tokens[at].glued
            && tokens[at - 1].kind != Kind::Break
            && tokens[at..end].iter().all(|token| token.is_mark_of(CLOSING));
        tokens[at].glued |= lone;
        changed |= lone;
        at = end;
    }
    changed
}

/// The text as it goes between what stands before and after it, as far as that is known.
pub(super) fn between(
    mut tokens: Vec<Token<'_>>,
    context: Context<'_>,
    language: Option<&Language>,
) -> String {
    if let Some(language) = language {
        first_letter(&mut tokens, context, language);
        last_mark(&mut tokens, context);
    }
    let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else {
        return String::new();
    };
    let before = context.before.and_then(|before| before.chars().next_back());
    let closing = first.is_mark_of(CLOSING) || first.is_mark_of(")]}”»");
    let lead = before.is_some_and(|c| !c.is_whitespace() && !"([{¿¡“«\"'/-".contains(c))
        && first.kind != Kind::Break
        && !closing;
    let after = context.after.and_then(|after| after.chars().next());
    let trail = after.is_some_and(|c| c.is_alphanumeric() || "([{¿¡“«".contains(c))
        && last.kind != Kind::Break
        && !last.is_mark_of("([{¿¡“«");
    let space = |there| if there { " " } else { "" };
    format!("{}{}{}", space(lead), render(&tokens), space(trail))
}

fn first_letter(tokens: &mut [Token<'_>], context: Context<'_>, language: &Language) {
    let Some(before) = context.before else { return };
    let line = before.trim_end_matches([' ', '\t', '"', '”', '»', ')', '(', '“', '«', '¿', '¡']);
    let starts = line.chars().next_back().is_none_or(|c| ".!?…\n".contains(c));
    let opening = |token: &&mut Token<'_>| !token.is_mark_of("([{¿¡“«\"");
    let Some(first) = tokens.iter_mut().find(opening).filter(|t| t.is_word()) else { return };
    if starts { first.capitalise() } else { language.uncapitalise(first) }
}

/// A sentence that goes on after the text does not end with it.
fn last_mark(tokens: &mut Vec<Token<'_>>, context: Context<'_>) {
    let next = context.after.and_then(|after| after.trim_start_matches(' ').chars().next());
    let goes_on = next.is_some_and(|c| c.is_lowercase() || ",.;:!?…".contains(c));
    let one = tokens.len() > 1 && !tokens[tokens.len() - 2].is_mark_of(CLOSING);
    if goes_on && one {
        tokens.pop_if(|last| last.is_mark_of("."));
    }
}
