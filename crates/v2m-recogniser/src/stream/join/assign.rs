//! Assigns the words of the joined text to the pieces, and checks that no word was lost.

use super::Part;
use super::words::{Word, matches, text, words};
use crate::stream::guard::Token;

/// The smallest ratio of new letters to old ones where the words differ. Measured: right words have
/// down to two thirds of the letters of wrong ones ("is there for a set to be": "is therefore said
/// to be").
const FEWEST: f32 = 0.6;

/// The number of letters that may be added beyond those that [`FEWEST`] explains, for a model that
/// reports no probabilities: a short word that a cut had swallowed.
const MORE: f32 = 4.0;

/// Returns the tokens of `joined` that belong to each of `parts`, and to one unknown part if
/// `more`. `None` if a word is lost. For a model that reports no probabilities, also `None` if
/// words were added without explanation.
pub(super) fn assign(parts: &[Part], more: bool, joined: &[Token]) -> Option<Vec<Vec<Token>>> {
    let said: Vec<Word> = (0..)
        .zip(parts)
        .flat_map(|(part, Part { text, .. })| {
            text.split_whitespace().map(move |word| Word::new(word, part))
        })
        .filter(|word| !word.letters.is_empty())
        .collect();
    let tokens = words(joined);
    let heard: Vec<Word> = (0..)
        .zip(&tokens)
        .map(|(at, tokens)| Word::new(&text(tokens), at))
        .filter(|word| !word.letters.is_empty())
        .collect();
    let is_unrated = joined.iter().all(Token::is_whole_word);
    if is_unrated && !is_explained(&said, &heard, more) {
        return None;
    }
    let ends = split(&said, &heard, parts.len(), more)?;
    let mut from = 0;
    let mut split = Vec::new();
    for end in ends {
        // Anything after the last word of a part, such as a dash, stays with it.
        let until = heard.get(end).map_or(tokens.len(), |word| word.place);
        split.push(tokens.get(from..until).filter(|part| !part.is_empty())?.concat());
        from = until;
    }
    Some(split)
}

/// Returns the end of each part of `said` among the words of `heard`; with `more`, also of one part
/// whose words are unknown. `None` if words are lost.
fn split(said: &[Word], heard: &[Word], parts: usize, more: bool) -> Option<Vec<usize>> {
    let parts = parts + usize::from(more);
    let mut ends = Vec::new();
    let (mut i, mut j) = (0, 0);
    for (a, b) in matches(said, heard).into_iter().chain([(said.len(), heard.len())]) {
        // The text differs between two words that both have.
        let (was, is) = (&said[i..a], &heard[j..b]);
        let had = letters(was);
        if letters(is) < FEWEST * had {
            return None;
        }
        // A part that ends in there gets its share of the letters.
        while ends.len() + 1 < parts {
            let part = ends.len();
            if said.get(a).is_some_and(|word| word.place <= part) {
                break;
            }
            let own = was.iter().take_while(|word| word.place <= part).count();
            // Words after the last known one may belong to the unknown part.
            let share = if more && a == said.len() { 1.0 } else { letters(is) / had.max(1.0) };
            let wanted = letters(&was[..own]) * share;
            let near = |count: &usize| (letters(&is[..*count]) - wanted).abs();
            let count = (0..=is.len()).min_by(|a, b| near(a).total_cmp(&near(b)))?;
            ends.push(j + count);
        }
        (i, j) = (a + 1, b + 1);
    }
    ends.push(heard.len());
    Some(ends)
}

/// Whether the words that only `heard` has may stand for others of `said`: they are not many more,
/// and do not repeat the words beside them. Words after the last known one may belong to the
/// unknown part.
fn is_explained(said: &[Word], heard: &[Word], more: bool) -> bool {
    let same = |a: &[Word], b: &[Word]| {
        a.iter().map(|word| &word.letters).eq(b.iter().map(|word| &word.letters))
    };
    let (mut i, mut j) = (0, 0);
    for (a, b) in matches(said, heard).into_iter().chain([(said.len(), heard.len())]) {
        let (was, is) = (&said[i..a], &heard[j..b]);
        let is_unknown = more && a == said.len();
        let is_added = is.len() > was.len();
        let before = j.checked_sub(is.len()).map(|from| &heard[from..j]);
        let after = heard.get(b..b + is.len());
        let repeats = [before, after].into_iter().flatten().any(|beside| same(is, beside));
        let too_many = letters(is) > letters(was) / FEWEST + MORE;
        if !is_unknown && (too_many || is_added && repeats) {
            return false;
        }
        (i, j) = (a + 1, b + 1);
    }
    true
}

fn letters(words: &[Word]) -> f32 {
    words.iter().map(|word| word.letters.chars().count()).sum::<usize>() as f32
}
