//! Access for the fuzz target `bus` to private parts of this module. Compiled for fuzzing only.

use super::interface::{bounded, given};
use crate::session::Failure;

/// Checks and cleans a caller's text.
///
/// # Errors
/// The failure that the caller receives: the text is too long.
pub fn text(text: String) -> Result<String, Failure> {
    bounded(text).map_err(|refusal| refusal.0)
}

/// Reads a caller's choice: empty means none.
pub fn choice(text: String) -> Option<String> {
    given(text)
}
