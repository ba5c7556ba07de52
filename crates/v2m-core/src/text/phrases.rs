//! Phrases that are looked for in a text, all at once.

use super::token::{Token, tokens};
use std::collections::HashMap;

/// Phrases, each with what it stands for.
///
/// Looking at one place costs at most the phrases that begin with its word, however long the text
/// is: a whole text is looked through in time linear in its length.
#[derive(Clone, Debug)]
pub(super) struct Phrases<T> {
    /// By the first word; longer ones first.
    by_first: HashMap<String, Vec<Phrase<T>>>,
    /// Compare as written, not in lower case.
    exact: bool,
}

#[derive(Clone, Debug)]
struct Phrase<T> {
    /// After the first word.
    rest: Vec<String>,
    meaning: T,
}

impl<T> Phrases<T> {
    /// None yet; compared in lower case unless `exact`.
    pub(super) fn new(exact: bool) -> Self {
        Self { by_first: HashMap::new(), exact }
    }

    /// Takes one in. Of two that are the same the first counts; one without words is none.
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

    /// The longest phrase that begins with the first of these tokens: how many tokens it takes, and
    /// its meaning. Words that are fixed are part of none.
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

/// Counts looks, in tests: how much is done for a text is said by a number, not by a clock.
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
