//! Finds phrases in a text, all in one pass.

use super::token::{Token, tokens};
use std::collections::HashMap;

/// A set of phrases, each with its meaning.
///
/// A lookup at one place costs at most as many comparisons as there are phrases that begin with its
/// word, however long the text is. So the time for a whole text is linear in its length.
#[derive(Clone, Debug)]
pub(super) struct Phrases<T> {
    /// The phrases by their first word, longer ones first.
    by_first: HashMap<String, Vec<Phrase<T>>>,
    /// Whether to compare as written instead of in lower case.
    exact: bool,
}

#[derive(Clone, Debug)]
struct Phrase<T> {
    /// The words after the first one.
    rest: Vec<String>,
    meaning: T,
}

impl<T> Phrases<T> {
    /// Makes an empty set. It compares in lower case unless `exact`.
    pub(super) fn new(exact: bool) -> Self {
        Self { by_first: HashMap::new(), exact }
    }

    /// Adds a phrase. If the same phrase is added twice, the first one counts. A phrase without
    /// words is ignored.
    pub(super) fn add(&mut self, phrase: &str, meaning: T) {
        let words = tokens(phrase, &[]);
        let mut words = words.iter().map(|t| key(t, self.exact).to_owned());
        let Some(first) = words.next() else { return };
        let rest: Vec<String> = words.collect();
        let same_start = self.by_first.entry(first).or_default();
        if same_start.iter().all(|phrase| phrase.rest != rest) {
            let longer = same_start.partition_point(|phrase| phrase.rest.len() >= rest.len());
            same_start.insert(longer, Phrase { rest, meaning });
        }
    }

    /// Finds the longest phrase that begins at the first of these tokens. Returns how many tokens
    /// it takes, and its meaning. Fixed words never belong to a phrase.
    pub(super) fn at(&self, tokens: &[Token<'_>]) -> Option<(usize, &T)> {
        work::count();
        let first = tokens.first().filter(|first| matches(first))?;
        self.by_first.get(key(first, self.exact))?.iter().find_map(|phrase| {
            work::count();
            let next = tokens.get(1..=phrase.rest.len())?;
            let same = |(word, token): (&String, &Token<'_>)| {
                matches(token) && key(token, self.exact) == word
            };
            let found = phrase.rest.iter().zip(next).all(same);
            found.then_some((1 + phrase.rest.len(), &phrase.meaning))
        })
    }
}

fn key<'t>(token: &'t Token<'_>, exact: bool) -> &'t str {
    if exact { &token.text } else { &token.low }
}

fn matches(token: &Token<'_>) -> bool {
    token.kind != super::token::TokenKind::Fixed
}

/// Counts lookups in tests, so that a test asserts an amount of work and not a duration.
pub(super) mod work {
    #[cfg(test)]
    thread_local! {
        pub(in crate::text) static LOOKS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
    }

    pub(in crate::text) fn count() {
        #[cfg(test)]
        LOOKS.with(|looks| looks.set(looks.get() + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_phrase_counts_and_the_first_of_two_equal_ones() {
        let mut phrases = Phrases::new(false);
        for (phrase, meaning) in [("new", 1), ("New line", 2), ("new line", 3), ("", 4)] {
            phrases.add(phrase, meaning);
        }
        assert_eq!(phrases.at(&tokens("NEW LINE.", &[])), Some((2, &2)));
        assert_eq!(phrases.at(&tokens("new, line", &[])), Some((1, &1)));
        assert_eq!(phrases.at(&tokens("old", &[])), None);
        assert_eq!(phrases.at(&[]), None);
    }
}
