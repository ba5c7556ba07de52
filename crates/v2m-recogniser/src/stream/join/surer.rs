//! Keeps words that the model was surer of before, when it decoded each piece alone.

use super::Part;
use super::words::{Rated, matches, rated, text};
use crate::stream::guard::Token;
use crate::stream::seam;

/// Returns `joined` with words of the parts where the model was surer of those. The joined text may
/// only seem surer because it has fewer marks: "asked not" once replaced "Ask not".
pub(super) fn surer(parts: &[Part], joined: &[Token]) -> Vec<Token> {
    let said: Vec<Rated> =
        (0..).zip(parts).flat_map(|(part, Part { tokens, .. })| rated(tokens, part)).collect();
    let heard = rated(joined, 0);
    let letters =
        |words: &[Rated]| words.iter().map(|rated| rated.word.clone()).collect::<Vec<_>>();
    let sure = |words: &[Rated]| words.iter().map(|word| word.sure).sum::<f32>();
    let ends = [(said.len(), heard.len())];
    let (mut i, mut j) = (0, 0);
    let mut tokens = Vec::new();
    for (a, b) in matches(&letters(&said), &letters(&heard)).into_iter().chain(ends) {
        let (was, is) = (&said[i..a], &heard[j..b]);
        let around = &heard[j.saturating_sub(1)..heard.len().min(b + 1)];
        let before = i.checked_sub(1).map(|at| &said[at]);
        let is_plain = around.iter().all(Rated::is_plain);
        if is_plain && sure(was) > sure(is) && can_stay(was, is, before, parts) {
            tokens.extend(in_place_of(is, was));
        } else {
            tokens.extend(is.iter().flat_map(|word| word.tokens.iter().cloned()));
        }
        tokens.extend(heard.get(b).into_iter().flat_map(|word| word.tokens.iter().cloned()));
        (i, j) = (a + 1, b + 1);
    }
    tokens
}

/// Whether the words `was`, which follow `before`, may replace `is` in the joined text. Words on
/// both sides of a cut may not: correcting them is the purpose of joining. Nor may words with
/// another case: they, or the joined ones, began another sentence. The case of a part's first word
/// is the one that the seam before it gave it.
fn can_stay(was: &[Rated], is: &[Rated], before: Option<&Rated>, parts: &[Part]) -> bool {
    let (Some(first), Some(last), Some(instead)) = (was.first(), was.last(), is.first()) else {
        return false;
    };
    let case = |rated: &Rated| seam::case(&text(&rated.tokens));
    let same_case = match before {
        None => true,
        Some(before) if before.word.place == first.word.place => case(first) == case(instead),
        Some(_) => seam::case(parts[first.word.place].text) == case(instead),
    };
    first.word.place == last.word.place && last.is_plain() && same_case
}

/// Returns the words `was` with the marks at the end of `is`.
fn in_place_of(is: &[Rated], was: &[Rated]) -> Vec<Token> {
    let mut tokens: Vec<Token> = was.iter().flat_map(|word| word.tokens.iter().cloned()).collect();
    while tokens.last().is_some_and(Token::is_only_marks) {
        tokens.pop();
    }
    let marks = is.last().map_or(&[][..], |word| &word.tokens);
    let count = marks.iter().rev().take_while(|token| token.is_only_marks()).count();
    tokens.extend_from_slice(&marks[marks.len() - count..]);
    tokens
}
