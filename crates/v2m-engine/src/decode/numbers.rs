//! Checks that a model computes numbers.
//!
//! Weights may be manipulated, like a header: NaN, or values so large that their products overflow,
//! make all of the decoder's values invalid. whisper.cpp 1.8.3 sorts candidates by such values with
//! `std::sort`, which may then access memory out of bounds, because it requires an order that NaN
//! does not have.

use super::WhisperDecodeError;
use std::sync::atomic::{AtomicBool, Ordering};
use whisper_rs::WhisperTokenId;

/// Checks the decoder's values for each token, in one call of `whisper_full`.
pub(super) struct Numbers {
    tokens: usize,
    /// The token that ends a text.
    end: usize,
    missed: AtomicBool,
}

impl Numbers {
    /// Makes the check for a vocabulary of `tokens` tokens.
    pub(super) fn new(tokens: i32, end: WhisperTokenId) -> Self {
        let [tokens, end] = [tokens, end].map(|count| usize::try_from(count).unwrap_or(0));
        Self { tokens, end, missed: AtomicBool::new(false) }
    }

    /// Returns the number of tokens in the vocabulary.
    pub(super) fn tokens(&self) -> usize {
        self.tokens
    }

    /// Whether any value was not a number.
    pub(super) fn missed(&self) -> bool {
        self.missed.load(Ordering::Relaxed)
    }

    /// Notes if any value is not a number, and then ends the text here. Tokens that must not come
    /// next are -∞ by now.
    pub(super) fn look(&self, logits: &mut [f32]) {
        if logits.iter().any(|logit| logit.is_nan() || *logit == f32::INFINITY) {
            self.missed.store(true, Ordering::Relaxed);
            logits.fill(f32::NEG_INFINITY);
            if let Some(end) = logits.get_mut(self.end) {
                *end = 0.0;
            }
        }
    }
}

/// Checks that all values are numbers.
///
/// # Errors
/// [`WhisperDecodeError::NoNumbers`].
pub(super) fn all(logits: &[f32]) -> Result<&[f32], WhisperDecodeError> {
    if logits.iter().all(|logit| logit.is_finite()) {
        Ok(logits)
    } else {
        Err(WhisperDecodeError::NoNumbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_ends_the_text_and_is_remembered() {
        for odd in [f32::NAN, -f32::NAN, f32::INFINITY] {
            let numbers = Numbers::new(4, 2);
            let mut fine = [1.0, f32::NEG_INFINITY, 0.5, -3.0];
            numbers.look(&mut fine);
            assert_eq!((fine[0], numbers.missed()), (1.0, false));
            let mut broken = [1.0, odd, 0.5, -3.0];
            numbers.look(&mut broken);
            let none = f32::NEG_INFINITY;
            assert_eq!((broken, numbers.missed()), ([none, none, 0.0, none], true));
            assert!(all(&[0.0, odd]).is_err());
        }
        assert!(all(&[0.0, -7.0]).is_ok());
    }
}
