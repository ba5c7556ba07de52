//! Converts tokens to words, and finds the words that two texts have in common.

use crate::stream::guard::Token;

/// A word and the logarithm of its probability, ignoring its marks.
#[derive(Clone, Debug)]
pub(super) struct Rated {
    pub(super) word: Word,
    pub(super) tokens: Vec<Token>,
    pub(super) sure: f32,
}

impl Rated {
    /// Whether it has only letters, possibly followed by marks with tokens of their own. A sign may
    /// stand for other words ("50%", "50 percent"), and a quotation mark has a counterpart
    /// elsewhere.
    pub(super) fn is_plain(&self) -> bool {
        let letters = self.tokens.iter().filter(|token| !token.is_only_marks()).cloned();
        let letters = text(&letters.collect::<Vec<_>>());
        letters.chars().all(|c| c.is_alphanumeric() || ['\'', '’', '-'].contains(&c))
    }
}

/// Returns the words of these tokens for this place. A token without letters, such as a dash,
/// belongs to the word before it.
pub(super) fn rated(tokens: &[Token], place: usize) -> Vec<Rated> {
    let mut rated: Vec<Rated> = Vec::new();
    for tokens in words(tokens) {
        let word = Word::new(&text(&tokens), place);
        let sure = tokens.iter().filter(|token| !token.is_only_marks());
        let sure = sure.map(|token| token.log_probability).sum();
        match rated.last_mut() {
            Some(last) if word.letters.is_empty() => last.tokens.extend(tokens),
            Some(last) if last.word.letters.is_empty() => {
                last.tokens.extend(tokens);
                (last.word, last.sure) = (word, sure);
            }
            _ => rated.push(Rated { word, tokens, sure }),
        }
    }
    rated
}

/// A word's letters and digits in lower case, and its place: its part, or its number among the
/// tokens' words.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) letters: String,
    pub(super) place: usize,
}

impl Word {
    pub(super) fn new(text: &str, place: usize) -> Self {
        let letters = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase);
        Self { letters: letters.collect(), place }
    }
}

/// Returns the longest common subsequence of words, as pairs of indices.
pub(super) fn matches(said: &[Word], heard: &[Word]) -> Vec<(usize, usize)> {
    let mut longest = vec![vec![0_u16; heard.len() + 1]; said.len() + 1];
    for i in (0..said.len()).rev() {
        for j in (0..heard.len()).rev() {
            longest[i][j] = if said[i].letters == heard[j].letters {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < said.len() && j < heard.len() {
        if said[i].letters == heard[j].letters {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if longest[i + 1][j] >= longest[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// Groups tokens into words: each word but the first begins with a space.
pub(super) fn words(tokens: &[Token]) -> Vec<Vec<Token>> {
    let mut words: Vec<Vec<Token>> = Vec::new();
    for token in tokens {
        match words.last_mut() {
            Some(word) if !token.bytes.starts_with(b" ") => word.push(token.clone()),
            _ => words.push(vec![token.clone()]),
        }
    }
    words
}

/// Returns the text of these tokens.
pub fn text(tokens: &[Token]) -> String {
    let bytes: Vec<u8> = tokens.iter().flat_map(|token| token.bytes.iter().copied()).collect();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}
