//! Decodes the pieces around a pause within a sentence again, as one.
//!
//! A piece that is decoded alone lacks its context: "removed" and "don't preserve" become "removed
//! and preserved" when they are decoded together. So the pieces of a sentence are decoded again,
//! joined, with the pauses between them shortened ([`splice()`]). The result is accepted if the
//! model is surer of it and it has every word ([`accept`]).
//!
//! | file | what it is for |
//! |---|---|
//! | `splice` | joins the samples of several pieces |
//! | `words` | tokens as words, and the words that two texts have in common |
//! | `surer` | keeps words that the model was surer of before |
//! | `assign` | assigns the words of the joined text to the pieces |

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

/// One piece as it was decoded alone.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// Its text.
    pub text: &'a str,
    /// Its tokens.
    pub tokens: &'a [Token],
    /// Mean natural logarithm of their probabilities.
    pub mean_log_probability: f32,
}

/// Returns the tokens of `joined` that belong to each of `parts`, if the model is surer of it and
/// no word is lost. Words that it was surer of before are kept. For a model that reports no
/// probabilities, the joined text is accepted if no word is lost and none was added without
/// explanation, because it had more context.
pub fn accept(parts: &[Part], joined: &Hypothesis) -> Option<Vec<Vec<Token>>> {
    let total = |tokens: &[Token], mean: f32| tokens.len() as f32 * mean;
    let before: f32 = parts.iter().map(|part| total(part.tokens, part.mean_log_probability)).sum();
    let is_unrated = joined.tokens.iter().all(Token::is_whole_word);
    let better = is_unrated || total(&joined.tokens, joined.mean_log_probability) > before;
    if better { assign(parts, false, &surer(parts, &joined.tokens)) } else { None }
}

/// Like [`accept`], if the last piece was not decoded before: the last tokens in the result belong
/// to that piece.
pub fn accept_with_last(parts: &[Part], joined: &Hypothesis) -> Option<Vec<Vec<Token>>> {
    assign(parts, true, &joined.tokens)
}

/// Whether `text` ends like a sentence.
pub fn ends_sentence(text: &str) -> bool {
    marks::end_sentence(seam::marks_at_end(text))
}
