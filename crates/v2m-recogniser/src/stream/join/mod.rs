//! Pieces around a pause within a sentence, decoded once more as one.
//!
//! A piece that is decoded alone lacks what stands beside it: "removed" and "don't preserve" are
//! "removed and preserved" when they are heard together. So the pieces of a sentence are decoded
//! again, joined, the pauses between them made short ([`splice()`]). What comes of it is taken if
//! the model is surer of it and it has every word ([`accept`]).
//!
//! | file | what it is for |
//! |---|---|
//! | `splice` | the samples of several pieces, as one |
//! | `words` | tokens as words, and which words two texts have in common |
//! | `surer` | the words that the model was surer of before |
//! | `assign` | which words of the joined text belong to which piece |

mod assign;
mod splice;
mod surer;
#[cfg(test)]
mod tests;
mod words;

use super::guard::{Hypothesis, Token};
use super::{marks, seam};
use assign::assign;
pub use splice::splice;
use surer::surer;
pub use words::text;

/// One piece as it was decoded before.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// Its text.
    pub text: &'a str,
    /// Its tokens.
    pub tokens: &'a [Token],
    /// Mean natural logarithm of their probabilities.
    pub mean_log_probability: f32,
}

/// What of `joined` belongs to each of `parts`, if the model is surer of it and no word is lost.
/// Words that it was surer of before stay as they were. Of a model that does not tell how sure it is,
/// the joined text is taken if no word is lost and none came from nowhere: it has heard more.
pub fn accept(parts: &[Part], joined: &Hypothesis) -> Option<Vec<Vec<Token>>> {
    let total = |tokens: &[Token], mean: f32| tokens.len() as f32 * mean;
    let before: f32 = parts.iter().map(|part| total(part.tokens, part.mean_log_probability)).sum();
    let is_unrated = joined.tokens.iter().all(Token::is_whole_word);
    let better = is_unrated || total(&joined.tokens, joined.mean_log_probability) > before;
    if better { assign(parts, false, &surer(parts, &joined.tokens)) } else { None }
}

/// As [`accept`], where the last piece was not decoded before: the last tokens in the answer belong
/// to that piece.
pub fn accept_with_last(parts: &[Part], joined: &Hypothesis) -> Option<Vec<Vec<Token>>> {
    assign(parts, true, &joined.tokens)
}

/// Whether a sentence ends with `text`.
pub fn ends_sentence(text: &str) -> bool {
    marks::end_sentence(seam::marks_at_end(text))
}
